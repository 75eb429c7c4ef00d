"""Initial weights: how wide the first weights are drawn, given how many inputs and outputs they join."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from deltarule.formulas.formula import Formula, register


@dataclass(frozen=True)
class Initializer(Formula):
    """A distribution about zero, whose width follows a layer's numbers of inputs and of outputs.

    `scale(fan_in, fan_out)` is the standard deviation of a "normal" distribution and the limit of a "uniform" one.
    The numbers are drawn from (seed, layer, input, output), so the same seed gives the same weights everywhere.
    A bias is drawn as a weight between `units` inputs and `units` outputs.
    """

    kind: ClassVar[str] = "initializer"
    distribution: ClassVar[str] = "normal"

    def scale(self, fan_in: int, fan_out: int) -> float:
        """The width of the distribution."""
        raise NotImplementedError


@register("zeros")
@dataclass(frozen=True)
class Zeros(Initializer):
    """All zeros: for biases. Weights that start equal stay equal, so a hidden layer of zeros never learns.

    >>> Zeros().scale(100, 10)
    0.0
    """

    def scale(self, fan_in: int, fan_out: int) -> float:
        return 0.0


@register("standard_normal")
@dataclass(frozen=True)
class StandardNormal(Initializer):
    """N(0, 1), whatever the number of inputs: sums of many inputs saturate sigmoid units.

    Nielsen (2015), chapter 3, "Weight initialization".

    >>> StandardNormal().scale(100, 10)
    1.0
    """

    def scale(self, fan_in: int, fan_out: int) -> float:
        return 1.0


@register("lecun", "lecun_normal")
@dataclass(frozen=True)
class LeCun(Initializer):
    """N(0, 1 / fan_in): a sum of standardised inputs keeps variance 1.

    LeCun, Bottou, Orr and Müller (1998), section 4.6.

    >>> LeCun().scale(100, 10)
    0.1
    """

    def scale(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(1.0 / fan_in)


@register("glorot_normal", "xavier_normal")
@dataclass(frozen=True)
class GlorotNormal(Initializer):
    """N(0, 2 / (fan_in + fan_out)): a compromise between the variances forwards and backwards.

    Glorot and Bengio (2010), equation 12.

    >>> GlorotNormal().scale(150, 50)
    0.1
    """

    def scale(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(2.0 / (fan_in + fan_out))


@register("glorot_uniform", "glorot", "xavier")
@dataclass(frozen=True)
class GlorotUniform(Initializer):
    """Uniform between ±√(6 / (fan_in + fan_out)): the same variance as `GlorotNormal`.

    Glorot and Bengio (2010), equation 16.

    >>> GlorotUniform().scale(400, 200)
    0.1
    """

    distribution: ClassVar[str] = "uniform"

    def scale(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(6.0 / (fan_in + fan_out))


@register("he", "he_normal", "kaiming")
@dataclass(frozen=True)
class He(Initializer):
    """N(0, 2 / fan_in): rectified units pass on half of the variance.

    He, Zhang, Ren and Sun (2015), equation 10.

    >>> He().scale(200, 10)
    0.1
    """

    def scale(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(2.0 / fan_in)
