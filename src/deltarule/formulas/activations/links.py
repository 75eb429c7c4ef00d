"""Activations of output units: the inverse links of least squares, of counts, and of classification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.errors import RecipeError
from deltarule.formulas.activations.activation import Activation
from deltarule.formulas.formula import Values, register


@register("identity", "linear")
@dataclass(frozen=True)
class Identity(Activation):
    """Identity: the inverse link of least squares.

        σ(z) = z        ∂σ/∂z = 1

    With this hidden activation the whole network is linear.  Widrow and Hoff (1960).

    >>> Identity().value(-2.0), float(Identity().slope(-2.0, -2.0))
    (-2.0, 1.0)
    """

    def value(self, z: Values) -> Values:
        return z

    def slope(self, z: Values, a: Values) -> Values:
        return np.ones_like(z)

    def mean_terms(self, z: Values) -> tuple[Values, ...]:
        return (z,)

    def from_means(self, *means: Values) -> Values:
        return means[0]


@register("exponential", "exp")
@dataclass(frozen=True)
class Exponential(Activation):
    """Exponential: the inverse of the log link, for positive outputs.

        σ(z) = eᶻ        ∂σ/∂z = eᶻ        for z ≤ 60

    Above z = 60, where eᶻ is 10²⁶, it continues as its tangent e⁶⁰ (1 + z − 60), which avoids overflow. It is the
    inverse link of `PoissonLoss` and `GammaLoss`; in hidden layers it diverges.
    Nelder and Wedderburn (1972), section 1.3.

    >>> float(Exponential().value(0.0)), float(Exponential().slope(0.0, 1.0))
    (1.0, 1.0)
    """

    def value(self, z: Values) -> Values:
        return np.exp(np.minimum(z, 60.0)) * (1.0 + np.maximum(z - 60.0, 0.0))

    def slope(self, z: Values, a: Values) -> Values:
        return np.exp(np.minimum(z, 60.0))

    def mean_terms(self, z: Values) -> tuple[Values, ...]:
        return (self.value(z),)

    def from_means(self, *means: Values) -> Values:
        mean, bend = np.maximum(means[0], np.finfo(np.float64).tiny), np.exp(60.0)
        return np.log(np.minimum(mean, bend)) + np.maximum(mean / bend - 1.0, 0.0)


@register("softmax")
@dataclass(frozen=True)
class Softmax(Activation):
    """Softmax: exponentials normalized to sum 1 over a row; the inverse link of the log-likelihood.

        aⱼ = e^zⱼ / Σₖ e^zₖ

    Every output depends on every z, so there is no elementwise derivative. It is the inverse link of the loss
    `SoftmaxCrossEntropy`, and is not available as a hidden activation.  Bridle (1990).

    >>> Softmax().value(np.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """

    granularity: ClassVar[str] = "rowwise"

    def value(self, z: Values) -> Values:
        e = np.exp(z - np.max(z, axis=-1, keepdims=True))
        return e / np.sum(e, axis=-1, keepdims=True)

    def slope(self, z: Values, a: Values) -> Values:
        raise RecipeError("an elementwise activation", "softmax", 'loss="softmax_cross_entropy", which contains it')

    def mean_terms(self, z: Values) -> tuple[Values, ...]:
        return (self.value(z),)

    def from_means(self, *means: Values) -> Values:
        return np.log(np.maximum(means[0], np.finfo(np.float64).tiny))
