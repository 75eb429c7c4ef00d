"""Activations between two limits: the sigmoids, smooth and in straight pieces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.formulas.activations.activation import Activation
from deltarule.formulas.formula import Values, register


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


@register("hard_sigmoid")
@dataclass(frozen=True)
class HardSigmoid(Activation):
    """A sigmoid of three straight pieces, from 0 to 1.

        σ(z) = (z + 3) / 6 held within [0, 1]        ∂σ/∂z = 1/6 if −3 < z < 3, else 0

    Cheap, and exact at its ends, but a unit beyond ±3 learns nothing. Older texts have z / 5 + ½.
    Courbariaux, Bengio and David (2015); with these numbers Howard et al. (2019), section 5.2.

    >>> float(HardSigmoid().value(1.5)), float(HardSigmoid().slope(4.0, 1.0))
    (0.75, 0.0)
    """

    def value(self, z: Values) -> Values:
        return np.minimum(np.maximum(z + 3.0, 0.0), 6.0) / 6.0

    def slope(self, z: Values, a: Values) -> Values:
        return np.where(np.abs(z) < 3.0, 1.0 / 6.0, 0.0)


@register("tanh")
@dataclass(frozen=True)
class Tanh(Activation):
    """The hyperbolic tangent, from −1 to 1: a sigmoid about zero.

        σ(z) = tanh z        ∂σ/∂z = 1 − a²

    Sums of zero mean go on with a mean near zero, so a layer above learns faster than above `Sigmoid`; far from 0 its
    slope vanishes all the same.  LeCun, Bottou, Orr and Müller (1998), section 4.4.

    >>> float(Tanh().value(0.0)), float(Tanh().slope(0.0, 0.0))
    (0.0, 1.0)
    """

    def value(self, z: Values) -> Values:
        return np.tanh(z)

    def slope(self, z: Values, a: Values) -> Values:
        return 1.0 - a * a


@register("softsign")
@dataclass(frozen=True)
class Softsign(Activation):
    """A sigmoid from −1 to 1 that reaches its limits slowly.

        σ(z) = z / (1 + |z|)        ∂σ/∂z = 1 / (1 + |z|)²

    Its slope falls with the square of z rather than exponentially, so saturated units still move. For outputs that
    have to come close to ±1 take `Tanh`.  Bergstra, Desjardins, Lamblin and Bengio (2009).

    >>> float(Softsign().value(1.0)), float(Softsign().slope(1.0, 0.5))
    (0.5, 0.25)
    """

    def value(self, z: Values) -> Values:
        return z / (1.0 + np.abs(z))

    def slope(self, z: Values, a: Values) -> Values:
        return (1.0 / (1.0 + np.abs(z))) ** 2
