"""exp, log, tanh and their kin on vectors, from sums, products, quotients and bits alone.

No library's function is called, so a number's bits are the same in every lane, for any width of vector and on every
processor that multiplies and adds with one rounding. Errors stay within about 2 units in the last place. What would be
subnormal becomes 0; infinities and what is not a number come out as NumPy has them.

The polynomials were interpolated at Chebyshev's points with 60 digits; those of the logarithm are those of fdlibm
(Sun Microsystems, 1993), e_log.c and e_logf.c.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log, nan

from deltarule.native.ir import Lanes, Text
from deltarule.native.trigonometric import cosine, sine

__all__ = ["FUNCTIONS", "power"]


@dataclass(frozen=True)
class _Precision:
    """What the functions have to know of numbers of 32 or of 64 bits."""

    mantissa: int
    bias: int
    # Adding it leaves the nearest integer in the lowest bits: 1½ · 2^mantissa.
    shifter: float
    smallest: float
    # ln 2 in two parts, the first of so few bits that its products with exponents are exact.
    log2_high: float
    log2_low: float
    # Beyond these, eˣ is infinite or smaller than the smallest normal number.
    exp_top: float
    exp_bottom: float
    # (eʳ − 1 − r) / r² for |r| ≤ ½ ln 2.
    exp: tuple[float, ...]
    # Beyond this, eˣ + 1 is eˣ and tanh ½x is 1.
    saturated: float
    # (ln(1 + r) − 2s) / s³ in s², s = r / (2 + r).
    log: tuple[float, ...]
    # erf x / x in x² for |x| ≤ 1, and eˣ² erfc x (x + 2) in (x − 2) / (x + 2) from there to `erf_top`, where erf is 1.
    erf: tuple[float, ...]
    erfc: tuple[float, ...]
    erf_top: float
    # eˣ² erfc x (x + 3) in (x − 3) / (x + 3) for x from 0 to where erfc x is no normal number.
    all_erfc: tuple[float, ...]


_SINGLE = _Precision(
    mantissa=23,
    bias=127,
    shifter=1.5 * 2.0**23,
    smallest=2.0**-126,
    log2_high=0.693145751953125,
    log2_low=1.428606765330187e-06,
    exp_top=88.72283,
    exp_bottom=-87.33654,
    exp=(0.5, 0.16666576266288757, 0.04166655242443085, 0.00836323294788599, 0.0013926250394433737),
    saturated=20.0,
    log=(0.66666662693023682, 0.40000972151756287, 0.28498786687850952, 0.24279078841209412),
    erf=(
        1.1283791065216064, -0.3761262595653534, 0.11283594369888306, -0.02685421146452427, 0.005189087241888046,
        -0.000801686430349946, 7.875874871388078e-05,
    ),
    erfc=(
        1.0215827226638794, -0.6871606707572937, 0.27947187423706055, -0.036442216485738754, -0.02150086499750614,
        0.006478556431829929, 0.0029480699449777603, -0.0008285684743896127,
    ),
    erf_top=4.0,
    all_erfc=(
        1.0740069150924683, -0.8833944797515869, 0.5902283787727356, -0.3104667663574219, 0.11952771991491318,
        -0.02683509886264801, -0.0012170982081443071, 0.003074150299653411, -0.0005031885229982436,
        -0.000335131015162915,
    ),
)  # fmt: skip

_DOUBLE = _Precision(
    mantissa=52,
    bias=1023,
    shifter=1.5 * 2.0**52,
    smallest=2.0**-1022,
    log2_high=6.93147180369123816490e-01,
    log2_low=1.90821492927058770002e-10,
    exp_top=709.782712893384,
    exp_bottom=-708.3964185322641,
    exp=(
        0.5, 0.16666666666666669, 0.041666666666623824, 0.008333333333330039, 0.0013888888917367081,
        0.00019841269863171557, 2.4801521057868204e-05, 2.7557268276905696e-06, 2.7620201591031547e-07,
        2.5100472505694996e-08,
    ),
    saturated=40.0,
    log=(
        6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
        1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
    ),
    erf=(
        1.1283791670955126, -0.3761263890318375, 0.11283791670954879, -0.026866170645076792, 0.0052239776248180145,
        -0.000854832698083379, 0.0001205533111164271, -1.4925595266831182e-05, 1.6461000484121368e-06,
        -1.6350312701054695e-07, 1.4659775274047436e-08, -1.1372848856791674e-09, 5.957176147748911e-11,
    ),
    erfc=(
        1.021582705242023, -0.6871606844138106, 0.27947209255604094, -0.03644223150686364, -0.02151066188773439,
        0.006479185064304484, 0.003090611975945019, -0.0008372958440063437, -0.0006630716756367664,
        3.4365322122850224e-05, 0.00014445202089678473, 3.423360798367434e-05, -2.1636133850813653e-05,
        -1.6690978636810987e-05, -8.179282853698761e-07, 5.127540347756448e-06,
    ),
    erf_top=6.0,
    all_erfc=(
        1.0740069070883398, -0.8833944531698837, 0.5902283571041007, -0.3104672619005538, 0.11952776128737143,
        -0.02682723462492517, -0.00121241662936307, 0.0030340620077886123, -0.000548309663144011,
        -0.0002767778984323993, 0.0001075612702659246, 3.039839957518172e-05, -1.7469568620774725e-05,
        -4.749835794572455e-06, 2.762495446091886e-06, 9.996563629058999e-07, -4.026706871716185e-07,
        -2.334380505942334e-07, 4.019188893536195e-08, 4.902631771667328e-08, 2.4973227668752545e-09,
        -6.459032159942696e-09, -1.6395485480678698e-09,
    ),
)  # fmt: skip


def _precision(to: Lanes) -> _Precision:
    return _SINGLE if to.bits == 32 else _DOUBLE


def _reduced(to: Lanes, x: str) -> tuple[str, str]:
    """(n, r): x = n ln 2 + r with |r| ≤ ½ ln 2; n is an integer in the lowest bits of a word that holds more."""
    p = _precision(to)
    shifted = to.fma(x, to.real(1.0 / log(2.0)), to.real(p.shifter))
    n = to.subtract(shifted, to.real(p.shifter))
    r = to.fma(n, to.real(-p.log2_high), x)
    return to.to_bits(shifted), to.fma(n, to.real(-p.log2_low), r)


def _small_expm1(to: Lanes, r: str) -> str:
    """The difference eʳ − 1 for |r| ≤ ½ ln 2."""
    return to.fma(to.multiply(r, r), to.polynomial(r, _precision(to).exp), r)


def exp(to: Lanes, x: str, rest: str | None = None, halved: int = 0) -> str:
    """The exponential eˣ; of x + `rest` for a small rest; halved `halved` times, where the whole might overflow."""
    p = _precision(to)
    n, r = _reduced(to, x)
    if rest is not None:
        r = to.add(r, rest)
    value = to.add(_small_expm1(to, r), to.real(1.0))
    if halved:
        n = to.integer("sub", n, to.word(halved))
    # The number's exponent grows by n: the shift leaves nothing of n but what fits the exponent.
    value = to.from_bits(to.integer("add", to.to_bits(value), to.integer("shl", n, to.word(p.mantissa))))
    # What is not a number is above the top, too, and stays so when infinity is added.
    value = to.select(to.compare("ugt", x, to.real(p.exp_top + halved * log(2.0))), to.add(x, to.real(inf)), value)
    return to.select(to.compare("olt", x, to.real(p.exp_bottom)), to.real(0.0), value)


def expm1(to: Lanes, x: str) -> str:
    """The difference eˣ − 1, exact to rounding about 0."""
    p = _precision(to)
    bounded = to.at_most(to.at_least(x, to.real(-p.saturated)), to.real(p.exp_top))
    n, r = _reduced(to, bounded)
    # Half of it first, as 2ⁿ may overflow: ½ (eˣ − 1) = 2ⁿ⁻¹ (eʳ − 1) + (2ⁿ⁻¹ − ½).
    exponent = to.integer("add", n, to.word(p.bias - 1))
    half = to.from_bits(to.integer("shl", exponent, to.word(p.mantissa)))
    value = to.fma(half, _small_expm1(to, r), to.subtract(half, to.real(0.5)))
    value = to.add(value, value)
    # Beyond the bounds, and where the shift has lost what is not a number. The sign of −0 is kept: eˣ − 1 is x there.
    value = to.select(to.compare("ugt", x, to.real(p.exp_top)), to.add(x, to.real(inf)), value)
    return to.select(to.compare("oeq", x, to.real(0.0)), x, value)


def tanh(to: Lanes, x: str) -> str:
    """The hyperbolic tangent, (e²ˣ − 1) / (e²ˣ + 1) of |x|, so that nothing cancels."""
    p = _precision(to)
    size = to.absolute(x)
    twice = to.at_most(to.add(size, size), to.real(p.saturated))
    n, r = _reduced(to, twice)
    exponent = to.integer("add", n, to.word(p.bias))
    power_of_two = to.from_bits(to.integer("shl", exponent, to.word(p.mantissa)))
    grown = to.fma(power_of_two, _small_expm1(to, r), to.subtract(power_of_two, to.real(1.0)))
    return to.copysign(to.divide(grown, to.add(grown, to.real(2.0))), x)


def sinh(to: Lanes, x: str) -> str:
    """½ (eˣ − e⁻ˣ)."""
    size = to.absolute(x)
    near = expm1(to, to.at_most(size, to.real(1.0)))
    near = to.multiply(to.real(0.5), to.add(near, to.divide(near, to.add(near, to.real(1.0)))))
    half = exp(to, size, halved=1)
    far = to.subtract(half, to.divide(to.real(0.25), half))
    return to.copysign(to.select(to.compare("olt", size, to.real(1.0)), near, far), x)


def cosh(to: Lanes, x: str) -> str:
    """½ (eˣ + e⁻ˣ)."""
    half = exp(to, to.absolute(x), halved=1)
    return to.add(half, to.divide(to.real(0.25), half))


def _split(to: Lanes, x: str) -> tuple[str, str]:
    """(e, f): x = 2ᵉ f with √½ ≤ f < √2, for x above 0 and finite."""
    p = _precision(to)
    small = to.compare("olt", x, to.real(p.smallest))
    grown = to.select(small, to.multiply(x, to.real(2.0 ** (p.mantissa + 2))), x)
    root_half = 0x3F3504F3 if to.bits == 32 else 0x3FE6A09E667F3BCD
    offset = to.integer("sub", to.to_bits(grown), to.word(root_half))
    exponent = to.integer("ashr", offset, to.word(p.mantissa))
    fraction = to.integer("and", offset, to.word((1 << p.mantissa) - 1))
    f = to.from_bits(to.integer("add", fraction, to.word(root_half)))
    # The trick that made an integer of a number makes a number of it: not every processor converts words of 64 bits.
    shifter = ((p.bias + p.mantissa) << p.mantissa) + (1 << (p.mantissa - 1))
    e = to.subtract(to.from_bits(to.integer("add", exponent, to.word(shifter))), to.real(p.shifter))
    return to.select(small, to.subtract(e, to.real(p.mantissa + 2.0)), e), f


def _log_ends(to: Lanes, x: str, value: str) -> str:
    """The logarithm where x is 0, infinite, negative or not a number, else `value`."""
    value = to.select(to.compare("oeq", x, to.real(inf)), x, value)
    value = to.select(to.compare("oeq", x, to.real(0.0)), to.real(-inf), value)
    return to.select(to.compare("ult", x, to.real(0.0)), to.real(nan), value)


def logarithm(to: Lanes, x: str) -> str:
    """Natural logarithm: ln x = e ln 2 + ln(1 + r), and ln(1 + r) = r − (½r² − s (½r² + R)) with s = r / (2 + r)."""
    p = _precision(to)
    e, f = _split(to, x)
    r = to.subtract(f, to.real(1.0))
    s = to.divide(r, to.add(r, to.real(2.0)))
    square = to.multiply(s, s)
    series = to.multiply(square, to.polynomial(square, p.log))
    half = to.multiply(to.multiply(r, r), to.real(0.5))
    low = to.fma(s, to.add(half, series), to.multiply(e, to.real(p.log2_low)))
    near = to.subtract(r, to.subtract(half, low))
    return _log_ends(to, x, to.fma(e, to.real(p.log2_high), near))


def log1p(to: Lanes, x: str) -> str:
    """The logarithm ln(1 + x), exact to rounding about 0: what 1 + x loses of x is given back, divided by 1 + x."""
    u = to.add(x, to.real(1.0))
    # The larger of 1 and x is the one from which the sum is taken exactly.
    large = to.compare("ogt", x, to.real(1.0))
    lost = to.select(large, to.subtract(to.real(1.0), to.subtract(u, x)), to.subtract(x, to.subtract(u, to.real(1.0))))
    inside = to.logic("and", to.compare("ogt", u, to.real(0.0)), to.compare("olt", u, to.real(inf)))
    given_back = to.select(inside, to.divide(lost, u), to.real(0.0))
    value = to.add(logarithm(to, u), given_back)
    return to.select(to.compare("oeq", x, to.real(0.0)), x, value)


def erf(to: Lanes, x: str) -> str:
    """The error function 2/√π ∫₀ˣ e^−t² dt."""
    p = _precision(to)
    size = to.at_most(to.absolute(x), to.real(p.erf_top))
    square = to.multiply(size, size)
    near = to.multiply(size, to.polynomial(square, p.erf))
    below, above = to.subtract(size, to.real(2.0)), to.add(size, to.real(2.0))
    tail = to.divide(to.polynomial(to.divide(below, above), p.erfc), above)
    far = to.subtract(to.real(1.0), to.multiply(exp(to, to.negative(square)), tail))
    return to.copysign(to.select(to.compare("olt", size, to.real(1.0)), near, far), x)


def erfc(to: Lanes, x: str) -> str:
    """The complement 1 − erf x, all of whose digits are right for large x, too, where it is e^−x² / x and less."""
    p = _precision(to)
    # Beyond 32 it is 0 in either precision.
    size = to.at_most(to.absolute(x), to.real(32.0))
    square, lost = _product(to, size, size)
    below, above = to.subtract(size, to.real(3.0)), to.add(size, to.real(3.0))
    tail = to.divide(to.polynomial(to.divide(below, above), p.all_erfc), above)
    far = to.multiply(exp(to, to.negative(square), rest=to.negative(lost)), tail)
    return to.select(to.compare("olt", x, to.real(0.0)), to.subtract(to.real(2.0), far), far)


def rint(to: Lanes, x: str) -> str:
    """The nearest integer, the even one where two are: without the instruction, which some processors lack."""
    p = _precision(to)
    half = to.real(2.0**p.mantissa)
    size = to.absolute(x)
    rounded = to.subtract(to.add(size, half), half)
    # Numbers as large as that, and what is no number, are as they were.
    return to.copysign(to.select(to.compare("olt", size, half), rounded, size), x)


def floor(to: Lanes, x: str) -> str:
    """The largest integer not above x."""
    rounded = rint(to, x)
    lower = to.select(to.compare("ogt", rounded, x), to.subtract(rounded, to.real(1.0)), rounded)
    return to.copysign(lower, x)


def ceil(to: Lanes, x: str) -> str:
    """The smallest integer not below x."""
    return to.negative(floor(to, to.negative(x)))


def trunc(to: Lanes, x: str) -> str:
    """The integer part."""
    return to.copysign(floor(to, to.absolute(x)), x)


def sign(to: Lanes, x: str) -> str:
    """1, −1 or 0."""
    one = to.copysign(to.real(1.0), x)
    zero = to.compare("ueq", x, to.real(0.0))
    return to.select(zero, to.multiply(x, to.real(0.0)), one)


def _product(to: Lanes, a: str, b: str) -> tuple[str, str]:
    """The rounded product a b and what the rounding lost (Dekker, 1971)."""
    product = to.multiply(a, b)
    if to.fused:
        return product, to.fma(a, b, to.negative(product))

    def halves(x: str) -> tuple[str, str]:
        scaled = to.multiply(x, to.real(2.0**27 + 1.0 if to.bits == 64 else 2.0**12 + 1.0))
        high = to.subtract(scaled, to.subtract(scaled, x))
        return high, to.subtract(x, high)

    (a1, a2), (b1, b2) = halves(a), halves(b)
    lost = to.subtract(to.multiply(a1, b1), product)
    lost = to.add(to.add(lost, to.multiply(a1, b2)), to.multiply(a2, b1))
    return product, to.add(lost, to.multiply(a2, b2))


def _precise_log(to: Lanes, x: str) -> tuple[str, str]:
    """The logarithm ln x as a sum of two numbers of 64 bits, for x above 0 and finite.

    Of ln f, some 58 bits are right; e ln 2 is as good as exact.
    """
    p = _DOUBLE
    e, f = _split(to, x)
    above, below = to.subtract(f, to.real(1.0)), to.add(f, to.real(1.0))
    below_lost = to.subtract(f, to.subtract(below, to.real(1.0)))
    s = to.divide(above, below)
    product, product_lost = _product(to, s, below)
    left = to.subtract(to.subtract(to.subtract(above, product), product_lost), to.multiply(s, below_lost))
    s_lost = to.divide(left, below)
    square = to.multiply(s, s)
    # 2s + s R(s²) = ln f, where the second is below a hundredth of the first.
    series = to.multiply(s, to.multiply(square, to.polynomial(square, p.log)))
    twice = to.add(s, s)
    large = to.multiply(e, to.real(p.log2_high))
    high = to.add(large, twice)
    # e ln 2 is 0 or larger than the rest, so the sum's loss is known by one subtraction.
    lost = to.subtract(twice, to.subtract(high, large))
    low = to.add(series, to.fma(e, to.real(p.log2_low), to.add(lost, to.add(s_lost, s_lost))))
    whole = to.add(high, low)
    return whole, to.subtract(low, to.subtract(whole, high))


def power(to: Lanes, x: str, y: str) -> str:
    """xʸ = e^(y ln x), with the logarithm in twice the precision: of 64 bits within about 2 units in the last place.

    Numbers of 32 bits are raised with 64. A negative x has powers where y is an integer.
    """
    if to.bits == 32:
        wide = to.alike(bits=64)
        return wide.narrowed(power(wide, to.widened(x), to.widened(y)))
    if to.count > 1:
        return _power(to, x, y)
    # The power of one number occurs several times in a prologue, and is compiled once.
    name = "power"
    if name not in to.text.functions:
        inner = Text(declared=to.text.declared)
        value = _power(Lanes(inner, 64, 1, to.fused), "%x", "%y")
        head = f"define internal double @{name}(double %x, double %y) {{"
        to.text.functions[name] = "\n".join([head, *inner.lines, f"  ret double {value}", "}", ""])
    return to.text.result(f"call double @{name}(double {x}, double {y})")


def _power(to: Lanes, x: str, y: str) -> str:
    size = to.absolute(x)
    high, low = _precise_log(to, size)
    special = to.logic("or", to.compare("ueq", size, to.real(0.0)), to.compare("oeq", size, to.real(inf)))
    high = to.select(special, _log_ends(to, size, high), high)
    exponent, lost = _product(to, y, high)
    rest = to.add(lost, to.multiply(y, low))
    # Where a factor is infinite or far outside, the lost bits are not numbers, and do not matter.
    rest = to.select(to.compare("olt", to.absolute(rest), to.real(1.0)), rest, to.real(0.0))
    # ±1 to an infinite power.
    exponent = to.select(to.compare("oeq", high, to.real(0.0)), high, exponent)
    value = exp(to, exponent, rest=rest)
    half = to.multiply(y, to.real(0.5))
    whole = to.compare("oeq", floor(to, y), y)
    odd = to.logic("and", whole, to.compare("one", floor(to, half), half))
    minus = to.compare("olt", to.copysign(to.real(1.0), x), to.real(0.0))  # −0, too
    value = to.select(to.logic("and", minus, odd), to.negative(value), value)
    finite_below_zero = to.logic("and", to.compare("olt", x, to.real(0.0)), to.compare("one", size, to.real(inf)))
    nothing = to.logic("and", finite_below_zero, to.logic("xor", whole, to.truth("true")))
    value = to.select(nothing, to.real(nan), value)
    # Whatever the other is, and were it not a number.
    one = to.logic("or", to.compare("oeq", y, to.real(0.0)), to.compare("oeq", x, to.real(1.0)))
    return to.select(one, to.real(1.0), value)


FUNCTIONS: dict[str, Callable[[Lanes, str], str]] = {
    "exp": exp, "expm1": expm1, "tanh": tanh, "sinh": sinh, "cosh": cosh, "log": logarithm, "log1p": log1p, "erf": erf,
    "erfc": erfc, "rint": rint, "floor": floor, "ceil": ceil, "trunc": trunc, "sign": sign, "sin": sine,
    "cos": cosine, "sqrt": Lanes.sqrt, "absolute": Lanes.absolute, "negative": Lanes.negative,
}  # fmt: skip
"""Functions of one number, by NumPy's names."""
