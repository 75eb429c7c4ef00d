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

    `degree` is the power of the gradient's scale that a step has: 1 where it is proportional to the gradient,
    0 where it does not depend on its scale, None for a rule that factors on `learning_rate` and `epsilon` cannot
    carry over to another scale of the parameters. It decides what `parametrization="ntk"` means.
    """

    kind: ClassVar[str] = "optimizer"
    field_aliases: ClassVar[Mapping[str, str]] = {"lr": "learning_rate"}
    slots: ClassVar[tuple[str, ...]] = ()
    degree: ClassVar[int | None] = 0

    learning_rate: Positive = 0.01

    def at_rate(self, factor: float, decay: float = 1.0) -> Self:
        """Return a copy with the learning rate, and the weight decay, multiplied by schedules' factors, also by 0."""
        return self.with_factors(factor, 1.0, decay)

    def with_factors(self, learning_rate: Values, epsilon: Values, decay: Values) -> Self:
        """Return a copy with the fields `learning_rate`, `epsilon` and `weight_decay` multiplied by factors.

        Each is a number or an array with one for each parameter. ε is in units of the gradient: where it is added to
        squared gradients, its factor is squared.
        """
        squared = getattr(self, "epsilon_place", None) == "inside"
        factors = {
            "learning_rate": learning_rate,
            "epsilon": epsilon * epsilon if squared else epsilon,
            "weight_decay": decay,
        }
        changed = {
            name: getattr(self, name) * factor
            for name, factor in factors.items()
            if hasattr(self, name) and not (isinstance(factor, float) and factor == 1.0)
        }
        copied = copy.copy(self) if changed else self
        for name, value in changed.items():
            object.__setattr__(copied, name, value)
        return copied

    def step(self, w: Values, g: Values, t: Values, *slots: Values, **named: Values) -> tuple[Values, ...]:
        """Return the parameter and its slots after step t. A subclass names its slots as parameters."""
        raise NotImplementedError
