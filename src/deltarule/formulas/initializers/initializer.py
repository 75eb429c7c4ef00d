"""Distributions of the initial weights, given the numbers of inputs and outputs of a layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from deltarule.errors import RecipeError
from deltarule.formulas.formula import Formula
from deltarule.formulas.random import Purpose, normal, normal_quantile, uniform
from deltarule.types import Floats

__all__ = ["Initializer", "drawn"]


@dataclass(frozen=True)
class Initializer(Formula):
    """A distribution of mean 0 whose width depends on a layer's numbers of inputs (fan_in) and outputs (fan_out).

    `distribution` is "normal", "truncated" (normal, truncated at two standard deviations), "uniform", "orthogonal" or
    "constant". `scale(fan_in, fan_out)` is the standard deviation of the weights; of a "uniform" distribution it is
    the limit, of a "constant" the value itself.
    Each weight is a function of (seed, layer, input, output), so the same seed gives the same weights everywhere.
    A bias uses the fans of its layer, so under the same initializer it has the same distribution as the weights.

    `fits` is "weights" or "biases" for an initializer that depends on the training set: these are drawn as usual, and
    then replaced by `fitted`.
    """

    kind: ClassVar[str] = "initializer"
    distribution: ClassVar[str] = "normal"
    fits: ClassVar[Literal["weights", "biases"] | None] = None

    def scale(self, fan_in: int, fan_out: int) -> float:
        """Return the width of the distribution."""
        raise NotImplementedError

    def fitted(self, x: Floats, drawn: Floats, seed: int, layer: int) -> Floats:
        """Return weights (fan_in, fan_out) or biases (1, fan_out) in place of those drawn.

        x : over the training set: for weights, the layer's inputs (n, fan_in); for biases, its sums (n, fan_out).
        """
        raise NotImplementedError


TRUNCATED_DEVIATION = 0.8796256610342398
"""The standard deviation of a standard normal variable truncated to [−2, 2]: √(1 − 4 φ(2) / (2 Φ(2) − 1))."""
BELOW_MINUS_TWO = 0.022750131948179212
"""Φ(−2)."""


def drawn(
    initializer: Initializer,
    seed: int,
    purpose: Purpose,
    layer: int,
    shape: tuple[int, int],
    fans: tuple[int, int],
) -> Floats:
    """Return random numbers from an initializer's distribution, (rows, units), for a layer with these fans."""
    scale, place = initializer.scale(*fans), (seed, purpose, shape, layer)
    if scale == 0.0:
        return np.zeros(shape)
    distribution = initializer.distribution
    if distribution == "constant":
        return np.full(shape, scale)
    if distribution == "uniform":
        return scale * (2.0 * uniform(*place) - 1.0)
    if distribution == "truncated":
        within = BELOW_MINUS_TWO + (1.0 - 2.0 * BELOW_MINUS_TWO) * uniform(*place)
        return scale / TRUNCATED_DEVIATION * normal_quantile(within)
    if distribution == "orthogonal":
        return scale * math.sqrt(max(fans)) * _orthonormal(normal(*place))
    if distribution != "normal":
        known = '"normal", "truncated", "uniform", "orthogonal" or "constant"'
        raise RecipeError(f"{known} as the distribution of {type(initializer).__name__}", repr(distribution))
    return scale * normal(*place)


def _orthonormal(numbers: Floats) -> Floats:
    """Return Q of the QR decomposition (of the transpose for a wide matrix), the diagonal of R being positive."""
    high = numbers.shape[0] >= numbers.shape[1]
    q, r = np.linalg.qr(numbers if high else numbers.T)
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return q if high else q.T
