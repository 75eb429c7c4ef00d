"""Decreasing schedules: step, exponential, inverse-time, polynomial, linear and cosine decay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from deltarule.formulas.formula import (
    Count,
    Domain,
    Fraction,
    Integer,
    NonNegative,
    Positive,
    ProperFraction,
    Values,
    register,
)
from deltarule.formulas.schedules.schedule import Schedule

Intervals = Annotated[tuple[float, ...], Domain("a number above 0 and below 1", lambda x: 0 < x < 1)]


@register("step")
@dataclass(frozen=True)
class StepDecay(Schedule):
    """Step decay: multiply by a factor after every n steps.

        rate = f^⌊u / n⌋

    f is `factor`, n is `every`. The steps have to be chosen beforehand; compare `ReduceOnPlateau`.
    He, Zhang, Ren and Sun (2016), section 4.2.

    >>> StepDecay(0.5, every=10).rate(np.array([1, 10, 11, 21]), 30).tolist()
    [1.0, 1.0, 0.5, 0.25]
    """

    factor: Positive = 0.1
    every: Count = 1000

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        return self.factor ** np.floor((t - 1.0) / self.every)


@register("exponential")
@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """Exponential decay: by a factor over every n steps.

        rate = f^(u / n)

    f is `factor`, n is `every`. In long runs the rate becomes too small early.
    Szegedy et al. (2016), section 8.

    >>> ExponentialDecay(0.25, every=10).rate(np.array([1, 6, 11]), 30).tolist()
    [1.0, 0.5, 0.25]
    """

    factor: Positive = 0.1
    every: Count = 1000

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        return self.factor ** ((t - 1.0) / self.every)


@register("inverse_time")
@dataclass(frozen=True)
class InverseTimeDecay(Schedule):
    """Inverse-time decay, for which the convergence of stochastic gradient descent was first proved.

        rate = (1 + d u / n)^−p

    d is `decay`, n is `every`, p is `power`. The proof requires ½ < p ≤ 1; in practice it is slow.
    Robbins and Monro (1951), section 2.

    >>> InverseTimeDecay(1.0, every=10).rate(np.array([1, 11, 31]), 30).tolist()
    [1.0, 0.5, 0.25]
    """

    decay: NonNegative = 1.0
    every: Count = 1000
    power: Positive = 1.0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        return (1.0 + self.decay * ((t - 1.0) / self.every)) ** -self.power


@register("milestones")
@dataclass(frozen=True)
class Milestones(Schedule):
    """Decay by a factor at given fractions of the run.

        rate = f^k        k: the number of milestones with u / T ≥ milestone

    f is `factor`, T the number of steps of the run. A milestone after epoch e of E is the fraction e / E: with
    (0.5, 0.75) and 200 epochs the rate falls after epochs 100 and 150.  He, Zhang, Ren and Sun (2016), section 3.4.

    >>> Milestones((0.5, 0.8), factor=0.5).rate(np.array([1, 5, 6, 9]), 10).tolist()
    [1.0, 1.0, 0.5, 0.25]
    """

    milestones: Intervals = (0.5, 0.75)
    factor: Positive = 0.1

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        done = (t - 1.0) / total * (1.0 + 1e-12)  # so that e / E of the run is reached in spite of rounding
        passed: Values = np.zeros_like(done)
        for milestone in self.milestones:
            passed = passed + np.where(done >= milestone, 1.0, 0.0)
        return self.factor**passed


@register("flat_cosine")
@dataclass(frozen=True)
class FlatCosine(Schedule):
    """Constant, then cosine decay to 0.

        rate = 1                                      for u / T < f
        rate = ½ (1 + cos(π (u / T − f) / (1 − f)))   otherwise

    f is `flat`, T the number of steps of the run. Used for dropout and weight decay, which then regularize a model
    little at the end.  Holzmüller, Grinsztajn and Steinwart (2024), section 3.

    >>> FlatCosine().rate(np.array([1, 5, 6, 9]), 8).round(12).tolist()
    [1.0, 1.0, 0.853553390593, 0.0]
    """

    flat: ProperFraction = 0.5

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        passed = np.maximum((t - 1.0) / total - self.flat, 0.0) / (1.0 - self.flat)
        return 0.5 * (1.0 + np.cos(math.pi * passed))


@register("polynomial")
@dataclass(frozen=True)
class PolynomialDecay(Schedule):
    """Polynomial decay to a final rate.

        rate = e + (1 − e) (1 − min(u, T) / T)^p

    e is `end`, p is `power`; T is `steps`, or the whole run if `steps` is 0. A run that stops early does not reach the
    small rates.  As the "poly" policy Chen, Papandreou, Kokkinos, Murphy and Yuille (2018).

    >>> PolynomialDecay(power=2.0).rate(np.array([1, 6]), 10).tolist()
    [1.0, 0.25]
    """

    power: Positive = 1.0
    end: Fraction = 0.0
    steps: Integer = 0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        T = self.steps or total
        return self.end + (1.0 - self.end) * (1.0 - np.minimum(t - 1.0, T) / T) ** self.power


@register("linear_to_zero")
@dataclass(frozen=True)
class LinearToZero(Schedule):
    """Linear decay to 0, after a part of the run at the full rate.

        rate = 1 − max(min(u, T) / T − f, 0) / (1 − f)

    T is `steps`, or the whole run if `steps` is 0; f is `flat`, the fraction of it with a constant rate. The last step
    has the rate 1 / ((1 − f) T). The length of the run has to be known.  Li, Yumer and Ramanan (2020); with f = ⅔
    Rasmus, Valpola, Honkala, Berglund and Raiko (2015), section 4.1.

    >>> LinearToZero().rate(np.array([1, 6, 10]), 10).round(12).tolist()
    [1.0, 0.5, 0.1]
    >>> LinearToZero(flat=0.5).rate(np.array([1, 6, 10]), 10).round(12).tolist()
    [1.0, 1.0, 0.2]
    """

    steps: Integer = 0
    flat: ProperFraction = 0.0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        T = self.steps or total
        past = np.maximum(np.minimum(t - 1.0, T) - self.flat * T, 0.0)
        return 1.0 - past / ((1.0 - self.flat) * T)


@register("cosine")
@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Cosine decay: slow at the beginning and at the end.

        rate = e + ½ (1 − e) (1 + cos(π min(u, T) / T))

    e is `end`; T is `steps`, or the whole run if `steps` is 0. A run that stops early does not reach the small rates,
    which contribute most of the improvement.  Loshchilov and Hutter (2017), equation 5, one cycle.

    >>> CosineDecay().rate(np.array([1, 6]), 10).tolist()
    [1.0, 0.5]
    """

    end: Fraction = 0.0
    steps: Integer = 0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        T = self.steps or total
        return self.end + 0.5 * (1.0 - self.end) * (1.0 + np.cos(math.pi * np.minimum(t - 1.0, T) / T))
