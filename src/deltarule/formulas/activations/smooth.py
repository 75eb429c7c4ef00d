"""Smooth variants of the rectified linear unit: softplus, and gated units z · gate(z)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from deltarule.formulas.activations.activation import Activation
from deltarule.formulas.activations.bounded import Sigmoid
from deltarule.formulas.formula import Values, register

_SIGMOID = Sigmoid()


@register("softplus")
@dataclass(frozen=True)
class Softplus(Activation):
    """Smooth rectified unit: the integral of the sigmoid.

        σ(z) = ln(1 + eᶻ) = max(z, 0) + ln(1 + e^−|z|)        ∂σ/∂z = 1 / (1 + e⁻ᶻ) = 1 − e⁻ᵃ

    It is positive, so it suits positive outputs; as a hidden activation it costs more than `ReLU` and is no better.
    Dugas, Bengio, Bélisle, Nadeau and Garcia (2001), equation 2.

    >>> round(float(Softplus().value(0.0)), 6), round(float(Softplus().slope(0.0, np.log(2.0))), 12)
    (0.693147, 0.5)
    """

    def value(self, z: Values) -> Values:
        return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))

    def slope(self, z: Values, a: Values) -> Values:
        return -np.expm1(-a)


@register("silu", "swish")
@dataclass(frozen=True)
class SiLU(Activation):
    """Sigmoid-weighted linear unit: z times its sigmoid.

        a = z s,   s = 1 / (1 + e⁻ᶻ)        ∂a/∂z = s (1 + z (1 − s))

    It is not monotonic: the minimum is −0.28 at z = −1.28. With one exponential per unit it is seldom worth its cost
    in small networks; compare with `ReLU`.
    Elfwing, Uchibe and Doya (2018), equation 6; as "swish" Ramachandran, Zoph and Le (2017).

    >>> float(SiLU().value(0.0)), float(SiLU().slope(0.0, 0.0))
    (0.0, 0.5)
    """

    initializer: ClassVar[str] = "he"

    def value(self, z: Values) -> Values:
        return z * _SIGMOID.value(z)

    def slope(self, z: Values, a: Values) -> Values:
        e = np.exp(-np.abs(z))
        s, rest = np.where(z >= 0, 1.0, e) / (1.0 + e), np.where(z >= 0, e, 1.0) / (1.0 + e)
        return s * (1.0 + z * rest)


@register("gelu")
@dataclass(frozen=True)
class GELU(Activation):
    """Gaussian error linear unit: z times the probability that a standard normal variable is below z.

        approximate="none":  a = z Φ(z),    Φ(z) = ½ erfc(−z / √2)                   ∂a/∂z = Φ(z) + z φ(z)
        approximate="tanh":  a = ½ z (1 + tanh u),  u = √(2/π) (z + 0.044715 z³)     ∂a/∂z = s + 2 z s (1 − s) ∂u/∂z

    φ(z) = e^(−z²/2) / √(2π); s = ½ (1 + tanh u) is computed as the sigmoid of 2u, which is accurate for negative u.
    The two differ by at most 5 · 10⁻⁴; the second is not faster here.
    Hendrycks and Gimpel (2016), section 2.

    >>> float(GELU().value(0.0)), float(GELU().slope(0.0, 0.0)), round(float(GELU().value(1.0)), 6)
    (0.0, 0.5, 0.841345)
    """

    initializer: ClassVar[str] = "he"

    approximate: Literal["none", "tanh"] = "none"

    def value(self, z: Values) -> Values:
        return z * (_below(z) if self.approximate == "none" else _SIGMOID.value(2.0 * self._u(z)))

    def slope(self, z: Values, a: Values) -> Values:
        if self.approximate == "none":
            return _below(z) + z * np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        s, du = _SIGMOID.value(2.0 * self._u(z)), math.sqrt(2.0 / math.pi) * (1.0 + 3.0 * 0.044715 * z**2)
        return s + 2.0 * z * (s * (1.0 - s)) * du

    def _u(self, z: Values) -> Values:
        return math.sqrt(2.0 / math.pi) * (z + 0.044715 * z**3)


@register("mish")
@dataclass(frozen=True)
class Mish(Activation):
    """Mish: z times the hyperbolic tangent of its softplus.

        a = z T,   T = tanh ln(1 + eᶻ) = (e²ᶻ + 2eᶻ) / (e²ᶻ + 2eᶻ + 2)        ∂a/∂z = T + z (1 − T²) / (1 + e⁻ᶻ)

    Computed with e^−|z|, which avoids overflow. Shape and results are close to those of `SiLU`.
    Misra (2020), equation 1.

    >>> float(Mish().value(0.0)), float(Mish().slope(0.0, 0.0))
    (0.0, 0.6)
    """

    initializer: ClassVar[str] = "he"

    def value(self, z: Values) -> Values:
        above, rest = self._parts(z)
        return z * (above / (above + rest))

    def slope(self, z: Values, a: Values) -> Values:
        above, rest = self._parts(z)
        below = above + rest
        T = above / below
        return T + z * (rest / below) * (1.0 + T) * _SIGMOID.value(z)

    def _parts(self, z: Values) -> tuple[Values, Values]:
        """Return the numerator of T and the remainder of its denominator, both divided by e²ᶻ where z > 0."""
        e = np.exp(-np.abs(z))
        return np.where(z >= 0, 1.0 + 2.0 * e, e * (e + 2.0)), np.where(z >= 0, 2.0 * e * e, 2.0)


def _below(z: Values) -> Values:
    """Return Φ(z), the probability that a standard normal variable is below z."""
    from scipy.special import erfc

    return 0.5 * erfc(z * -math.sqrt(0.5))
