"""Augmentations that mix the samples of a batch."""

from __future__ import annotations

from dataclasses import dataclass

from deltarule.formulas.augmentations.augmentation import Mixing
from deltarule.formulas.formula import Positive, register
from deltarule.types import Floats


@register("mixup")
@dataclass(frozen=True)
class Mixup(Mixing):
    """Mixup: each sample and its target are mixed with another of the batch.

        x ← λ x + (1 − λ) x₂        y ← λ y + (1 − λ) y₂,        λ = max(b, 1 − b),  b ~ Beta(α, α)

    The other sample is k rows further in the batch, cyclically; k is drawn at each step. λ is at least ½; in the source
    it may be less, which gives the mixture of the other sample with this one. A sample's own label is therefore the one
    used for the accuracy. A batch of one sample is unchanged. λ is interpolated between 1025 quantiles.

    Zhang, Cissé, Dauphin and Lopez-Paz (2018), equation 2.

    >>> import numpy as np
    >>> Mixup(alpha=1.0).share(np.array([0.0, 0.5, 1.0])).tolist()
    [0.5, 0.75, 1.0]
    """

    alpha: Positive = 0.2

    def quantile(self, p: Floats) -> Floats:
        from scipy.special import betaincinv

        # The upper half of the distribution of b, which is symmetric.
        found: Floats = betaincinv(self.alpha, self.alpha, 0.5 + 0.5 * p)
        return found
