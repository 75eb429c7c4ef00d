"""Initial weights and biases that are fitted to the training set, layer by layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from deltarule.formulas.formula import Count, register
from deltarule.formulas.initializers.initializer import Initializer
from deltarule.formulas.random import HALF, Purpose, natural_logarithm, uniform, words
from deltarule.types import Floats


@register("data")
@dataclass(frozen=True)
class DataDeviation(Initializer):
    """Weights with which each unit's weighted sums over the training set have standard deviation 1.

        w ∼ N(0, 1 / fan_in), then w ← w / deviation of x w over the training set

    x is the input of the layer under the layers before it, which are initialized first. A unit whose sums do not vary
    keeps its weights. It is the same under the neural tangent parametrization.  Mishkin and Matas (2016), without
    orthogonal weights; Holzmüller, Grinsztajn and Steinwart (2024), appendix A.

    >>> x, w = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([[5.0, 0.0], [1.0, 2.0]])
    >>> DataDeviation().fitted(x, w, 0, 0).tolist()
    [[1.0, 0.0], [0.2, 2.0]]
    """

    fits: ClassVar[Literal["weights", "biases"] | None] = "weights"

    def scale(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(1.0 / fan_in)

    def fitted(self, x: Floats, drawn: Floats, seed: int, layer: int) -> Floats:
        deviation = np.std(x @ drawn, axis=0)
        # The standard deviation of equal sums is a rounding error of their terms. If all samples are equal, the biases
        # of one layer move its sums to 0, and the inputs of the next are rounding errors; otherwise they are near 1.
        rounding = 1e-12 * (np.abs(x) @ np.abs(drawn)).max(axis=0)
        least = rounding if layer == 0 else np.maximum(rounding, 1e-12)
        fitted: Floats = drawn / np.where(deviation > least, deviation, 1.0)
        return fitted


@register("data_points")
@dataclass(frozen=True)
class DataPoints(Initializer):
    """Biases that put each unit's weighted sum to 0 at a random point within the training set.

        b = −Σ cᵢ zᵢ        z: weighted sums, without bias, of `points` random samples;  c ∼ Dirichlet(1, …, 1)

    The kinks of rectified units, and the steepest points of others, then lie among the data.
    Steinwart (2019); Holzmüller, Grinsztajn and Steinwart (2024), appendix A, "he+5".

    >>> z = np.array([[1.0, -1.0], [3.0, -1.0]])
    >>> b = DataPoints().fitted(z, np.zeros((1, 2)), 0, 0)
    >>> bool(-3.0 <= b[0, 0] <= -1.0), round(float(b[0, 1]), 12)
    (True, 1.0)
    """

    fits: ClassVar[Literal["weights", "biases"] | None] = "biases"

    points: Count = 5

    def scale(self, fan_in: int, fan_out: int) -> float:
        return 0.0

    def fitted(self, x: Floats, drawn: Floats, seed: int, layer: int) -> Floats:
        shape = (self.points, drawn.shape[1])
        rows = words(seed, Purpose.BIASES, shape, layer).astype(np.uint64) * np.uint64(len(x)) >> HALF
        shares = -natural_logarithm(uniform(seed, Purpose.BIASES, shape, layer, step=1))
        z = np.take_along_axis(x, rows.astype(np.int64), axis=0)
        fitted: Floats = -np.sum(shares * z, axis=0, keepdims=True) / np.sum(shares, axis=0)
        return fitted
