"""Quotients and roots from estimates: to the bit those of the processor, for any numbers and in any mode."""

import numpy as np
import pytest

from deltarule.engines.compiled.codegen import kernels
from deltarule.engines.compiled.codegen.formula_kernels import update
from deltarule.formulas import AdaGrad, Adam
from deltarule.native import estimates, memory
from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import assemble, compile_functions, load, processor
from deltarule.native.tiles import tiles
from deltarule.native.tiling import default_tiling

pytestmark = pytest.mark.skipif(not estimates.available(), reason="no estimates without AVX-512")
MANY = 1 << 20
TILING, compiled_once = default_tiling(processor().registers, processor().fused), kernels.compiled
ENDS = [0, 1, 0x7FFFFF, 0x800000, 0x3F7FFFFF, 0x3F800000, 0x3FFFFFFF, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000]


def drawn(seed, count=MANY, low=0, high=2**32):
    return np.random.default_rng(seed).integers(low, high, count, np.uint32).view(np.float32)


def compiled(count, estimated):
    """Functions of addresses: the quotient or root of one chunk after the other of `count` numbers."""
    texts = []
    for name, printed in (
        ("divide", estimates.quotient if estimated else Lanes.divide),
        ("sqrt", estimates.root if estimated else Lanes.sqrt),
    ):
        text = Text()
        to = Lanes(text, 32, count, processor().fused)
        places = [text.pointer(f"%{each}") for each in ("a", "b", "out")]

        def some(index, _, to=to, places=places, printed=printed, one=name == "sqrt"):
            values = [to.load(place, index) for place in places[: 1 if one else 2]]
            to.store(printed(to, *values), places[2], index)
            return []

        text.loop("0", "%many", count, [], some)
        texts.append("\n".join([*sorted(text.declared), text.function(name, ["many", "a", "b", "out"])]))
    return [load(assemble(text)) for text in texts]

    return memory.flush_subnormals()


CODES = {(count, estimated): compiled(count, estimated) for count in (16, 64) for estimated in (False, True)}


def bits(name, a, b, count, *, estimated, flushed):
    """The bits of quotients or roots; of what is not a number only that it is none."""
    code = CODES[count, estimated][name == "sqrt"]
    out = np.empty_like(a)
    call = code.function(name, 4)
    arguments = len(a), a.ctypes.data, b.ctypes.data, out.ctypes.data
    if flushed:
        in_flushed_mode(code.address(name), *arguments)
    else:
        call(*arguments)
    return np.where(np.isnan(out), np.uint32(0x7FC00000), out.view(np.uint32))


def flushed_call(function: int, many: int, a: int, b: int, out: int) -> None:
    mode = memory.flush_subnormals()
    memory.call(function, many, a, b, out)
    memory.restore_float_mode(mode)


in_flushed_mode = compile_functions({"flushed_call": (flushed_call, *[int] * 5)}).function("flushed_call", 5)


def pairs():
    """Random bits; numbers near 1, of which all lanes begin from estimates; and each two of the ends."""
    ends = np.array([*ENDS, *(each | 0x80000000 for each in ENDS)], np.uint32).view(np.float32)
    first, second = (each.ravel() for each in np.meshgrid(ends, ends))
    usual = [drawn(seed, low=0x33000000, high=0x4D000000) for seed in (3, 4)]
    half = np.float32(1.5) * np.abs(usual[0]), usual[1]
    zeros = np.where(np.arange(MANY) % 3, usual[0], np.float32(-0.0)), usual[1]
    ones = drawn(5, low=0x3F800000, high=0x40000000), np.full(MANY, np.uint32(0x3FFFFFFF)).view(np.float32)
    powers = np.ones(MANY, np.float32), drawn(6, low=0x3FFFFF00, high=0x40000000)
    together = [
        (drawn(1), drawn(2)),
        usual,
        half,
        zeros,
        ones,
        powers,
        (np.resize(first, 1024), np.resize(second, 1024)),
    ]
    return [(np.ascontiguousarray(a), np.ascontiguousarray(b)) for a, b in together]


@pytest.mark.parametrize("flushed", [True, False])
@pytest.mark.parametrize("count", [16, 64])
@pytest.mark.parametrize("name", ["divide", "sqrt"])
def test_bits_are_those_of_the_instructions(name, count, flushed):
    for a, b in pairs():
        expected = bits(name, a, b, count, estimated=False, flushed=flushed)
        assert (bits(name, a, b, count, estimated=True, flushed=flushed) == expected).all()


def test_the_processors_own_estimates_are_verified(monkeypatch):
    assert estimates.exact()
    # One refinement less is not enough, and is noticed.
    monkeypatch.setattr(estimates, "_reciprocal", lambda to, b: estimates._estimate(to, "rcp14", b))
    assert not estimates.exact.__wrapped__()


@pytest.mark.parametrize("optimizer", [Adam(0.01), AdaGrad(0.1)], ids=lambda each: each.name)
def test_an_update_has_the_same_bits(optimizer, monkeypatch):
    drawn_numbers, results, texts = np.random.default_rng(0), [], []
    start = [drawn_numbers.normal(size=320).astype(np.float32) ** 2 for _ in range(2 + len(optimizer.slots))]
    start[1][:64], start[-1][:70] = 0.0, 0.0  # a column whose derivatives have always been 0
    monkeypatch.setattr(kernels, "compiled", lambda text: texts.append(text) or compiled_once(text))
    for chosen in ((), ("divide", "sqrt")):
        monkeypatch.setattr(
            kernels, "tuned_tiles", lambda _, chosen=chosen: tiles("float32", TILING.replace(estimates=chosen))
        )
        arrays = [each.copy() for each in start]
        kernel = update.__wrapped__(optimizer, None, np.float32)
        places = [arrays[kernel.inputs.index(name)] for name in kernel.outputs]
        kernel.run([*arrays, *places], t=3.0)
        results.append(b"".join(each.tobytes() for each in arrays))
    assert ["rcp14" in text and "rsqrt14" in text for text in texts] == [False, True]
    assert results[0] == results[1] != b"".join(each.tobytes() for each in start)
