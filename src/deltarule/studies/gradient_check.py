"""Is backpropagation right? Its gradient beside differences of the objective, and what each costs."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from deltarule.data import Dataset
from deltarule.engines.parameters import layers, weight_mask
from deltarule.engines.problem import Indices, Problem
from deltarule.engines.reference import forward, gradient, penalty_value
from deltarule.formulas.random import Floats
from deltarule.recipes import Recipe
from deltarule.training.preparing import prepared


@dataclass(frozen=True)
class GradientCheck:
    """The gradient by backpropagation and by central differences, at the recipe's first weights.

    relative_errors : (parameters,), |backward − numerical| / max(|backward|, |numerical|, largest |gradient| · 10⁻³).
    numerical_passes, numerical_seconds : two forward passes for each parameter.
    backward_seconds : one forward and one backward pass for all of them.
    """

    backward: Floats
    numerical: Floats
    relative_errors: Floats
    numerical_passes: int
    numerical_seconds: float
    backward_seconds: float

    @property
    def parameters(self) -> int:
        """How many weights and biases were checked."""
        return len(self.backward)

    @property
    def largest_relative_error(self) -> float:
        """The worst of the relative errors."""
        return float(self.relative_errors.max())

    def __str__(self) -> str:
        return (
            f"{self.parameters:,} parameters, largest relative error {self.largest_relative_error:.1e}. "
            f"Differences took {self.numerical_passes:,} forward passes and {self.numerical_seconds:.3g} s, "
            f"backpropagation one pass each way and {self.backward_seconds:.3g} s."
        )


def gradient_check(
    recipe: Recipe, data: Dataset, *, samples: int = 32, parameters: int = 500, step: float = 1e-5
) -> GradientCheck:
    """Compare backpropagation with (C(θ + h) − C(θ − h)) / 2h, one parameter after the other.

    samples : how many of the training part the objective is taken over.
    parameters : how many weights and biases are checked, evenly spread over θ; all where there are fewer.
    step : h, in units of the parameter. float64 throughout; dropout is off.

    >>> import deltarule as dr
    >>> check = gradient_check(dr.Recipe(network=dr.Network(hidden=(5,), activation="tanh")), dr.load_dataset("iris"))
    >>> check.parameters, check.largest_relative_error < 1e-6
    (43, True)
    """
    problem, _ = prepared(recipe, data)
    rows = np.arange(min(samples, len(problem.train)))
    theta, weights = problem.theta.copy(), weight_mask(problem.sizes)
    began = time.perf_counter()
    backward, _ = gradient(problem, theta, rows)
    penalty = recipe.penalty
    if penalty is not None:
        backward[weights] += penalty.share(float(np.sum(problem.train.weight(rows)))) * penalty.gradient(theta[weights])
    backward_seconds = time.perf_counter() - began
    chosen = np.unique(np.linspace(0, len(theta) - 1, min(parameters, len(theta))).round().astype(np.intp))
    numerical = np.zeros(len(chosen))
    began = time.perf_counter()
    for place, index in enumerate(chosen):
        numerical[place] = _difference(problem, theta, rows, int(index), step, is_weight=bool(weights[index]))
    numerical_seconds = time.perf_counter() - began
    chosen_backward = backward[chosen]
    floor = max(float(np.abs(backward).max()) * 1e-3, np.finfo(float).tiny)
    size = np.maximum(np.maximum(np.abs(chosen_backward), np.abs(numerical)), floor)
    errors = np.abs(chosen_backward - numerical) / size
    return GradientCheck(chosen_backward, numerical, errors, 2 * len(chosen), numerical_seconds, backward_seconds)


def _difference(problem: Problem, theta: Floats, rows: Indices, index: int, step: float, *, is_weight: bool) -> float:
    """The slope of the objective along one parameter; losses are subtracted before they are added, to keep digits."""
    penalty, one = problem.recipe.penalty, np.ones(1, dtype=bool)
    before, sides = theta[index], []
    for side in (step, -step):
        theta[index] = before + side
        sides.append((_losses(problem, theta, rows), penalty_value(penalty, theta[[index]], one) if is_weight else 0.0))
    theta[index] = before
    (above, penalty_above), (below, penalty_below) = sides
    w = problem.train.weight(rows)
    mean = float(np.sum(w * (above - below)) / np.sum(w))
    share = 1.0 if penalty is None else penalty.share(float(np.sum(w)))
    return (mean + share * (penalty_above - penalty_below)) / (2.0 * step)


def _losses(problem: Problem, theta: Floats, rows: Indices) -> Floats:
    """The loss of each row: (rows,)."""
    samples = problem.train
    z = forward(layers(theta, problem.sizes), problem.activations, problem.scaling(samples.inputs(rows))).z[-1]
    losses: Floats = problem.loss.value(z, samples.y(rows))
    return losses
