"""What every optimizer offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deltarule.formulas.formula import Formula, Positive, Values


@dataclass(frozen=True)
class Optimizer(Formula):
    """A rule `step(w, g, t, *slots)` that returns the new w and the new slots.

    w is any parameter, g its gradient, t the step counted from 1. `slots` names what is remembered of each parameter;
    all slots are 0 before the first step. Where fields decide what is remembered, `slots` is a property.
    """

    kind: ClassVar[str] = "optimizer"
    slots: ClassVar[tuple[str, ...]] = ()

    learning_rate: Positive = 0.01

    def step(self, w: Values, g: Values, t: Values, *slots: Values) -> tuple[Values, ...]:
        """The parameter and its slots after step t."""
        raise NotImplementedError
