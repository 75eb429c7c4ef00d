"""Activations: what a unit makes of its weighted sum. a = σ(z), and the slope ∂a/∂z."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.errors import RecipeError
from deltarule.formulas.formula import Formula, Values, register


@dataclass(frozen=True)
class Activation(Formula):
    """A function of one number, next to its derivative.

    `value(z)` and `slope(z, a)` work on numbers and on arrays of any shape; `slope` is given a = value(z) as well,
    since many derivatives are shorter in a.
    """

    kind: ClassVar[str] = "activation"
    initializer: ClassVar[str] = "glorot_uniform"

    def value(self, z: Values) -> Values:
        """σ(z)."""
        raise NotImplementedError

    def slope(self, z: Values, a: Values) -> Values:
        """∂σ/∂z, where a = σ(z)."""
        raise NotImplementedError


@register("identity", "linear")
@dataclass(frozen=True)
class Identity(Activation):
    """Leave the weighted sum as it is: the link of least squares.

        σ(z) = z        ∂σ/∂z = 1

    As a hidden activation it makes the whole network linear.

    >>> Identity().value(-2.0), float(Identity().slope(-2.0, -2.0))
    (-2.0, 1.0)
    """

    def value(self, z: Values) -> Values:
        return z

    def slope(self, z: Values, a: Values) -> Values:
        return np.ones_like(z)


@register("sigmoid", "logistic")
@dataclass(frozen=True)
class Sigmoid(Activation):
    """The logistic function, from 0 to 1.

        σ(z) = 1 / (1 + e⁻ᶻ)        ∂σ/∂z = a (1 − a)

    Written with e^−|z|, so that no z overflows. Its slope is at most ¼ and vanishes on both sides: deep networks of
    sigmoid units learn slowly.  Rumelhart, Hinton and Williams (1986).

    >>> float(Sigmoid().value(0.0)), float(Sigmoid().slope(0.0, 0.5))
    (0.5, 0.25)
    """

    def value(self, z: Values) -> Values:
        e = np.exp(-np.abs(z))
        return np.where(z >= 0, 1.0, e) / (1.0 + e)

    def slope(self, z: Values, a: Values) -> Values:
        return a * (1.0 - a)


@register("tanh")
@dataclass(frozen=True)
class Tanh(Activation):
    """The hyperbolic tangent, from −1 to 1: a sigmoid about zero.

        σ(z) = tanh z        ∂σ/∂z = 1 − a²

    LeCun, Bottou, Orr and Müller (1998), section 4.4.

    >>> float(Tanh().value(0.0)), float(Tanh().slope(0.0, 0.0))
    (0.0, 1.0)
    """

    def value(self, z: Values) -> Values:
        return np.tanh(z)

    def slope(self, z: Values, a: Values) -> Values:
        return 1.0 - a * a


@register("relu")
@dataclass(frozen=True)
class ReLU(Activation):
    """The rectified linear unit: the positive part.

        σ(z) = max(z, 0)        ∂σ/∂z = 1 if z > 0, else 0

    A unit whose z is negative for every sample learns no more.  Nair and Hinton (2010).

    >>> float(ReLU().value(-3.0)), float(ReLU().slope(2.0, 2.0))
    (0.0, 1.0)
    """

    initializer: ClassVar[str] = "he"

    def value(self, z: Values) -> Values:
        return np.maximum(z, 0.0)

    def slope(self, z: Values, a: Values) -> Values:
        return np.where(z > 0, 1.0, 0.0)


@register("softmax")
@dataclass(frozen=True)
class Softmax(Activation):
    """Exponentials shared out over a row, so that they add up to 1: the link of the log-likelihood.

        aⱼ = e^zⱼ / Σₖ e^zₖ

    Every output depends on every z, so there is no slope for one number. It is a link, held by the loss
    `SoftmaxCrossEntropy`, and never a layer's activation.  Bridle (1990).

    >>> Softmax().value(np.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """

    reach: ClassVar[str] = "row"

    def value(self, z: Values) -> Values:
        e = np.exp(z - np.max(z, axis=-1, keepdims=True))
        return e / np.sum(e, axis=-1, keepdims=True)

    def slope(self, z: Values, a: Values) -> Values:
        raise RecipeError("an activation of one number", "softmax", 'loss="softmax_cross_entropy", which contains it')
