"""Quotients and roots from the processor's estimates, with the bits of its divisions and roots, printed as LLVM IR.

Some processors take 10 to 20 cycles to divide a vector of 64 bytes or to take its roots, and others work meanwhile.
Estimates within 2⁻¹⁴ take 2. With r ≈ 1 / b and s ≈ 1 / √x, every line rounded once:

    r ← r + r (1 − b r), twice        q = a r          a / b = q + r (a − b q)
    g = x s,  h = s / 2               e = ½ − g h      g ← g + g e,  h ← h + h e        √x = g + h (x − g²)

The quotient is the correctly rounded one where r is the correctly rounded reciprocal and nothing underflows or
overflows (Markstein, 1990; Muller et al., Handbook of Floating-Point Arithmetic, 2018, section 4.7). The second
refinement gives that r for every b except a mantissa of ones alone. Estimates differ between processors, so `exact`
verifies all reciprocals and all roots on the one that it runs on: neither depends on more than the mantissa and, for
the root, the exponent's parity. Where a number of a vector is outside the ranges below, the whole vector is divided as
usual.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import assemble, lasting, load, processor

__all__ = ["available", "exact", "quotient", "root"]

_VECTOR, _BIAS = 16, 127
# Powers of 2: of the operands of a division, so that no product of two leaves the normal numbers; of a root's.
_DIVIDED, _ROOTED = (-62, 62), (-76, 126)


def available() -> bool:
    """Whether the processor has the estimates: AVX-512."""
    machine = processor()
    return machine.vector_bytes == 4 * _VECTOR and machine.fused


def applicable(to: Lanes) -> bool:
    """Whether there are estimates for so many numbers of this type."""
    return to.bits == 32 and to.count % _VECTOR == 0


def quotient(to: Lanes, a: str, b: str) -> str:
    """The quotient a / b, rounded as IEEE 754 says."""
    if not applicable(to):
        return to.divide(a, b)
    inside = _within(to, a, *_DIVIDED)
    ones = to.word((1 << 23) - 1)
    special = _compare(to, "eq", to.integer("and", to.to_bits(b), ones), ones)
    divisor = to.logic("and", _within(to, b, *_DIVIDED), to.logic("xor", special, to.truth("true")))
    safe = to.logic("and", divisor, to.logic("or", inside, _is_zero(to, a)))

    def estimated() -> str:
        r = _reciprocal(to, b)
        q = to.multiply(a, r)
        # Of 0 the product has the right sign, the sum with it would not.
        return to.select(inside, to.fma(to.fma(to.negative(b), q, a), r, q), q)

    return _either(to, safe, estimated, lambda: to.divide(a, b))


def root(to: Lanes, x: str) -> str:
    """The root √x, rounded as IEEE 754 says."""
    if not applicable(to):
        return to.sqrt(x)
    inside = _within(to, x, *_ROOTED, signed=False)

    def estimated() -> str:
        s = to.select(inside, _estimate(to, "rsqrt14", x), to.real(0.0))
        g, h = to.multiply(x, s), to.multiply(s, to.real(0.5))
        e = to.fma(to.negative(g), h, to.real(0.5))
        g, h = to.fma(g, e, g), to.fma(h, e, h)
        return to.fma(to.fma(to.negative(g), g, x), h, g)

    return _either(to, to.logic("or", inside, _is_zero(to, x)), estimated, lambda: to.sqrt(x))


def _reciprocal(to: Lanes, b: str) -> str:
    r, minus = _estimate(to, "rcp14", b), to.negative(b)
    for _ in range(2):
        r = to.fma(to.fma(minus, r, to.real(1.0)), r, r)
    return r


def _estimate(to: Lanes, name: str, x: str) -> str:
    """The processor's estimate by x86's name, vector by vector."""
    text, kind = to.text, to.alike(count=_VECTOR).kind
    function = f"@llvm.x86.avx512.{name}.ps.512"
    text.declared.add(f"declare {kind} {function}({kind}, {kind}, i16)")
    parts = []
    for first in range(0, to.count, _VECTOR):
        part = to.slice(x, first, _VECTOR) if to.count > _VECTOR else x
        parts.append(text.result(f"call {kind} {function}({kind} {part}, {kind} undef, i16 -1)"))
    while len(parts) > 1:
        lanes = to.alike(count=to.count // len(parts))
        parts = [lanes.shuffle(*pair, range(2 * lanes.count)) for pair in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _within(to: Lanes, x: str, low: int, high: int, *, signed: bool = True) -> str:
    """Whether 2^low ≤ |x| < 2^high; without `signed`, x itself."""
    exponent = 24 if signed else 23  # the sign is shifted out
    bits = to.to_bits(x)
    if signed:
        bits = to.integer("shl", bits, to.word(1))
    above = to.integer("sub", bits, to.word(_word(_BIAS + low << exponent)))
    return _compare(to, "ult", above, to.word(_word(high - low << exponent)))


def _is_zero(to: Lanes, x: str) -> str:
    """Whether x is 0 of either sign; of a subnormal number this does not depend on the thread's mode."""
    return _compare(to, "eq", to.integer("shl", to.to_bits(x), to.word(1)), to.word(0))


