"""The state of the schedule, and its factors on the learning rate."""

from __future__ import annotations

import numpy as np

from deltarule.engines.problem import Problem, Sums
from deltarule.formulas import Schedule
from deltarule.types import Floats

__all__ = ["Rates"]


class Rates:
    """The factors of a schedule at each step: of the recipe's on the learning rate, or of another one.

    state : that of a schedule that depends on the validation loss; empty for others.
    """

    def __init__(self, problem: Problem, schedule: Schedule | None = None) -> None:
        self._schedule, self._total = problem.recipe.schedule if schedule is None else schedule, problem.steps
        self.state: tuple[float, ...] = self._schedule.start

    @property
    def watching(self) -> bool:
        """Whether the schedule needs each epoch's validation loss before the next epoch."""
        return self._schedule.watches

    def ahead(self, step: int, count: int) -> Floats:
        """Return the factors of `count` steps, (count,), starting with `step`, counted from 1."""
        t = np.arange(step, step + count, dtype=np.float64)
        rates: Floats = np.ascontiguousarray(self._schedule.rate(t, self._total, *self.state), np.float64)
        return rates

    def watch(self, held: Sums) -> None:
        """Update the state by an epoch's validation loss."""
        if self.watching:
            watched = self._schedule.watch(held.loss / held.weight, *self.state)
            self.state = tuple(float(number) for number in watched)
