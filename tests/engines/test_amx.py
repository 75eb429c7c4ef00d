"""The matrix unit's products: what surrounds its tiles, with tiles of vectors in their place, and the tiles' assembly.

Without the unit all can be tested but its instructions themselves. On a machine that has it, `amx.state` compares their
results with the definition before the engine uses them.
"""

import re
import sys

import numpy as np
import pytest
from llvmlite import binding as llvm
from tests.engines.test_definitions import CHOSEN, checked

import deltarule as dr
from deltarule.native import amx, tuning
from deltarule.native.bfloat16 import Pairs, multiply_in_blocks, multiply_in_pairs
from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import Processor, _target_machine, assemble, load, processor
from deltarule.native.tiles import tiles

PARAMETERS, TINY = amx._PARAMETERS, float.fromhex("0x1p-126")
needs_vectors = pytest.mark.skipif(processor().vector_bytes != 64 or not processor().fused, reason="no AVX-512")


def emulated(block, *, swapped=False):
    """Tiles that do by vectors what the unit does; `swapped`, products of odd k are added onto those of even k."""
    texts = {(height, width): Text() for height, width in amx._shapes()}
    functions = [
        (
            print_tile(text, height, width, block // 2, swapped=swapped),
            text.function(f"tile_{height}_{width}", PARAMETERS),
        )[1]
        for (height, width), text in texts.items()
    ]
    declared = sorted(set().union(*(text.declared for text in texts.values())))
    return load(assemble("\n".join([*declared, *functions])))


def print_tile(text, height, width, pairs_of_block, *, swapped):
    lanes = Lanes(text, 32, 16, fused=True)
    one, pairs, kind = lanes.alike(count=1), Pairs(lanes, instructions=False), lanes.kind

    def flushed(x):
        tiny = lanes.compare("olt", lanes.absolute(x), lanes.real(TINY))
        return lanes.select(tiny, lanes.copysign(lanes.real(0.0), x), x)

    def add_pair(values):
        a, b, even, odd = values
        x, y = pairs.factors(lanes.everywhere(one.load_at(a))), pairs.factors(lanes.load_at(b))
        even = flushed(lanes.fma(x[1], y[1], even))
        base = even if swapped else odd
        odd = flushed(lanes.fma(x[0], y[0], base))
        return [text.integer("add", a, "4"), text.integer("add", b, "%b_step"), even, odd]

    def add_block(values):
        zeros = [(kind, lanes.real(0.0))] * 2
        a, b, even, odd = text.repeat(str(pairs_of_block), [("i64", values[0]), ("i64", values[1]), *zeros], add_pair)
        return [a, b, flushed(lanes.add(values[2], flushed(lanes.add(even, odd))))]

    def row(index, _):
        a, c, start = (
            text.integer("add", f"%{name}", text.integer("mul", index, f"%{name}_row")) for name in ("a", "c", "start")
        )
        for column in range(0, 64 * width, 64):
            first = flushed(lanes.load_at(text.integer("add", start, str(column))))
            b = text.integer("add", "%b", str(column))
            total = text.repeat("%depth", [("i64", a), ("i64", b), (kind, first)], add_block)[2]
            lanes.store_at(total, text.integer("add", c, str(column)))
        return []

    text.loop("0", text.integer("mul", "%count", str(height)), 1, [], row)


@pytest.fixture(scope="module")
def unit():
    return amx.made(tiles("bfloat16"), emulated)


@pytest.fixture
def used(unit, monkeypatch):
    """The compiled engine multiplies by the unit."""
    usual = tuning.tuned_tiles
    for module in [module for name, module in sys.modules.items() if name.startswith("deltarule.engines.compiled")]:
        if getattr(module, "tuned_tiles", None) is usual:
            monkeypatch.setattr(module, "tuned_tiles", lambda dtype: unit if dtype == "bfloat16" else usual(dtype))


@needs_vectors
def test_products_are_their_definition_to_the_bit(unit):
    assert amx.differing(unit) == []


@needs_vectors
def test_another_order_of_sums_is_noticed():
    made = amx.made(tiles("bfloat16"), lambda block: emulated(block, swapped=True))
    assert len(amx.differing(made)) > 10


@needs_vectors
def test_weights_do_not_depend_on_the_number_of_threads(used):
    recipe = dr.Recipe(network=dr.Network(hidden=(150, 70)), epochs=2, batch_size=50, stopping=None)
    data = dr.load_dataset("digits")
    found = {dr.train(recipe, data, precision="bfloat16", n_threads=n).model.theta.tobytes() for n in (1, 2, 3)}
    assert len(found) == 1


@needs_vectors
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["plain", "one output"])
def test_plans_do_what_their_definitions_say(name, threads, used):
    checked(*CHOSEN[name][:2], threads, CHOSEN[name][2], "bfloat16")


