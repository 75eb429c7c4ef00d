"""Cyclic schedules: cosine with restarts, and one cycle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from deltarule.formulas.formula import Count, Domain, Fraction, Integer, Interval, Values, register
from deltarule.formulas.schedules.schedule import Schedule

AtLeastOne = Annotated[float, Domain("a number of at least 1", lambda x: x >= 1)]


@register("cosine_restarts")
@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """Cosine decay with warm restarts.

        rate = e + ½ (1 − e) hⁱ (1 + cos(π (u − sᵢ) / nᵢ)),   nᵢ = n gⁱ,   sᵢ = n₀ + … + nᵢ₋₁

    n is `period`, g `growth`, h `shrink`, e `end`: each period is g times as long and its peak h times as high as the
    one before. Weights are best at the end of a period, so choose the length of the run accordingly.
    Loshchilov and Hutter (2017), equation 5.

    >>> CosineRestarts(4, growth=2.0).rate(np.array([1, 3, 5, 9, 13]), 12).round(12).tolist()
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    period: Count = 1000
    growth: AtLeastOne = 1.0
    shrink: Fraction = 1.0
    end: Fraction = 0.0

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


@register("cosine_log", "coslog")
@dataclass(frozen=True)
class CosineLog(Schedule):
    """Cycles of a cosine in the logarithm of the time: each about twice as long as the one before.

        rate = ½ (1 − cos(2π log₂(1 + (2ᶜ − 1) u / T)))

    c is `cycles`, T the number of steps of the run. The rate is 0 at the start and, for c = 4, after 1/15, 3/15, 7/15
    and all of the run, and 1 in between: learning rates over a wide range, early and late, ending with small ones.
    Holzmüller, Grinsztajn and Steinwart (2024), section 3.

    >>> CosineLog().rate(np.array([1, 2, 4, 8, 16]), 15).round(12).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0]
    >>> round(float(CosineLog(cycles=1).rate(1 + 100 * (2**0.5 - 1), 100)), 12)
    1.0
    """

    cycles: Count = 4

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        u = t - 1.0
        return 0.5 * (1.0 - np.cos(2.0 * math.pi * np.log2(1.0 + (2.0**self.cycles - 1.0) * u / total)))


@register("one_cycle")
@dataclass(frozen=True)
class OneCycle(Schedule):
    """One cycle: increase to the full learning rate, then decrease to almost 0.

        u ≤ p T − 1:  from s to 1        after it:  from 1 to e, at u = T − 1
        shape="cosine":  x + (y − x) ½ (1 − cos π φ)        shape="linear":  x + (y − x) φ

    s is `first`, p is `peak`, e is `end`; φ is the fraction of the way from x to y. T is `steps`, or the whole run if
    `steps` is 0. The learning rate of the optimizer is the maximum. The source also cycles the momentum inversely;
    this formula does not.  Smith and Topin (2019), section 3.

    >>> OneCycle(peak=0.5, shape="linear", first=0.5, end=0.0).rate(np.array([1, 5, 10]), 10).tolist()
    [0.5, 1.0, 0.0]
    """

    peak: Interval = 0.3
    first: Fraction = 0.04
    end: Fraction = 4e-6
    shape: Literal["cosine", "linear"] = "cosine"
    steps: Integer = 0

    def rate(self, t: Values, total: Values, *state: Values) -> Values:
        u, T = t - 1.0, self.steps or total
        top = np.maximum(self.peak * T - 1.0, 0.0)
        rest = np.maximum(T - 1.0 - top, 1e-9)
        up = np.minimum(u / np.maximum(top, 1e-9), 1.0)
        down = np.minimum(np.maximum(u - top, 0.0) / rest, 1.0)
        if self.shape == "cosine":
            up, down = 0.5 * (1.0 - np.cos(math.pi * up)), 0.5 * (1.0 - np.cos(math.pi * down))
        return np.where(u <= top, self.first + (1.0 - self.first) * up, 1.0 + (self.end - 1.0) * down)
