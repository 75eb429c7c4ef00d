"""Augmentations that mix samples of a batch."""

from __future__ import annotations

from dataclasses import dataclass

from deltarule.formulas.augmentations.augmentation import Mixing
from deltarule.formulas.formula import Positive, register
from deltarule.types import Floats


@register("mixup")
@dataclass(frozen=True)
class Mixup(Mixing):
    """Each sample mixed with another of its batch, targets and all.

        x ← λ x + (1 − λ) x₂        y ← λ y + (1 − λ) y₂,        λ = max(b, 1 − b),  b ~ Beta(α, α)

    The other one lies k places further on in the batch, counted round; k is drawn at each step. λ is at least ½:
    in the text it may be less, which makes the mixture one of the other sample with this one. So a sample's own label
    is the one that counts as right. A batch of one sample stays as it is. λ is interpolated between 1025 quantiles.

    Zhang, Cissé, Dauphin and Lopez-Paz (2018), equation 2.

    >>> import numpy as np
    >>> Mixup(alpha=1.0).share(np.array([0.0, 0.5, 1.0])).tolist()
    [0.5, 0.75, 1.0]
    """

    alpha: Positive = 0.2

    def quantile(self, p: Floats) -> Floats:
        from scipy.special import betaincinv

        # The upper half of b's own distribution, which is symmetric.
        found: Floats = betaincinv(self.alpha, self.alpha, 0.5 + 0.5 * p)
        return found
