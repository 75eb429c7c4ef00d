"""The base classes of augmentations: geometric, displacement, pixelwise and mixing."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np

from deltarule.formulas.formula import Formula, Fraction, Values
from deltarule.formulas.random import quantile
from deltarule.types import Floats

__all__ = ["Augmentation", "Displacement", "Geometric", "Mixing", "Pixelwise", "Place"]

KNOTS = 1025
"""Number of knots at which the quantiles of the mixing coefficient are computed; it is interpolated between them."""

Numbers = tuple[Values, Values, Values, Values, Values, Values]


@dataclass(frozen=True)
class Augmentation(Formula):
    """A random change of samples that preserves the label, different at every epoch.

    It maps raw values to raw values, before scaling. For each sample, `draws` uniform numbers in (0, 1) are drawn, and
    one more; the sample is changed if that one is below `probability`. `samples` is the type of samples supported:
    "any", "images", or "rgb" (images of three channels).
    """

    probability: Fraction = field(default=1.0, kw_only=True)

    kind: ClassVar[str] = "augmentation"
    draws: ClassVar[int] = 0
    samples: ClassVar[str] = "any"


@dataclass(frozen=True)
class Geometric(Augmentation):
    """An affine map of the image plane.

    All maps of a recipe are composed into one, in the order of the list, and the image is interpolated once.
    """

    samples: ClassVar[str] = "images"

    def affine(self, height: Values, width: Values, *u: Values) -> Numbers:
        """Return the map from coordinates of the new image to those of the old one: (a, b, c, d, e, f).

            y′ = a y + b x + e        x′ = c y + d x + f

        y (downwards) and x (to the right) are in pixels from the center of the image; u are `draws` numbers in (0, 1).
        """
        raise NotImplementedError


class Place(NamedTuple):
    """The context of a value in a `Pixelwise` formula; all fields broadcast with the values.

    row, column, channel : position in the image, from 0; the features of a table are in row 0.
    height, width : size of the image, in pixels.
    low, high : smallest and largest raw value of the training set.
    mean : mean of the sample's values before this augmentation.
    uniform : a uniform random number in (0, 1) for this value.
    deviation : standard deviation of this feature in the training set.
    """

    row: Values
    column: Values
    channel: Values
    height: Values
    width: Values
    low: Values
    high: Values
    mean: Values
    uniform: Values
    deviation: Values


def standard_normal(u: Values) -> Values:
    """Return the standard normal quantile of u, computed with functions that all engines provide."""
    return quantile(u - 0.5, np.minimum(u, 1.0 - u), np.log)


@dataclass(frozen=True)
class Pixelwise(Augmentation):
    """A change of each value separately. Values of images are then clipped to [`low`, `high`]."""

    def value(self, x: Values, at: Place, *u: Values) -> Values:
        """Return the new value; u are the sample's `draws` numbers in (0, 1)."""
        raise NotImplementedError


@dataclass(frozen=True)
class Displacement(Augmentation):
    """A field of displacements, added to the coordinates at which an image is interpolated; see `Elastic`."""

    samples: ClassVar[str] = "images"

    def smoothing(self, size: int) -> Floats:
        """Return the matrix (size, size) that smooths random numbers along an axis of `size` pixels."""
        raise NotImplementedError

    def strength(self) -> float:
        """Return the factor on the smoothed field, in pixels."""
        raise NotImplementedError


@dataclass(frozen=True)
class Mixing(Augmentation):
    """A mixture of two samples of a batch and of their targets: x ← λ x + (1 − λ) x₂, y ← λ y + (1 − λ) y₂."""

    draws: ClassVar[int] = 1

    def quantile(self, p: Floats) -> Floats:
        """Return the p-quantile of λ, which is from ½ to 1, so that each sample dominates its own mixture."""
        raise NotImplementedError

    def share(self, u: Floats) -> Floats:
        """Return λ for uniform numbers u in (0, 1), interpolated between the knots."""
        knots = self.knots()
        place = u * (KNOTS - 1)
        below = np.minimum(place.astype(np.int64), KNOTS - 2)
        share: Floats = knots[below] + (place - below) * (knots[below + 1] - knots[below])
        return share

    def knots(self) -> Floats:
        """Return the quantiles of λ at `KNOTS` equidistant probabilities from 0 to 1."""
        return _knots(self)


@lru_cache(maxsize=64)
def _knots(mixing: Mixing) -> Floats:
    return np.ascontiguousarray(mixing.quantile(np.linspace(0.0, 1.0, KNOTS)), np.float64)
