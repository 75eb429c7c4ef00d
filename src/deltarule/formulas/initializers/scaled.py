"""Initial weights scaled by the number of inputs, or of inputs and outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from deltarule.formulas.formula import NonNegative, Positive, register
from deltarule.formulas.initializers.initializer import Initializer


@register("lecun", "lecun_normal")
@dataclass(frozen=True)
class LeCun(Initializer):
    """Normal distribution that gives weighted sums of standardized inputs variance 1.

        w ∼ N(0, 1 / fan_in)

    `truncated` truncates at two standard deviations and keeps the variance, as Keras does. For rectified units, which
    halve the variance, use `He`.  LeCun, Bottou, Orr and Müller (1998), section 4.6.

    >>> LeCun().scale(100, 10)
    0.1
    """

    truncated: bool = False

    @property
    def distribution(self) -> str:  # type: ignore[override]
        """Return "truncated" or "normal", depending on `truncated`."""
        return "truncated" if self.truncated else "normal"

    def scale(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(1.0 / fan_in)


@register("lecun_uniform")
@dataclass(frozen=True)
class LeCunUniform(Initializer):
    """Uniform distribution with the variance of `LeCun`.

        w ∼ U(−c, c),   c = √(3 / fan_in)

    See `LeCun` for its use.
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
    """Normal distribution that balances the variances of the forward and the backward pass.

        w ∼ N(0, 2 k² / (fan_in + fan_out))

    k is `gain`. `truncated` truncates at two standard deviations and keeps the variance, as Keras does. Derived for
    activations that are nearly linear at 0, for example `Tanh`; for rectified units use `He`.
    Glorot and Bengio (2010), equation 12.

    >>> GlorotNormal().scale(150, 50)
    0.1
    """

    truncated: bool = False
    gain: Positive = 1.0

    @property
    def distribution(self) -> str:  # type: ignore[override]
        """Return "truncated" or "normal", depending on `truncated`."""
        return "truncated" if self.truncated else "normal"

    def scale(self, fan_in: int, fan_out: int) -> float:
        return self.gain * math.sqrt(2.0 / (fan_in + fan_out))


@register("glorot_uniform", "glorot", "xavier")
@dataclass(frozen=True)
class GlorotUniform(Initializer):
    """Uniform distribution with the variance of `GlorotNormal`.

        w ∼ U(−c, c),   c = k √(6 / (fan_in + fan_out))

    k is `gain`. See `GlorotNormal` for its use.  Glorot and Bengio (2010), equation 16.

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
    """Normal distribution that preserves the variance through rectified units, which halve it.

        w ∼ N(0, 2 / ((1 + s²) fan_in))

    s is `negative_slope`, for activations like `LeakyReLU`. `truncated` truncates at two standard deviations and
    keeps the variance, as Keras does. Too wide for activations that do not halve the variance, for example `Tanh`.
    He, Zhang, Ren and Sun (2015), equations 10 and 15.

    >>> He().scale(200, 10)
    0.1
    """

    truncated: bool = False
    negative_slope: NonNegative = 0.0

    @property
    def distribution(self) -> str:  # type: ignore[override]
        """Return "truncated" or "normal", depending on `truncated`."""
        return "truncated" if self.truncated else "normal"

    def scale(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(2.0 / ((1.0 + self.negative_slope**2) * fan_in))


@register("he_uniform", "kaiming_uniform")
@dataclass(frozen=True)
class HeUniform(Initializer):
    """Uniform distribution with the variance of `He`.

        w ∼ U(−c, c),   c = √(6 / ((1 + s²) fan_in))

    s is `negative_slope`. See `He` for its use.  He, Zhang, Ren and Sun (2015), equations 10 and 15.

    >>> HeUniform().scale(600, 10)
    0.1
    """

    distribution: ClassVar[str] = "uniform"

    negative_slope: NonNegative = 0.0

    def scale(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(6.0 / ((1.0 + self.negative_slope**2) * fan_in))
