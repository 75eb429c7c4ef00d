"""Penalties: what a weight costs by its size. The objective is the mean loss plus the sum over all weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, NonNegative, Values, register


@dataclass(frozen=True)
class Penalty(Formula):
    """A cost for one weight, next to its derivative."""

    kind: ClassVar[str] = "penalty"

    @property
    def takes_prox(self) -> bool:
        """Whether updates are followed by `prox` in place of a step along the gradient."""
        return getattr(self, "proximal", False)

    def value(self, w: Values) -> Values:
        """The cost of the weight w."""
        raise NotImplementedError

    def gradient(self, w: Values) -> Values:
        """∂value/∂w."""
        raise NotImplementedError

    def prox(self, w: Values, step: Values) -> Values:
        """The weight after a proximal step of length `step`, where `proximal` asks for one."""
        raise NotImplementedError


@register("l2", "weight_decay", "ridge")
@dataclass(frozen=True)
class L2(Penalty):
    """Half the squared weight, times λ: weights shrink in proportion to their size.

        P = ½ λ w²        ∂P/∂w = λ w

    λ is a field of its own, divided by nothing: Nielsen's λ is n times ours (n samples), scikit-learn's `alpha`
    is ours times the weight of the batch.  Krogh and Hertz (1992).

    >>> float(L2(0.1).value(2.0)), L2(0.1).gradient(2.0)
    (0.2, 0.2)
    """

    strength: NonNegative = 1e-4

    def value(self, w: Values) -> Values:
        return 0.5 * self.strength * w**2

    def gradient(self, w: Values) -> Values:
        return self.strength * w


@register("l1", "lasso")
@dataclass(frozen=True)
class L1(Penalty):
    """The absolute weight, times λ: small weights go to zero.

        P = λ |w|        ∂P/∂w = λ sign w        prox(w, η) = sign w · max(|w| − η λ, 0)

    Subgradient steps hover about zero and almost never meet it. With `proximal=True` the gradient is left out and
    every update is followed by `prox` at the learning rate η, which makes exact zeros.
    Tibshirani (1996); the proximal step: Daubechies, Defrise and De Mol (2004).

    >>> float(L1(0.1).value(-2.0)), float(L1(0.1).gradient(-2.0)), float(L1(0.1).prox(0.05, 1.0))
    (0.2, -0.1, 0.0)
    """

    strength: NonNegative = 1e-4
    proximal: bool = False

    def value(self, w: Values) -> Values:
        return self.strength * np.abs(w)

    def gradient(self, w: Values) -> Values:
        return self.strength * np.sign(w)

    def prox(self, w: Values, step: Values) -> Values:
        return np.sign(w) * np.maximum(np.abs(w) - step * self.strength, 0.0)
