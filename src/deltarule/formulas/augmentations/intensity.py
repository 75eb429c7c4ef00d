"""Augmentations of pixel values: contrast, brightness, noise, color, and cutout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.augmentations.augmentation import Pixelwise, Place, standard_normal
from deltarule.formulas.augmentations.geometric import between
from deltarule.formulas.formula import Count, NonNegative, ProperFraction, Values, register


@register("contrast")
@dataclass(frozen=True)
class Contrast(Pixelwise):
    """Contrast: differences from the mean m of the image times a factor c uniform from 1 − `share` to 1 + `share`.

        x ← m + c (x − m)

    Howard (2013), section 2.

    >>> at = Place(0, 0, 0, 1, 2, 0.0, 9.0, 4.0, 0.5, 1.0)
    >>> Contrast(share=0.5).value(6.0, at, 1.0)
    7.0
    """

    share: ProperFraction = 0.3
    samples: ClassVar[str] = "images"
    draws: ClassVar[int] = 1

    def value(self, x: Values, at: Place, *u: Values) -> Values:
        return at.mean + between(1.0 - self.share, 1.0 + self.share, u[0]) * (x - at.mean)


@register("brightness")
@dataclass(frozen=True)
class Brightness(Pixelwise):
    """Brightness: add b times the range of values, with b uniform from −`share` to `share`.

        x ← x + b (high − low)

    Howard (2013), section 2.

    >>> at = Place(0, 0, 0, 1, 2, 0.0, 10.0, 4.0, 0.5, 1.0)
    >>> Brightness(share=0.5).value(2.0, at, 1.0)
    7.0
    """

    share: NonNegative = 0.2
    samples: ClassVar[str] = "images"
    draws: ClassVar[int] = 1

    def value(self, x: Values, at: Place, *u: Values) -> Values:
        return x + between(-self.share, self.share, u[0]) * (at.high - at.low)


@register("gaussian_noise")
@dataclass(frozen=True)
class GaussianNoise(Pixelwise):
    """Gaussian noise with a standard deviation of `share` times the range of values.

        x ← x + share (high − low) n,    n ∼ N(0, 1)

    Sietsma and Dow (1991).

    >>> at = Place(0, 0, 0, 1, 2, 0.0, 10.0, 4.0, 0.5, 1.0)
    >>> float(GaussianNoise(share=0.1).value(2.0, at))
    2.0
    """

    share: NonNegative = 0.05
    samples: ClassVar[str] = "images"

    def value(self, x: Values, at: Place, *u: Values) -> Values:
        return x + self.share * (at.high - at.low) * standard_normal(at.uniform)


@register("colour", "color")
@dataclass(frozen=True)
class Colour(Pixelwise):
    """Color: each channel times its own factor gⱼ, uniform from 1 − `share` to 1 + `share`.

        x ← low + gⱼ (x − low),    j the channel

    For images of three channels.
    Howard (2013), section 2.

    >>> at = Place(0, 0, np.arange(3), 1, 1, 0.0, 10.0, 4.0, 0.5, 1.0)
    >>> Colour(share=0.5).value(np.ones(3), at, 0.0, 0.5, 1.0).tolist()
    [0.5, 1.0, 1.5]
    """

    share: ProperFraction = 0.2
    samples: ClassVar[str] = "rgb"
    draws: ClassVar[int] = 3

    def value(self, x: Values, at: Place, *u: Values) -> Values:
        red, green, blue = (between(1.0 - self.share, 1.0 + self.share, each) for each in u)
        factor = np.where(at.channel < 0.5, red, np.where(at.channel < 1.5, green, blue))
        return at.low + factor * (x - at.low)


@register("cutout")
@dataclass(frozen=True)
class Cutout(Pixelwise):
    """Cutout: set a square with sides of `size` pixels to the smallest value; it may extend beyond the image.

        x ← low where ⌊u h⌋ − ⌊size / 2⌋ ≤ row < ⌊u h⌋ − ⌊size / 2⌋ + size, and columns likewise

    h is the height of the image in pixels; u is a uniform number in (0, 1).
    DeVries and Taylor (2017), section 3.2.

    >>> at = Place(np.arange(6), 3, 0, 6, 6, 0.0, 1.0, 0.5, 0.5, 1.0)
    >>> Cutout(size=2).value(1.0, at, 0.5, 0.5).tolist()
    [1.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    """

    size: Count = 8
    samples: ClassVar[str] = "images"
    draws: ClassVar[int] = 2

    def value(self, x: Values, at: Place, *u: Values) -> Values:
        half = self.size // 2
        top, left = np.floor(u[0] * at.height) - half, np.floor(u[1] * at.width) - half
        rows = (at.row >= top) & (at.row < top + self.size)
        columns = (at.column >= left) & (at.column < left + self.size)
        return np.where(rows & columns, at.low, x)
