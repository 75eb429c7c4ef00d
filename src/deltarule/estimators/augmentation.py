"""What augmentations need beside a recipe: the shape of the images that lie in the rows, and the raw values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from deltarule.engines.problem import Samples
from deltarule.errors import DataError, RecipeError
from deltarule.formulas.augmentations import Augmentation
from deltarule.formulas.augmentations.composition import RawValues, check


def raw_values(
    samples: Samples, augmentations: Sequence[Augmentation], image_shape: Sequence[int] | None
) -> RawValues | None:
    """What augmentations are to know of the training part; None where there are none.

    image_shape : of the image in each row; None where rows are features.

    Raises DataError where rows are no images of this shape, RecipeError for what cannot be taken of them.
    """
    if not augmentations:
        return None
    features = samples.x.shape[1]
    shape = (features,) if image_shape is None else tuple(int(side) for side in image_shape)
    if math.prod(shape) != features:
        came = f"{features} features"
        raise DataError(f"rows of {math.prod(shape)} numbers for image_shape={shape}", came, _image_shape(features))
    if image_shape is None:
        of_images = next((each for each in augmentations if each.samples != "any"), None)
        if of_images is not None:
            came = f"rows of {features} features"
            raise RecipeError(f"the shape of the images for {of_images.name}", came, _image_shape(features))
    check(augmentations, shape)
    return RawValues(samples.x, shape, samples.rows)


def _image_shape(features: int) -> str:
    """What the images of so many numbers may be: square ones, grey or in colours."""
    grey, coloured = math.isqrt(features), math.isqrt(features // 3)
    if grey**2 != features and 3 * coloured**2 == features:
        return f"image_shape=({coloured}, {coloured}, 3)"
    return f"image_shape=({grey}, {grey})" if grey**2 == features else "image_shape=(height, width)"
