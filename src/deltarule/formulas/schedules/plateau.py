"""The schedule that depends on the validation loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import Count, Fraction, Integer, Interval, NonNegative, Values, register
from deltarule.formulas.schedules.schedule import Schedule


@register("reduce_on_plateau")
@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """Multiply the learning rate by a factor when the validation loss has stopped decreasing.

        improvement:  loss < best − δ        relative:  loss < best (1 − δ)
        after p epochs without improvement:  rate ← max(f · rate, s), then c epochs without counting

    f is `factor`, p `patience`, δ `min_improvement`, c `cooldown`, s `smallest`. State: the rate, the best loss, the
    epochs without improvement, the remaining epochs of the cooldown. Early stopping needs more patience, or it ends the
    run first.  Krizhevsky, Sutskever and Hinton (2012), section 5, who did it by hand.

    >>> plateau, state = ReduceOnPlateau(0.5, patience=2), ReduceOnPlateau.start
    >>> for loss in (1.0, 0.9, 0.9, 0.9):
    ...     state = plateau.watch(loss, *state)
    >>> float(plateau.rate(5, 10, *state))
    0.5
    """

    start: ClassVar[tuple[float, ...]] = (1.0, math.inf, 0.0, 0.0)

    factor: Interval = 0.1
    patience: Count = 10
    min_improvement: NonNegative = 1e-4
    relative: bool = False
    cooldown: Integer = 0
    smallest: Fraction = 0.0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        return state[0] * np.ones_like(t, dtype=float)

    def watch(self, loss: Values, *state: Values) -> tuple[Values, ...]:
        rate, best, waited, resting = state
        better = loss < (best * (1.0 - self.min_improvement) if self.relative else best - self.min_improvement)
        waited = np.where(better | (resting > 0), 0.0, waited + 1.0)
        due = waited >= self.patience
        return (
            np.where(due, np.maximum(rate * self.factor, self.smallest), rate),
            np.where(better, loss, best),
            np.where(due, 0.0, waited),
            np.where(due, float(self.cooldown), np.maximum(resting - 1.0, 0.0)),
        )
