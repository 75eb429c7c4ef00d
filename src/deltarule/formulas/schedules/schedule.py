"""What every schedule offers, and the one that changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, Values, register


@dataclass(frozen=True)
class Schedule(Formula):
    """A factor `rate(t, total)` on the learning rate of step t.

    t counts from 1 to total, the steps of the whole run; numbers and arrays will do. Lengths in fields are in the same
    steps. u = t − 1 is how many steps lie behind: libraries that count from 0 mean it by their step.

    A schedule that watches the validation loss remembers numbers: `start` has them before the first epoch,
    `watch(loss, *state)` gives them after one more, and `rate(t, total, *state)` reads them.
    """

    kind: ClassVar[str] = "schedule"
    start: ClassVar[tuple[float, ...]] = ()

    @property
    def watches(self) -> bool:
        """Whether the schedule needs the validation loss of each epoch."""
        return bool(self.start)

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        """The factor on the learning rate of step t."""
        raise NotImplementedError

    def watch(self, loss: Values, *state: Values) -> tuple[Values, ...]:
        """What is remembered after an epoch with this validation loss."""
        return state


@register("constant")
@dataclass(frozen=True)
class ConstantRate(Schedule):
    """The same rate all along.

        rate = 1

    What a recipe without a schedule has. Stochastic steps do not come to rest under it.

    >>> float(ConstantRate().rate(7, 10))
    1.0
    """

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        return np.ones_like(t, dtype=float)
