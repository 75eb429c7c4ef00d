"""The steps of an optimizer on a given function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deltarule.formulas import ConstantRate, Optimizer, Schedule
from deltarule.types import Floats


def steps_of(
    rule: Optimizer,
    gradient: Callable[[Floats], Any],
    start: Any,
    steps: int,
    schedule: Schedule | None = None,
) -> Floats:
    """Return the points of an optimizer before its first step and after each, (steps + 1, *shape of `start`).

    gradient : gradient of the function at a point. schedule : factor on the learning rate.

    >>> from deltarule.formulas import SGD
    >>> steps_of(SGD(learning_rate=0.5), lambda w: w, 8.0, 3).tolist()
    [8.0, 4.0, 2.0, 1.0]
    """
    planned = schedule if schedule is not None else ConstantRate()
    w = np.array(start, dtype=np.float64)
    slots: list[Floats] = [np.zeros_like(w) for _ in rule.slots]
    places = [w]
    for t in range(1, steps + 1):
        factor = float(planned.rate(np.float64(t), steps))
        w, *slots = rule.at_rate(factor).step(w, gradient(w), t, *slots)
        places.append(w)
    return np.array(places)
