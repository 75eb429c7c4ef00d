"""Initial weights: how wide the first weights are drawn, given how many inputs and outputs they join."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.errors import RecipeError
from deltarule.formulas.formula import Formula, NonNegative, Positive, register
from deltarule.formulas.random import Purpose, normal, normal_quantile, uniform
from deltarule.types import Floats


@dataclass(frozen=True)
class Initializer(Formula):
    """A distribution about zero, whose width follows a layer's numbers of inputs and of outputs.

    `distribution` is "normal", "truncated" (a normal one without what lies beyond two deviations), "uniform",
    "orthogonal", or "constant". `scale(fan_in, fan_out)` is the standard deviation of the numbers drawn; of a
    "uniform" distribution it is the limit, of a "constant" the number itself.
    The numbers are drawn from (seed, layer, input, output), so the same seed gives the same weights everywhere.
    A bias is drawn with the fans of its layer, so as wide as its weights under the same initializer.
    """

    kind: ClassVar[str] = "initializer"
    distribution: ClassVar[str] = "normal"

    def scale(self, fan_in: int, fan_out: int) -> float:
        """The width of the distribution."""
        raise NotImplementedError


TRUNCATED_DEVIATION = 0.8796256610342398
"""The standard deviation of a standard normal number that lies within ±2: √(1 − 4 φ(2) / (2 Φ(2) − 1))."""
BELOW_MINUS_TWO = 0.022750131948179212
"""Φ(−2)."""


def drawn(
    initializer: Initializer,
    seed: int,
    purpose: Purpose,
    layer: int,
    shape: tuple[int, int],
    fans: tuple[int, int],
) -> Floats:
    """Numbers of an initializer's distribution, (rows, units), for a layer of so many inputs and outputs."""
    scale, place = initializer.scale(*fans), (seed, purpose, shape, layer)
    if scale == 0.0:
        return np.zeros(shape)
    distribution = initializer.distribution
    if distribution == "constant":
        return np.full(shape, scale)
    if distribution == "uniform":
        return scale * (2.0 * uniform(*place) - 1.0)
    if distribution == "truncated":
        within = BELOW_MINUS_TWO + (1.0 - 2.0 * BELOW_MINUS_TWO) * uniform(*place)
        return scale / TRUNCATED_DEVIATION * normal_quantile(within)
    if distribution == "orthogonal":
        return scale * math.sqrt(max(fans)) * _orthonormal(normal(*place))
    if distribution != "normal":
        known = '"normal", "truncated", "uniform", "orthogonal" or "constant"'
        raise RecipeError(f"{known} as the distribution of {type(initializer).__name__}", repr(distribution))
    return scale * normal(*place)


def _orthonormal(numbers: Floats) -> Floats:
    """Q of numbers = Q R, or of their transpose where they are wider than high, with R's diagonal positive."""
    high = numbers.shape[0] >= numbers.shape[1]
    q, r = np.linalg.qr(numbers if high else numbers.T)
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return q if high else q.T


@register("zeros")
@dataclass(frozen=True)
class Zeros(Initializer):
    """All zeros: for biases.

        w = 0

    Weights that start equal stay equal, so a hidden layer of zeros never learns.
    Goodfellow, Bengio and Courville (2016), section 8.4.

    >>> Zeros().scale(100, 10)
    0.0
    """

    def scale(self, fan_in: int, fan_out: int) -> float:
        return 0.0


@register("constant")
@dataclass(frozen=True)
class Constant(Initializer):
    """The same number everywhere: for biases, say a little above 0 under rectified units.

        w = c

    c is `value`. Weights that start equal stay equal, so it is nothing for a hidden layer's weights.
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
    """Standard normal, whatever the number of inputs: sums of many inputs saturate sigmoid units.

        w ∼ N(0, 1)

    It shows what good first weights are good for; otherwise take `LeCun`, `He` or Glorot's.
    Nielsen (2015), chapter 3, "Weight initialization".

    >>> StandardNormal().scale(100, 10)
    1.0
    """

    def scale(self, fan_in: int, fan_out: int) -> float:
        return 1.0


@register("normal")
@dataclass(frozen=True)
class Normal(Initializer):
    """Normal, with the same deviation whatever the number of inputs.

        w ∼ N(0, σ²)

    σ is `deviation`. No single σ suits layers of different widths: see `LeCun`, `He` and Glorot's.
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
    """Normal without its tails, with the same deviation whatever the number of inputs.

        w ∼ N(0, σ²), given that |w| < 2 σ

    σ, `deviation`, is that of the normal distribution before the cut, as in PyTorch and Keras: what is drawn has the
    standard deviation 0.8796 σ. No single σ suits layers of different widths.

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
    """Uniform, with the same limit whatever the number of inputs.

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


@register("orthogonal")
@dataclass(frozen=True)
class Orthogonal(Initializer):
    """Columns (or rows, whichever are fewer) at right angles, each of length `gain`: lengths pass a layer unchanged.

        W = gain · Q,   Q R = N

    N is a matrix of standard normal numbers, or its transpose where that is wider than high; the signs are those that
    leave R's diagonal positive, which makes Q uniform over all such matrices. The decomposition is LAPACK's, so another
    processor gives it to rounding alone; for large layers it takes time.
    Saxe, McClelland and Ganguli (2014), section 3.

    >>> Orthogonal().scale(100, 25)
    0.1
    """

    distribution: ClassVar[str] = "orthogonal"

    gain: Positive = 1.0

    def scale(self, fan_in: int, fan_out: int) -> float:
        return self.gain / math.sqrt(max(fan_in, fan_out))
