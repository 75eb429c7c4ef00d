"""Averaging of the parameters over the steps; the average is used for validation and prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, ProperFraction, Values, register


@dataclass(frozen=True)
class Averaging(Formula):
    """An average of each parameter over the steps, which starts at the initial value.

    Training continues with w; validation, early stopping and the model use the average.
    """

    kind: ClassVar[str] = "averaging"

    def average(self, mean: Values, w: Values, t: Values) -> Values:
        """Return the average after step t, given the parameter w after step t."""
        raise NotImplementedError


@register("exponential_average", "ema")
@dataclass(frozen=True)
class ExponentialAverage(Averaging):
    """Exponential moving average (EMA): each step counts ρ times as much as the one after it.

        mean ← ρ mean + (1 − ρ) w        mean = w at t = 1

    ρ is `decay`; the average covers about 1 / (1 − ρ) steps. Like a decreasing learning rate, it reduces the noise of
    large steps. In a short run with a large ρ, early weights dominate it.  Polyak and Juditsky (1992); with this
    average, Tarvainen and Valpola (2017), section 2.

    >>> ExponentialAverage(0.5).average(1.0, 2.0, 2).item(), ExponentialAverage(0.5).average(1.0, 2.0, 1).item()
    (1.5, 2.0)
    """

    decay: ProperFraction = 0.999

    def average(self, mean: Values, w: Values, t: Values) -> Values:
        rho = np.where(np.less_equal(t, 1), 0.0, self.decay)
        return rho * mean + (1.0 - rho) * w
