"""The objective of the whole training part by the compiled engine, in float64."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from itertools import repeat
from typing import ClassVar

import numpy as np

from deltarule.engines.compiled.engine import Compiled
from deltarule.engines.objective import Objective
from deltarule.engines.problem import Figure, Problem, Sums
from deltarule.formulas import Optimizer
from deltarule.formulas.formula import Values
from deltarule.types import Floats

__all__ = ["CompiledObjective"]


@dataclass(frozen=True)
class Gradient(Optimizer):
    """No step at all: the gradient is left where the parameters were, for somebody else to step by."""

    name: ClassVar[str] = "gradient"

    def step(self, w: Values, g: Values, t: Values) -> tuple[Values, ...]:  # noqa: ARG002
        """The gradient in place of the parameter."""
        return (g,)


class CompiledObjective(Objective):
    """The same objective: each value is an epoch of one batch, which leaves the gradient in the parameters' place."""

    def __init__(self, problem: Problem, n_threads: int | None = None) -> None:
        super().__init__(problem)
        size = len(problem.train)
        recipe = problem.recipe.replace(
            optimizer=Gradient(), batch_size=size, epochs=2**31, stopping=None, evaluate_train=False
        )
        order = repeat([np.arange(size)])
        alone = dataclasses.replace(problem, recipe=recipe, validation=None, order=order, record=None, progress=None)
        self._engine = Compiled(alone, "float64", n_threads)

    def _gradient(self, point: Floats) -> tuple[Sums, Floats]:
        self._engine.begin(point)
        figures = self._engine.advance(1, math.inf).table[-1]
        return Sums(*figures[: Figure.VALIDATION_WEIGHT]), self._engine.theta
