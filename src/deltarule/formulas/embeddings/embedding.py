"""The base class of embeddings of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy.typing as npt

from deltarule.formulas.formula import Formula
from deltarule.types import Floats

__all__ = ["Embedding"]

Parts: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""Parameters of an embedding, or their gradients, by name; the first axis is that of the embedded columns."""


@dataclass(frozen=True)
class Embedding(Formula):
    """A map from each numeric column x to `width` inputs of the first layer; each column has separate parameters.

    `shapes` gives the shape of each trained parameter of one column, `fitted_shapes` that of what is fitted to the
    training set and then kept. Arrays have the columns as their first axis: (columns, *shape).
    """

    kind: ClassVar[str] = "embedding"

    @property
    def width(self) -> int:
        """The number of inputs of the first layer for each column."""
        raise NotImplementedError

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the trained parameters of one column, by name, in the order of their storage."""
        raise NotImplementedError

    @property
    def fitted_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of what is fitted to one column's training values, by name."""
        return {}

    def initial(self, seed: int, columns: int) -> Parts:
        """Return the initial parameters of `columns` columns, a function of the seed."""
        raise NotImplementedError

    def fit(self, x: Floats) -> Parts:
        """Return what is fitted to the training values x, (n, columns)."""
        return {}

    def value(self, x: Floats, parts: Parts) -> Floats:
        """Return the embedded x: (n, columns, width)."""
        raise NotImplementedError

    def gradient(self, x: Floats, d: Floats, parts: Parts) -> Parts:
        """Return ∂C/∂ of each trained parameter, given d = ∂C/∂value, (n, columns, width)."""
        raise NotImplementedError
