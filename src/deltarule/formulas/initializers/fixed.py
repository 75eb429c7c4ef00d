"""Initial weights whose distribution does not depend on the size of the layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deltarule.formulas.formula import Positive, register
from deltarule.formulas.initializers.initializer import TRUNCATED_DEVIATION, Initializer


@register("zeros")
@dataclass(frozen=True)
class Zeros(Initializer):
    """Zeros, for biases.

        w = 0

    Units with equal initial weights stay equal, so a hidden layer of zeros does not learn.
    Goodfellow, Bengio and Courville (2016), section 8.4.

    >>> Zeros().scale(100, 10)
    0.0
    """

    def scale(self, fan_in: int, fan_out: int) -> float:
        return 0.0


@register("constant")
@dataclass(frozen=True)
class Constant(Initializer):
    """A constant, for biases: for example slightly above 0 for rectified units.

        w = c

    c is `value`. Units with equal initial weights stay equal, so it is unsuitable for the weights of hidden layers.
    Goodfellow, Bengio and Courville (2016), section 8.4.

    >>> Constant(0.1).scale(100, 10)
    0.1
    """

    distribution: ClassVar[str] = "constant"

    value: float = 0.1

    def scale(self, fan_in: int, fan_out: int) -> float:
        return self.value


@register("standard_normal")
@dataclass(frozen=True)
class StandardNormal(Initializer):
    """Standard normal distribution, independent of the number of inputs.

        w ∼ N(0, 1)

    Sums of many inputs saturate sigmoid units. It serves as a baseline; in practice use `LeCun`, `He` or Glorot.
    Nielsen (2015), chapter 3, "Weight initialization".

    >>> StandardNormal().scale(100, 10)
    1.0
    """

    def scale(self, fan_in: int, fan_out: int) -> float:
        return 1.0


@register("normal")
@dataclass(frozen=True)
class Normal(Initializer):
    """Normal distribution with a fixed standard deviation.

        w ∼ N(0, σ²)

    σ is `deviation`. No single σ suits layers of different widths; see `LeCun`, `He` and Glorot.
    Krizhevsky, Sutskever and Hinton (2012), section 5.

    >>> Normal(0.05).scale(100, 10)
    0.05
    """

    deviation: Positive = 0.05

    def scale(self, fan_in: int, fan_out: int) -> float:
        return self.deviation


@register("truncated_normal")
@dataclass(frozen=True)
class TruncatedNormal(Initializer):
    """Truncated normal distribution with a fixed standard deviation.

        w ∼ N(0, σ²), given that |w| < 2 σ

    σ is `deviation`, the standard deviation before truncation, as in PyTorch and Keras; that of the weights is
    0.8796 σ. No single σ suits layers of different widths.

    >>> round(TruncatedNormal(0.05).scale(100, 10), 6)
    0.043981
    """

    distribution: ClassVar[str] = "truncated"

    deviation: Positive = 0.05

    def scale(self, fan_in: int, fan_out: int) -> float:
        return self.deviation * TRUNCATED_DEVIATION


@register("uniform")
@dataclass(frozen=True)
class Uniform(Initializer):
    """Uniform distribution with a fixed limit.

        w ∼ U(−c, c)

    c is `limit`; the standard deviation is c / √3. No single c suits layers of different widths.
    Rumelhart, Hinton and Williams (1986), figure 1.

    >>> Uniform(0.05).scale(100, 10)
    0.05
    """

    distribution: ClassVar[str] = "uniform"

    limit: Positive = 0.05

    def scale(self, fan_in: int, fan_out: int) -> float:
        return self.limit
