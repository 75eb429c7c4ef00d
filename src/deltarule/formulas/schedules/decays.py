"""Schedules that fall: by steps, steadily, with the inverse of time, along a power or a cosine."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deltarule.formulas.formula import Count, Fraction, Integer, NonNegative, Positive, Values, register
from deltarule.formulas.schedules.schedule import Schedule


@register("step")
@dataclass(frozen=True)
class StepDecay(Schedule):
    """A fall by the same factor after every so many steps.

        rate = f^⌊u / n⌋

    f is `factor`, n is `every`. Where the falls belong has to be known beforehand; see `ReduceOnPlateau`.
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
    """A steady fall by a factor for every so many steps.

        rate = f^(u / n)

    f is `factor`, n is `every`. It is soon too small on long runs.
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
    """A fall with the inverse of time, for which stochastic gradient descent was first proved to arrive.

        rate = (1 + d u / n)^−p

    d is `decay`, n is `every`, p is `power`. The proof wants ½ < p ≤ 1; in practice it is slow.
    Robbins and Monro (1951), section 2.

    >>> InverseTimeDecay(1.0, every=10).rate(np.array([1, 11, 31]), 30).tolist()
    [1.0, 0.5, 0.25]
    """

    decay: NonNegative = 1.0
    every: Count = 1000
    power: Positive = 1.0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        return (1.0 + self.decay * ((t - 1.0) / self.every)) ** -self.power


@register("polynomial")
@dataclass(frozen=True)
class PolynomialDecay(Schedule):
    """A fall to a last rate, as a power of what is left.

        rate = e + (1 − e) (1 − min(u, T) / T)^p

    e is `end`, p is `power`; T is `steps`, or the whole run where that is 0. A run that is stopped early has not come
    to its small rates.  As the "poly" policy Chen, Papandreou, Kokkinos, Murphy and Yuille (2018).

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
    """A fall to nothing in a straight line.

        rate = 1 − min(u, T) / T

    T is `steps`, or the whole run where that is 0: its last step has the rate 1 / T. It wants the length of the run to
    be known.  Li, Yumer and Ramanan (2020).

    >>> LinearToZero().rate(np.array([1, 6, 10]), 10).round(12).tolist()
    [1.0, 0.5, 0.1]
    """

    steps: Integer = 0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        T = self.steps or total
        return 1.0 - np.minimum(t - 1.0, T) / T


@register("cosine")
@dataclass(frozen=True)
class CosineDecay(Schedule):
    """A fall along half a cosine: slow at first, slow at the end.

        rate = e + ½ (1 − e) (1 + cos(π min(u, T) / T))

    e is `end`; T is `steps`, or the whole run where that is 0. A run that is stopped early has not come to the rates
    that make it good.  Loshchilov and Hutter (2017), equation 5, one cycle.

    >>> CosineDecay().rate(np.array([1, 6]), 10).tolist()
    [1.0, 0.5]
    """

    end: Fraction = 0.0
    steps: Integer = 0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        T = self.steps or total
        return self.end + 0.5 * (1.0 - self.end) * (1.0 + np.cos(math.pi * np.minimum(t - 1.0, T) / T))
