"""Activations and gradients of a network, replayed after training by the definition of its forward and backward pass.

Nothing is recorded while a network trains, so training costs nothing more: the initial weights are a function of the
recipe and its seed, and are computed again; the weights at the end are the model's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deltarule.engines.backpropagation import forward
from deltarule.engines.definition import gradient, penalty_value, sums
from deltarule.engines.problem import Problem
from deltarule.formulas import Activation
from deltarule.formulas.random import permutation
from deltarule.types import Floats

_ROWS = 512
_WORK = 2e7
"""The largest number of weights times samples of a pass: a tenth of a second."""
_BATCHES = 8
_FLAT = 0.05
"""A bounded unit is saturated where its slope is below this fraction of its largest: |z| > 4.4 for a sigmoid."""


@dataclass(frozen=True)
class Layer:
    """A hidden layer on some training samples.

    units : how many it has. rms : the root mean square of its pre-activations z.
    dead : units whose slope is 0 for every sample, of an activation that is not bounded.
    saturated : the fraction of units and samples with next to no slope, of a bounded activation; NaN otherwise.
    equal : units that are copies of another unit of the layer.
    """

    units: int
    rms: float
    dead: int
    saturated: float
    equal: int


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A network at one point of training, on `n` training samples.

    layers : its hidden layers.
    gradients : for each layer the norm of the gradient of its weighted sums, as the root mean square over some batches;
        none of normalized layers.
    loss : the mean loss. penalty : what penalties add to it.
    norms : the norm of the gradient of each of some batches. largest : its largest component in each.
    noise : the variance of a batch's gradient over the square of the mean gradient, both summed over the weights.
    """

    n: int
    layers: tuple[Layer, ...]
    gradients: tuple[float, ...]
    loss: float
    penalty: float
    norms: Floats
    largest: Floats
    noise: float


@dataclass(frozen=True)
class Replay:
    """A network before its first step and at its end."""

    first: Snapshot
    last: Snapshot


def replayed(problem: Problem, parameters: Floats) -> Replay:
    """Replay a pass with the initial weights, and one with those at the end.

    >>> import deltarule as dr
    >>> from deltarule.training.preparing import prepared
    >>> problem, _ = prepared(dr.Recipe(stopping=None), dr.load_dataset("iris"))
    >>> seen = replayed(problem, problem.theta)
    >>> [layer.units for layer in seen.first.layers], len(seen.first.gradients)
    ([128, 64], 3)
    """
    with np.errstate(all="ignore"):
        return Replay(_snapshot(problem, problem.theta), _snapshot(problem, parameters))


def _snapshot(problem: Problem, parameters: Floats) -> Snapshot:
    n = int(np.clip(_WORK / max(problem.shape.theta, 1), 32, min(_ROWS, len(problem.train))))
    rows = permutation(problem.recipe.seed, 0, len(problem.train))[:n]
    samples = problem.train
    run = forward(problem, parameters, problem.scaling(samples.inputs(rows)), training=True)
    total = sums(problem, samples, run.z[-1], samples.y(rows), samples.weight(rows))
    weights = [W for W, _ in problem.shape.layers(parameters)]
    activations = problem.recipe.network.activations
    layers = tuple(
        _layer(z.reshape(-1, z.shape[-1]), activation, W)
        for z, activation, W in zip(run.z[:-1], activations, weights, strict=False)
    )
    gradients = _gradients(problem, parameters)
    mean = gradients.mean(axis=0)
    if problem.shape.normalization is None:
        squares = [[float(np.sum(b**2)) for _, b in problem.shape.layers(each)] for each in gradients]
        of_layers = tuple(float(each) for each in np.sqrt(np.mean(squares, axis=0)))
    else:
        of_layers = ()
    variance = float(gradients.var(axis=0, ddof=1).sum()) if len(gradients) > 1 else float("nan")
    signal = float(np.sum(mean**2)) - variance / len(gradients)
    norms = np.sqrt(np.sum(gradients**2, axis=1))
    penalty = penalty_value(problem, parameters, float(len(samples)))
    largest = np.abs(gradients).max(axis=1)
    noise = variance / signal if signal > 0 else float("inf")
    return Snapshot(n, layers, of_layers, total.loss / total.weight, penalty, norms, largest, noise)


def _gradients(problem: Problem, parameters: Floats) -> Floats:
    """The gradients of some batches of the recipe's size, (batches, trained)."""
    n = len(problem.train)
    size = min(problem.recipe.batch_size, n)
    used = int(np.clip(_WORK / max(problem.shape.theta, 1), 16, size))
    several = int(np.clip(min(_BATCHES, _WORK / max(problem.shape.theta * used, 1)), 2, max(2, n // used)))
    shuffled = permutation(problem.recipe.seed, 1, n)
    return np.array(
        [gradient(problem, parameters, shuffled[i * used : (i + 1) * used])[0] for i in range(several) if i * used < n]
    )


def _layer(z: Floats, activation: Activation, weights: npt.NDArray[np.floating]) -> Layer:
    slope = np.abs(np.asarray(activation.slope(z, activation.value(z)), np.float64))
    steepest = _largest_slope(activation)
    bounded = _is_bounded(activation)
    saturated = float(np.mean(slope < _FLAT * steepest)) if bounded else float("nan")
    dead = 0 if bounded else int(np.sum((slope == 0).all(axis=0)))
    rounded = np.round(weights.reshape(-1, weights.shape[-1]), 12) + 0.0  # −0 becomes 0
    columns = len({column.tobytes() for column in rounded.T})
    return Layer(z.shape[1], float(np.sqrt(np.mean(z**2))), dead, saturated, weights.shape[-1] - columns)


def _is_bounded(activation: Activation) -> bool:
    """Whether the values of an activation are bounded on both sides, as those of a sigmoid."""
    far = np.asarray(activation.value(np.array([-1e4, -1e3, 1e3, 1e4])), np.float64)
    return bool(np.isfinite(far).all() and np.ptp(far) < 100 and np.ptp(far) > 0)


def _largest_slope(activation: Activation) -> float:
    z = np.linspace(-8, 8, 1601)
    return float(np.max(np.abs(activation.slope(z, activation.value(z)))))
