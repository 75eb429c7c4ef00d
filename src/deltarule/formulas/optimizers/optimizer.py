"""The base class of optimizers."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from deltarule.formulas.formula import Formula, Positive, Values


@dataclass(frozen=True)
class Optimizer(Formula):
    """A rule `step(w, g, t, *slots)` that returns the new w and the new slots.

    w is a parameter, g its gradient, t the number of the step, from 1. `slots` names the state of each parameter; all
    slots are 0 before the first step. If the slots depend on fields, `slots` is a property.

    `granularity` "elementwise": the rule is for each number alone. "matrix": it applies to the weights of a hidden
    layer, (fan_in, fan_out); all other parameters use the elementwise optimizer `others`, whose slots come last.
    "full-batch": there is no step; the engine minimizes the objective over the whole training set.
    """

    kind: ClassVar[str] = "optimizer"
    field_aliases: ClassVar[Mapping[str, str]] = {"lr": "learning_rate"}
    slots: ClassVar[tuple[str, ...]] = ()

    learning_rate: Positive = 0.01

    def at_rate(self, factor: float) -> Self:
        """Return a copy with the learning rate multiplied by a schedule's factor, which may be 0."""
        if factor == 1.0:
            return self
        scheduled = copy.copy(self)
        object.__setattr__(scheduled, "learning_rate", self.learning_rate * factor)
        return scheduled

    def step(self, w: Values, g: Values, t: Values, *slots: Values, **named: Values) -> tuple[Values, ...]:
        """Return the parameter and its slots after step t. A subclass names its slots as parameters."""
        raise NotImplementedError
