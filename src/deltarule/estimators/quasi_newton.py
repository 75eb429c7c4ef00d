"""Training on all samples at once by L-BFGS, in float64."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from deltarule.engines.parameters import count, layers, weight_mask
from deltarule.engines.problem import Figure, Samples
from deltarule.engines.reference import backward, forward, penalty_value
from deltarule.estimators.order import Ordered
from deltarule.estimators.prediction import UNSCALED
from deltarule.formulas import Loss, Optimizer
from deltarule.formulas.formula import Values
from deltarule.formulas.random import Floats
from deltarule.recipes import Recipe


@dataclass(frozen=True)
class Objective:
    """Mean loss plus penalty over all samples, as a function of θ."""

    recipe: Recipe
    sizes: Sequence[int]
    samples: Samples

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        """The objective and its gradient, (parameters,)."""
        loss, penalty, activations = self.recipe.loss, self.recipe.penalty, self.recipe.network.activations
        assert isinstance(loss, Loss)
        x, y, w = self._x, self._y, self._shares
        with np.errstate(over="ignore", invalid="ignore"):
            view = layers(theta, self.sizes)
            run = forward(view, activations, x)
            value = float(np.sum(w * loss.value(run.z[-1], y)))
            dz = loss.gradient(run.z[-1], y) * w[:, None]
            g = np.concatenate([part.ravel() for layer in backward(view, activations, run, dz) for part in layer])
            if penalty is not None:
                g[self._mask] += penalty.share(self._weight) * penalty.gradient(theta[self._mask])
                value += self.penalty(theta)
        return value, g

    def penalty(self, theta: Floats) -> float:
        """The penalty's part in it."""
        penalty = self.recipe.penalty
        if penalty is None:
            return 0.0
        return float(penalty.share(self._weight)) * penalty_value(penalty, theta, self._mask)

    @cached_property
    def _x(self) -> Floats:
        return self.samples.x.astype(np.float64, copy=False)

    @cached_property
    def _y(self) -> Floats:
        return self.samples.y(slice(None))

    @cached_property
    def _weight(self) -> float:
        return float(np.sum(self.samples.weight(slice(None))))

    @cached_property
    def _shares(self) -> Floats:
        return self.samples.weight(slice(None)) / self._weight

    @cached_property
    def _mask(self) -> npt.NDArray[np.bool_]:
        return weight_mask(self.sizes)


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

    samples, size = objective.samples, len(objective.samples)
    recipe = objective.recipe.replace(optimizer=Gradient(), batch_size=size, epochs=2**31)
    order = repeat([np.arange(size)])
    nowhere = np.zeros(count(objective.sizes))
    problem = Ordered(recipe, tuple(objective.sizes), UNSCALED, samples, None, nowhere, order)
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
    theta: Floats,
    *,
    iterations: int,
    tolerance: float,
    calls: int,
    verbose: bool = False,
    engine: str = "compiled",
    n_threads: int | None = None,
) -> Minimum:
    """Minimise an objective by SciPy's L-BFGS-B from θ.

    iterations, calls : of the method, and of the objective, at the most; tolerance : of the gradient's largest element.
    Liu and Nocedal (1989).
    """
    from scipy.optimize import minimize

    def tell(intermediate_result: Any) -> None:
        sys.stdout.write(f"Objective = {intermediate_result.fun:.8f}\n")

    options = {"maxiter": iterations, "maxfun": calls, "gtol": tolerance}
    told = tell if verbose else None
    function = objective if engine == "reference" else compiled(objective, n_threads)
    found = minimize(function, theta, method="L-BFGS-B", jac=True, options=options, callback=told)
    cost = objective.penalty(found.x)
    unfinished = None if found.status == 0 else str(found.message)
    return Minimum(found.x, float(found.fun) - cost, cost, min(int(found.nit), iterations), unfinished)
