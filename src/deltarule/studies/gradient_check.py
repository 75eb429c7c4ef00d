"""Gradient check: backpropagation against differences of the objective, with the cost of each."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from deltarule.data import Dataset
from deltarule.engines.backpropagation import forward
from deltarule.engines.definition import add_penalties, gradient, losses
from deltarule.engines.problem import Problem
from deltarule.formulas import Penalty
from deltarule.recipes import Recipe
from deltarule.training.preparing import prepared
from deltarule.types import Floats, Indices


@dataclass(frozen=True)
class GradientCheck:
    """The gradient by backpropagation and by central differences, at the recipe's initial weights.

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
        """Number of weights and biases that were checked."""
        return len(self.backward)

    @property
    def largest_relative_error(self) -> float:
        """The largest of the relative errors."""
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
    """Compare backpropagation with (C(θ + h) − C(θ − h)) / 2h, one parameter at a time.

    samples : number of training samples of the objective.
    parameters : number of weights and biases to check, evenly spaced in θ; all if there are fewer.
    step : h, in units of the parameter. float64 throughout; dropout is off.

    >>> import deltarule as dr
    >>> check = gradient_check(dr.Recipe(network=dr.Network(hidden=(5,), activation="tanh")), dr.load_dataset("iris"))
    >>> check.parameters, check.largest_relative_error < 1e-6
    (43, True)
    """
    problem, _ = prepared(recipe, data)
    rows = np.arange(min(samples, len(problem.train)))
    theta = problem.theta.copy()
    began = time.perf_counter()
    backward, _, _ = gradient(problem, theta, rows)
    add_penalties(problem, theta, backward, float(np.sum(problem.train.weight(rows))))
    backward_seconds = time.perf_counter() - began
    trained, varied = problem.shape.trained, np.flatnonzero(~problem.shape.idle())
    chosen = varied[np.unique(np.linspace(0, len(varied) - 1, min(parameters, len(varied))).round().astype(np.intp))]
    layer_of = np.full(trained, -1)
    for layer, (weights, _) in enumerate(problem.shape.layers(layer_of)):
        weights[:] = layer
    numerical = np.zeros(len(chosen))
    began = time.perf_counter()
    for place, index in enumerate(chosen):
        penalty = recipe.penalties[layer_of[index]] if layer_of[index] >= 0 else None
        numerical[place] = _difference(problem, theta, rows, int(index), step, penalty)
    numerical_seconds = time.perf_counter() - began
    chosen_backward = backward[chosen]
    floor = max(float(np.abs(backward).max()) * 1e-3, np.finfo(float).tiny)
    size = np.maximum(np.maximum(np.abs(chosen_backward), np.abs(numerical)), floor)
    errors = np.abs(chosen_backward - numerical) / size
    return GradientCheck(chosen_backward, numerical, errors, 2 * len(chosen), numerical_seconds, backward_seconds)


def _difference(
    problem: Problem, theta: Floats, rows: Indices, index: int, step: float, penalty: Penalty | None
) -> float:
    """Return the derivative by one parameter; losses are subtracted before they are added, to keep digits."""
    before, each, penalties = theta[index], [], []
    for side in (step, -step):
        theta[index] = before + side
        each.append(_losses(problem, theta, rows))
        penalties.append(0.0 if penalty is None else float(penalty.value(theta[index])))
    theta[index] = before
    w = problem.train.weight(rows)
    mean = float(np.sum(w * (each[0] - each[1])) / np.sum(w))
    share = 0.0 if penalty is None else float(penalty.share(float(np.sum(w))))
    return (mean + share * (penalties[0] - penalties[1])) / (2.0 * step)


def _losses(problem: Problem, theta: Floats, rows: Indices) -> Floats:
    """Return the loss of each row: (rows,)."""
    samples = problem.train
    z = forward(problem, theta, problem.scaling(samples.inputs(rows)), training=True).z[-1]
    return losses(problem, z, samples.y(rows))
