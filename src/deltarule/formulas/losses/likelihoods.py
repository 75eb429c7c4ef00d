"""Losses of numbers that cannot be negative: log-likelihoods of generalised linear models with a log link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.activations import Exponential
from deltarule.formulas.formula import Values, register
from deltarule.formulas.losses.loss import Loss

_EXP = Exponential()


@register("poisson")
@dataclass(frozen=True)
class PoissonLoss(Loss):
    """The negative log-likelihood of counts whose mean is a = eᶻ, up to what depends on y alone.

        C = Σⱼ (e^zⱼ − yⱼ zⱼ)        ∂C/∂z = a − y

    y is 0 or above, an integer or not. ln y! is left out, so C may be negative; a is `Exponential`, which goes on
    straight beyond z = 60. The variance is taken to be the mean: where it is proportional to its square, take
    `GammaLoss`.  Nelder and Wedderburn (1972), section 1.3.

    >>> PoissonLoss().value(np.array([[0.0]]), np.array([[3.0]])).tolist()
    [1.0]
    """

    inverse_link: ClassVar[str] = "exponential"
    domain: ClassVar[str] = "non_negative"

    def value(self, z: Values, y: Values) -> Values:
        return np.sum(_EXP.value(z) - y * z, axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        return _EXP.slope(z, 1.0) - y


@register("gamma")
@dataclass(frozen=True)
class GammaLoss(Loss):
    """The negative log-likelihood of amounts whose mean is a = eᶻ and whose deviation is a share of it.

        C = Σⱼ (zⱼ + yⱼ e^−zⱼ)        ∂C/∂z = 1 − y e⁻ᶻ = (a − y) / a

    y is above 0: waiting times, claims, prices. The shape is a factor of C and left out, as is what depends on y alone.
    e⁻ᶻ is `Exponential`, which goes on straight below z = −60.  Nelder and Wedderburn (1972), section 1.3.

    >>> GammaLoss().value(np.array([[0.0]]), np.array([[3.0]])).tolist()
    [3.0]
    """

    inverse_link: ClassVar[str] = "exponential"
    domain: ClassVar[str] = "positive"

    def value(self, z: Values, y: Values) -> Values:
        return np.sum(z + y * _EXP.value(-z), axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        return 1.0 - y * _EXP.slope(-z, 1.0)
