"""The definition of the objective, its gradient and its evaluation, in float64 NumPy. Every engine must equal it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.backpropagation import Draws, Pass, backward, forward, gradient_by_inputs
from deltarule.engines.members import combined
from deltarule.engines.problem import Problem, Samples, Sums, squared_distance, wrong_side
from deltarule.errors import RecipeError
from deltarule.formulas.augmentations.composition import Drawn, augment
from deltarule.types import Floats

__all__ = [
    "PERTURBED_INPUTS", "add_penalties", "batch", "evaluate", "gradient", "losses", "objective", "penalty_value",
    "perturbed", "sums",
]  # fmt: skip

PERTURBED_INPUTS = "the changed inputs, (n, d), from `perturbed`"
"""What a perturbation has to return."""


def penalty_value(problem: Problem, parameters: npt.NDArray[Any], weight: float) -> float:
    """Return the sum of the penalties over all weights, for a batch of this weight."""
    layers = zip(problem.recipe.penalties, problem.shape.layers(parameters), strict=True)
    sums = (penalty.share(weight) * np.sum(penalty.value(W)) for penalty, (W, _) in layers if penalty is not None)
    return float(sum(sums))


def losses(problem: Problem, z: Floats, y: Floats) -> Floats:
    """Return the loss of each sample, (n,); for the outputs of several members, the mean of their losses."""
    members = z.shape[1] // y.shape[1]
    if members == 1:
        return np.asarray(problem.loss.value(z, y))
    of_all = problem.loss.value(z.reshape(-1, y.shape[1]), np.repeat(y, members, axis=0))
    mean: Floats = of_all.reshape(len(z), members).mean(axis=1)
    return mean


def loss_gradient(problem: Problem, z: Floats, y: Floats) -> Floats:
    """Return the gradient of `losses` by z."""
    members = z.shape[1] // y.shape[1]
    if members == 1:
        return np.asarray(problem.loss.gradient(z, y))
    of_all = problem.loss.gradient(z.reshape(-1, y.shape[1]), np.repeat(y, members, axis=0))
    scaled: Floats = of_all.reshape(z.shape) / members
    return scaled


def objective(problem: Problem, parameters: npt.NDArray[Any], rows: Any, draws: Draws | None = None) -> float:
    """Return the objective, which is minimised: mean loss of some training rows plus the penalties."""
    samples = problem.train
    z = forward(problem, parameters, problem.scaling(samples.inputs(rows)), draws, training=True).z[-1]
    w = samples.weight(rows)
    mean = np.sum(w * losses(problem, z, samples.y(rows))) / np.sum(w)
    return float(mean) + penalty_value(problem, parameters, float(np.sum(w)))


def batch(problem: Problem, rows: Any, step: int) -> tuple[Floats, Floats]:
    """Return scaled inputs and targets of some training rows, augmented if `step` is not 0."""
    samples = problem.train
    x, y = samples.inputs(rows), samples.y(rows)
    if problem.raw is not None and step:
        x, y = augment(x, y, problem.recipe.augmentation, problem.raw, Drawn(problem.recipe.seed, step))
    return problem.scaling(x), y


def perturbed(problem: Problem, parameters: npt.NDArray[Any], x: Floats, y: Floats, w: Floats) -> Floats:
    """Return a batch's scaled inputs, changed by the recipe's perturbation, if it has one.

    The gradient that it follows is that of the loss in training, by the batch's own statistics, without noise and
    dropout.
    """
    perturbation = problem.recipe.perturbation
    if perturbation is None:
        return x
    run = forward(problem, parameters, x, training=True)
    dz = np.asarray(problem.loss.precise_gradient(run.z[-1], y)) * (w / (np.sum(w) or 1.0))[:, None]
    moved = perturbation.perturbed(x, gradient_by_inputs(problem, parameters, run, dz))
    if np.shape(moved) != x.shape:
        raise RecipeError(PERTURBED_INPUTS, "numbers of another shape", field=type(perturbation).__name__)
    return np.asarray(moved)


def gradient(
    problem: Problem, parameters: npt.NDArray[Any], rows: Any, draws: Draws | None = None, step: int = 0
) -> tuple[Floats, Sums, Pass]:
    """Return the gradient of the mean loss of some training rows, (trained,), their sums, and the forward pass.

    The rows are augmented and perturbed if `step` is not 0.
    """
    samples = problem.train
    x, y = batch(problem, rows, step)
    w = samples.weight(rows)
    if step:
        x = perturbed(problem, parameters, x, y, w)
    run = forward(problem, parameters, x, draws, training=True)
    z = run.z[-1]
    # A batch whose weights are all 0 contributes nothing to the gradient; the step is made nevertheless.
    dz = loss_gradient(problem, z, y) * (w / (np.sum(w) or 1.0))[:, None]
    return backward(problem, parameters, run, dz, draws), sums(problem, samples, z, y, w), run


def add_penalties(problem: Problem, parameters: npt.NDArray[Any], g: Floats, weight: float) -> None:
    """Add the gradients of the penalties to that of the mean loss, except for proximal penalties."""
    layers = zip(problem.recipe.penalties, problem.shape.layers(parameters), problem.shape.layers(g), strict=True)
    for penalty, (W, _), (g_W, _) in layers:
        if penalty is not None and not penalty.takes_prox:
            g_W += penalty.share(weight) * penalty.gradient(W)


def errors(problem: Problem, samples: Samples, z: Floats, y: Floats) -> Any:
    """Return the error of each sample, (n,): 1 for a misclassification, or the squared distance.

    Of several members, that of their mean prediction.
    """
    z = combined(problem.loss, z, y.shape[1])
    if samples.classes and samples.outputs > 1:
        return np.argmax(z, axis=1) != np.argmax(y, axis=1)
    return (wrong_side if samples.labelled else squared_distance)(problem.loss, z, y)


def sums(problem: Problem, samples: Samples, z: Floats, y: Floats, w: Floats) -> Sums:
    """Return the sums of weight, loss and error of some samples."""
    error = errors(problem, samples, z, y)
    return Sums(float(np.sum(w)), float(np.sum(w * losses(problem, z, y))), float(np.sum(w * error)))


def evaluate(problem: Problem, parameters: npt.NDArray[Any], samples: Samples, block: int = 8192) -> Sums:
    """Return the sums over a set of samples, with the network in prediction mode; of members, as a mean."""
    total = Sums()
    for start in range(0, len(samples), block):
        rows = slice(start, start + block)
        z = forward(problem, parameters, problem.scaling(samples.inputs(rows))).z[-1]
        z = combined(problem.loss, z, samples.outputs)
        total += sums(problem, samples, z, samples.y(rows), samples.weight(rows))
    return total
