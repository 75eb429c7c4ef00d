"""Initial weights whose width follows the number of inputs, or of inputs and outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from deltarule.formulas.formula import NonNegative, Positive, register
from deltarule.formulas.initializers.initializer import Initializer


@register("lecun", "lecun_normal")
@dataclass(frozen=True)
class LeCun(Initializer):
    """Normal, as wide as keeps a sum of standardised inputs at variance 1.

        w ∼ N(0, 1 / fan_in)

    `truncated` keeps that variance and leaves out what lies beyond two deviations, as Keras does. Under rectified
    units, which halve the variance, take `He`.  LeCun, Bottou, Orr and Müller (1998), section 4.6.

    >>> LeCun().scale(100, 10)
    0.1
    """

    truncated: bool = False

    @property
    def distribution(self) -> str:  # type: ignore[override]
        """Normal, or cut off where `truncated` asks for it."""
        return "truncated" if self.truncated else "normal"

    def scale(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(1.0 / fan_in)


@register("lecun_uniform")
@dataclass(frozen=True)
class LeCunUniform(Initializer):
    """Uniform, with the same variance as `LeCun`.

        w ∼ U(−c, c),   c = √(3 / fan_in)

    See `LeCun` for what it is good for.
    LeCun, Bottou, Orr and Müller (1998), section 4.6.

    >>> LeCunUniform().scale(300, 10)
    0.1
    """

    distribution: ClassVar[str] = "uniform"

    def scale(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(3.0 / fan_in)


@register("glorot_normal", "xavier_normal")
@dataclass(frozen=True)
class GlorotNormal(Initializer):
    """Normal, a compromise between keeping the variances forwards and backwards.

        w ∼ N(0, 2 k² / (fan_in + fan_out))

    k is `gain`. `truncated` keeps the variance and leaves out what lies beyond two deviations, as Keras does. Derived
    for units that are straight about 0, such as `Tanh`: under rectified ones take `He`.
    Glorot and Bengio (2010), equation 12.

    >>> GlorotNormal().scale(150, 50)
    0.1
    """

    truncated: bool = False
    gain: Positive = 1.0

    @property
    def distribution(self) -> str:  # type: ignore[override]
        """Normal, or cut off where `truncated` asks for it."""
        return "truncated" if self.truncated else "normal"

    def scale(self, fan_in: int, fan_out: int) -> float:
        return self.gain * math.sqrt(2.0 / (fan_in + fan_out))


@register("glorot_uniform", "glorot", "xavier")
@dataclass(frozen=True)
class GlorotUniform(Initializer):
    """Uniform, with the same variance as `GlorotNormal`.

        w ∼ U(−c, c),   c = k √(6 / (fan_in + fan_out))

    k is `gain`. See `GlorotNormal` for what it is good for.  Glorot and Bengio (2010), equation 16.

    >>> GlorotUniform().scale(400, 200)
    0.1
    """

    distribution: ClassVar[str] = "uniform"

    gain: Positive = 1.0

    def scale(self, fan_in: int, fan_out: int) -> float:
        return self.gain * math.sqrt(6.0 / (fan_in + fan_out))


@register("he", "he_normal", "kaiming")
@dataclass(frozen=True)
class He(Initializer):
    """Normal, as wide as keeps the variance under rectified units, which pass on half of it.

        w ∼ N(0, 2 / ((1 + s²) fan_in))

    s is `negative_slope`, of units that let something through below 0, such as `LeakyReLU`. `truncated` keeps the
    variance and leaves out what lies beyond two deviations, as Keras does. Too wide under units that pass on all of it,
    such as `Tanh`.  He, Zhang, Ren and Sun (2015), equations 10 and 15.

    >>> He().scale(200, 10)
    0.1
    """

    truncated: bool = False
    negative_slope: NonNegative = 0.0

    @property
    def distribution(self) -> str:  # type: ignore[override]
        """Normal, or cut off where `truncated` asks for it."""
        return "truncated" if self.truncated else "normal"

    def scale(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(2.0 / ((1.0 + self.negative_slope**2) * fan_in))


@register("he_uniform", "kaiming_uniform")
@dataclass(frozen=True)
class HeUniform(Initializer):
    """Uniform, with the same variance as `He`.

        w ∼ U(−c, c),   c = √(6 / ((1 + s²) fan_in))

    s is `negative_slope`. See `He` for what it is good for.  He, Zhang, Ren and Sun (2015), equations 10 and 15.

    >>> HeUniform().scale(600, 10)
    0.1
    """

    distribution: ClassVar[str] = "uniform"

    negative_slope: NonNegative = 0.0

    def scale(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(6.0 / ((1.0 + self.negative_slope**2) * fan_in))
