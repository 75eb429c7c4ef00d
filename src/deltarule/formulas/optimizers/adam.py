"""Adam and its variants: exponential moving averages of the gradient's moments, with bias correction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from deltarule.formulas.formula import NonNegative, Positive, ProperFraction, Values, register
from deltarule.formulas.optimizers.optimizer import Optimizer


@register("adam")
@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: steps scaled by bias-corrected moving averages of the gradient and of its square.

        m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
        m̂ = m / (1 − β₁ᵗ)            v̂ = v / (1 − β₂ᵗ)

        epsilon_place="outside":            w ← w − η m̂ / (√v̂ + ε)
        epsilon_place="inside":             w ← w − η m̂ / √(v̂ + ε)
        epsilon_place="before_correction":  w ← w − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)

    m, v are 0 at t = 0; t counts from 1. The first form is PyTorch's, the last one TensorFlow's and scikit-learn's.
    If noise keeps the loss from converging, decrease the learning rate towards the end, or use `Momentum`.
    Kingma and Ba (2015), algorithm 1; the last form: the end of their section 2.

    >>> w, m, v = Adam(learning_rate=0.5, epsilon=0.0).step(1.0, 2.0, 1, 0.0, 0.0)
    >>> round(float(w), 12), round(m, 12), round(v, 12)
    (0.5, 0.2, 0.004)
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    learning_rate: Positive = 1e-3
    beta1: ProperFraction = 0.9
    beta2: ProperFraction = 0.999
    epsilon: NonNegative = 1e-8
    epsilon_place: Literal["outside", "inside", "before_correction"] = "outside"

    def step(self, w: Values, g: Values, t: Values, m: Values, v: Values) -> tuple[Values, ...]:
        m, v = self._moments(g, m, v)
        return self._moved(w, t, m, v), m, v

    def _moments(self, g: Values, m: Values, v: Values) -> tuple[Values, Values]:
        return self.beta1 * m + (1.0 - self.beta1) * g, self.beta2 * v + (1.0 - self.beta2) * g * g

    def _moved(self, w: Values, t: Values, m: Values, v: Values) -> Values:
        c1, c2 = 1.0 - self.beta1**t, 1.0 - self.beta2**t
        if self.epsilon_place == "outside":
            return w - self.learning_rate * (m / c1) / (np.sqrt(v / c2) + self.epsilon)
        if self.epsilon_place == "inside":
            return w - self.learning_rate * (m / c1) / np.sqrt(v / c2 + self.epsilon)
        return w - self.learning_rate * np.sqrt(c2) / c1 * m / (np.sqrt(v) + self.epsilon)


@register("adamw")
@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: the decay is not divided by √v̂.

        w ← (1 − η λ) w, then `Adam`'s step

    λ is `weight_decay`. All parameters decay, including biases, as in PyTorch and Keras; `Adam` with the penalty `L2`
    applies to weights only, and in the gradient. A schedule's factor is part of η and so applies to the decay, too; in
    the source the decay has the factor, but not η.  Loshchilov and Hutter (2019), algorithm 2.

    >>> w, m, v = AdamW(learning_rate=0.5, weight_decay=0.5, epsilon=0.0).step(4.0, 2.0, 1, 0.0, 0.0)
    >>> round(float(w), 12)
    2.5
    """

    weight_decay: NonNegative = 0.01

    def step(self, w: Values, g: Values, t: Values, m: Values, v: Values) -> tuple[Values, ...]:
        return super().step(w * (1.0 - self.learning_rate * self.weight_decay), g, t, m, v)


