"""Normalisations: a layer's weighted sums brought to mean 0 and variance 1, then scaled and shifted as is learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, Positive, ProperFraction, Values, register


@dataclass(frozen=True)
class Normalization(Formula):
    """What stands between a hidden layer's weighted sums z (n, units) and its activation's input h.

        x = (z − m) / √(v + ε)        h = γ x + β

    m and v are the mean and the variance (divided by the count) of z along `axis`: 0, over the batch, for each unit; 1,
    over the units, for each sample. γ and β, one for each unit, are learnt from 1 and 0; no penalty sees them. Where
    the formula `keeps` statistics, predictions are made with those, for a sample must not depend on its neighbours.
    The layer's own bias has no effect under axis 0; it stays where it began.
    """

    kind: ClassVar[str] = "normalization"
    axis: ClassVar[int] = 0
    keeps: ClassVar[bool] = False

    epsilon: Positive = 1e-5

    def normalized(self, z: Values, m: Values, v: Values) -> Values:
        """X of z and its statistics."""
        return (z - m) / np.sqrt(v + self.epsilon)

    def output(self, x: Values, gamma: Values, beta: Values) -> Values:
        """h, the activation's input."""
        return gamma * x + beta

    def gradient(self, d: Values, x: Values, v: Values, mean_d: Values, mean_dx: Values) -> Values:
        """∂C/∂z from d = ∂C/∂x, as m and v follow z; the means of d and of d · x are along the axis."""
        return (d - mean_d - x * mean_dx) / np.sqrt(v + self.epsilon)

    def keep(self, mean: Values, variance: Values, m: Values, v: Values, n: Values) -> tuple[Values, Values]:
        """The mean and the variance to predict with, after one more batch of n samples; they begin at 0 and 1."""
        return mean, variance


@register("batch")
@dataclass(frozen=True)
class BatchNormalization(Normalization):
    """Each unit's sums over the batch brought to mean 0 and variance 1.

        x = (z − m) / √(v + ε)        h = γ x + β        m, v over the batch
        kept for predictions:   mean ← ρ mean + (1 − ρ) m        variance ← ρ variance + (1 − ρ) v n / (n − 1)

    ρ is `momentum`, n the batch's size; ε stands inside the root. Small batches have noisy statistics, and in a batch
    of one x is 0: take `LayerNormalization` there. The last, smaller batch of an epoch counts as much as the others.
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
    """Each sample's sums over the units of a layer brought to mean 0 and variance 1.

        x = (z − m) / √(v + ε)        h = γ x + β        m, v over the units

    Nothing depends on the batch, so training and prediction are the same; ε stands inside the root. A layer of one unit
    would always give β.  Ba, Kiros and Hinton (2016), equations 2 to 4.

    >>> float(LayerNormalization(epsilon=1.0).normalized(3.0, 1.0, 3.0))
    1.0
    """

    axis: ClassVar[int] = 1
