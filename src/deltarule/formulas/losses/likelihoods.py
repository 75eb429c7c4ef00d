"""Losses of non-negative targets: negative log-likelihoods of generalized linear models with a log link."""

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
    """Negative log-likelihood of Poisson counts with mean a = eᶻ, up to a function of y.

        C = Σⱼ (e^zⱼ − yⱼ zⱼ)        ∂C/∂z = a − y

    y ≥ 0, not necessarily an integer. ln y! is omitted, so C may be negative; a is `Exponential`, which is linear above
    z = 60. The variance equals the mean; if it is proportional to the squared mean, use `GammaLoss`.
    Nelder and Wedderburn (1972), section 1.3.

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
    """Negative log-likelihood of gamma-distributed amounts with mean a = eᶻ, up to a factor and a function of y.

        C = Σⱼ (zⱼ + yⱼ e^−zⱼ)        ∂C/∂z = 1 − y e⁻ᶻ = (a − y) / a

    y > 0, for example waiting times, claims or prices; the standard deviation is proportional to the mean. The shape
    parameter is only a factor of C and is omitted. e⁻ᶻ is `Exponential`, which is linear below z = −60.
    Nelder and Wedderburn (1972), section 1.3.

    >>> GammaLoss().value(np.array([[0.0]]), np.array([[3.0]])).tolist()
    [3.0]
    """

    inverse_link: ClassVar[str] = "exponential"
    domain: ClassVar[str] = "positive"

    def value(self, z: Values, y: Values) -> Values:
        return np.sum(z + y * _EXP.value(-z), axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        return 1.0 - y * _EXP.slope(-z, 1.0)
