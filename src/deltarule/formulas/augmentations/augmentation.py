"""What all augmentations share: a probability, random numbers for each sample, and one of four ways to act."""

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
"""Places at which the shares of mixtures are taken; between them they are interpolated."""

Numbers = tuple[Values, Values, Values, Values, Values, Values]


@dataclass(frozen=True)
class Augmentation(Formula):
    """A change of samples that leaves their meaning: training then sees new ones at every epoch.

    Raw values become raw values, before they are scaled. `draws` uniform numbers between 0 and 1 are drawn for each
    sample, and one more: the sample is changed where that one is below `probability`. `samples` says of what an
    augmentation can be taken: "any", "images", or "rgb", images of three channels.
    """

    probability: Fraction = field(default=1.0, kw_only=True)

    kind: ClassVar[str] = "augmentation"
    draws: ClassVar[int] = 0
    samples: ClassVar[str] = "any"


@dataclass(frozen=True)
class Geometric(Augmentation):
    """An affine map of the image's plane.

    All maps of a recipe are composed into one, the first listed acting first, and the image is interpolated once.
    """

    samples: ClassVar[str] = "images"

    def affine(self, height: Values, width: Values, *u: Values) -> Numbers:
        """Where a place of the new image is found in the old: (a, b, c, d, e, f).

            y′ = a y + b x + e        x′ = c y + d x + f

        y (downwards) and x (to the right) are pixels from the image's centre; u are `draws` numbers from 0 to 1.
        """
        raise NotImplementedError


class Place(NamedTuple):
    """What a `Pixelwise` formula may ask of a value beside the value itself; all of it broadcasts along the values.

    row, column, channel : where the value stands in its image, from 0; a table's features stand in row 0.
    height, width : of the image, in pixels.
    low, high : the smallest and the largest raw value of the training part.
    mean : of the sample's values, as the augmentation meets them.
    uniform : a random number between 0 and 1 for this value alone.
    deviation : the standard deviation of this feature in the training part.
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
    """The standard normal number of one that is uniform between 0 and 1, by a logarithm that engines know."""
    return quantile(u - 0.5, np.minimum(u, 1.0 - u), np.log)


@dataclass(frozen=True)
class Pixelwise(Augmentation):
    """A change of each value by itself. An image's values are then held within `low` and `high`."""

    def value(self, x: Values, at: Place, *u: Values) -> Values:
        """The new value in place of x; u are the sample's `draws` numbers from 0 to 1."""
        raise NotImplementedError


@dataclass(frozen=True)
class Displacement(Augmentation):
    """A field of displacements, added to the places that an image is read at; see `Elastic`."""

    samples: ClassVar[str] = "images"

    def smoothing(self, size: int) -> Floats:
        """The matrix (size, size) that smooths random numbers along an axis of so many pixels."""
        raise NotImplementedError

    def strength(self) -> float:
        """The factor on the smoothed field: pixels."""
        raise NotImplementedError


@dataclass(frozen=True)
class Mixing(Augmentation):
    """A mixture of two samples of a batch, targets and all: x ← λ x + (1 − λ) x₂, y ← λ y + (1 − λ) y₂."""

    draws: ClassVar[int] = 1

    def quantile(self, p: Floats) -> Floats:
        """The share λ that is not exceeded with probability p: from ½ to 1, each sample being the larger part."""
        raise NotImplementedError

    def share(self, u: Floats) -> Floats:
        """λ for numbers u from 0 to 1, interpolated between the knots."""
        knots = self.knots()
        place = u * (KNOTS - 1)
        below = np.minimum(place.astype(np.int64), KNOTS - 2)
        share: Floats = knots[below] + (place - below) * (knots[below + 1] - knots[below])
        return share

    def knots(self) -> Floats:
        """λ at even places from 0 to 1."""
        return _knots(self)


@lru_cache(maxsize=64)
def _knots(mixing: Mixing) -> Floats:
    return np.ascontiguousarray(mixing.quantile(np.linspace(0.0, 1.0, KNOTS)), np.float64)
