"""Application of a list of augmentations to a batch: the definition, in float64, that every engine must match.

All geometric maps are composed into one and the image is interpolated once; then pixelwise changes are applied in the
order of the list; finally samples are mixed. Random numbers are functions of (seed, step, row of the batch, position in
the list), so they do not depend on threads or on earlier draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.errors import RecipeError
from deltarule.formulas.augmentations.augmentation import (
    Augmentation,
    Displacement,
    Geometric,
    Mixing,
    Numbers,
    Pixelwise,
    Place,
)
from deltarule.formulas.formula import Values
from deltarule.formulas.random import Purpose, words
from deltarule.types import Floats, Indices

GROUP = 16
"""Rows of pixels are padded to a multiple of this when their random numbers are numbered."""


@dataclass(frozen=True, eq=False)
class RawValues:
    """The raw values of the training set, x (n, d) or `rows` of it, and the shape of a sample."""

    x: npt.NDArray[Any]
    shape: tuple[int, ...]
    rows: Indices | None = None

    @property
    def image(self) -> bool:
        """Whether samples are images rather than rows of features."""
        return len(self.shape) > 1

    @property
    def sides(self) -> tuple[int, int, int]:
        """Height, width and channels; features are an image of one row."""
        height, width, channels = (*self.shape, 1, 1)[:3] if self.image else (1, *self.shape, 1)
        return height, width, channels

    @cached_property
    def low(self) -> float:
        """The smallest value."""
        return float(min(block.min() for block in self._blocks()))

    @cached_property
    def high(self) -> float:
        """The largest value."""
        return float(max(block.max() for block in self._blocks()))

    @cached_property
    def deviation(self) -> Floats:
        """The standard deviation of each feature: (d,)."""
        n = len(self.x) if self.rows is None else len(self.rows)
        mean, squares = np.zeros(self.x.shape[1]), np.zeros(self.x.shape[1])
        for block in self._blocks():
            mean += block.sum(axis=0, dtype=np.float64) / n
        for block in self._blocks():
            squares += np.square(block - mean).sum(axis=0)
        deviation: Floats = np.sqrt(squares / n)
        return deviation

    def _blocks(self, size: int = 4096) -> list[npt.NDArray[Any]]:
        if self.rows is None:
            return [self.x[first : first + size] for first in range(0, len(self.x), size)]
        return [self.x[self.rows[first : first + size]] for first in range(0, len(self.rows), size)]


@dataclass(frozen=True)
class Drawn:
    """A source of random numbers: the seed, the step (or the copy), and the number of the first row."""

    seed: int
    step: int
    first_row: int = 0

    def numbers(self, place: int, rows: int, draws: int) -> Floats:
        """Return numbers of the augmentation at a position, (1 + draws, rows); the first decides if it acts."""
        drawn = words(self.seed, Purpose.AUGMENTATION, (rows, 1 + draws), place, self.step, self.first_row)
        return (drawn.T.astype(np.float64) + 0.5) / 2.0**32

    def pixels(self, place: int, rows: int, units: int) -> Indices:
        """Return random 32-bit integers for pixels or features, (rows, units)."""
        drawn = words(self.seed, Purpose.PIXELS, (rows, units), place, self.step, self.first_row)
        return drawn.astype(np.int64)


def check(augmentations: Sequence[Augmentation], shape: tuple[int, ...]) -> None:
    """Raise RecipeError if an augmentation does not support samples of this shape."""
    for each in augmentations:
        image, channels = len(shape) > 1, (*shape, 1, 1)[2]
        if each.samples != "any" and not image:
            given = f"samples of {math.prod(shape)} features"
            raise RecipeError("images (n, height, width)", given, 'augmentation="feature_noise"', field=each.name)
        if each.samples == "rgb" and channels != 3:
            raise RecipeError("images (n, height, width, 3)", f"images of shape {shape}", field=each.name)


def check_once(augmentations: Sequence[Augmentation]) -> None:
    """Raise RecipeError for two augmentations of a kind of which a recipe can have only one."""
    for kind, what in ((Displacement, "elastic deformation"), (Mixing, "mixture")):
        found = [each.name for each in augmentations if isinstance(each, kind)]
        if len(found) > 1:
            raise RecipeError(f"at most one {what} in a recipe", ", ".join(found), field="augmentation")


def augment(x: Any, y: Any, augmentations: Sequence[Augmentation], raw: RawValues, drawn: Drawn) -> tuple[Any, Any]:
    """Return augmented samples (n, d) and targets (n, k), float64."""
    x = changed(x, augmentations, raw, drawn)
    for place, each in enumerate(augmentations):
        if isinstance(each, Mixing):
            x, y = mixed(x, y, each, place, drawn)
    return x, y


def changed(x: Any, augmentations: Sequence[Augmentation], raw: RawValues, drawn: Drawn) -> Floats:
    """Return augmented samples (n, d) without mixing; each depends on one raw sample only."""
    new = warped(np.asarray(x, dtype=np.float64), augmentations, raw, drawn)
    for place, each in enumerate(augmentations):
        if isinstance(each, Pixelwise):
            new = _with_values_changed(new, each, place, raw, drawn)
    return new


def identity_unless(acts: Values, numbers: Numbers) -> Numbers:
    """Return the affine map where it acts, and the identity elsewhere."""
    a, b, c, d, e, f = (
        np.where(acts, number, still) for number, still in zip(numbers, (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), strict=True)
    )
    return a, b, c, d, e, f


def composed(first: Numbers, then: Numbers) -> Numbers:
    """Return the composition of two affine maps. Coordinates are mapped backwards: first by `then`, then by `first`."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, a * t + b * u + e, c * t + d * u + f


