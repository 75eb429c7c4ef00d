"""Training on all samples at once by L-BFGS, in float64."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from typing import Any, ClassVar

import numpy as np

from deltarule.engines.problem import Figure, Problem
from deltarule.engines.reference import add_penalties, gradient, penalty_value
from deltarule.estimators.order import Ordered
from deltarule.estimators.prediction import UNSCALED
from deltarule.formulas import Optimizer
from deltarule.formulas.formula import Values
from deltarule.formulas.random import Floats


@dataclass(frozen=True)
class Objective:
    """Mean loss plus penalty over all samples, as a function of θ."""

    problem: Problem

    @property
    def weight(self) -> float:
        """What all samples weigh."""
        return float(np.sum(self.problem.train.weight(slice(None))))

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        """The objective and its gradient, (parameters,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            g, met, _ = gradient(self.problem, theta, slice(None))
            add_penalties(self.problem, theta, g, met.weight)
            return met.loss / met.weight + self.penalty(theta), g

    def penalty(self, theta: Floats) -> float:
        """The penalty's part in it."""
        return penalty_value(self.problem, theta, self.weight)


@dataclass(frozen=True)
class Gradient(Optimizer):
    """No step at all: the gradient is left where the parameters were, for somebody else to step by."""

    name: ClassVar[str] = "gradient"

    def step(self, w: Values, g: Values, t: Values) -> tuple[Values, ...]:  # noqa: ARG002
        """The gradient in place of the parameter."""
        return (g,)


def compiled(objective: Objective, n_threads: int | None) -> Callable[[Floats], tuple[float, Floats]]:
    """The same function, by the compiled engine in float64."""
    from deltarule.engines.compiled import Compiled

    whole = objective.problem
    size = len(whole.train)
    recipe = whole.recipe.replace(optimizer=Gradient(), batch_size=size, epochs=2**31)
    problem = Ordered(recipe, whole.sizes, UNSCALED, whole.train, None, whole.theta, repeat([np.arange(size)]))
    engine = Compiled(problem, "float64", n_threads)

    def value_and_gradient(theta: Floats) -> tuple[float, Floats]:
        engine.begin(theta)
        figures = engine.advance(1, math.inf).table[-1]
        value = figures[Figure.TRAIN_LOSS] / figures[Figure.TRAIN_WEIGHT] + objective.penalty(theta)
        return float(value), engine.theta

    return value_and_gradient


@dataclass(frozen=True)
class Minimum:
    """Where L-BFGS has come to: θ, mean loss and penalty there, iterations, and SciPy's words unless it converged."""

    theta: Floats
    loss: float
    penalty: float
    iterations: int
    unfinished: str | None


def minimised(
    objective: Objective,
    *,
    iterations: int,
    tolerance: float,
    calls: int,
    verbose: bool = False,
    engine: str = "compiled",
    n_threads: int | None = None,
) -> Minimum:
    """Minimise an objective by SciPy's L-BFGS-B from its problem's θ.

    iterations, calls : of the method, and of the objective, at the most; tolerance : of the gradient's largest element.
    Liu and Nocedal (1989).
    """
    from scipy.optimize import minimize

    def tell(intermediate_result: Any) -> None:
        sys.stdout.write(f"Objective = {intermediate_result.fun:.8f}\n")

    options = {"maxiter": iterations, "maxfun": calls, "gtol": tolerance}
    told = tell if verbose else None
    function = objective if engine == "reference" else compiled(objective, n_threads)
    found = minimize(function, objective.problem.theta, method="L-BFGS-B", jac=True, options=options, callback=told)
    cost = objective.penalty(found.x)
    unfinished = None if found.status == 0 else str(found.message)
    return Minimum(found.x, float(found.fun) - cost, cost, min(int(found.nit), iterations), unfinished)
