"""What figures over seeds say, and how sure they are: intervals, paired differences, tests, from SciPy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deltarule.types import Floats

CONFIDENCE = 0.95
LEVEL = 0.05
RESAMPLES = 9_999
BATCH = 1_000
TOGETHER = 20
ENOUGH_TO_RESAMPLE = 8


@dataclass(frozen=True)
class Summary:
    """Some figures of one kind, one for each seed.

    low, high : the 95 % interval of the mean; infinite for a single figure.
    deviation : the standard deviation, n − 1 below; NaN for a single figure.
    """

    n: int
    mean: float
    median: float
    deviation: float
    low: float
    high: float
    smallest: float
    largest: float


@dataclass(frozen=True)
class Difference:
    """One variant less another, seed by seed.

    mean, low, high : of the differences, with the 95 % interval.
    effect : the mean in units of the differences' standard deviation (Cohen's d for pairs); infinite where they are
        all the same but not 0.
    p : of the paired permutation test that there is no difference; `adjusted` where it is one of several pairs.
    beats, beats_low, beats_high : the probability that the first is the larger on a new seed, with its 95 % interval.
    """

    n: int
    mean: float
    low: float
    high: float
    effect: float
    p: float
    adjusted: float
    beats: float
    beats_low: float
    beats_high: float

    @property
    def seen(self) -> bool:
        """Whether a difference is announced: at most 5 % of comparisons without any announce one."""
        return self.adjusted <= LEVEL

    @property
    def tested(self) -> bool:
        """Whether there are seeds enough for the test to see anything at all."""
        return self.n >= seeds_needed(1)

    @property
    def turned(self) -> Difference:
        """The same, the other variant first."""
        return replace(
            self,
            mean=-self.mean,
            low=-self.high,
            high=-self.low,
            effect=-self.effect,
            beats=1 - self.beats,
            beats_low=1 - self.beats_high,
            beats_high=1 - self.beats_low,
        )


def summary(values: Any, bounds: tuple[float, float] = (-math.inf, math.inf)) -> Summary:
    """Mean, median, spread and interval of some figures; those that are no number are left out.

    bounds : what the figures can be at the least and at the most; the interval is cut there.

    >>> found = summary([0.90, 0.92, 0.91, 0.93, 0.92, 0.91])
    >>> f"{found.mean:.3f} from {found.low:.3f} to {found.high:.3f}"
    '0.915 from 0.904 to 0.926'
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[np.isfinite(x)]
    if not len(x):
        return Summary(0, *[math.nan] * 7)
    low, high = interval(x)
    if len(x) > 1:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    deviation = float(x.std(ddof=1)) if len(x) > 1 else math.nan
    ends = float(x.min()), float(x.max())
    return Summary(len(x), float(x.mean()), float(np.median(x)), deviation, low, high, *ends)


def interval(values: Any) -> tuple[float, float]:
    """The 95 % interval of the mean of n figures.

    From the bootstrap, bias-corrected and accelerated (Efron, 1987). A bootstrap of few figures is too narrow, by
    √((n − 1) / n) and by the difference between Student's quantile and the normal one, so a wider one is asked for:
    the level is that at which the normal quantile is √(n / (n − 1)) t (Hesterberg, 2015, section 5.3). Fewer than eight
    figures are too few to draw from: Student's interval. One alone has none.

    >>> [round(end, 3) for end in interval([1.0, 2.0, 3.0])]
    [-0.484, 4.484]
    """
    return _intervals([np.asarray(values, dtype=np.float64)])[0]


def difference(first: Any, second: Any) -> Difference:
    """What two variants differ by on the same seeds: figures (n,) of each.

    The test turns signs: without a difference each seed's could as well be the other way round. Up to 13 seeds all
    2ⁿ ways are counted, beyond that some of them are drawn. `adjusted` is p: this is a pair alone.

    >>> found = difference([0.93, 0.95, 0.94, 0.96, 0.95, 0.94], [0.91, 0.92, 0.92, 0.92, 0.93, 0.91])
    >>> f"{found.mean:.4f}, p = {found.p:.4f}, beats it with {found.beats:.2f}", found.seen
    ('0.0267, p = 0.0312, beats it with 0.93', True)
    """
    return differences([(first, second)])[0]


def differences(pairs: Sequence[tuple[Any, Any]]) -> list[Difference]:
    """The differences of several pairs, each as `difference` has it, in a fraction of the time."""
    rows = [_less(first, second) for first, second in pairs]
    every = zip(rows, _intervals(rows), _permutation_p(rows), strict=True)
    return [_difference(d, ends, p) for d, ends, p in every]


