"""The parameters θ and a network's state: one flat vector, and views into it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from deltarule.engines.input_stage import Columns, InputStage, views
from deltarule.engines.members import adapter_shapes, initial_factors
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
    """Layout of a network in one vector.

    In order: θ, the weights and biases of each layer; γ and β of each normalized layer; the factors of the inputs; the
    slopes of each hidden layer; the parameters of the input stage; the adapters of the members; then what is not
    trained: the running statistics of each normalized layer, and what the input stage has fitted to the training set.

    sizes : number of units of every layer, including the inputs of the first layer and the outputs of all members.
    normalization : normalization of the hidden layers, or None.
    input_scale : whether the inputs of the first layer have factors.
    slopes : the initial value of the slopes of parametric activations; None where there are none.
    stage : the stage before the first layer, or None.
    members : number of members; `full` is whether all hidden layers have adapters, or only the first has factors.
    """

    sizes: tuple[int, ...]
    normalization: Normalization | None = None
    input_scale: bool = False
    slopes: float | None = None
    stage: InputStage | None = None
    members: int = 1
    full: bool = True

    @classmethod
    def of(cls, network: Network, columns: Columns, outputs: int) -> Shape:
        """Return the layout of a network for inputs of these kinds."""
        stage = InputStage.of(network, columns)
        members, full = network.members, network.member_form == "batch_ensemble"
        sizes = network.sizes(columns.inputs if stage is None else stage.outputs, outputs * members)
        return cls(
            sizes, network.normalization, network.input_scale, network.parametric_activation, stage, members, full
        )

    @property
    def inputs(self) -> int:
        """Number of inputs, before the input stage."""
        return self.sizes[0] if self.stage is None else self.stage.columns.inputs

    @property
    def outputs(self) -> int:
        """Number of outputs of each member."""
        return self.sizes[-1] // self.members

    @cached_property
    def theta(self) -> int:
        """Number of weights and biases."""
        return count(self.sizes)

    @property
    def trained(self) -> int:
        """Number of trained parameters: all but the running statistics and what the input stage has fitted."""
        return self._starts.fitted

    @property
    def total(self) -> int:
        """Length of the vector."""
        return self._starts.end

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
            running = units if self.normalization.keeps else 0
            mean, variance = vector[kept : kept + running], vector[kept + running : kept + 2 * running]
            states.append(State(gamma, beta, mean, variance))
            place, kept = place + 2 * units, kept + 2 * running
        return states

    def scale(self, vector: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
        """Return a view of the inputs' factors, (inputs of the first layer,), or None."""
        start = self._starts.scale
        return vector[start : start + self.sizes[0]] if self.input_scale else None

    def slopes_of(self, vector: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Return views of the slopes of each hidden layer, (units,) each; none where there are none."""
        if self.slopes is None:
            return []
        ends = np.cumsum([self._starts.slopes, *self.sizes[1:-1]])
        return [vector[start:end] for start, end in pairwise(ends)]

    def stage_parts(self, vector: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """Return views of the input stage's trained parameters by name."""
        return {} if self.stage is None else views(vector, self._starts.stage, self.stage.shapes())

    def adapters(self, vector: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """Return views of the members' factors and biases by name: "0.r" are those of the first layer's inputs."""
        return views(vector, self._starts.adapters, self.adapter_shapes())

    def stage_fitted(self, vector: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """Return views of what the input stage has fitted to the training set, by name."""
        return {} if self.stage is None else views(vector, self._starts.stage_fitted, self.stage.fitted_shapes())

    def groups(self) -> Iterator[tuple[str, int, slice]]:
        """Yield each group of parameters: its name in `ParameterGroups`, its layer, and its place in the vector."""
        starts, place = self._starts, 0
        for layer, (fan_in, fan_out) in enumerate(pairwise(self.sizes)):
            middle, end = place + fan_in * fan_out, place + (fan_in + 1) * fan_out
            yield "weights", layer, slice(place, middle)
            yield "biases", layer, slice(middle, end)
            place = end
        yield "normalization", 0, slice(self.theta, starts.scale)
        yield "scale", 0, slice(starts.scale, starts.slopes)
        yield "slopes", 0, slice(starts.slopes, starts.stage)
        yield "embeddings", 0, slice(starts.stage, starts.tables)
        yield "categories", 0, slice(starts.tables, starts.adapters)
        place = starts.adapters
        for name, shape in self.adapter_shapes().items():
            number, _, kind = name.partition(".")
            end = place + math.prod(shape)
            yield ("biases" if kind == "c" else "members"), int(number), slice(place, end)
            place = end

    def with_initial_state(self, theta: npt.NDArray[Any], seed: int = 0) -> npt.NDArray[Any]:
        """Return the vector of θ and of all else at the start of training.

        γ = 1, β = 0, mean 0, variance 1; factors 1; slopes as the recipe says; the input stage's own initial numbers.
        Each member gets a copy of the biases.
        """
        vector = np.concatenate([theta, np.zeros(self.total - self.theta, theta.dtype)])
        for state in self.states(vector):
            state.gamma[:] = 1.0
            state.variance[:] = 1.0
        factors = self.scale(vector)
        if factors is not None:
            factors[:] = 1.0
        for slopes in self.slopes_of(vector):
            slopes[:] = self.slopes
        if self.stage is not None:
            initial = self.stage.initial(seed)
            for name, part in self.stage_parts(vector).items():
                part[:] = initial[name]
        adapters = self.adapters(vector)
        for part in adapters.values():
            part[:] = 1.0
        for layer, (_, biases) in enumerate(self.layers(vector)):
            if f"{layer}.c" in adapters:
                adapters[f"{layer}.c"][:], biases[:] = biases, 0.0
        if adapters:
            features = np.arange(self.sizes[0]) if self.stage is None else self.stage.features()
            signs = self.stage is None or self.stage.embedding is None
            adapters["0.r"][:] = initial_factors(seed, self.members, features, signs=signs)
        return vector

    def idle(self) -> Booleans:
        """Return a mask, (trained,), of parameters that stay as they are.

        These are biases that batch normalization cancels, or in whose place each member has its own.
        """
        mask = np.zeros(self.trained, dtype=bool)
        normalized = self.normalization is not None and self.normalization.axis == 0
        if normalized or (self.members > 1 and self.full):
            for _, biases in self.layers(mask)[:-1]:
                biases[:] = True
        return mask

    def adapter_shapes(self) -> dict[str, tuple[int, int]]:
        """Return the shapes of the members' adapters by name; none for one member."""
        return {} if self.members == 1 else adapter_shapes(self.sizes, self.members, full=self.full)

    @cached_property
    def _starts(self) -> _Starts:
        """Return where each part of the vector after γ and β begins."""
        units = sum(self.sizes[1:-1])
        normalized, keeps = self.normalization is not None, self.normalization is not None and self.normalization.keeps
        scale = self.theta + 2 * units * normalized
        slopes = scale + self.sizes[0] * self.input_scale
        stage = slopes + units * (self.slopes is not None)
        shapes = {} if self.stage is None else self.stage.shapes()
        tables = (
            0 if self.stage is None else self.stage.category_outputs * sum(n for _, n in self.stage.columns.categories)
        )
        adapters = stage + sum(map(math.prod, shapes.values()))
        fitted = adapters + sum(map(math.prod, self.adapter_shapes().values()))
        stage_fitted = fitted + 2 * units * keeps
        kept = {} if self.stage is None else self.stage.fitted_shapes()
        end = stage_fitted + sum(map(math.prod, kept.values()))
        return _Starts(scale, slopes, stage, adapters - tables, adapters, fitted, stage_fitted, end)


class _Starts(NamedTuple):
    """Where the parts of a network's vector begin; `tables` are those of the categories, `fitted` is not trained."""

    scale: int
    slopes: int
    stage: int
    tables: int
    adapters: int
    fitted: int
    stage_fitted: int
    end: int


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
    initializers = zip(network.initializers(), network.bias_initializers(), strict=True)
    for number, ((weights, biases), (initializer, bias)) in enumerate(
        zip(layers(theta, sizes), initializers, strict=True)
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
