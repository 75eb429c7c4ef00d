"""Regression losses: functions of the difference between the output a and the target y."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deltarule.formulas.formula import Interval, Positive, Values, register
from deltarule.formulas.losses.loss import LinkedLoss


@register("squared_error", "mse")
@dataclass(frozen=True)
class SquaredError(LinkedLoss):
    """Squared error.

        C = Σⱼ (aⱼ − yⱼ)²        ∂C/∂z = 2 (a − y) σ′(z)

    The sum over the outputs, without ½ or 1/k. It is the negative log-likelihood under normally distributed noise, up
    to constants; a single outlier can dominate it.  Gauss (1809).

    >>> SquaredError().value(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]])).tolist()
    [4.0]
    """

    def value(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        return np.sum((a - y) ** 2, axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        return 2.0 * (a - y) * self.output.slope(z, a)


@register("half_squared_error", "quadratic_cost")
@dataclass(frozen=True)
class HalfSquaredError(LinkedLoss):
    """Half the squared error: Nielsen's quadratic cost, with any inverse link.

        C = ½ Σⱼ (aⱼ − yⱼ)²        ∂C/∂z = (a − y) σ′(z)

    With a sigmoid as inverse link, the factor σ′(z) makes a saturated wrong output learn slowly; use
    `SigmoidCrossEntropy` instead.
    Nielsen (2015), chapter 1, equation 6.

    >>> HalfSquaredError().value(np.array([[3.0]]), np.array([[1.0]])).tolist()
    [2.0]
    """

    def value(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        return 0.5 * np.sum((a - y) ** 2, axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        return (a - y) * self.output.slope(z, a)


@register("absolute_error", "mae")
@dataclass(frozen=True)
class AbsoluteError(LinkedLoss):
    """Absolute error: minimized by the median, robust to outliers.

        C = Σⱼ |aⱼ − yⱼ|        ∂C/∂z = sign(a − y) σ′(z)

    At a = y the subgradient is 0. Its gradient is as large near the target as far away, so steps of a fixed size do not
    converge: decrease the learning rate, or use `Huber`.  Laplace (1774).

    >>> AbsoluteError().value(np.array([[3.0, 0.0]]), np.array([[1.0, 1.0]])).tolist()
    [3.0]
    """

    def value(self, z: Values, y: Values) -> Values:
        return np.sum(np.abs(self.output.value(z) - y), axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        return np.sign(a - y) * self.output.slope(z, a)


@register("huber")
@dataclass(frozen=True)
class Huber(LinkedLoss):
    """Huber loss: half the squared error for small errors, linear for large ones, with a gradient of at most δ.

        r = a − y        C = Σⱼ ½ r² if |r| ≤ δ, else δ (|r| − ½ δ)        ∂C/∂z = clip(r, −δ, δ) σ′(z)

    δ is in units of the target; choose it slightly above the noise level. δ → ∞ is `HalfSquaredError`; C / δ for δ → 0
    is `AbsoluteError`.
    Huber (1964), section 3.

    >>> Huber(2.0).value(np.array([[5.0, 1.0]]), np.array([[0.0, 0.0]])).tolist()
    [8.5]
    """

    delta: Positive = 1.0

    def value(self, z: Values, y: Values) -> Values:
        size = np.abs(self.output.value(z) - y)
        near = np.minimum(size, self.delta)
        return np.sum(near * (size - 0.5 * near), axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        return np.minimum(np.maximum(a - y, -self.delta), self.delta) * self.output.slope(z, a)


@register("log_cosh")
@dataclass(frozen=True)
class LogCosh(LinkedLoss):
    """Logarithm of the hyperbolic cosine of the error: a smooth form of `Huber` with δ = 1.

        r = a − y        C = Σⱼ ln cosh r = Σⱼ |r| + ln(1 + e^−2|r|) − ln 2        ∂C/∂z = tanh(r) σ′(z)

    It is close to ½ r² for small r and to |r| − ln 2 for large r. It has no width parameter; scale the targets instead.
    Green (1990), section 3.

    >>> LogCosh().value(np.array([[0.0, 1000.0]]), np.zeros((1, 2))).round(6).tolist()
    [999.306853]
    """

    def value(self, z: Values, y: Values) -> Values:
        size = np.abs(self.output.value(z) - y)
        return np.sum(size + np.log1p(np.exp(-2.0 * size)) - math.log(2.0), axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        return np.tanh(a - y) * self.output.slope(z, a)


@register("quantile", "pinball")
@dataclass(frozen=True)
class Quantile(LinkedLoss):
    """Quantile (pinball) loss: minimized by the q-quantile.

        C = Σⱼ max(q (yⱼ − aⱼ), (q − 1) (yⱼ − aⱼ))        ∂C/∂z = σ′(z) · (1 − q if a > y, −q if a < y, 0 if a = y)

    q is `quantile`; with q = ½ it is half of `AbsoluteError`. Two networks, with 0.05 and 0.95, give a prediction
    interval, but their outputs may cross.  Koenker and Bassett (1978), equation 2.1.

    >>> Quantile(0.75).value(np.array([[0.0], [2.0]]), np.array([[1.0], [1.0]])).tolist()
    [0.75, 0.25]
    """

    quantile: Interval = 0.5

    def value(self, z: Values, y: Values) -> Values:
        short = y - self.output.value(z)
        return np.sum(np.maximum(self.quantile * short, (self.quantile - 1.0) * short), axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        side = np.where(a > y, 1.0 - self.quantile, np.where(a < y, -self.quantile, 0.0))
        return side * self.output.slope(z, a)
