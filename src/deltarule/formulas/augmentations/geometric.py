"""Geometric augmentations: affine maps of the image's plane, and elastic deformation.

Pixels outside of the old image have the smallest raw value of the training part: the background.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from deltarule.formulas.augmentations.augmentation import Displacement, Geometric, Numbers
from deltarule.formulas.formula import Domain, NonNegative, ProperFraction, Values, register
from deltarule.types import Floats

Degrees = Annotated[float, Domain("a number of degrees from 0 to 180", lambda x: 0 <= x <= 180)]
Steep = Annotated[float, Domain("a number of degrees from 0 to 80", lambda x: 0 <= x <= 80)]
Smoothing = Annotated[float, Domain("a number of pixels above 0, at most 1,000", lambda x: 0 < x <= 1000)]
Side = Annotated[float, Domain("a share above 0, at most 1", lambda x: 0 < x <= 1)]


def cosine_and_sine(degrees: Values) -> tuple[Values, Values]:
    """Cos and sin of an angle of at most 180° either way, from sums and products alone: the same bits everywhere.

    Taylor's series of an eighth of the angle, doubled three times: cos 2φ = 1 − 2 sin²φ, sin 2φ = 2 sin φ cos φ.

    >>> [round(float(each), 12) for each in cosine_and_sine(60.0)]
    [0.5, 0.866025403784]
    """
    angle = degrees * (np.pi / (8 * 180))
    square = angle * angle
    cosine, sine = 1.0, 1.0
    for n in range(16, 0, -2):
        cosine = 1.0 - square / float(n * (n - 1)) * cosine
        sine = 1.0 - square / float(n * (n + 1)) * sine
    sine = angle * sine
    for _ in range(3):
        cosine, sine = 1.0 - 2.0 * (sine * sine), 2.0 * (sine * cosine)
    return cosine, sine


def between(low: Values, high: Values, u: Values) -> Values:
    """A number u from 0 to 1 as one from `low` to `high`."""
    return low + (high - low) * u


@register("horizontal_flip")
@dataclass(frozen=True)
class HorizontalFlip(Geometric):
    """Left and right exchanged, in a share `probability` of the samples.

        y′ = y        x′ = −x

    For what may be met mirrored: animals and landscapes, not digits and letters.
    Krizhevsky, Sutskever and Hinton (2012), section 4.1.

    >>> HorizontalFlip().affine(28.0, 28.0)
    (1.0, 0.0, 0.0, -1.0, 0.0, 0.0)
    """

    probability: Annotated[float, Domain("a number from 0 to 1", lambda x: 0 <= x <= 1)] = 0.5

    def affine(self, height: Values, width: Values, *u: Values) -> Numbers:
        return 1.0, 0.0, 0.0, -1.0, 0.0, 0.0


@register("vertical_flip")
@dataclass(frozen=True)
class VerticalFlip(Geometric):
    """Top and bottom exchanged, in a share `probability` of the samples.

        y′ = −y        x′ = x

    For pictures without an above: from a microscope, from the air.
    Shorten and Khoshgoftaar (2019), "Flipping".

    >>> VerticalFlip().affine(28.0, 28.0)
    (-1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    """

    probability: Annotated[float, Domain("a number from 0 to 1", lambda x: 0 <= x <= 1)] = 0.5

    def affine(self, height: Values, width: Values, *u: Values) -> Numbers:
        return -1.0, 0.0, 0.0, 1.0, 0.0, 0.0


@register("rotation")
@dataclass(frozen=True)
class Rotation(Geometric):
    """A turn about the image's centre, by an angle φ uniform from −`degrees` to `degrees`.

        y′ = y cos φ + x sin φ        x′ = x cos φ − y sin φ

    Simard, Steinkraus and Platt (2003), section 2.

    >>> [round(number, 3) for number in Rotation(degrees=60).affine(28.0, 28.0, 1.0)]
    [0.5, 0.866, -0.866, 0.5, 0.0, 0.0]
    """

    degrees: Degrees = 15.0
    draws: ClassVar[int] = 1

    def affine(self, height: Values, width: Values, *u: Values) -> Numbers:
        cosine, sine = cosine_and_sine(between(-self.degrees, self.degrees, u[0]))
        return cosine, sine, -sine, cosine, 0.0, 0.0


@register("translation")
@dataclass(frozen=True)
class Translation(Geometric):
    """A shift by s pixels down and t to the right, each uniform from −`pixels` to `pixels`, fractions too.

        y′ = y − s        x′ = x − t

    Simard, Steinkraus and Platt (2003), section 2.

    >>> Translation(pixels=2).affine(28.0, 28.0, 1.0, 0.5)
    (1.0, 0.0, 0.0, 1.0, -2.0, -0.0)
    """

    pixels: NonNegative = 2.0
    draws: ClassVar[int] = 2

    def affine(self, height: Values, width: Values, *u: Values) -> Numbers:
        down, right = (between(-self.pixels, self.pixels, each) for each in u)
        return 1.0, 0.0, 0.0, 1.0, -down, -right


@register("zoom", "scale")
@dataclass(frozen=True)
class Zoom(Geometric):
    """The image enlarged by factors s and t, each uniform from 1 − `share` to 1 + `share`, about its centre.

        y′ = y / s        x′ = x / t

    Simard, Steinkraus and Platt (2003), section 2.

    share : how far the factors leave 1; below 1.
    keep_shape : one factor for both axes, s = t.

    >>> Zoom(share=0.25).affine(28.0, 28.0, 1.0, 0.5)
    (0.8, 0.0, 0.0, 1.0, 0.0, 0.0)
    """

    share: ProperFraction = 0.15
    keep_shape: bool = False
    draws: ClassVar[int] = 2

    def affine(self, height: Values, width: Values, *u: Values) -> Numbers:
        s, t = (between(1.0 - self.share, 1.0 + self.share, each) for each in u)
        return 1.0 / s, 0.0, 0.0, 1.0 / (s if self.keep_shape else t), 0.0, 0.0


@register("shear")
@dataclass(frozen=True)
class Shear(Geometric):
    """Upright lines made to lean, by an angle φ uniform from −`degrees` to `degrees`; rows stay rows.

        y′ = y        x′ = x + y tan φ

    degrees : at most 80.

    Simard, Steinkraus and Platt (2003), section 2: "skewing".

    >>> [round(number, 3) for number in Shear(degrees=45).affine(28.0, 28.0, 1.0)]
    [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    """

    degrees: Steep = 15.0
    draws: ClassVar[int] = 1

    def affine(self, height: Values, width: Values, *u: Values) -> Numbers:
        cosine, sine = cosine_and_sine(between(-self.degrees, self.degrees, u[0]))
        return 1.0, 0.0, sine / cosine, 1.0, 0.0, 0.0


@register("random_crop", "crop")
@dataclass(frozen=True)
class RandomCrop(Geometric):
    """A part of the image, resized to the whole: its sides a share r of the image's, at a place inside it.

        y′ = r y + p (1 − r) h / 2        x′ = r x + q (1 − r) w / 2

    r is uniform from `smallest` to 1, p and q from −1 to 1; h and w are the image's height and width in pixels.
    Szegedy et al. (2015), section 6, whose parts vary in shape as well.

    >>> RandomCrop(smallest=0.5).affine(28.0, 28.0, 0.0, 0.5, 1.0)
    (0.5, 0.0, 0.0, 0.5, 0.0, 7.0)
    """

    smallest: Side = 0.8
    draws: ClassVar[int] = 3

    def affine(self, height: Values, width: Values, *u: Values) -> Numbers:
        r = between(self.smallest, 1.0, u[0])
        room = (1.0 - r) * 0.5
        return r, 0.0, 0.0, r, between(-1.0, 1.0, u[1]) * room * height, between(-1.0, 1.0, u[2]) * room * width


@register("elastic", "elastic_deformation")
@dataclass(frozen=True)
class Elastic(Displacement):
    """Each pixel is read a little beside its place, neighbours alike: as if drawn on rubber.

        Δy = α G∗U₁        Δx = α G∗U₂

    U₁ and U₂ hold a number for each pixel, uniform between −1 and 1, and 0 outside of the image. G is the Gaussian of
    standard deviation `sigma` pixels, cut at 4 σ and of sum 1, along both axes: what `scipy.ndimage.gaussian_filter`
    calls mode "constant". The field is added in the plane of the new image, before the affine maps are taken.

    alpha : the field's strength in pixels, before smoothing. At σ = 4 the displacements' own deviation is about
        α / 25 pixels.
    sigma : in pixels, at most 1,000. A small one makes noise of the image, a large one a shift.

    Simard, Steinkraus and Platt (2003), section 2, with σ = 4 and α = 34 for images of 28 × 28 (29 × 29 in the text).

    >>> Elastic(sigma=1.0).smoothing(3).round(3).tolist()
    [[0.399, 0.242, 0.054], [0.242, 0.399, 0.242], [0.054, 0.242, 0.399]]
    """

    alpha: NonNegative = 34.0
    sigma: Smoothing = 4.0

    def smoothing(self, size: int) -> Floats:
        place = np.arange(size)
        distance = np.abs(place[:, None] - place)
        reach = int(4.0 * self.sigma + 0.5)
        whole = np.exp(-0.5 * (np.arange(-reach, reach + 1) / self.sigma) ** 2).sum()
        return np.where(distance <= reach, np.exp(-0.5 * (distance / self.sigma) ** 2) / whole, 0.0)

    def strength(self) -> float:
        return self.alpha
