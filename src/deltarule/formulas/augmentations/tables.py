"""Augmentations of tables: noise in the unit of each feature."""

from __future__ import annotations

from dataclasses import dataclass

from deltarule.formulas.augmentations.augmentation import Pixelwise, Place, standard_normal
from deltarule.formulas.formula import NonNegative, Values, register


@register("feature_noise")
@dataclass(frozen=True)
class FeatureNoise(Pixelwise):
    """A normal random number n added to each feature, in units of its standard deviation s in the training part.

        x ← x + share · s · n

    In expectation, a linear regression under it is one with an L2 penalty.
    Bishop (1995).

    >>> at = Place(0, 0, 0, 1, 1, 0.0, 9.0, 4.0, 0.5, 2.0)
    >>> float(FeatureNoise(share=0.1).value(6.0, at))
    6.0
    """

    share: NonNegative = 0.1

    def value(self, x: Values, at: Place, *u: Values) -> Values:
        return x + self.share * at.deviation * standard_normal(at.uniform)
