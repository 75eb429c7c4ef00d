"""Training on all samples at once by L-BFGS, in float64."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from deltarule.engines.objective import Objective
from deltarule.types import Floats


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
    found = minimize(objective, objective.problem.theta, method="L-BFGS-B", jac=True, options=options, callback=told)
    cost = objective.penalty(found.x)
    unfinished = None if found.status == 0 else str(found.message)
    return Minimum(found.x, float(found.fun) - cost, cost, min(int(found.nit), iterations), unfinished)
