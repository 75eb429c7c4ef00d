"""The schedule at work: the factor on the learning rate at each step, and what it remembers of validation."""

from __future__ import annotations

import numpy as np

from deltarule.engines.problem import Problem, Sums
from deltarule.types import Floats

__all__ = ["Rates"]


class Rates:
    """What a recipe's schedule makes of the learning rate, step after step."""

    def __init__(self, problem: Problem) -> None:
        self._schedule, self._total = problem.recipe.schedule, problem.steps
        self._state: tuple[float, ...] = self._schedule.start

    @property
    def watching(self) -> bool:
        """Whether each epoch's validation loss has to be told before the next begins."""
        return self._schedule.watches

    def ahead(self, step: int, count: int) -> Floats:
        """The factors of the next `count` steps, (count,), the first of them being `step`, from 1."""
        t = np.arange(step, step + count, dtype=np.float64)
        rates: Floats = np.ascontiguousarray(self._schedule.rate(t, self._total, *self._state), np.float64)
        return rates

    def watch(self, held: Sums) -> None:
        """Take note of an epoch's validation part."""
        if self.watching:
            told = self._schedule.watch(held.loss / held.weight, *self._state)
            self._state = tuple(float(number) for number in told)
