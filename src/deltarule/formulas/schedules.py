"""Schedules: how the learning rate changes on the way. Each is a factor on the optimizer's own rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np

from deltarule.formulas.formula import (
    Between,
    Count,
    Domain,
    Formula,
    NonNegative,
    Positive,
    Share,
    Values,
    Whole,
    register,
)

AtLeastOne = Annotated[float, Domain("a number of at least 1", lambda x: x >= 1)]


@dataclass(frozen=True)
class Schedule(Formula):
    """A factor `rate(t, total)` on the learning rate of step t.

    t counts from 1 to total, the steps of the whole run; numbers and arrays will do. Lengths in fields are in the same
    steps. u = t − 1 is how many steps lie behind: libraries that count from 0 mean it by their step.

    A schedule that watches the validation loss remembers numbers: `start` has them before the first epoch,
    `watch(loss, *state)` gives them after one more, and `rate(t, total, *state)` reads them.
    """

    kind: ClassVar[str] = "schedule"
    start: ClassVar[tuple[float, ...]] = ()

    @property
    def watches(self) -> bool:
        """Whether the schedule needs the validation loss of each epoch."""
        return bool(self.start)

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        """The factor on the learning rate of step t."""
        raise NotImplementedError

    def watch(self, loss: Values, *state: Values) -> tuple[Values, ...]:
        """What is remembered after an epoch with this validation loss."""
        return state


@register("constant")
@dataclass(frozen=True)
class ConstantRate(Schedule):
    """The same rate all along.

        rate = 1

    What a recipe without a schedule has. Stochastic steps do not come to rest under it.

    >>> float(ConstantRate().rate(7, 10))
    1.0
    """

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        return np.ones_like(t, dtype=float)


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


@register("exponential_growth")
@dataclass(frozen=True)
class ExponentialGrowth(Schedule):
    """A steady rise from next to nothing to the full rate: for a test of which rates are good, and no way to train.

        rate = s^(1 − min(u, T − 1) / (T − 1))

    s is `first`; T is `steps`, or the whole run where that is 0. The optimizer's rate is the largest one. See
    `learning_rate_range`.  Smith (2017), section 3.3, whose rates grow in a straight line.

    >>> ExponentialGrowth(0.25, steps=3).rate(np.array([1, 2, 3, 4]), 30).tolist()
    [0.25, 0.5, 1.0, 1.0]
    """

    first: Between = 1e-7
    steps: Whole = 0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        last = max((self.steps or total) - 1, 1)
        return self.first ** (1.0 - np.minimum(t - 1.0, last) / last)


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
    end: Share = 0.0
    steps: Whole = 0

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

    steps: Whole = 0

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

    end: Share = 0.0
    steps: Whole = 0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        T = self.steps or total
        return self.end + 0.5 * (1.0 - self.end) * (1.0 + np.cos(math.pi * np.minimum(t - 1.0, T) / T))


@register("cosine_restarts")
@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """Half cosines one after the other, each beginning warm.

        rate = e + ½ (1 − e) hⁱ (1 + cos(π (u − sᵢ) / nᵢ)),   nᵢ = n gⁱ,   sᵢ = n₀ + … + nᵢ₋₁

    n is `period`, g `growth` of the periods, h `shrink` of their tops, e `end`. Weights are best at the end of a
    period, so choose the run's length to end with one.  Loshchilov and Hutter (2017), equation 5.

    >>> CosineRestarts(4, growth=2.0).rate(np.array([1, 3, 5, 9, 13]), 12).round(12).tolist()
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    period: Count = 1000
    growth: AtLeastOne = 1.0
    shrink: Share = 1.0
    end: Share = 0.0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        u = t - 1.0
        number, begun = np.floor(u / self.period), np.floor(u / self.period) * self.period
        if self.growth > 1:
            n, g = self.period, self.growth
            number = np.floor(np.log1p(u / n * (g - 1.0)) / math.log(g) + 1e-9)
            number = number - (n * (g**number - 1.0) / (g - 1.0) > u)
            begun = n * (g**number - 1.0) / (g - 1.0)
        passed = (u - begun) / (self.period * self.growth**number)
        return self.end + 0.5 * (1.0 - self.end) * self.shrink**number * (1.0 + np.cos(math.pi * passed))