@register("amsgrad")
@dataclass(frozen=True)
class AMSGrad(Adam):
    """AMSGrad: Adam with the maximum of all v so far in place of v.

        h ← max(h, v)        then `Adam`'s step with h for v

    h is 0 at t = 0. The maximum is that of the uncorrected v, corrected at each step, as in PyTorch and Keras; the
    source has no correction. It fixes the proof of convergence; in practice it is seldom better than `Adam`.
    Reddi, Kale and Kumar (2018), algorithm 2.

    >>> w, m, v, h = AMSGrad(learning_rate=0.5, epsilon=0.0).step(1.0, 2.0, 1, 0.0, 0.0, 0.0)
    >>> round(float(w), 12), float(h) == v
    (0.5, True)
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "v", "h")

    def step(self, w: Values, g: Values, t: Values, m: Values, v: Values, h: Values) -> tuple[Values, ...]:  # type: ignore[override]
        m, v = self._moments(g, m, v)
        h = np.maximum(h, v)
        return self._moved(w, t, m, h), m, v, h


@register("adamax")
@dataclass(frozen=True)
class Adamax(Optimizer):
    """Adamax: Adam with an exponentially decaying maximum of |g| in place of √v̂.

        m ← β₁ m + (1 − β₁) g

        epsilon_place="outside":   u ← max(β₂ u, |g|)            w ← w − η / (1 − β₁ᵗ) · m / (u + ε)
        epsilon_place="gradient":  u ← max(β₂ u, |g| + ε)        w ← w − η / (1 − β₁ᵗ) · m / u

    m, u are 0 at t = 0; u needs no correction. In the second form u and the step are 0 until the first nonzero
    gradient. A very large gradient keeps the following steps small, for about 1 / (1 − β₂) of them.
    Kingma and Ba (2015), algorithm 2, which has no ε; the second form is PyTorch's.

    >>> w, m, u = Adamax(learning_rate=0.5, epsilon=0.0).step(1.0, 2.0, 1, 0.0, 0.0)
    >>> round(float(w), 12), float(u)
    (0.5, 2.0)
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "u")

    learning_rate: Positive = 2e-3
    beta1: ProperFraction = 0.9
    beta2: ProperFraction = 0.999
    epsilon: NonNegative = 1e-8
    epsilon_place: Literal["outside", "gradient"] = "outside"

    def step(self, w: Values, g: Values, t: Values, m: Values, u: Values) -> tuple[Values, ...]:
        m = self.beta1 * m + (1.0 - self.beta1) * g
        rate = self.learning_rate / (1.0 - self.beta1**t)
        if self.epsilon_place == "outside":
            u = np.maximum(self.beta2 * u, np.abs(g))
            return w - rate * m / (u + self.epsilon), m, u
        largest = np.maximum(self.beta2 * u, np.abs(g) + self.epsilon)
        return w - rate * m / largest, m, np.where((u > 0) | (g > 0) | (g < 0), largest, 0.0)


