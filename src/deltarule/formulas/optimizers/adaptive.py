"""Adaptive optimizers: steps divided by the size of earlier gradients, for each parameter separately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from deltarule.formulas.formula import NonNegative, Positive, ProperFraction, Values, register
from deltarule.formulas.optimizers.optimizer import Optimizer


@register("adagrad")
@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """AdaGrad: steps divided by the root of the sum of all squared gradients.

        h ← h + g²        w ← w − η g / (√(h + h₀) + ε)

    h is 0 at t = 0, h₀ is `initial`; ε is outside the root. Steps can only become smaller, which suits sparse features
    but slows long runs down.  Duchi, Hazan and Singer (2011), section 1.

    >>> w, h = AdaGrad(learning_rate=0.5, epsilon=0.0).step(1.0, 2.0, 1, 0.0)
    >>> float(w), h
    (0.5, 4.0)
    """

    slots: ClassVar[tuple[str, ...]] = ("h",)

    epsilon: NonNegative = 1e-7
    initial: NonNegative = 0.0

    @property
    def degree(self) -> int | None:  # type: ignore[override]
        """Return 0, or None where h₀ has the scale of squared gradients."""
        return None if self.initial else 0

    def step(self, w: Values, g: Values, t: Values, h: Values) -> tuple[Values, ...]:
        h = h + g * g
        return w - self.learning_rate * g / (np.sqrt(h + self.initial) + self.epsilon), h


@register("adadelta")
@dataclass(frozen=True)
class AdaDelta(Optimizer):
    """AdaDelta: steps multiplied by the size of earlier steps and divided by that of earlier gradients.

        h ← ρ h + (1 − ρ) g²        δ = g √(s + ε) / √(h + ε)        s ← ρ s + (1 − ρ) δ²        w ← w − η δ

    ρ is `decay`; h, s are 0 at t = 0; ε is inside both roots and determines the first steps, which grow slowly from √ε.
    The source has η = 1.  Zeiler (2012), algorithm 1.

    >>> w, h, s = AdaDelta(decay=0.0, epsilon=1.0).step(1.0, 0.0, 1, 5.0, 7.0)
    >>> float(w), h, float(s)
    (1.0, 0.0, 0.0)
    """

    slots: ClassVar[tuple[str, ...]] = ("h", "s")
    degree: ClassVar[int | None] = None

    learning_rate: Positive = 1.0
    decay: ProperFraction = 0.9
    epsilon: Positive = 1e-6

    def step(self, w: Values, g: Values, t: Values, h: Values, s: Values) -> tuple[Values, ...]:
        h = self.decay * h + (1.0 - self.decay) * g * g
        delta = g * np.sqrt(s + self.epsilon) / np.sqrt(h + self.epsilon)
        return w - self.learning_rate * delta, h, self.decay * s + (1.0 - self.decay) * delta * delta


@register("rmsprop")
@dataclass(frozen=True)
class RMSProp(Optimizer):
    """RMSProp: steps divided by the root of a moving average of squared gradients.

        h ← ρ h + (1 − ρ) g²        w ← w − η g / r

        epsilon_place="outside":  r = √h + ε        "inside":  r = √(h + ε)
        centered:                 m ← ρ m + (1 − ρ) g, with the variance h − m² in place of h in r
        momentum > 0:             v ← α v + g / r        w ← w − η v

    ρ is `decay`, α `momentum`; h, m, v are 0 at t = 0 and not corrected, so the first steps are too large by a factor
    of 1 / √(1 − ρ); `Adam` corrects for this. m and v exist only if they are used.
    Tieleman and Hinton (2012), lecture 6.5; centred and with momentum, Graves (2013), equations 38 to 41.

    >>> w, h = RMSProp(learning_rate=0.5, decay=0.75, epsilon=0.0).step(1.0, 2.0, 1, 0.0)
    >>> float(w), h
    (0.0, 1.0)
    >>> RMSProp(centered=True, momentum=0.9).slots
    ('h', 'm', 'v')
    """

    decay: ProperFraction = 0.99
    epsilon: NonNegative = 1e-7
    momentum: ProperFraction = 0.0
    centered: bool = False
    epsilon_place: Literal["outside", "inside"] = "outside"

    @property
    def slots(self) -> tuple[str, ...]:  # type: ignore[override]
        """Return h, and m and v if they are used."""
        return ("h", *("m",) * self.centered, *("v",) * (self.momentum > 0))

    def step(self, w: Values, g: Values, t: Values, h: Values, *slots: Values) -> tuple[Values, ...]:
        h = self.decay * h + (1.0 - self.decay) * g * g
        kept, spread = [h], h
        if self.centered:
            m = self.decay * slots[0] + (1.0 - self.decay) * g
            kept.append(m)
            # The variance, which rounding could bring below 0.
            spread = np.maximum(h - m * m, 0.0)
        inside = self.epsilon_place == "inside"
        r = np.sqrt(spread + self.epsilon) if inside else np.sqrt(spread) + self.epsilon
        if len(slots) == self.centered:
            return (w - self.learning_rate * g / r, *kept)
        v = self.momentum * slots[-1] + g / r
        return (w - self.learning_rate * v, *kept, v)
