"""Transformed copies of images whose predictions are averaged: test-time augmentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt

from deltarule.errors import RecipeError
from deltarule.formulas.formula import Domain, Formula, formula, register

__all__ = ["Copies", "Mirror", "Shifts"]

Images = npt.NDArray[Any]

Pixels = Annotated[int, Domain("a number of pixels from 1 to 16", lambda x: 1 <= x <= 16)]


@dataclass(frozen=True)
class Copies(Formula):
    """Copies of images, the images themselves and transformed ones, over which predictions are averaged.

    Nothing is random, unlike in an `Augmentation`: the same images have the same copies.
    """

    kind: ClassVar[str] = "copies"

    def of(self, images: Images) -> Iterator[Images]:
        """Yield the images (n, height, width, channels) themselves, and then each kind of transformed copy."""
        raise NotImplementedError


@register("mirror")
@dataclass(frozen=True)
class Mirror(Copies):
    """The image and its mirror image, left and right exchanged.

        ŷ = ½ (f(x) + f(x′))        x′[i, j] = x[i, w − 1 − j]

    For networks that were trained with `HorizontalFlip`.  Krizhevsky, Sutskever and Hinton (2012), section 4.1.

    >>> [copy.ravel().tolist() for copy in Mirror().of(np.array([1, 2, 3]).reshape(1, 1, 3, 1))]
    [[1, 2, 3], [3, 2, 1]]
    """

    def of(self, images: Images) -> Iterator[Images]:
        yield images
        yield images[:, :, ::-1]


@register("shifts")
@dataclass(frozen=True)
class Shifts(Copies):
    """The image shifted by up to p pixels along each axis: (2 p + 1)² copies.

        ŷ = mean of f(x′) over s, t = −p, …, p        x′[i, j] = x[i − s, j − t]

    p is `pixels`. Pixels from outside have the smallest value of the image, its background.  Krizhevsky, Sutskever and
    Hinton (2012), section 4.1: corner and central crops.

    >>> [copy.ravel().tolist() for copy in Shifts(1).of(np.array([1, 2, 3]).reshape(1, 1, 3, 1))][:3]
    [[1, 2, 3], [1, 1, 1], [1, 1, 1]]
    """

    pixels: Pixels = 1

    def of(self, images: Images) -> Iterator[Images]:
        yield images
        height, width = images.shape[1:3]
        p = self.pixels
        framed = np.empty((len(images), height + 2 * p, width + 2 * p, *images.shape[3:]), images.dtype)
        framed[:] = images.min(axis=(1, 2, 3), keepdims=True)
        framed[:, p : p + height, p : p + width] = images
        for top in range(2 * p + 1):
            for left in range(2 * p + 1):
                if (top, left) != (p, p):
                    yield framed[:, top : top + height, left : left + width]


def chosen_copies(given: Any) -> tuple[Copies, ...]:
    """Convert a name, a formula, its JSON, or a list of these to copies; None gives none.

    >>> chosen_copies(["mirror", {"name": "shifts", "pixels": 2}])
    (Mirror(), Shifts(pixels=2))
    """
    if given is None:
        return ()
    several = given if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    for each in several:
        if not isinstance(each, str | Mapping | Formula):
            hint = 'average_over=["mirror", "shifts"]'
            raise RecipeError("names of copies, or copies like dr.Mirror()", repr(each), hint, field="average_over")
    try:
        return tuple(formula("copies", each) for each in several)
    except RecipeError as error:
        raise error.replace(field="average_over" if error.field == "copies" else error.field) from None


def all_copies(images: Images, chosen: Sequence[Copies]) -> Iterator[Images]:
    """Yield all copies of images: of several kinds every combination, the images themselves first.

    >>> images = np.zeros((5, 28, 28, 1))
    >>> len(list(all_copies(images, [Mirror(), Shifts(1)])))
    18
    """
    if not chosen:
        yield images
        return
    for copy in chosen[0].of(images):
        yield from all_copies(copy, chosen[1:])