def from_the_corner(numbers: Numbers, height: float, width: float) -> Numbers:
    """Return the same map in coordinates relative to the first pixel instead of the center of the image."""
    a, b, c, d, e, f = numbers
    y, x = (height - 1.0) * 0.5, (width - 1.0) * 0.5
    return a, b, c, d, e + (y - a * y - b * x), f + (x - c * y - d * x)


def warped(x: Floats, augmentations: Sequence[Augmentation], raw: RawValues, drawn: Drawn) -> Floats:
    """Return images (n, d) after all geometric augmentations, interpolated once."""
    rows, (height, width, channels) = len(x), raw.sides
    numbers: Numbers | None = None
    field: Floats | None = None
    for place, each in enumerate(augmentations):
        if isinstance(each, Geometric):
            decides, *u = drawn.numbers(place, rows, each.draws)
            one = identity_unless(decides < each.probability, each.affine(float(height), float(width), *u))
            numbers = one if numbers is None else composed(numbers, one)
        elif isinstance(each, Displacement):
            acts = drawn.numbers(place, rows, 0)[0] < each.probability
            added = np.where(acts[:, None, None, None], displaced(each, place, rows, height, width, drawn), 0.0)
            field = added if field is None else field + added
    if numbers is None and field is None:
        return x
    still = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    a, b, c, d, e, f = (
        np.asarray(number)[..., None, None]
        for number in from_the_corner(still if numbers is None else numbers, float(height), float(width))
    )
    dy, dx = (0.0, 0.0) if field is None else (field[:, 0], field[:, 1])
    i, j = np.arange(height)[:, None] + dy, np.arange(width) + dx
    images = x.reshape(rows, height, width, channels)
    new: Floats = interpolated(images, a * i + b * j + e, c * i + d * j + f, raw.low).reshape(rows, -1)
    return new


def displaced(formula: Displacement, place: int, rows: int, height: int, width: int, drawn: Drawn) -> Floats:
    """Return displacements in pixels, (rows, 2, height, width), vertical first.

    The lower 16 bits of each pixel's random integer are used for y, the upper for x: (2 · half + 1) / 2¹⁶ − 1.
    """
    stride = -(-width // GROUP) * GROUP
    pixels = drawn.pixels(place, rows, height * stride).reshape(rows, 1, height, stride)[..., :width]
    halves = np.concatenate([pixels & 0xFFFF, pixels >> 16], axis=1)
    noise = (2.0 * halves + 1.0) / 2.0**16 - 1.0
    field: Floats = formula.strength() * formula.smoothing(height) @ (noise @ formula.smoothing(width))
    return field


def interpolated(images: Floats, y: Floats, x: Floats, outside: float) -> Floats:
    """Return images (n, height, width, channels) at coordinates y, x (n, height, width), by bilinear interpolation.

    Pixels outside the image have the value `outside`.
    """
    n, height, width, channels = images.shape
    padded = np.full((n, height + 3, width + 3, channels), outside)
    padded[:, 1:-2, 1:-2] = images
    y, x = (np.clip(each, -1.0, side) + 1.0 for each, side in ((y, height), (x, width)))
    i, j = y.astype(np.int64), x.astype(np.int64)
    down, right = (y - i)[..., None], (x - j)[..., None]
    which = np.arange(n)[:, None, None]
    above, below = (
        padded[which, row, j] + right * (padded[which, row, j + 1] - padded[which, row, j]) for row in (i, i + 1)
    )
    read: Floats = above + down * (below - above)
    return read


def _with_values_changed(x: Floats, formula: Pixelwise, place: int, raw: RawValues, drawn: Drawn) -> Floats:
    rows, (height, width, channels) = len(x), raw.sides
    decides, *u = drawn.numbers(place, rows, formula.draws)[..., None]
    column = np.arange(x.shape[1])
    at = Place(
        row=column // (width * channels),
        column=column // channels % width,
        channel=column % channels,
        height=float(height),
        width=float(width),
        low=raw.low,
        high=raw.high,
        mean=x.mean(axis=1, keepdims=True),
        uniform=((drawn.pixels(place, rows, x.shape[1]) >> 9) + 0.5) / 2.0**23,
        deviation=raw.deviation,
    )
    value = formula.value(x, at, *u)
    kept_or_changed: Floats = np.where(decides < formula.probability, held(value, at, image=raw.image), x)
    return kept_or_changed


def held(value: Values, at: Place, *, image: bool) -> Values:
    """Return values clipped to their range for images, unchanged for tables."""
    return np.minimum(np.maximum(value, at.low), at.high) if image else value


def mixed(x: Floats, y: Floats, formula: Mixing, place: int, drawn: Drawn) -> tuple[Floats, Floats]:
    """Return samples and targets of a batch mixed with each other by the augmentation at a position of the list."""
    n = len(x)
    if n == 1:
        return x, y
    decides, u = drawn.numbers(place, n, 1)
    share = np.where(decides < formula.probability, formula.share(u), 1.0)[:, None]
    # One number for all rows, so that each sample is the other part of exactly one mixture.
    further = words(drawn.seed, Purpose.AUGMENTATION, (1, 3), place, drawn.step)[0, 2].astype(np.int64)
    other = (np.arange(n) + 1 + (further * (n - 1) >> 32)) % n
    return share * x + (1.0 - share) * x[other], share * y + (1.0 - share) * y[other]
