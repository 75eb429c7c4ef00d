"""Gradient descent, momentum, Nesterov momentum, and sign momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from deltarule.formulas.formula import NonNegative, Positive, ProperFraction, Values, register
from deltarule.formulas.optimizers.optimizer import Optimizer


@register("sgd", "gradient_descent")
@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent.

        w ← w − η g

    Batch, mini-batch or stochastic gradient descent, depending on the batch size. With one learning rate for all
    parameters it is slow in long, narrow valleys, where `Momentum` and `Adam` are faster.  Robbins and Monro (1951).

    >>> SGD(learning_rate=0.5).step(1.0, 2.0, 1)
    (0.0,)
    """

    degree: ClassVar[int | None] = 1

    def step(self, w: Values, g: Values, t: Values) -> tuple[Values, ...]:
        return (w - self.learning_rate * g,)


@register("momentum")
@dataclass(frozen=True)
class Momentum(Optimizer):
    """Gradient descent with momentum: steps along a decaying sum of gradients.

        velocity="steps":      v ← α v − η (1 − δ) g        w ← w + v
        velocity="gradients":  v ← α v + (1 − δ) g          w ← w − η v

    α is `momentum`, δ `dampening`. Both forms are equal for a constant η. Under a schedule, the first applies to each
    gradient the rate of its step, the second (PyTorch's) the current rate. δ = 0 is the classical rule, δ = α an
    exponential moving average. v is 0 at t = 0, so the average starts too small; with first="undamped", as in PyTorch,
    δ is 0 at t = 1.
    Polyak (1964); Sutskever, Martens, Dahl and Hinton (2013), equations 1 and 2.

    >>> Momentum(learning_rate=0.5, momentum=0.5).step(1.0, 2.0, 1, 0.0)
    (0.0, -1.0)
    """

    slots: ClassVar[tuple[str, ...]] = ("v",)
    degree: ClassVar[int | None] = 1

    momentum: ProperFraction = 0.9
    dampening: ProperFraction = 0.0
    velocity: Literal["steps", "gradients"] = "steps"
    first: Literal["damped", "undamped"] = "damped"

    def step(self, w: Values, g: Values, t: Values, v: Values) -> tuple[Values, ...]:
        fresh: Values = 1.0 - self.dampening
        if self.first == "undamped":
            fresh = np.where(t > 1, fresh, 1.0)
        if self.velocity == "steps":
            v = self.momentum * v - self.learning_rate * fresh * g
            return w + v, v
        v = self.momentum * v + fresh * g
        return w - self.learning_rate * v, v


@register("nesterov", "nag")
@dataclass(frozen=True)
class Nesterov(Optimizer):
    """Nesterov momentum: the gradient is evaluated at the point that the velocity leads to.

        velocity="steps":      v ← α v − η g        w ← w + α v − η g
        velocity="gradients":  v ← α v + g          w ← w − η (g + α v)

    α is `momentum`; v is 0 at t = 0. Both forms are equal for a constant η (see `Momentum`). Sutskever, Martens, Dahl
    and Hinton (2013), equations 3 and 4, evaluate g at w + α v and step from w; here w is that point itself, as in
    Bengio, Boulanger-Lewandowski and Pascanu (2013), equation 7, and in other libraries.
    It is provably faster than `Momentum` for exact gradients; with small batches the difference is small.
    Nesterov (1983).

    >>> Nesterov(learning_rate=0.5, momentum=0.5).step(1.0, 2.0, 1, 0.0)
    (-0.5, -1.0)
    """

    slots: ClassVar[tuple[str, ...]] = ("v",)
    degree: ClassVar[int | None] = 1

    momentum: ProperFraction = 0.9
    velocity: Literal["steps", "gradients"] = "steps"

    def step(self, w: Values, g: Values, t: Values, v: Values) -> tuple[Values, ...]:
        if self.velocity == "steps":
            v = self.momentum * v - self.learning_rate * g
            return w + (self.momentum * v - self.learning_rate * g), v
        v = self.momentum * v + g
        return w - self.learning_rate * (g + self.momentum * v), v


@register("lion")
@dataclass(frozen=True)
class Lion(Optimizer):
    """Lion: steps along the sign of an average of gradient and momentum, of size η for every parameter.

        w ← w − η (sign(β₁ m + (1 − β₁) g) + λ w)        m ← β₂ m + (1 − β₂) g

    λ is `weight_decay`, applied to all parameters including biases; m is 0 at t = 0. η should be three to ten times
    smaller than Adam's, λ larger by the same factor. It does not get closer than η to a minimum, so decrease the
    learning rate at the end.
    Chen et al. (2023), algorithm 2.

    >>> w, m = Lion(learning_rate=0.5).step(1.0, 2.0, 1, 0.0)
    >>> float(w), round(m, 12)
    (0.5, 0.02)
    """

    slots: ClassVar[tuple[str, ...]] = ("m",)

    learning_rate: Positive = 1e-4
    beta1: ProperFraction = 0.9
    beta2: ProperFraction = 0.99
    weight_decay: NonNegative = 0.0

    def step(self, w: Values, g: Values, t: Values, m: Values) -> tuple[Values, ...]:
        direction = np.sign(self.beta1 * m + (1.0 - self.beta1) * g)
        return w - self.learning_rate * (direction + self.weight_decay * w), self.beta2 * m + (1.0 - self.beta2) * g
