"""The base class of learning rate schedules, and the constant schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, Values, register


@dataclass(frozen=True)
class Schedule(Formula):
    """A factor `rate(t, total)` on the learning rate of step t.

    t is the number of the step, from 1 to total, the number of steps of the run; both may be arrays. Fields that are
    lengths count the same steps. u = t − 1 is the number of completed steps, which libraries that count from 0 call the
    step.

    A schedule that depends on the validation loss has a state: `start` before the first epoch, `watch(loss, *state)`
    after each further epoch; `rate(t, total, *state)` reads it.
    """

    kind: ClassVar[str] = "schedule"
    start: ClassVar[tuple[float, ...]] = ()

    @property
    def watches(self) -> bool:
        """Whether the schedule needs the validation loss of each epoch."""
        return bool(self.start)

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        """Return the factor on the learning rate of step t."""
        raise NotImplementedError

    def watch(self, loss: Values, *state: Values) -> tuple[Values, ...]:
        """Return the state after an epoch with this validation loss."""
        return state


@register("constant")
@dataclass(frozen=True)
class ConstantRate(Schedule):
    """Constant learning rate.

        rate = 1

    The schedule of a recipe without one. Stochastic gradient descent does not converge with it.

    >>> float(ConstantRate().rate(7, 10))
    1.0
    """

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        return np.ones_like(t, dtype=float)
