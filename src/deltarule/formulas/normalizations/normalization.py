"""Normalization of a layer's weighted sums to mean 0 and variance 1, followed by a trained scale and shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, Positive, ProperFraction, Values, register


@dataclass(frozen=True)
class Normalization(Formula):
    """A transformation of a hidden layer's weighted sums z, (n, units), to the input h of its activation.

        x = (z − m) / √(v + ε)        h = γ x + β

    m and v are the mean and the (biased) variance of z along `axis`: 0 for each unit over the batch, 1 for each sample
    over the units. γ and β, one per unit, are trained from 1 and 0, without penalties. If the formula `keeps` running
    statistics, predictions use them, so that a prediction does not depend on the other samples of the batch.
    With axis 0 the bias of the layer has no effect and keeps its initial value.
    """

    kind: ClassVar[str] = "normalization"
    axis: ClassVar[int] = 0
    keeps: ClassVar[bool] = False

    epsilon: Positive = 1e-5

    def normalized(self, z: Values, m: Values, v: Values) -> Values:
        """Return x, given z and its statistics."""
        return (z - m) / np.sqrt(v + self.epsilon)

    def output(self, x: Values, gamma: Values, beta: Values) -> Values:
        """Return h, the input of the activation."""
        return gamma * x + beta

    def gradient(self, d: Values, x: Values, v: Values, mean_d: Values, mean_dx: Values) -> Values:
        """Return ∂C/∂z, given d = ∂C/∂x and the means of d and d · x along the axis; m and v depend on z."""
        return (d - mean_d - x * mean_dx) / np.sqrt(v + self.epsilon)

    def keep(self, mean: Values, variance: Values, m: Values, v: Values, n: Values) -> tuple[Values, Values]:
        """Return the running statistics (mean, variance) after a batch of n samples; they start at 0 and 1."""
        return mean, variance


@register("batch")
@dataclass(frozen=True)
class BatchNormalization(Normalization):
    """Batch normalization: the weighted sums of each unit are normalized over the batch.

        x = (z − m) / √(v + ε)        h = γ x + β        m, v over the batch
        running statistics:     mean ← ρ mean + (1 − ρ) m        variance ← ρ variance + (1 − ρ) v n / (n − 1)

    ρ is `momentum`, n the batch size; ε is inside the root. Predictions use the running statistics. Small batches have
    noisy statistics, and in a batch of one x is 0: use `LayerNormalization` there. The last, smaller batch of an epoch
    has the same weight as the others.
    Ioffe and Szegedy (2015), algorithms 1 and 2.

    >>> mean, variance = BatchNormalization(momentum=0.5).keep(0.0, 1.0, 2.0, 3.0, 4)
    >>> float(mean), float(variance)
    (1.0, 2.5)
    """

    axis: ClassVar[int] = 0
    keeps: ClassVar[bool] = True

    momentum: ProperFraction = 0.9

    def keep(self, mean: Values, variance: Values, m: Values, v: Values, n: Values) -> tuple[Values, Values]:
        rho = self.momentum
        unbiased = v * (n / np.maximum(n - 1.0, 1.0))
        return rho * mean + (1.0 - rho) * m, rho * variance + (1.0 - rho) * unbiased


@register("layer")
@dataclass(frozen=True)
class LayerNormalization(Normalization):
    """Layer normalization: the weighted sums of each sample are normalized over the units of the layer.

        x = (z − m) / √(v + ε)        h = γ x + β        m, v over the units

    It does not depend on the batch, so training and prediction use the same statistics; ε is inside the root. In a
    layer of one unit the output is always β.  Ba, Kiros and Hinton (2016), equations 2 to 4.

    >>> float(LayerNormalization(epsilon=1.0).normalized(3.0, 1.0, 3.0))
    1.0
    """

    axis: ClassVar[int] = 1
