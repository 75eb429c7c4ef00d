"""Sine and cosine on vectors, from sums, products and bits alone: see `elementary`.

A number is reduced to x = k π/2 + r with |r| ≤ π/4, with π/2 in three parts (Cody and Waite, 1980). In 64 bits, the
first two have 33 bits, so that their products with k < 2²⁰ are exact. Numbers of 32 bits are reduced in 64, or by fused
multiply-adds of 32: the first is then exact, and the second where its result is small. The polynomials were
interpolated at Chebyshev's points with 60 digits. Beyond 1.6 · 10⁶, where numbers of 32 bits are more than a tenth
apart, the result is not a number.
"""

from __future__ import annotations

from math import nan, pi

from deltarule.native.ir import Lanes

__all__ = ["cosine", "sine"]

_HALF_PI = 1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21
_SINGLE_HALF_PI = 1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15
_LARGEST = 2.0**20 * pi / 2
# Adding it leaves the nearest integer in the lowest bits.
_SHIFTER = {32: 1.5 * 2.0**23, 64: 1.5 * 2.0**52}

# (sin r − r) / r³ and (cos r − 1 + ½r²) / r⁴ in r², for |r| ≤ π/4, by the bits of a number.
_SINE = {
    32: (-0.166666641831398, 0.008332747966051102, -0.00019587890710681677),
    64: (
        -0.16666666666666666, 0.008333333333330948, -0.00019841269836758538, 2.755731610253375e-06,
        -2.5051131841108444e-08, 1.5918129014234338e-10,
    ),
}  # fmt: skip
_COSINE = {
    32: (0.0416666641831398, -0.001388830249197781, 2.454794230288826e-05),
    64: (
        0.041666666666666664, -0.0013888888888887398, 2.4801587298765665e-05, -2.75573172717181e-07,
        2.0876146265966424e-09, -1.1382632249960623e-11,
    ),
}  # fmt: skip


def sine(to: Lanes, x: str) -> str:
    """The sine of x in radians."""
    quadrant, r = _reduced(to, x)
    value = _of_quadrant(to, quadrant, _small_sine(to, r), _small_cosine(to, r))
    # The sign of −0 is kept.
    return _within(to, x, to.select(to.compare("oeq", x, to.real(0.0)), x, value))


def cosine(to: Lanes, x: str) -> str:
    """The cosine of x in radians."""
    quadrant, r = _reduced(to, x)
    following = to.integer("add", quadrant, to.word(1))
    return _within(to, x, _of_quadrant(to, following, _small_sine(to, r), _small_cosine(to, r)))


def _reduced(to: Lanes, x: str) -> tuple[str, str]:
    """(k, r): x = k π/2 + r with |r| ≤ π/4; k is an integer in the lowest bits of a word that holds more."""
    if to.bits == 32 and not to.fused:
        wide = to.alike(bits=64)
        quadrant, r = _reduced(wide, to.widened(x))
        return to.text.result(f"trunc {wide.words} {quadrant} to {to.words}"), wide.narrowed(r)
    shifted = to.fma(x, to.real(2.0 / pi), to.real(_SHIFTER[to.bits]))
    k = to.subtract(shifted, to.real(_SHIFTER[to.bits]))
    for part in _HALF_PI if to.bits == 64 else _SINGLE_HALF_PI:
        x = to.fma(k, to.real(-part), x)
    return to.to_bits(shifted), x


def _small_sine(to: Lanes, r: str) -> str:
    square = to.multiply(r, r)
    return to.fma(to.multiply(r, square), to.polynomial(square, _SINE[to.bits]), r)


def _small_cosine(to: Lanes, r: str) -> str:
    square = to.multiply(r, r)
    near_one = to.fma(square, to.real(-0.5), to.real(1.0))
    return to.fma(to.multiply(square, square), to.polynomial(square, _COSINE[to.bits]), near_one)


def _of_quadrant(to: Lanes, quadrant: str, even: str, odd: str) -> str:
    """`even` or `odd` by a quadrant's lowest bit, with the sign that its second lowest bit says."""
    is_odd = to.text.result(f"trunc {to.words} {quadrant} to {to.truths}")
    sign = to.integer("shl", to.integer("lshr", quadrant, to.word(1)), to.word(to.bits - 1))
    chosen = to.select(is_odd, odd, even)
    return to.from_bits(to.integer("xor", to.to_bits(chosen), sign))


def _within(to: Lanes, x: str, value: str) -> str:
    """The value where the reduction is exact enough."""
    inside = to.compare("ole", to.absolute(x), to.real(_LARGEST))
    return to.select(inside, value, to.real(nan))
