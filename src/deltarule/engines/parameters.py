"""The parameters θ: one flat vector, and its weights and biases as views."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from deltarule.errors import RecipeError
from deltarule.formulas.initializers import drawn
from deltarule.formulas.random import Floats, Purpose
from deltarule.recipes import Network

Layers: TypeAlias = list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]
"""For each layer its weights (fan_in, fan_out) and its biases (fan_out,)."""


def count(sizes: Sequence[int]) -> int:
    """The number of weights and biases of a network.

    >>> count((784, 30, 10))
    23860
    """
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(sizes))


def layers(theta: npt.NDArray[Any], sizes: Sequence[int]) -> Layers:
    """Views into θ: each layer's weights, then its biases."""
    views, start = [], 0
    for fan_in, fan_out in pairwise(sizes):
        middle, end = start + fan_in * fan_out, start + (fan_in + 1) * fan_out
        views.append((theta[start:middle].reshape(fan_in, fan_out), theta[middle:end]))
        start = end
    return views


def weight_mask(sizes: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Where θ holds weights, which penalties see, rather than biases."""
    mask = np.zeros(count(sizes), dtype=bool)
    for weights, _ in layers(mask, sizes):
        weights[:] = True
    return mask


def first(network: Network, sizes: Sequence[int], seed: int) -> Floats:
    """θ before the first step, drawn from (seed, layer, input, output)."""
    theta = np.zeros(count(sizes))
    bias = network.bias_initializer
    for number, ((weights, biases), initializer) in enumerate(
        zip(layers(theta, sizes), network.initializers(), strict=True)
    ):
        fan_in, fan_out = weights.shape
        weights[:] = drawn(initializer, seed, Purpose.WEIGHTS, number, (fan_in, fan_out), (fan_in, fan_out))
        biases[:] = drawn(bias, seed, Purpose.BIASES, number, (1, fan_out), (fan_out, fan_out))[0]
    return theta


def given(start: Sequence[tuple[Any, Any]], sizes: Sequence[int]) -> Floats:
    """θ from one's own weights (fan_in, fan_out) and biases (fan_out,), a copy."""
    theta = np.zeros(count(sizes))
    views = layers(theta, sizes)
    if len(start) != len(views):
        raise RecipeError(f"start with weights and biases for {len(views)} layers", f"{len(start)}")
    for number, (view, own) in enumerate(zip(views, start, strict=True), start=1):
        for target, source, what in zip(view, own, ("weights", "biases"), strict=True):
            numbers = np.asarray(source, dtype=np.float64)
            if numbers.shape != target.shape or not np.isfinite(numbers).all():
                came = f"shape {numbers.shape}" if numbers.shape != target.shape else "NaN or infinity"
                raise RecipeError(f"finite {what} of shape {target.shape} for layer {number}", came)
            target[:] = numbers
    return theta
