"""The stage before the first layer: embeddings of numbers and of categories, with their parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.formulas import Embedding
from deltarule.formulas.embeddings.embedding import Parts
from deltarule.formulas.random import Purpose, normal
from deltarule.recipes import Network
from deltarule.types import Floats, Indices

__all__ = ["Columns", "InputStage"]

_TOGETHER = 4_096
"""Numbers that are embedded together: intermediate arrays, with tens of numbers for each, stay in the cache."""


@dataclass(frozen=True)
class Columns:
    """The kinds of a network's inputs, as they come from the preparation.

    inputs : how many there are.
    numbers : the places of numbers, which an embedding applies to; not those of one-hot inputs and indicators.
    categories : the place of each column of codes, and the number of its codes. Code 0 is for unknown and missing
        categories.
    """

    inputs: int
    numbers: tuple[int, ...]
    categories: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of_numbers(cls, inputs: int) -> Columns:
        """Return inputs all of which are numbers."""
        return cls(inputs, tuple(range(inputs)))


@dataclass(frozen=True)
class InputStage:
    """From scaled inputs (n, d) to the inputs of the first layer.

    These are, in order: for each number, the `width` outputs of the embedding (the number itself without one); all
    other inputs; for each column of codes, the vector of its category. The parameters are in this order, too: those of
    the embedding by name, with the columns as first axis, and a table (codes, category_outputs) for each column of
    codes. Inputs are no parameters: nothing is propagated further back.
    """

    columns: Columns
    embedding: Embedding | None = None
    category_outputs: int = 8

    @classmethod
    def of(cls, network: Network, columns: Columns) -> InputStage | None:
        """Return the stage of a network, or None where it would change nothing."""
        if network.embedding is None and not columns.categories:
            return None
        return cls(columns, network.embedding, network.category_embedding)

    @property
    def others(self) -> Indices:
        """The places of the inputs that pass unchanged."""
        taken = [place for place, _ in self.columns.categories]
        taken += self.columns.numbers if self.embedding is not None else ()
        return np.setdiff1d(np.arange(self.columns.inputs), np.array(taken, np.int64))

    @property
    def embedded(self) -> tuple[int, ...]:
        """The places of the numbers that are embedded."""
        return self.columns.numbers if self.embedding is not None else ()

    @property
    def outputs(self) -> int:
        """The number of inputs of the first layer."""
        width = 0 if self.embedding is None else self.embedding.width
        return len(self.embedded) * width + len(self.others) + len(self.columns.categories) * self.category_outputs

    def features(self) -> Indices:
        """Return the feature of each input of the first layer: all inputs of one column are one feature."""
        width = 0 if self.embedding is None else self.embedding.width
        repeats = [width] * len(self.embedded) + [1] * len(self.others)
        repeats += [self.category_outputs] * len(self.columns.categories)
        return np.repeat(np.arange(len(repeats)), repeats)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the trained parameters by name, in the order of their storage."""
        of_numbers = {} if self.embedding is None else self.embedding.shapes
        shapes = {name: (len(self.embedded), *shape) for name, shape in of_numbers.items()}
        tables = {_table(place): (codes, self.category_outputs) for place, codes in self.columns.categories}
        return shapes | tables

    def fitted_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of what is fitted to the training set and then kept, by name."""
        of_numbers = {} if self.embedding is None else self.embedding.fitted_shapes
        return {name: (len(self.embedded), *shape) for name, shape in of_numbers.items()}

    def initial(self, seed: int) -> dict[str, npt.NDArray[Any]]:
        """Return the initial parameters: those of the embedding, and tables of standard normal numbers."""
        made = dict({} if self.embedding is None else self.embedding.initial(seed, len(self.embedded)))
        for place, codes in self.columns.categories:
            made[_table(place)] = normal(seed, Purpose.EMBEDDING, (codes, self.category_outputs), layer=16 + place)
        return made

    def fitted(self, x: Floats) -> Parts:
        """Return what is fitted to the scaled training inputs x, (n, d)."""
        return {} if self.embedding is None else self.embedding.fit(x[:, list(self.embedded)])

    def value(self, x: Floats, parts: Parts) -> Floats:
        """Return the inputs of the first layer, (n, outputs), of scaled inputs x, (n, d)."""
        made = [x[:, self.others]]
        if self.embedding is not None:
            embedded = self.embedding.value(x[:, list(self.embedded)], parts)
            made = [embedded.reshape(len(x), len(self.embedded) * self.embedding.width), *made]
        for place, codes in self.columns.categories:
            rows = _codes(x[:, place], codes)[:, None]
            made.append(np.take_along_axis(parts[_table(place)], rows, axis=0))
        return np.concatenate(made, axis=1)

    def values(self, x: Floats, parts: Parts) -> Floats:
        """Return the same for many samples: some rows at a time, which needs less memory."""
        made, together = np.empty((len(x), self.outputs)), max(1, _TOGETHER // max(1, len(self.embedded)))
        for first in range(0, len(x), together):
            made[first : first + together] = self.value(x[first : first + together], parts)
        return made

    def gradient(self, x: Floats, d: Floats, parts: Parts) -> dict[str, npt.NDArray[Any]]:
        """Return the gradient of each trained parameter, given d = ∂C/∂value, (n, outputs)."""
        found: dict[str, npt.NDArray[Any]] = {}
        if self.embedding is not None:
            end = len(self.embedded) * self.embedding.width
            of_numbers = d[:, :end].reshape(len(x), len(self.embedded), self.embedding.width)
            found |= self.embedding.gradient(x[:, list(self.embedded)], of_numbers, parts)
        start = self.outputs - len(self.columns.categories) * self.category_outputs
        for place, codes in self.columns.categories:
            table = np.zeros((codes, self.category_outputs))
            np.add.at(table, _codes(x[:, place], codes), d[:, start : start + self.category_outputs])
            found[_table(place)] = table
            start += self.category_outputs
        return found


def views(vector: npt.NDArray[Any], start: int, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, npt.NDArray[Any]]:
    """Return views into a vector of arrays that are stored one after the other."""
    return {name: vector[begin:end].reshape(shapes[name]) for name, begin, end in _places(start, shapes)}


def _places(start: int, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[str, int, int]]:
    for name, shape in shapes.items():
        yield name, start, start + math.prod(shape)
        start += math.prod(shape)


def _table(place: int) -> str:
    return f"category.{place}"


def _codes(x: Floats, codes: int) -> Indices:
    """Return the codes in a column; what is none of the training set's is code 0."""
    found = np.nan_to_num(x).astype(np.int64)
    return np.where((found >= 0) & (found < codes), found, 0)
