"""Rectified activations: linear for z > 0, and nearly constant below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.activations.activation import Activation
from deltarule.formulas.formula import NonNegative, Positive, Values, register


@register("relu")
@dataclass(frozen=True)
class ReLU(Activation):
    """Rectified linear unit: the positive part of z.

        σ(z) = max(z, 0)        ∂σ/∂z = 1 if z > 0, else 0

    A unit whose z is negative for every sample stops learning.  Nair and Hinton (2010).

    >>> float(ReLU().value(-3.0)), float(ReLU().slope(2.0, 2.0))
    (0.0, 1.0)
    """

    initializer: ClassVar[str] = "he"

    def value(self, z: Values) -> Values:
        return np.maximum(z, 0.0)

    def slope(self, z: Values, a: Values) -> Values:
        return np.where(z > 0, 1.0, 0.0)


@register("leaky_relu")
@dataclass(frozen=True)
class LeakyReLU(Activation):
    """Rectified linear unit with a small slope below 0, so that every unit keeps learning.

        σ(z) = z if z > 0, else s z        ∂σ/∂z = 1 if z > 0, else s

    s is `negative_slope`, also the derivative at z = 0. With s = 1 it is `Identity`, and the network is linear.
    Maas, Hannun and Ng (2013), equation 2.

    >>> float(LeakyReLU(0.1).value(-2.0)), float(LeakyReLU(0.1).slope(-2.0, -0.2))
    (-0.2, 0.1)
    """

    initializer: ClassVar[str] = "he"

    negative_slope: NonNegative = 0.01

    def value(self, z: Values) -> Values:
        return np.where(z > 0, 1.0, self.negative_slope) * z

    def slope(self, z: Values, a: Values) -> Values:
        return np.where(z > 0, 1.0, self.negative_slope)


@register("elu")
@dataclass(frozen=True)
class ELU(Activation):
    """Exponential linear unit: tends to −α for negative z, which brings the mean output near 0.

        σ(z) = z if z > 0, else α (eᶻ − 1)        ∂σ/∂z = 1 if z > 0, else a + α

    The derivative is continuous at 0 only for α = 1. One exponential per unit makes it slower than `ReLU`.
    Clevert, Unterthiner and Hochreiter (2016), equation 15.

    >>> float(ELU().value(2.0)), float(ELU().slope(0.0, 0.0))
    (2.0, 1.0)
    """

    initializer: ClassVar[str] = "he"

    alpha: Positive = 1.0

    def value(self, z: Values) -> Values:
        return np.where(z > 0, z, self.alpha * np.expm1(np.minimum(z, 0.0)))

    def slope(self, z: Values, a: Values) -> Values:
        return np.where(z > 0, 1.0, a + self.alpha)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
"""λ and α, the solution of equation 14 for mean 0 and variance 1."""


@register("selu")
@dataclass(frozen=True)
class SELU(Activation):
    """Self-normalizing unit: with LeCun's initial weights, means tend to 0 and variances to 1 from layer to layer.

        σ(z) = λ z if z > 0, else λ α (eᶻ − 1)        ∂σ/∂z = λ if z > 0, else a + λ α

    λ = 1.0507… and α = 1.6732… are the only constants with this property. It requires standardized inputs, no batch
    normalization, and no ordinary dropout.  Klambauer, Unterthiner, Mayr and Hochreiter (2017), equation 2.

    >>> round(float(SELU().value(1.0)), 6), float(SELU().value(0.0))
    (1.050701, 0.0)
    """

    initializer: ClassVar[str] = "lecun"

    def value(self, z: Values) -> Values:
        return np.where(z > 0, SELU_SCALE * z, SELU_SCALE * SELU_ALPHA * np.expm1(np.minimum(z, 0.0)))

    def slope(self, z: Values, a: Values) -> Values:
        return np.where(z > 0, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA)


@register("celu")
@dataclass(frozen=True)
class CELU(Activation):
    """Exponential linear unit whose derivative is continuous for every α.

        σ(z) = z if z > 0, else α (e^(z/α) − 1)        ∂σ/∂z = 1 if z > 0, else a/α + 1

    α = 1 is `ELU`; α → 0 is `ReLU`. One exponential per unit makes it slower than `ReLU`.  Barron (2017), equation 2.

    >>> float(CELU(2.0).value(-1e4)), float(CELU(2.0).slope(0.0, 0.0))
    (-2.0, 1.0)
    """

    initializer: ClassVar[str] = "he"

    alpha: Positive = 1.0

    def value(self, z: Values) -> Values:
        return np.where(z > 0, z, self.alpha * np.expm1(np.minimum(z, 0.0) / self.alpha))

    def slope(self, z: Values, a: Values) -> Values:
        return np.where(z > 0, 1.0, a / self.alpha + 1.0)
