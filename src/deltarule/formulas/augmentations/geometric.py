"""Geometric augmentations: affine maps of the image plane, and elastic deformation.

Pixels outside the old image have the smallest raw value of the training set, the background.
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
Margin = Annotated[int, Domain("an integer from 0 to 1,000", lambda x: 0 <= x <= 1000)]
Side = Annotated[float, Domain("a number above 0, at most 1", lambda x: 0 < x <= 1)]


def cosine_and_sine(degrees: Values) -> tuple[Values, Values]:
    """Return cos and sin of an angle from −180° to 180°, from sums and products only, with the same bits everywhere.

    Taylor series at an eighth of the angle, doubled three times: cos 2φ = 1 − 2 sin²φ, sin 2φ = 2 sin φ cos φ.

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
    """Map a number u in (0, 1) linearly to the range from `low` to `high`."""
    return low + (high - low) * u


@register("horizontal_flip")
@dataclass(frozen=True)
class HorizontalFlip(Geometric):
    """Horizontal flip, of a fraction `probability` of the samples.

        y′ = y        x′ = −x

    For images that may occur mirrored, for example animals and landscapes, but not digits or letters.
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
    """Vertical flip, of a fraction `probability` of the samples.

        y′ = −y        x′ = x

    For images without an upright orientation, for example microscopy and aerial images.
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
    """Rotation about the center, by an angle φ uniform from −`degrees` to `degrees`.

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
    """Translation by s pixels down and t to the right, uniform real numbers from −`pixels` to `pixels`.

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


@register("pad_and_crop", "pad_crop")
@dataclass(frozen=True)
class PadAndCrop(Geometric):
    """Pad-and-crop: pad the image by p pixels on each side, and crop it to its size at a random place.

        y′ = y + ⌊u (2p + 1)⌋ − p        x′ = x + ⌊v (2p + 1)⌋ − p

    p is `padding`; u and v are uniform numbers in (0, 1). The image is shifted by whole pixels, all (2p + 1)² shifts
    with equal probability, so no value is interpolated unless another geometric augmentation is combined with it. For
    shifts by fractions of a pixel use `Translation`.
    He, Zhang, Ren and Sun (2016), section 4.2.

    >>> [float(number) for number in PadAndCrop(padding=2).affine(28.0, 28.0, 0.1, 0.9)]
    [1.0, 0.0, 0.0, 1.0, -2.0, 2.0]
    """

    padding: Margin = 2
    draws: ClassVar[int] = 2

    def affine(self, height: Values, width: Values, *u: Values) -> Numbers:
        down, right = (np.floor(each * (2.0 * self.padding + 1.0)) - self.padding for each in u)
        return 1.0, 0.0, 0.0, 1.0, down, right


@register("zoom", "scale")
@dataclass(frozen=True)
class Zoom(Geometric):
    """Zoom about the center, by factors s and t uniform from 1 − `share` to 1 + `share`.

        y′ = y / s        x′ = x / t

    Simard, Steinkraus and Platt (2003), section 2.

    share : largest difference of the factors from 1; below 1.
    keep_shape : use one factor for both axes, s = t.

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
    """Horizontal shear, by an angle φ uniform from −`degrees` to `degrees`.

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
    """Random crop, resized to the size of the image; its sides are r times those of the image.

        y′ = r y + p (1 − r) h / 2        x′ = r x + q (1 − r) w / 2

    r is uniform from `smallest` to 1, p and q from −1 to 1; h and w are the image's height and width in pixels. For a
    crop of the padded image, which is not resized, use `PadAndCrop`.
    Szegedy et al. (2015), section 6, where the aspect ratio varies, too.

    >>> RandomCrop(smallest=0.5).affine(28.0, 28.0, 0.0, 0.5, 1.0)
    (0.5, 0.0, 0.0, 0.5, 0.0, 7.0)
    """

    smallest: Side = 0.8
    draws: ClassVar[int] = 3

    def affine(self, height: Values, width: Values, *u: Values) -> Numbers:
        r = between(self.smallest, 1.0, u[0])
        margin = (1.0 - r) * 0.5
        return r, 0.0, 0.0, r, between(-1.0, 1.0, u[1]) * margin * height, between(-1.0, 1.0, u[2]) * margin * width


@register("elastic", "elastic_deformation")
@dataclass(frozen=True)
class Elastic(Displacement):
    """Elastic deformation: pixels are displaced by a smooth random field.

        Δy = α G∗U₁        Δx = α G∗U₂

    U₁ and U₂ are uniform between −1 and 1 at each pixel, and 0 outside the image. G is a Gaussian with standard
    deviation `sigma` pixels along both axes, truncated at 4 σ and normalized to sum 1, as in
    `scipy.ndimage.gaussian_filter` with mode "constant". The field is added to the coordinates of the new image, before
    the affine maps.

    alpha : strength of the field in pixels, before smoothing. At σ = 4 the standard deviation of the displacements is
        about α / 25 pixels.
    sigma : in pixels, at most 1,000. A small value scrambles the pixels, a large one shifts the whole image.

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
