"""Augmentations of tables."""

from __future__ import annotations

from dataclasses import dataclass

from deltarule.formulas.augmentations.augmentation import Pixelwise, Place, standard_normal
from deltarule.formulas.formula import NonNegative, Values, register


@register("feature_noise")
@dataclass(frozen=True)
class FeatureNoise(Pixelwise):
    """Gaussian noise on each feature, relative to its standard deviation s in the training set.

        x ← x + share · s · n,    n ∼ N(0, 1)

    For a linear regression it is equivalent to L2 regularization in expectation.
    Bishop (1995).

    >>> at = Place(0, 0, 0, 1, 1, 0.0, 9.0, 4.0, 0.5, 2.0)
    >>> float(FeatureNoise(share=0.1).value(6.0, at))
    6.0
    """

    share: NonNegative = 0.1

    def value(self, x: Values, at: Place, *u: Values) -> Values:
        return x + self.share * at.deviation * standard_normal(at.uniform)