def test_the_definition_adds_even_and_odd_products_of_each_block():
    a, b = np.array([[1.0, 2.0**-24, 0.0, 2.0**-24]], np.float32), np.ones((4, 1), np.float32)
    assert multiply_in_blocks(a, b).item() == 1.0 + 2.0**-23
    assert multiply_in_blocks(a, b, block=2).item() == multiply_in_pairs(a, b).item() == 1.0
    assert multiply_in_blocks(np.full((1, 1), 2.0**-70), np.full((1, 1), 2.0**-70), -1e-40).item() == 0.0


@pytest.mark.skipif("avx2" not in processor().features, reason="prints assembly of x86")
@pytest.mark.parametrize("block", amx.BLOCKS)
def test_the_assembly_of_tiles(block):
    assembly = _target_machine().emit_assembly(llvm.parse_assembly(amx.printed(block)))
    functions = re.findall(r"^tile_(\d+)_(\d+):(.*?)^\.Lfunc_end", assembly, re.MULTILINE | re.DOTALL)
    assert len(functions) == 48
    for height, width, text in functions:
        instructions = re.findall(r"^\t([a-z]\w*)(.*)", text, re.MULTILINE)
        names = [name for name, _ in instructions]
        assert names.count("ldtilecfg") == names.count("tilerelease") == 1
        assert f"shape_{height}" in text
        assert names.count("tdpbf16ps") == names.count("tilestored") == int(width)
        assert names.count("tileloadd") == 1 + 2 * int(width)
        ordered = [name for name in names if name in ("ldtilecfg", "tdpbf16ps", "tilestored", "tilerelease", "retq")]
        runs = [name for place, name in enumerate(ordered) if place == 0 or ordered[place - 1] != name]
        assert runs == ["ldtilecfg", "tdpbf16ps", "tilestored", "tilerelease", "retq"]
        # A loop over k around the products: they are not unrolled, and each has the registers that the shape describes.
        assert re.findall(r"tdpbf16ps\s+(.*)", text) == [f"%tmm{3 + c}, %tmm7, %tmm{c}" for c in range(int(width))]


def test_the_shape_of_tiles():
    numbers = [int(each) for each in re.findall(r"i8 (\d+)", amx._shape(5, 8))]
    assert numbers[0] == 1
    assert numbers[16:32:2] == [64] * 7 + [32]
    assert numbers[48:56] == [5, 5, 5, 8, 8, 8, 8, 5]


def test_the_unit_is_used_only_where_the_processor_and_the_system_have_it(monkeypatch):
    machine = processor()
    if "+amx-bf16" in machine.features:
        pytest.skip("this processor has the unit")
    assert amx.state() == "none"
    features = f"{machine.features},+amx-tile,+amx-bf16"
    claimed = Processor(machine.name, features, 64, 32, fused=True, bfloat16=True)
    monkeypatch.setattr(amx, "processor", lambda: claimed)
    assert amx.state.__wrapped__() == "not permitted by the system"
    monkeypatch.setattr(amx, "_permitted", lambda: True)
    wrong = amx.made(tiles("bfloat16"), lambda block: emulated(block, swapped=True))
    monkeypatch.setattr(amx, "made", lambda _: wrong)
    assert amx.state.__wrapped__().startswith("not used: its results differ")
