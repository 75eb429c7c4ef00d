"""Training on all samples at once by L-BFGS, in float64."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.parameters import layers, weight_mask
from deltarule.engines.problem import Samples
from deltarule.engines.reference import backward, forward, penalty_value
from deltarule.formulas import Loss
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
class Minimum:
    """Where L-BFGS has come to: θ, mean loss and penalty there, iterations, and SciPy's words unless it converged."""

    theta: Floats
    loss: float
    penalty: float
    iterations: int
    unfinished: str | None


def minimised(
    objective: Objective, theta: Floats, *, iterations: int, tolerance: float, calls: int, verbose: bool = False
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
    found = minimize(objective, theta, method="L-BFGS-B", jac=True, options=options, callback=told)
    cost = objective.penalty(found.x)
    unfinished = None if found.status == 0 else str(found.message)
    return Minimum(found.x, float(found.fun) - cost, cost, min(int(found.nit), iterations), unfinished)