@register("one_cycle")
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to the full rate, then down to next to nothing.

        u ≤ p T − 1:  from s to 1        after it:  from 1 to e, at u = T − 1
        shape="cosine":  x + (y − x) ½ (1 − cos π φ)        shape="linear":  x + (y − x) φ

    s is `first`, p is `peak`, e is `end`; φ is the share of the way from x to y. T is `steps`, or the whole run where
    that is 0. The optimizer's rate is the largest one. Its source also cycles the momentum the other way, which is not
    done here.  Smith and Topin (2019), section 3.

    >>> OneCycle(peak=0.5, shape="linear", first=0.5, end=0.0).rate(np.array([1, 5, 10]), 10).tolist()
    [0.5, 1.0, 0.0]
    """

    peak: Between = 0.3
    first: Share = 0.04
    end: Share = 4e-6
    shape: Literal["cosine", "linear"] = "cosine"
    steps: Whole = 0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        u, T = t - 1.0, self.steps or total
        top = np.maximum(self.peak * T - 1.0, 0.0)
        rest = np.maximum(T - 1.0 - top, 1e-9)
        up = np.minimum(u / np.maximum(top, 1e-9), 1.0)
        down = np.minimum(np.maximum(u - top, 0.0) / rest, 1.0)
        if self.shape == "cosine":
            up, down = 0.5 * (1.0 - np.cos(math.pi * up)), 0.5 * (1.0 - np.cos(math.pi * down))
        return np.where(u <= top, self.first + (1.0 - self.first) * up, 1.0 + (self.end - 1.0) * down)


@register("reduce_on_plateau")
@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """A fall by the same factor whenever the validation loss has stopped falling. It watches the validation loss.

        after an epoch:  better, if loss < best − δ        relative:  if loss < best (1 − δ)
        after p epochs without a better one:  rate ← max(f · rate, s), and nothing is counted for c epochs

    f is `factor`, p `patience`, δ `min_improvement`, c `cooldown`, s `smallest`. State: the rate, the best loss, epochs
    waited, epochs still to rest. Give early stopping more patience, or it ends the run first.
    Krizhevsky, Sutskever and Hinton (2012), section 5, who did it by hand.

    >>> plateau, state = ReduceOnPlateau(0.5, patience=2), ReduceOnPlateau.start
    >>> for loss in (1.0, 0.9, 0.9, 0.9):
    ...     state = plateau.watch(loss, *state)
    >>> float(plateau.rate(5, 10, *state))
    0.5
    """

    start: ClassVar[tuple[float, ...]] = (1.0, math.inf, 0.0, 0.0)

    factor: Between = 0.1
    patience: Count = 10
    min_improvement: NonNegative = 1e-4
    relative: bool = False
    cooldown: Whole = 0
    smallest: Share = 0.0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        return state[0] * np.ones_like(t, dtype=float)

    def watch(self, loss: Values, *state: Values) -> tuple[Values, ...]:
        rate, best, waited, resting = state
        better = loss < (best * (1.0 - self.min_improvement) if self.relative else best - self.min_improvement)
        waited = np.where(better | (resting > 0), 0.0, waited + 1.0)
        due = waited >= self.patience
        return (
            np.where(due, np.maximum(rate * self.factor, self.smallest), rate),
            np.where(better, loss, best),
            np.where(due, 0.0, waited),
            np.where(due, float(self.cooldown), np.maximum(resting - 1.0, 0.0)),
        )


@register("warm_up")
@dataclass(frozen=True)
class WarmUp(Schedule):
    """A rise in a straight line before another schedule begins.

        u < n:  rate = s + (1 − s) u / n        after it:  the other's rate, of step t − n of total − n

    n is `steps`, s is `first`, `then` is any schedule, or its name. It keeps the first steps, whose gradients are large
    and whose running means are young, from doing harm.  Goyal et al. (2017), section 2.2.

    >>> WarmUp(4, first=0.0, then=LinearToZero()).rate(np.array([1, 3, 5, 10]), 14).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """

    steps: Count = 1000
    first: Share = 0.1
    then: Schedule = ConstantRate()

    @property
    def start(self) -> tuple[float, ...]:  # type: ignore[override]
        """What the other schedule remembers."""
        return self.then.start

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        u = t - 1.0
        after = self.then.rate(np.maximum(t - self.steps, 1), np.maximum(total - self.steps, 1), *state)
        return np.where(u < self.steps, self.first + (1.0 - self.first) * np.minimum(u / self.steps, 1.0), after)

    def watch(self, loss: Values, *state: Values) -> tuple[Values, ...]:
        return self.then.watch(loss, *state)