def _word(bits: int) -> int:
    """32 bits as a signed integer, as LLVM writes them."""
    return bits - (bits >> 31 << 32)


def _compare(to: Lanes, predicate: str, a: str, b: str) -> str:
    return to.text.result(f"icmp {predicate} {to.words} {a}, {b}")


def _either(to: Lanes, every: str, chosen: Callable[[], str], otherwise: Callable[[], str]) -> str:
    """One value if a condition holds in every lane, else the other; only one is computed."""
    text, whole = to.text, f"i{to.count}"
    word = text.result(f"bitcast {to.truths} {every} to {whole}")
    yes, no, after = (text.fresh(name)[1:] for name in ("near", "far", "after"))
    text.branch(text.result(f"icmp eq {whole} {word}, -1"), yes, no)
    sources = []
    for label, value in ((yes, chosen), (no, otherwise)):
        text.label(label)
        sources.append(f"[ {value()}, %{text.block} ]")
        text.jump(after)
    text.label(after)
    return text.result(f"phi {to.kind} {', '.join(sources)}")


@lasting
def exact() -> bool:
    """Whether reciprocals and roots from this processor's estimates are the correctly rounded ones, for all mantissas.

    These are 24 million numbers, which take some 20 ms.
    """
    if not available():
        return False
    one, four, all_ones = 0x3F800000, 0x40800000, 0x3FFFFFFF  # the bits of 1, of 4, and of the last number below 2
    reciprocals = _differences(lambda to, x: (_reciprocal(to, x), to.divide(to.real(1.0), x)))
    return not reciprocals(one, all_ones) and not _differences(lambda to, x: (root(to, x), to.sqrt(x)))(one, four)


def _differences(values: Callable[[Lanes, str], tuple[str, str]]) -> Callable[[int, int], int]:
    """Return a function of some bits and later ones: which bits differ in two values of a number between them."""
    text = Text()
    to = Lanes(text, 32, _VECTOR, processor().fused)
    last = to.every_word(text.result("trunc i64 %last to i32"))

    def compare(first: str, carried: list[str]) -> list[str]:
        bits = to.integer("add", to.every_word(text.result(f"trunc i64 {first} to i32")), to.lanes())
        beyond = _compare(to, "ugt", bits, last)
        x = to.from_bits(text.result(f"select {to.truths} {beyond}, {to.words} {last}, {to.words} {bits}"))
        one, other = map(to.to_bits, values(to, x))
        return [to.integer("or", carried[0], to.integer("xor", one, other))]

    (different,) = text.loop("%first", "%last", _VECTOR, [(to.words, to.word(0))], compare)
    to.store_at(to.from_bits(different), "%target")
    function = text.function("differences", ["first", "last", "target"])
    code = load(assemble("\n".join([*sorted(text.declared), function])))
    found = np.zeros(_VECTOR, np.uint32)

    def between(first: int, stop: int) -> int:
        code.function("differences", 3)(first, stop - 1, found.ctypes.data)  # lives as long as what calls it
        return int(np.bitwise_or.reduce(found))

    return between
