"""Training on all samples at once by L-BFGS, in float64."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule.engines.parameters import layers, weight_mask
from deltarule.engines.problem import Samples
from deltarule.engines.reference import backward, forward, penalty_value
from deltarule.formulas.random import Floats
from deltarule.recipes import Recipe


@dataclass(frozen=True)
class Minimum:
    """Where L-BFGS has come to: θ, mean loss and penalty there, iterations, and SciPy's words unless it converged."""

    theta: Floats
    loss: float
    penalty: float
    iterations: int
    unfinished: str | None


def minimised(
    recipe: Recipe,
    sizes: Sequence[int],
    samples: Samples,
    theta: Floats,
    *,
    tolerance: float,
    calls: int,
    verbose: bool = False,
) -> Minimum:
    """Minimise mean loss plus penalty by SciPy's L-BFGS-B from θ.

    tolerance : of the gradient's largest element; calls : of the objective, at the most. Iterations are
    `recipe.epochs` at the most.  Liu and Nocedal (1989).
    """
    from scipy.optimize import minimize

    x, y, w = samples.x.astype(np.float64, copy=False), samples.y(slice(None)), samples.weight(slice(None))
    loss, penalty, activations = recipe.loss, recipe.penalty, recipe.network.activations
    mask, total = weight_mask(sizes), float(np.sum(w))
    w = w / total

    def objective(at: Floats) -> tuple[float, Floats]:
        with np.errstate(over="ignore", invalid="ignore"):
            view = layers(at, sizes)
            run = forward(view, activations, x)
            z = run.z[-1]
            value = float(np.sum(w * loss.value(z, y)))  # type: ignore[union-attr]
            dz = loss.gradient(z, y) * w[:, None]  # type: ignore[union-attr]
            g = np.concatenate([part.ravel() for layer in backward(view, activations, run, dz) for part in layer])
            if penalty is not None:
                share = float(penalty.share(total))
                g[mask] += share * penalty.gradient(at[mask])
                value += share * penalty_value(penalty, at, mask)
        return value, g

    def tell(intermediate_result: Any) -> None:
        sys.stdout.write(f"Objective = {intermediate_result.fun:.8f}\n")

    options = {"maxiter": recipe.epochs, "maxfun": calls, "gtol": tolerance}
    found = minimize(objective, theta, method="L-BFGS-B", jac=True, options=options, callback=tell if verbose else None)
    cost = 0.0 if penalty is None else float(penalty.share(total)) * penalty_value(penalty, found.x, mask)
    unfinished = None if found.status == 0 else str(found.message)
    return Minimum(found.x, float(found.fun) - cost, cost, min(int(found.nit), recipe.epochs), unfinished)
