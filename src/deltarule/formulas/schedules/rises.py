"""Increasing schedules: warm-up, and exponential growth for a range test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deltarule.formulas.formula import Count, Fraction, Integer, Interval, Spec, Values, register
from deltarule.formulas.schedules.schedule import ConstantRate, Schedule


@register("exponential_growth")
@dataclass(frozen=True)
class ExponentialGrowth(Schedule):
    """Exponential growth to the full learning rate, for a learning rate range test.

        rate = s^(1 − min(u, T − 1) / (T − 1))

    s is `first`; T is `steps`, or the whole run if `steps` is 0. The learning rate of the optimizer is the maximum. See
    `learning_rate_range`.  Smith (2017), section 3.3, where the growth is linear.

    >>> ExponentialGrowth(0.25, steps=3).rate(np.array([1, 2, 3, 4]), 30).tolist()
    [0.25, 0.5, 1.0, 1.0]
    """

    first: Interval = 1e-7
    steps: Integer = 0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        last = max((self.steps or total) - 1, 1)
        return self.first ** (1.0 - np.minimum(t - 1.0, last) / last)


@register("warm_up")
@dataclass(frozen=True)
class WarmUp(Schedule):
    """Linear warm-up, followed by another schedule.

        u < n:  rate = s + (1 − s) u / n        u ≥ n:  the rate of `then` at step t − n of total − n

    n is `steps`, s is `first`, `then` is a schedule or its name. It keeps the first steps small, when gradients are
    large and the optimizer's moving averages are based on few samples.  Goyal et al. (2017), section 2.2.

    >>> WarmUp(4, first=0.0, then="linear_to_zero").rate(np.array([1, 3, 5, 10]), 14).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """

    steps: Count = 1000
    first: Fraction = 0.1
    then: Schedule = ConstantRate()  # noqa: RUF009 - frozen

    if TYPE_CHECKING:  # `then` may be given by name

        def __init__(self, steps: int = ..., first: float = ..., then: Spec | Schedule = ...) -> None: ...

    @property
    def start(self) -> tuple[float, ...]:  # type: ignore[override]
        """Return the initial state of the other schedule."""
        return self.then.start

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        u = t - 1.0
        after = self.then.rate(np.maximum(t - self.steps, 1), np.maximum(total - self.steps, 1), *state)
        return np.where(u < self.steps, self.first + (1.0 - self.first) * np.minimum(u / self.steps, 1.0), after)

    def watch(self, loss: Values, *state: Values) -> tuple[Values, ...]:
        return self.then.watch(loss, *state)
