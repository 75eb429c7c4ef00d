"""The objective of the training set as a function of the trained parameters, which L-BFGS minimises."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from typing import ClassVar, Protocol

import numpy as np

from deltarule.engines.definition import add_penalties, evaluate, gradient, penalty_value
from deltarule.engines.problem import Engine, Figure, Problem, Sums
from deltarule.formulas import Optimizer
from deltarule.formulas.formula import Values
from deltarule.types import Floats

__all__ = ["EngineObjective", "Objective"]

_BLOCK = 8192


class Objective:
    """Mean loss plus penalties on all training samples, computed by the reference engine."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.weight = float(np.sum(problem.train.weight(slice(None))))
        self._met: dict[bytes, Sums] = {}

    def __call__(self, point: Floats) -> tuple[float, Floats]:
        """Return the objective and its gradient, (trained,), at a point."""
        with np.errstate(over="ignore", invalid="ignore"):
            total, g = self._gradient(point)
            value = total.loss / total.weight + self.penalty(point)
        # The search requests the sums of the last point or of the one before.
        self._met = {point.tobytes(): total, **dict(list(self._met.items())[:1])}
        return value, g

    def sums(self, point: Floats) -> Sums:
        """Return the weight, loss and error of the training samples at a point."""
        return self._met.get(point.tobytes()) or evaluate(self.problem, point, self.problem.train)

    def penalty(self, point: Floats) -> float:
        """Return the penalties' contribution to the objective."""
        return penalty_value(self.problem, point, self.weight)

    def _gradient(self, point: Floats) -> tuple[Sums, Floats]:
        """Compute the sums and the objective's gradient, block by block."""
        problem, total, g = self.problem, Sums(), np.zeros(len(point))
        for start in range(0, len(problem.train), _BLOCK):
            part, met, _ = gradient(problem, point, slice(start, start + _BLOCK))
            total += met
            g += met.weight * part
        g /= total.weight
        add_penalties(problem, point, g, total.weight)
        return total, g


@dataclass(frozen=True)
class Gradient(Optimizer):
    """An optimizer without a step: it replaces the parameters by the gradient, for use by an outer optimizer."""

    name: ClassVar[str] = "gradient"

    def step(self, w: Values, g: Values, t: Values) -> tuple[Values, ...]:  # noqa: ARG002
        """Return the gradient in place of the parameter."""
        return (g,)


class RestartableEngine(Engine, Protocol):
    """An engine that can continue from another point."""

    def begin(self, theta: Floats) -> None:
        """Continue from another θ, with slots of 0."""
        ...


class EngineObjective(Objective):
    """The same objective, computed by another engine: an epoch of one batch, which stores the gradient in θ."""

    def __init__(self, problem: Problem, engine: Callable[[Problem], RestartableEngine]) -> None:
        super().__init__(problem)
        size = len(problem.train)
        recipe = problem.recipe.replace(
            optimizer=Gradient(), batch_size=size, epochs=2**31, stopping=None, evaluate_train=False
        )
        order = repeat([np.arange(size)])
        alone = dataclasses.replace(problem, recipe=recipe, validation=None, order=order, record=None)
        self._engine = engine(alone)

    def _gradient(self, point: Floats) -> tuple[Sums, Floats]:
        self._engine.begin(point)
        figures = self._engine.advance(1, math.inf)
        if figures.interruption is not None:
            raise figures.interruption
        return Sums(*figures.table[-1, : Figure.VALIDATION_WEIGHT]), self._engine.theta
