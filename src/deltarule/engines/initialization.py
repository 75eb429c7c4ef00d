"""What is fitted to the training set before the first step: initial weights, and constants of embeddings."""

from __future__ import annotations

import numpy as np

from deltarule.engines.backpropagation import forward
from deltarule.engines.problem import Problem
from deltarule.formulas.random import permutation
from deltarule.types import Floats

__all__ = ["fit_to_data"]

_AT_MOST = 65_536


def fit_to_data(problem: Problem, seed: int, *, layers: bool) -> None:
    """Write into a problem's initial vector what depends on the training set.

    Large training sets are represented by 65,536 random samples.

    seed : of the random choices.
    layers : whether initial weights and biases are to be fitted, too; not those that the caller gives.
    """
    network, shape, vector = problem.recipe.network, problem.shape, problem.theta
    initializers = list(zip(network.initializers(), network.bias_initializers(), strict=True))
    by_layer = layers and any(each.fits for pair in initializers for each in pair)
    fitted = shape.stage_fitted(vector)
    if not by_layer and not fitted:
        return
    x, from_sums = _inputs(problem, seed), False
    if shape.stage is not None:
        made = shape.stage.fitted(x)
        for name, part in fitted.items():
            part[:] = made[name]
    for layer, (weights, biases) in enumerate(shape.layers(vector) if by_layer else []):
        of_weights, of_biases = initializers[layer]
        if of_weights.fits or of_biases.fits:
            if layer == 0:
                inputs = _first_inputs(problem, x)
            else:
                inputs = forward(problem, vector, x, training=True, from_sums=from_sums).x[layer]
            if of_weights.fits:
                weights[:] = of_weights.fitted(inputs, weights, seed, layer)
            if of_biases.fits:
                biases[:] = of_biases.fitted(inputs @ weights, biases[None], seed, layer)[0]
            if layer == 0:
                x, from_sums = inputs @ weights + biases, True


def _first_inputs(problem: Problem, x: Floats) -> Floats:
    """Return the inputs of the first layer for scaled inputs."""
    shape, vector = problem.shape, problem.theta
    factors = shape.scale(vector)
    if shape.stage is not None:
        x = shape.stage.values(x, shape.stage_parts(vector) | shape.stage_fitted(vector))
    return x if factors is None else x * factors


def _inputs(problem: Problem, seed: int) -> Floats:
    """Return the scaled inputs of all training samples, or of a random part of them."""
    n = len(problem.train)
    chosen = slice(None) if n <= _AT_MOST else np.sort(permutation(seed, 0, n)[:_AT_MOST])
    return problem.scaling(problem.train.inputs(chosen))
