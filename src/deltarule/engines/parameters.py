"""The parameters θ and a network's state: one flat vector, and views into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from deltarule.errors import RecipeError
from deltarule.formulas import Normalization
from deltarule.formulas.initializers import drawn
from deltarule.formulas.random import Purpose
from deltarule.recipes import Network
from deltarule.types import Booleans, Floats

Layers: TypeAlias = list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]
"""Weights (fan_in, fan_out) and biases (fan_out,) of each layer."""


class State(NamedTuple):
    """State of a normalised layer: γ and β, which are trained, and the running statistics.

    (units,) each; without running statistics, mean and variance are (0,).
    """

    gamma: npt.NDArray[Any]
    beta: npt.NDArray[Any]
    mean: npt.NDArray[Any]
    variance: npt.NDArray[Any]


@dataclass(frozen=True)
class Shape:
    """Layout of a network in one vector: θ (all weights and biases), all γ and β, and then all running statistics.

    sizes : number of units of every layer, including input and output.
    normalization : normalization of the hidden layers, or None.
    """

    sizes: tuple[int, ...]
    normalization: Normalization | None = None

    @property
    def theta(self) -> int:
        """Number of weights and biases."""
        return count(self.sizes)

    @property
    def trained(self) -> int:
        """Number of trained parameters: θ, γ and β."""
        return self.theta + (2 * sum(self.sizes[1:-1]) if self.normalization is not None else 0)

    @property
    def total(self) -> int:
        """Length of the vector."""
        keeps = self.normalization is not None and self.normalization.keeps
        return self.trained + (2 * sum(self.sizes[1:-1]) if keeps else 0)

    def layers(self, vector: npt.NDArray[Any]) -> Layers:
        """Return views of each layer's weights and biases."""
        return layers(vector[: self.theta], self.sizes)

    def states(self, vector: npt.NDArray[Any]) -> list[State]:
        """Return views of γ, β and, where the vector contains them, the running statistics of each normalised layer."""
        if self.normalization is None:
            return []
        states, place, kept = [], self.theta, self.trained
        for units in self.sizes[1:-1]:
            gamma, beta = vector[place : place + units], vector[place + units : place + 2 * units]
            mean, variance = vector[kept : kept + units], vector[kept + units : kept + 2 * units]
            states.append(State(gamma, beta, mean, variance))
            place, kept = place + 2 * units, kept + 2 * units
        return states

    def with_initial_state(self, theta: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the vector of θ and of an initial state: γ = 1, β = 0, mean 0, variance 1."""
        vector = np.concatenate([theta, np.zeros(self.total - self.theta, theta.dtype)])
        for state in self.states(vector):
            state.gamma[:] = 1.0
            state.variance[:] = 1.0
        return vector

    def idle(self) -> Booleans:
        """Return a mask, (trained,), of parameters without effect: biases that batch normalization cancels."""
        mask = np.zeros(self.trained, dtype=bool)
        if self.normalization is not None and self.normalization.axis == 0:
            for _, biases in self.layers(mask)[:-1]:
                biases[:] = True
        return mask


def count(sizes: Sequence[int]) -> int:
    """Return the number of weights and biases of a network.

    >>> count((784, 30, 10))
    23860
    """
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(sizes))


def layers(theta: npt.NDArray[Any], sizes: Sequence[int]) -> Layers:
    """Return views into θ: each layer's weights and biases."""
    views, start = [], 0
    for fan_in, fan_out in pairwise(sizes):
        middle, end = start + fan_in * fan_out, start + (fan_in + 1) * fan_out
        views.append((theta[start:middle].reshape(fan_in, fan_out), theta[middle:end]))
        start = end
    return views


def first(network: Network, sizes: Sequence[int], seed: int) -> Floats:
    """Draw the initial θ by (seed, layer, input, output)."""
    theta = np.zeros(count(sizes))
    bias = network.bias_initializer
    for number, ((weights, biases), initializer) in enumerate(
        zip(layers(theta, sizes), network.initializers(), strict=True)
    ):
        fan_in, fan_out = weights.shape
        weights[:] = drawn(initializer, seed, Purpose.WEIGHTS, number, (fan_in, fan_out), (fan_in, fan_out))
        biases[:] = drawn(bias, seed, Purpose.BIASES, number, (1, fan_out), (fan_in, fan_out))[0]
    return theta


def given(start: Sequence[tuple[Any, Any]], sizes: Sequence[int]) -> Floats:
    """Copy given weights (fan_in, fan_out) and biases (fan_out,) to a new θ."""
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
