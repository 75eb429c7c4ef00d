"""Penalties on the weights (regularization). The objective is the mean loss plus the sum over all weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, Fraction, NonNegative, Values, register


@dataclass(frozen=True)
class Penalty(Formula):
    """A function of a weight that is added to the objective, and its derivative."""

    kind: ClassVar[str] = "penalty"

    @property
    def takes_prox(self) -> bool:
        """Whether updates use the proximal step `prox` instead of the gradient."""
        return getattr(self, "proximal", False)

    def share(self, weight: Values) -> Values:
        """Return the factor on the penalty for a batch, given its size or the sum of its sample weights."""
        return (1.0 / weight if weight else 0.0) if getattr(self, "per_batch", False) else 1.0

    def value(self, w: Values) -> Values:
        """Return the penalty of the weight w."""
        raise NotImplementedError

    def gradient(self, w: Values) -> Values:
        """Return ∂value/∂w."""
        raise NotImplementedError

    def prox(self, w: Values, step: Values) -> Values:
        """Return the weight after a proximal step of length `step`; used if `proximal` is set."""
        raise NotImplementedError


@register("l2", "weight_decay", "ridge")
@dataclass(frozen=True)
class L2(Penalty):
    """L2 regularization: half the squared weight times λ, which shrinks weights in proportion to their size.

        P = ½ λ w²        ∂P/∂w = λ w

    λ is `strength`, without a divisor; Nielsen's λ is n times as large, for n samples. With `per_batch=True` it is
    divided by the weight of each batch, as scikit-learn's `alpha` is. `Adam` and similar optimizers divide the step by
    the size of the gradient, including the penalty, so weights do not shrink in proportion; use `AdamW` for that.
    Krogh and Hertz (1992).

    >>> float(L2(0.1).value(2.0)), L2(0.1).gradient(2.0)
    (0.2, 0.2)
    >>> L2(0.1, per_batch=True).share(5.0)
    0.2
    """

    strength: NonNegative = 1e-4
    per_batch: bool = False

    def value(self, w: Values) -> Values:
        return 0.5 * self.strength * w**2

    def gradient(self, w: Values) -> Values:
        return self.strength * w


@register("l1", "lasso")
@dataclass(frozen=True)
class L1(Penalty):
    """L1 regularization: the absolute weight times λ, which drives small weights to zero.

        P = λ |w|        ∂P/∂w = λ sign w        prox(w, η) = sign w · max(|w| − η λ, 0)

    λ is `strength`. Subgradient steps oscillate about zero and almost never reach it. With `proximal=True` the gradient
    is omitted and every update is followed by `prox` at the learning rate η, which gives exact zeros. `per_batch` as in
    `L2`.
    Tibshirani (1996); the proximal step: Daubechies, Defrise and De Mol (2004).

    >>> float(L1(0.1).value(-2.0)), float(L1(0.1).gradient(-2.0)), float(L1(0.1).prox(0.05, 1.0))
    (0.2, -0.1, 0.0)
    """

    strength: NonNegative = 1e-4
    proximal: bool = False
    per_batch: bool = False

    def value(self, w: Values) -> Values:
        return self.strength * np.abs(w)

    def gradient(self, w: Values) -> Values:
        return self.strength * np.sign(w)

    def prox(self, w: Values, step: Values) -> Values:
        return np.sign(w) * np.maximum(np.abs(w) - step * self.strength, 0.0)


@register("elastic_net", "l1_l2")
@dataclass(frozen=True)
class ElasticNet(Penalty):
    """Elastic net: a mixture of L1 and L2, with sparse weights that correlated inputs share.

        P = λ (ρ |w| + ½ (1 − ρ) w²)        ∂P/∂w = λ (ρ sign w + (1 − ρ) w)
        prox(w, η) = sign w · max(|w| − η λ ρ, 0) / (1 + η λ (1 − ρ))

    λ is `strength`, ρ is `l1_ratio`: 1 is `L1(λ)`, 0 is `L2(λ)`. `proximal` as in `L1`, for both terms; `per_batch` as
    in `L2`. It has two hyperparameters; if only one of the two effects is needed, use `L1` or `L2`.
    Zou and Hastie (2005), section 2.1; with these letters, scikit-learn's.

    >>> float(ElasticNet(0.1, l1_ratio=0.5).value(-2.0)), float(ElasticNet(0.1, l1_ratio=0.5).gradient(-2.0))
    (0.2, -0.15000000000000002)
    """

    strength: NonNegative = 1e-4
    l1_ratio: Fraction = 0.5
    proximal: bool = False
    per_batch: bool = False

    def value(self, w: Values) -> Values:
        return self.strength * (self.l1_ratio * np.abs(w) + 0.5 * (1.0 - self.l1_ratio) * w**2)

    def gradient(self, w: Values) -> Values:
        return self.strength * (self.l1_ratio * np.sign(w) + (1.0 - self.l1_ratio) * w)

    def prox(self, w: Values, step: Values) -> Values:
        kept = np.sign(w) * np.maximum(np.abs(w) - step * self.strength * self.l1_ratio, 0.0)
        return kept / (1.0 + step * self.strength * (1.0 - self.l1_ratio))