@register("nadam")
@dataclass(frozen=True)
class NAdam(Optimizer):
    """NAdam: Adam with Nesterov momentum, which increases over the first steps.

        μₜ = β₁ (1 − ½ · 0.96^(t ψ))        Πₜ = μ₁ μ₂ … μₜ        m, v as in `Adam`
        w ← w − η [μₜ₊₁ m / (1 − Πₜ₊₁) + (1 − μₜ) g / (1 − Πₜ)] / (√v̂ + ε)

    ψ is `momentum_decay`. Π is computed from t, to within 10⁻¹², so that the state is only m and v.
    Dozat (2016), algorithm 8 and its schedule, with ψ = 1/250 as in PyTorch; Keras has ψ = 1.

    >>> w, m, v = NAdam(learning_rate=0.5, beta1=0.0, epsilon=0.0).step(1.0, 2.0, 1, 0.0, 0.0)
    >>> round(float(w), 9)
    0.5
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    learning_rate: Positive = 2e-3
    beta1: ProperFraction = 0.9
    beta2: ProperFraction = 0.999
    epsilon: NonNegative = 1e-8
    momentum_decay: NonNegative = 4e-3

    def step(self, w: Values, g: Values, t: Values, m: Values, v: Values) -> tuple[Values, ...]:
        m = self.beta1 * m + (1.0 - self.beta1) * g
        v = self.beta2 * v + (1.0 - self.beta2) * g * g
        mu, ahead = self._mu(t), self._mu(t + 1.0)
        product = self._product(t)
        along, now = ahead / (1.0 - product * ahead), (1.0 - mu) / (1.0 - product)
        root = np.sqrt(v / (1.0 - self.beta2**t)) + self.epsilon
        return w - self.learning_rate * (along * m + now * g) / root, m, v

    def _mu(self, t: Values) -> Values:
        return self.beta1 * (1.0 - 0.5 * np.exp(t * self.momentum_decay * _LOG_096))

    def _product(self, t: Values) -> Values:
        """Πₜ = β₁ᵗ e^S,  S = Σᵢ ln(1 − ½ qⁱ) = −Σₙ (½)ⁿ/n · (q + q² + … + qᵗ for qⁿ),  q = 0.96^ψ."""
        log_q = self.momentum_decay * _LOG_096
        q, one, all_ = np.exp(log_q), -np.expm1(log_q), -np.expm1(t * log_q)
        q_t = np.exp(t * log_q)
        # Of qⁿ: the power, 1 − qⁿ and 1 − qⁿᵗ without loss of digits, and qⁿᵗ.
        power, gap, gap_t, power_t = q, one, all_, q_t
        total: Values = 0.0
        for n in range(1, _TERMS + 1):
            total = total + 0.5**n / n * np.where(gap > 0, power * gap_t / np.where(gap > 0, gap, 1.0), t)
            gap, gap_t = gap + power * one, gap_t + power_t * all_
            power, power_t = power * q, power_t * q_t
        return self.beta1**t * np.exp(-total)


_LOG_096, _TERMS = math.log(0.96), 40


@register("radam")
@dataclass(frozen=True)
class RAdam(Optimizer):
    """Rectified Adam: momentum until the variance of v̂ is small enough, then Adam with a rectified step.

        ρ∞ = 2 / (1 − β₂) − 1        ρₜ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)        m, v as in `Adam`
        ρₜ > 5:  w ← w − η r m̂ √(1 − β₂ᵗ) / (√v + ε),   r² = (ρₜ − 4)(ρₜ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρₜ)
        else:    w ← w − η m̂

    m̂ = m / (1 − β₁ᵗ). ρₜ is the effective number of gradients averaged in v. It replaces a warm-up; with a warm-up use
    `Adam`.  Liu et al. (2020), algorithm 2, with the condition ρₜ > 4; 5 and the place of ε are from the authors' code.

    >>> w, m, v = RAdam(learning_rate=0.5).step(1.0, 2.0, 1, 0.0, 0.0)
    >>> round(float(w), 12)
    0.0
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "v")
    degree: ClassVar[int | None] = None  # 1 in the first steps, then 0

    learning_rate: Positive = 1e-3
    beta1: ProperFraction = 0.9
    beta2: ProperFraction = 0.999
    epsilon: NonNegative = 1e-8

    def step(self, w: Values, g: Values, t: Values, m: Values, v: Values) -> tuple[Values, ...]:
        m = self.beta1 * m + (1.0 - self.beta1) * g
        v = self.beta2 * v + (1.0 - self.beta2) * g * g
        c1, c2 = 1.0 - self.beta1**t, 1.0 - self.beta2**t
        most = 2.0 / (1.0 - self.beta2) - 1.0
        seen = most - 2.0 * t * self.beta2**t / c2
        # Both sides of a choice are computed: 5 replaces arguments whose square root is not used.
        rho, limit = np.maximum(seen, 5.0), np.maximum(most, 5.0)
        r = np.sqrt((rho - 4.0) * (rho - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * rho))
        divided = r * np.sqrt(c2) / (np.sqrt(v) + self.epsilon)
        return w - self.learning_rate / c1 * m * np.where(seen > 5.0, divided, 1.0), m, v
