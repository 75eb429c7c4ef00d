"""What every optimizer offers."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from deltarule.formulas.formula import Formula, Positive, Values


@dataclass(frozen=True)
class Optimizer(Formula):
    """A rule `step(w, g, t, *slots)` that returns the new w and the new slots.

    w is any parameter, g its gradient, t the step counted from 1. `slots` names what is remembered of each parameter;
    all slots are 0 before the first step. Where fields decide what is remembered, `slots` is a property.

    Of granularity "elementwise" the rule is for each number alone. Of "matrix" it is for the weights of a hidden layer,
    (fan_in, fan_out); all other parameters follow its field `others`, a rule for numbers; its slots are the last.
    Of "full-batch" there is no step: the engine minimises the objective of the whole training part.
    """

    kind: ClassVar[str] = "optimizer"
    field_aliases: ClassVar[Mapping[str, str]] = {"lr": "learning_rate"}
    slots: ClassVar[tuple[str, ...]] = ()

    learning_rate: Positive = 0.01

    def at_rate(self, factor: float) -> Self:
        """The same rule at its learning rate times a schedule's factor, which may be 0."""
        if factor == 1.0:
            return self
        scheduled = copy.copy(self)
        object.__setattr__(scheduled, "learning_rate", self.learning_rate * factor)
        return scheduled

    def step(self, w: Values, g: Values, t: Values, *slots: Values, **named: Values) -> tuple[Values, ...]:
        """The parameter and its slots after step t. A subclass names its slots as parameters."""
        raise NotImplementedError
