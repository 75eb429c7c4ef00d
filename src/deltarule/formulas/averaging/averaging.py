"""Averaging: a mean of the weights on the way, which predicts in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, ProperFraction, Values, register


@dataclass(frozen=True)
class Averaging(Formula):
    """A mean of each parameter over the steps, which begins as the first weights.

    Training goes on with w; validation, early stopping and the model take the mean.
    """

    kind: ClassVar[str] = "averaging"

    def average(self, mean: Values, w: Values, t: Values) -> Values:
        """The mean after step t, w being the parameter after it."""
        raise NotImplementedError


@register("exponential_average", "ema")
@dataclass(frozen=True)
class ExponentialAverage(Averaging):
    """A mean that forgets: each step back counts ρ times as much as the one after it.

        mean ← ρ mean + (1 − ρ) w        mean = w at t = 1

    ρ is `decay`; about 1 / (1 − ρ) steps are remembered. It smooths what a large learning rate shakes, much as a
    falling rate would; on a short run a large ρ holds on to the beginning.  Polyak and Juditsky (1992); with this
    mean, Tarvainen and Valpola (2017), section 2.

    >>> ExponentialAverage(0.5).average(1.0, 2.0, 2).item(), ExponentialAverage(0.5).average(1.0, 2.0, 1).item()
    (1.5, 2.0)
    """

    decay: ProperFraction = 0.999

    def average(self, mean: Values, w: Values, t: Values) -> Values:
        rho = np.where(np.less_equal(t, 1), 0.0, self.decay)
        return rho * mean + (1.0 - rho) * w
