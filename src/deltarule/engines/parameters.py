"""The parameters θ and a network's state: one flat vector, and its parts as views."""

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
"""For each layer its weights (fan_in, fan_out) and its biases (fan_out,)."""


class State(NamedTuple):
    """What a normalised layer has beside its weights: γ and β, which are learnt, and the statistics that it keeps.

    (units,) each; where nothing is kept, mean and variance are (0,).
    """

    gamma: npt.NDArray[Any]
    beta: npt.NDArray[Any]
    mean: npt.NDArray[Any]
    variance: npt.NDArray[Any]


@dataclass(frozen=True)
class Shape:
    """How one vector holds a network: θ (all weights and biases), all γ and β, and then all kept statistics.

    sizes : units of every layer, the ends included.
    normalization : of the hidden layers, or None.
    """

    sizes: tuple[int, ...]
    normalization: Normalization | None = None

    @property
    def theta(self) -> int:
        """How many weights and biases there are."""
        return count(self.sizes)

    @property
    def learnt(self) -> int:
        """How many numbers the optimizer changes: θ, γ and β."""
        return self.theta + (2 * sum(self.sizes[1:-1]) if self.normalization is not None else 0)

    @property
    def total(self) -> int:
        """The length of the vector."""
        keeps = self.normalization is not None and self.normalization.keeps
        return self.learnt + (2 * sum(self.sizes[1:-1]) if keeps else 0)

    def layers(self, vector: npt.NDArray[Any]) -> Layers:
        """Views: each layer's weights and biases."""
        return layers(vector[: self.theta], self.sizes)

    def states(self, vector: npt.NDArray[Any]) -> list[State]:
        """Views: γ and β of each normalised layer, and its kept statistics where the vector holds them."""
        if self.normalization is None:
            return []
        states, place, kept = [], self.theta, self.learnt
        for units in self.sizes[1:-1]:
            gamma, beta = vector[place : place + units], vector[place + units : place + 2 * units]
            mean, variance = vector[kept : kept + units], vector[kept + units : kept + 2 * units]
            states.append(State(gamma, beta, mean, variance))
            place, kept = place + 2 * units, kept + 2 * units
        return states

    def begun(self, theta: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The vector of θ and of a state that has learnt nothing: γ = 1, β = 0, mean 0, variance 1."""
        vector = np.concatenate([theta, np.zeros(self.total - self.theta, theta.dtype)])
        for state in self.states(vector):
            state.gamma[:] = 1.0
            state.variance[:] = 1.0
        return vector

    def idle(self) -> Booleans:
        """Which numbers have no effect and stay as they began, (learnt,): biases that a batch's mean takes away."""
        mask = np.zeros(self.learnt, dtype=bool)
        if self.normalization is not None and self.normalization.axis == 0:
            for _, biases in self.layers(mask)[:-1]:
                biases[:] = True
        return mask


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


def first(network: Network, sizes: Sequence[int], seed: int) -> Floats:
    """θ before the first step, drawn from (seed, layer, input, output)."""
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
