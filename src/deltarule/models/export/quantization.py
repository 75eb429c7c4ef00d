"""Weights as integers of 8 bits, and what that changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.tracing.arrays import Node, ordered
from deltarule.models.encoding import Encoding
from deltarule.models.export.description import Description
from deltarule.models.export.evaluation import predicted
from deltarule.types import Floats

__all__ = ["Quantized", "quantized", "rounded_predictions"]


@dataclass(frozen=True, eq=False)
class Quantized:
    """A matrix W as integers from −127 to 127: W ≈ integers · scales, with a scale for each column."""

    integers: npt.NDArray[np.int8]
    scales: Floats

    @classmethod
    def of(cls, W: Floats) -> Quantized:
        """Return the nearest one of a matrix.

        >>> found = Quantized.of(np.array([[1.0, 0.0], [-0.5, 0.0]]))
        >>> found.integers.tolist(), found.scales.round(4).tolist()
        ([[127, 0], [-64, 0]], [0.0079, 1.0])
        """
        largest = np.abs(W).max(axis=0)
        scales = np.where(largest > 0, largest / 127.0, 1.0)
        return cls(np.rint(W / scales).astype(np.int8), scales)

    @property
    def matrix(self) -> Floats:
        """The matrix that it stands for."""
        made: Floats = self.integers * self.scales
        return made


def quantized(description: Description) -> Mapping[Node, Quantized]:
    """Return the weights of all layers as integers."""
    found: dict[Node, Quantized] = {}
    for node in ordered(description.roots):
        if node.operation == "dense":
            W: Any = node.arguments[1].value
            found[node.arguments[1]] = Quantized.of(W)
    return found


def rounded_predictions(description: Description, x: Any, encoding: Encoding | None) -> npt.NDArray[Any]:
    """Return the predictions for raw inputs x with the weights of all layers as integers."""
    rounded = {node: each.matrix for node, each in quantized(description).items()}
    return predicted(description, x, encoding, rounded)
