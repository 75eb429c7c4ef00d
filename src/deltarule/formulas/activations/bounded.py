"""Bounded activations: sigmoids, smooth and piecewise linear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.formulas.activations.activation import Activation
from deltarule.formulas.formula import Values, register


@register("sigmoid", "logistic")
@dataclass(frozen=True)
class Sigmoid(Activation):
    """Logistic sigmoid, with values from 0 to 1.

        σ(z) = 1 / (1 + e⁻ᶻ)        ∂σ/∂z = a (1 − a)

    Computed with e^−|z|, which avoids overflow. The derivative is at most ¼ and vanishes for large |z|, so deep
    networks of sigmoid units learn slowly.  Rumelhart, Hinton and Williams (1986).

    >>> float(Sigmoid().value(0.0)), float(Sigmoid().slope(0.0, 0.5))
    (0.5, 0.25)
    """

    def value(self, z: Values) -> Values:
        e = np.exp(-np.abs(z))
        return np.where(z >= 0, 1.0, e) / (1.0 + e)

    def slope(self, z: Values, a: Values) -> Values:
        return a * (1.0 - a)

    def mean_terms(self, z: Values) -> tuple[Values, ...]:
        return self.value(z), self.value(-z)

    def from_means(self, *means: Values) -> Values:
        ones, zeros = (np.maximum(mean, np.finfo(np.float64).tiny) for mean in means)
        return np.log(ones) - np.log(zeros)


@register("hard_sigmoid")
@dataclass(frozen=True)
class HardSigmoid(Activation):
    """Piecewise linear sigmoid, with values from 0 to 1.

        σ(z) = (z + 3) / 6 clipped to [0, 1]        ∂σ/∂z = 1/6 if −3 < z < 3, else 0

    It is cheap, but a unit with |z| > 3 has gradient 0. Older texts use z / 5 + ½.
    Courbariaux, Bengio and David (2015); with these constants Howard et al. (2019), section 5.2.

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
    """Hyperbolic tangent, with values from −1 to 1.

        σ(z) = tanh z        ∂σ/∂z = 1 − a²

    Its outputs are centered at 0, so the next layer learns faster than after `Sigmoid`; for large |z| the derivative
    vanishes all the same.  LeCun, Bottou, Orr and Müller (1998), section 4.4.

    >>> float(Tanh().value(0.0)), float(Tanh().slope(0.0, 0.0))
    (0.0, 1.0)
    """

    def value(self, z: Values) -> Values:
        return np.tanh(z)

    def slope(self, z: Values, a: Values) -> Values:
        return 1.0 - a * a

    def mean_terms(self, z: Values) -> tuple[Values, ...]:
        # The hyperbolic tangent of z is 2 s − 1 with the sigmoid s of 2 z.
        return Sigmoid().mean_terms(2.0 * z)

    def from_means(self, *means: Values) -> Values:
        return 0.5 * Sigmoid().from_means(*means)


@register("softsign")
@dataclass(frozen=True)
class Softsign(Activation):
    """Rational sigmoid, with values from −1 to 1 that approach the limits slowly.

        σ(z) = z / (1 + |z|)        ∂σ/∂z = 1 / (1 + |z|)²

    Its derivative decreases as 1 / z² rather than exponentially, so saturated units still learn. For outputs that have
    to come close to ±1 use `Tanh`.  Bergstra, Desjardins, Lamblin and Bengio (2009).

    >>> float(Softsign().value(1.0)), float(Softsign().slope(1.0, 0.5))
    (0.5, 0.25)
    """

    def value(self, z: Values) -> Values:
        return z / (1.0 + np.abs(z))

    def slope(self, z: Values, a: Values) -> Values:
        return (1.0 / (1.0 + np.abs(z))) ** 2
