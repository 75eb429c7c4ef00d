"""Optimizers: how a parameter moves, given its gradient. One step for one number, or for all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from deltarule.formulas.formula import Formula, Fraction, NonNegative, Positive, Values, register


@dataclass(frozen=True)
class Optimizer(Formula):
    """A rule `step(w, g, t, *slots)` that returns the new w and the new slots.

    w is any parameter, g its gradient, t the step counted from 1. `slots` names what is remembered of each parameter;
    all slots are 0 before the first step.
    """

    kind: ClassVar[str] = "optimizer"
    slots: ClassVar[tuple[str, ...]] = ()

    learning_rate: Positive = 0.01

    def step(self, w: Values, g: Values, t: Values, *slots: Values) -> tuple[Values, ...]:
        """The parameter and its slots after step t."""
        raise NotImplementedError


@register("sgd", "gradient_descent")
@dataclass(frozen=True)
class SGD(Optimizer):
    """Step against the gradient.

        w ← w − η g

    Batch, mini-batch or stochastic gradient descent, as the batch size is.  Robbins and Monro (1951).

    >>> SGD(learning_rate=0.5).step(1.0, 2.0, 1)
    (0.0,)
    """

    def step(self, w: Values, g: Values, t: Values) -> tuple[Values, ...]:
        return (w - self.learning_rate * g,)


@register("momentum")
@dataclass(frozen=True)
class Momentum(Optimizer):
    """Let steps add up where gradients agree, and cancel where they do not.

        velocity="steps":      v ← α v − η (1 − δ) g        w ← w + v
        velocity="gradients":  v ← α v + (1 − δ) g          w ← w − η v

    α is `momentum`, δ `dampening`. Both are the same rule while η stays; under a schedule the first remembers the rate
    of each step, the second (PyTorch's) applies today's to all. δ = 0 is the classical rule, δ = α the moving average.
    v is 0 at t = 0.  Polyak (1964); Sutskever, Martens, Dahl and Hinton (2013), equations 1 and 2.

    >>> Momentum(learning_rate=0.5, momentum=0.5).step(1.0, 2.0, 1, 0.0)
    (0.0, -1.0)
    """

    slots: ClassVar[tuple[str, ...]] = ("v",)

    momentum: Fraction = 0.9
    dampening: Fraction = 0.0
    velocity: Literal["steps", "gradients"] = "steps"

    def step(self, w: Values, g: Values, t: Values, v: Values) -> tuple[Values, ...]:
        if self.velocity == "steps":
            v = self.momentum * v - self.learning_rate * (1.0 - self.dampening) * g
            return w + v, v
        v = self.momentum * v + (1.0 - self.dampening) * g
        return w - self.learning_rate * v, v


@register("adagrad")
@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """Divide each step by the root of all squared gradients so far.

        h ← h + g²        w ← w − η g / (√h + ε)

    h is 0 at t = 0; ε stands outside the root. Steps only ever shrink, which suits sparse features and tires on long
    runs.  Duchi, Hazan and Singer (2011), section 1.

    >>> w, h = AdaGrad(learning_rate=0.5, epsilon=0.0).step(1.0, 2.0, 1, 0.0)
    >>> float(w), h
    (0.5, 4.0)
    """

    slots: ClassVar[tuple[str, ...]] = ("h",)

    epsilon: NonNegative = 1e-7

    def step(self, w: Values, g: Values, t: Values, h: Values) -> tuple[Values, ...]:
        h = h + g * g
        return w - self.learning_rate * g / (np.sqrt(h) + self.epsilon), h


@register("rmsprop")
@dataclass(frozen=True)
class RMSProp(Optimizer):
    """Divide each step by the root of a running mean of squared gradients.

        h ← ρ h + (1 − ρ) g²        w ← w − η g / (√h + ε)

    ρ is `decay`; h is 0 at t = 0 and not corrected; ε stands outside the root.
    Tieleman and Hinton (2012), lecture 6.5.

    >>> w, h = RMSProp(learning_rate=0.5, decay=0.75, epsilon=0.0).step(1.0, 2.0, 1, 0.0)
    >>> float(w), h
    (0.0, 1.0)
    """

    slots: ClassVar[tuple[str, ...]] = ("h",)

    decay: Fraction = 0.99
    epsilon: NonNegative = 1e-7

    def step(self, w: Values, g: Values, t: Values, h: Values) -> tuple[Values, ...]:
        h = self.decay * h + (1.0 - self.decay) * g * g
        return w - self.learning_rate * g / (np.sqrt(h) + self.epsilon), h


@register("adam")
@dataclass(frozen=True)
class Adam(Optimizer):
    """Scale each step by running estimates of the gradient's first two moments.

        m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
        m̂ = m / (1 − β₁ᵗ)            v̂ = v / (1 − β₂ᵗ)

        epsilon_place="outside":            w ← w − η m̂ / (√v̂ + ε)
        epsilon_place="inside":             w ← w − η m̂ / √(v̂ + ε)
        epsilon_place="before_correction":  w ← w − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)

    m, v are 0 at t = 0; t counts from 1. The first form is Kingma and Ba (2015), algorithm 1, and PyTorch's; the last
    is the closing remark of their section 2, TensorFlow's and scikit-learn's.

    >>> w, m, v = Adam(learning_rate=0.5, epsilon=0.0).step(1.0, 2.0, 1, 0.0, 0.0)
    >>> round(float(w), 12), round(m, 12), round(v, 12)
    (0.5, 0.2, 0.004)
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    learning_rate: Positive = 1e-3
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: NonNegative = 1e-8
    epsilon_place: Literal["outside", "inside", "before_correction"] = "outside"

    def step(self, w: Values, g: Values, t: Values, m: Values, v: Values) -> tuple[Values, ...]:
        m = self.beta1 * m + (1.0 - self.beta1) * g
        v = self.beta2 * v + (1.0 - self.beta2) * g * g
        c1, c2 = 1.0 - self.beta1**t, 1.0 - self.beta2**t
        if self.epsilon_place == "outside":
            return w - self.learning_rate * (m / c1) / (np.sqrt(v / c2) + self.epsilon), m, v
        if self.epsilon_place == "inside":
            return w - self.learning_rate * (m / c1) / np.sqrt(v / c2 + self.epsilon), m, v
        return w - self.learning_rate * np.sqrt(c2) / c1 * m / (np.sqrt(v) + self.epsilon), m, v
