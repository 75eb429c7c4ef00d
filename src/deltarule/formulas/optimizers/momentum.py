"""Steps along the gradient, along a velocity, and along its sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from deltarule.formulas.formula import NonNegative, Positive, ProperFraction, Values, register
from deltarule.formulas.optimizers.optimizer import Optimizer


@register("sgd", "gradient_descent")
@dataclass(frozen=True)
class SGD(Optimizer):
    """Step against the gradient.

        w ← w − η g

    Batch, mini-batch or stochastic gradient descent, as the batch size is. One rate for all parameters: slow in long,
    narrow valleys, where `Momentum` and `Adam` are not.  Robbins and Monro (1951).

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
    v is 0 at t = 0, so a damped average begins too small: with first="undamped", as PyTorch has it, δ is 0 at t = 1.
    Polyak (1964); Sutskever, Martens, Dahl and Hinton (2013), equations 1 and 2.

    >>> Momentum(learning_rate=0.5, momentum=0.5).step(1.0, 2.0, 1, 0.0)
    (0.0, -1.0)
    """

    slots: ClassVar[tuple[str, ...]] = ("v",)

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
    """Momentum that looks ahead: the gradient is taken where the velocity is about to lead.

        velocity="steps":      v ← α v − η g        w ← w + α v − η g
        velocity="gradients":  v ← α v + g          w ← w − η (g + α v)

    α is `momentum`; v is 0 at t = 0. Both are the same rule while η stays (see `Momentum`). Sutskever, Martens, Dahl
    and Hinton (2013), equations 3 and 4, take g at w + α v and step from w; here w stands for that point ahead, as
    Bengio, Boulanger-Lewandowski and Pascanu (2013), equation 7, and the libraries have it.
    Its gain over `Momentum` is proved for gradients without noise; in small batches there is little of it.
    Nesterov (1983).

    >>> Nesterov(learning_rate=0.5, momentum=0.5).step(1.0, 2.0, 1, 0.0)
    (-0.5, -1.0)
    """

    slots: ClassVar[tuple[str, ...]] = ("v",)

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
    """Step by the sign of a blend of gradient and momentum: every parameter moves by η.

        w ← w − η (sign(β₁ m + (1 − β₁) g) + λ w)        m ← β₂ m + (1 − β₂) g

    λ is `weight_decay`, of all parameters, biases too; m is 0 at t = 0. Its η wants to be three to ten times smaller
    than Adam's, its λ larger by as much. It never comes to rest nearer than η: lower the rate at the end.
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