def holm(p: Sequence[float]) -> list[float]:
    """The p-values of several tests, adjusted so that a false one among all has the chance that is named.

    The smallest is multiplied by their number, the next by one less, and so on, none falling below the one before
    (Holm, 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, least = [1.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        least = max(least, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = least
    return adjusted


def seeds_needed(pairs: int) -> int:
    """How many seeds it takes at least before any of so many pairs can be told apart, however they differ.

    The smallest p that n turned signs can give is 2 / 2ⁿ.

    >>> seeds_needed(1), seeds_needed(10)
    (6, 9)
    """
    return math.ceil(math.log2(2 * max(pairs, 1) / LEVEL))


def _less(first: Any, second: Any) -> Floats:
    d: Floats = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    d = d[np.isfinite(d)]
    # Figures that are printed alike differ in their last bits.
    return np.where(np.abs(d) < 1e-12, 0.0, d)


def _difference(d: Floats, ends: tuple[float, float], p: float) -> Difference:
    n = len(d)
    if not n:
        nothing = math.nan
        return Difference(0, nothing, nothing, nothing, nothing, 1.0, 1.0, 0.5, 0.0, 1.0)
    mean, deviation = float(d.mean()), float(d.std(ddof=1)) if n > 1 else math.nan
    effect = mean / deviation if deviation else (0.0 if mean == 0 else math.copysign(math.inf, mean))
    return Difference(n, mean, *ends, effect, p, p, *_chance_of_more(d))


def _intervals(rows: Sequence[Floats]) -> list[tuple[float, float]]:
    """The interval of each row, as `interval` has it."""
    from scipy import stats

    found, resampled = [], []
    for place, x in enumerate(rows):
        n = len(x)
        mean, error = (float(x.mean()), float(x.std(ddof=1)) / math.sqrt(n)) if n > 1 else (0.0, math.inf)
        if error <= 1e-12 * abs(mean) or error == 0.0:
            found.append((mean, mean))
            continue
        half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * error if n > 1 else math.inf
        found.append((mean - half, mean + half))
        if n >= ENOUGH_TO_RESAMPLE:
            resampled.append(place)
    for places, n in _together(rows, resampled):
        t = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1))
        level = 1 - 2 * float(stats.norm.sf(math.sqrt(n / (n - 1)) * t))
        x = np.stack([rows[place] for place in places])
        drawn = np.random.default_rng(0)
        ends = stats.bootstrap(
            (x,), _mean, axis=-1, confidence_level=level, n_resamples=RESAMPLES, method="BCa", rng=drawn
        ).confidence_interval
        for place, low, high in zip(places, ends.low.tolist(), ends.high.tolist(), strict=True):
            found[place] = low, high
    return found


def _mean(x: Floats, axis: int) -> Any:
    # Summed in one order, however many rows there are: ties of resamples with the mean itself hang on the last bit.
    return np.ascontiguousarray(x).mean(axis)


def _permutation_p(rows: Sequence[Floats]) -> list[float]:
    """The p of each row, whose signs are turned; the same signs for all rows of the same length."""
    from scipy import stats

    found = [1.0] * len(rows)
    tested = [place for place, d in enumerate(rows) if len(d) > 1 and d.any()]
    for places, _ in _together(rows, tested):
        d = np.stack([rows[place] for place in places])
        drawn = np.random.default_rng(0)
        turned = stats.permutation_test(
            (d,), np.mean, axis=-1, permutation_type="samples", vectorized=True, n_resamples=RESAMPLES, batch=BATCH,
            rng=drawn,
        )  # fmt: skip
        for place, p in zip(places, turned.pvalue.tolist(), strict=True):
            found[place] = p
    return found


def _together(rows: Sequence[Floats], places: Sequence[int]) -> Iterator[tuple[list[int], int]]:
    """The places of rows of the same length, some at a time, and that length: so many fit into a cache."""
    for n in sorted({len(rows[place]) for place in places}):
        alike = [place for place in places if len(rows[place]) == n]
        for first in range(0, len(alike), TOGETHER):
            yield alike[first : first + TOGETHER], n


def _chance_of_more(d: Floats) -> tuple[float, float, float]:
    """The probability that a new difference is above 0, with its 95 % interval: a Beta distribution.

    Of n differences w were above 0, equal ones counting half; under Jeffreys's prior the probability is then
    distributed as Beta(w + ½, n − w + ½).
    """
    from scipy import stats

    n, w = len(d), float(np.sum(d > 0) + 0.5 * np.sum(d == 0))
    belief = stats.beta(w + 0.5, n - w + 0.5)
    low, high = belief.interval(CONFIDENCE)
    return (w + 0.5) / (n + 1), float(low), float(high)
