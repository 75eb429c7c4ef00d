"""Augmentations: changes of samples that leave their meaning, by kind.

Each is a record of ranges and a probability; `composition` takes a list of them of a batch.
"""

from deltarule.formulas.augmentations.augmentation import (
    Augmentation,
    Displacement,
    Geometric,
    Mixing,
    Pixelwise,
    Place,
)
from deltarule.formulas.augmentations.geometric import (
    Elastic,
    HorizontalFlip,
    RandomCrop,
    Rotation,
    Shear,
    Translation,
    VerticalFlip,
    Zoom,
)
from deltarule.formulas.augmentations.intensity import Brightness, Colour, Contrast, Cutout, GaussianNoise
from deltarule.formulas.augmentations.mixing import Mixup
from deltarule.formulas.augmentations.tables import FeatureNoise

__all__ = [
    "Augmentation",
    "Brightness",
    "Colour",
    "Contrast",
    "Cutout",
    "Displacement",
    "Elastic",
    "FeatureNoise",
    "GaussianNoise",
    "Geometric",
    "HorizontalFlip",
    "Mixing",
    "Mixup",
    "Pixelwise",
    "Place",
    "RandomCrop",
    "Rotation",
    "Shear",
    "Translation",
    "VerticalFlip",
    "Zoom",
]
