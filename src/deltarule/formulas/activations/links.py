"""Activations that outputs need: the inverse links of least squares, of counts, and of one choice among many."""

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
    """Leave the weighted sum as it is: the inverse link of least squares.

        σ(z) = z        ∂σ/∂z = 1

    As a hidden activation it makes the whole network linear.  Widrow and Hoff (1960).

    >>> Identity().value(-2.0), float(Identity().slope(-2.0, -2.0))
    (-2.0, 1.0)
    """

    def value(self, z: Values) -> Values:
        return z

    def slope(self, z: Values, a: Values) -> Values:
        return np.ones_like(z)


@register("exponential", "exp")
@dataclass(frozen=True)
class Exponential(Activation):
    """The exponential: the inverse of the log link, for outputs that are above 0.

        σ(z) = eᶻ        ∂σ/∂z = eᶻ        for z ≤ 60

    Beyond z = 60, where eᶻ is 10²⁶, its tangent goes on, e⁶⁰ (1 + z − 60), so that nothing overflows. It is the inverse
    link of `PoissonLoss` and `GammaLoss`; in hidden layers it explodes.  Nelder and Wedderburn (1972), section 1.3.

    >>> float(Exponential().value(0.0)), float(Exponential().slope(0.0, 1.0))
    (1.0, 1.0)
    """

    def value(self, z: Values) -> Values:
        return np.exp(np.minimum(z, 60.0)) * (1.0 + np.maximum(z - 60.0, 0.0))

    def slope(self, z: Values, a: Values) -> Values:
        return np.exp(np.minimum(z, 60.0))


@register("softmax")
@dataclass(frozen=True)
class Softmax(Activation):
    """Exponentials shared out over a row, so that they add up to 1: the inverse link of the log-likelihood.

        aⱼ = e^zⱼ / Σₖ e^zₖ

    Every output depends on every z, so there is no slope for one number. It is an inverse link, of the loss
    `SoftmaxCrossEntropy`, and never a layer's activation.  Bridle (1990).

    >>> Softmax().value(np.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """

    granularity: ClassVar[str] = "rowwise"

    def value(self, z: Values) -> Values:
        e = np.exp(z - np.max(z, axis=-1, keepdims=True))
        return e / np.sum(e, axis=-1, keepdims=True)

    def slope(self, z: Values, a: Values) -> Values:
        raise RecipeError("an activation of one number", "softmax", 'loss="softmax_cross_entropy", which contains it')
