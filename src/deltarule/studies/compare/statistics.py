"""Statistics of scores over seeds: summaries, paired differences, tests of failure rates, Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np

from deltarule.studies.compare.mean_inference import LEVEL, RESAMPLES, mean_inference, resamples_for
from deltarule.types import Floats

CONFIDENCE = 1 - LEVEL
SEEDS = 10
"""Default number of seeds, as long as it suffices for all tests."""


@dataclass(frozen=True)
class Summary:
    """Summary of some numbers, one for each seed.

    deviation : the standard deviation, with n − 1; NaN for a single number.
    low, high : 95 % interval of the mean over seeds; infinite for a single number.
    total_low, total_high : 95 % interval over seeds and test samples; NaN where scores of samples are unknown.
    """

    n: int
    mean: float
    median: float
    deviation: float
    low: float
    high: float
    smallest: float
    largest: float
    total_low: float = math.nan
    total_high: float = math.nan


@dataclass(frozen=True)
class Difference:
    """Difference of two variants, first minus second, over the seeds with which neither failed.

    mean, low, high : of the n paired differences, with the 95 % interval of this pair alone.
    effect : mean over standard deviation (Cohen's d for pairs); infinite where all differences are equal but not 0.
    p : of the test that the mean difference is 0; `adjusted` by Holm for all tests of the comparison.
    beats, beats_low, beats_high : probability that the first has the higher score with a new seed, with its 95 %
        interval; a failed network has the lower score.
    total_low, total_high : 95 % interval over seeds and test samples; NaN where scores of samples are unknown.
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
    total_low: float = math.nan
    total_high: float = math.nan

    @property
    def significant(self) -> bool:
        """Whether the adjusted p is at most 0.05."""
        return self.adjusted <= LEVEL

    @property
    def seen(self) -> bool:
        """Deprecated name of `significant`."""
        import warnings

        warnings.warn("Difference.seen is called significant now.", DeprecationWarning, stacklevel=2)
        return self.significant

    @property
    def tested(self) -> bool:
        """Whether there are enough seeds for the test to have p ≤ 0.05."""
        return self.n >= seeds_needed(1)

    @property
    def swapped(self) -> Difference:
        """The difference of the second minus the first."""
        return replace(
            self,
            mean=-self.mean,
            low=-self.high,
            high=-self.low,
            effect=-self.effect,
            beats=1 - self.beats,
            beats_low=1 - self.beats_high,
            beats_high=1 - self.beats_low,
            total_low=-self.total_high,
            total_high=-self.total_low,
        )


@dataclass(frozen=True)
class FailureRates:
    """How many networks of two variants failed, over the n seeds that both have.

    p : of McNemar's exact test that both fail equally often; `adjusted` by Holm for all tests of the comparison.
    discordant : number of seeds with which one of the two failed and the other did not.
    """

    n: int
    first: int
    second: int
    discordant: int
    p: float
    adjusted: float

    @property
    def significant(self) -> bool:
        """Whether the adjusted p is at most 0.05."""
        return self.adjusted <= LEVEL

    @property
    def tested(self) -> bool:
        """Whether there are enough discordant seeds for the test to have p ≤ 0.05 (Tarone, 1990)."""
        return self.discordant >= seeds_needed(1)


def summary(
    values: Any, bounds: tuple[float, float] = (-math.inf, math.inf), sample_error: float = math.nan
) -> Summary:
    """Summarize some numbers; those that are not finite are left out.

    bounds : the smallest and the largest possible number; intervals are cut there.
    sample_error : standard error of the mean due to the test samples.

    >>> found = summary([0.90, 0.92, 0.91, 0.93, 0.92, 0.91])
    >>> f"{found.mean:.3f} from {found.low:.3f} to {found.high:.3f}"
    '0.915 from 0.900 to 0.930'
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[np.isfinite(x)]
    if not len(x):
        return Summary(0, *[math.nan] * 7)
    mean, low, high = float(x.mean()), *interval(x)
    total_low, total_high = _with_samples(mean, low, high, sample_error)
    if len(x) > 1:
        low, high = max(low, bounds[0]), min(high, bounds[1])
        total_low, total_high = float(np.maximum(total_low, bounds[0])), float(np.minimum(total_high, bounds[1]))
    deviation = float(x.std(ddof=1)) if len(x) > 1 else math.nan
    ends = float(x.min()), float(x.max())
    return Summary(len(x), mean, float(np.median(x)), deviation, low, high, *ends, total_low, total_high)


def interval(values: Any) -> tuple[float, float]:
    """Return the 95 % interval of the mean, as `mean_inference` defines it; Student's below six numbers.

    >>> [round(end, 3) for end in interval([1.0, 2.0, 3.0])]
    [-0.484, 4.484]
    """
    found = mean_inference(np.asarray(values, dtype=np.float64))
    return found.low, found.high


def difference(first: Any, second: Any, sample_error: float = math.nan, resamples: int = RESAMPLES) -> Difference:
    """Compare two variants by their scores with the same seeds, (n,) each.

    A score of −∞ is that of a failed network: it counts for `beats` alone.
    sample_error : standard error of the mean difference due to the test samples.
    `adjusted` is p, as for a single test.

    >>> found = difference([0.93, 0.95, 0.94, 0.96, 0.95, 0.94], [0.91, 0.92, 0.92, 0.92, 0.93, 0.91])
    >>> f"{found.mean:.4f}, p = {found.p:.4f}, beats it with {found.beats:.2f}", found.significant
    ('0.0267, p = 0.0312, beats it with 0.93', True)
    """
    with np.errstate(invalid="ignore"):
        every: Floats = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    # Scores that are printed alike may differ in their last bits.
    every = np.where(np.abs(every) < 1e-12, 0.0, every)
    d, beats = every[np.isfinite(every)], _probability_of_more(every[~np.isnan(every)])
    n = len(d)
    if not n:
        nothing = math.nan
        return Difference(0, nothing, nothing, nothing, nothing, 1.0, 1.0, *beats)
    found = mean_inference(d, resamples)
    mean, deviation = float(d.mean()), float(d.std(ddof=1)) if n > 1 else math.nan
    effect = mean / deviation if deviation else (0.0 if mean == 0 else math.copysign(math.inf, mean))
    total = _with_samples(mean, found.low, found.high, sample_error)
    return Difference(n, mean, found.low, found.high, effect, found.p, found.p, *beats, *total)


def failure_rates(first: Sequence[bool], second: Sequence[bool]) -> FailureRates:
    """Compare how often two variants failed with the same seeds; `adjusted` is p, as for a single test.

    >>> failure_rates([True] * 7 + [False] * 3, [False] * 10)
    FailureRates(n=10, first=7, second=0, discordant=7, p=0.015625, adjusted=0.015625)
    """
    one, other = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    alone, discordant = int(np.sum(one & ~other)), int(np.sum(one ^ other))
    p = 1.0
    if discordant:
        from scipy import stats

        p = float(stats.binomtest(alone, discordant).pvalue)
    return FailureRates(len(one), int(one.sum()), int(other.sum()), discordant, p, p)


def holm(p: Sequence[float]) -> list[float]:
    """Adjust the p-values of several tests, so that the probability of any false rejection is at most the level.

    The smallest is multiplied by their number, the next by one less, and so on; none is below the one before
    (Holm, 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, least = [1.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        least = max(least, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = least
    return adjusted


def seeds_needed(tests: int) -> int:
    """Return the smallest number of seeds with which one of so many tests can be significant.

    The smallest p of n seeds is 2 / 2ⁿ, that of the sign-flip test.

    >>> seeds_needed(1), seeds_needed(10)
    (6, 9)
    """
    return math.ceil(math.log2(2 * max(tests, 1) / LEVEL))


def default_seeds(tests: int) -> int:
    """Return the number of seeds that a comparison takes by default: 10, or as many as its tests need.

    >>> default_seeds(3), default_seeds(45)
    (10, 11)
    """
    return max(SEEDS, seeds_needed(tests))


def sample_error(scores: Floats) -> float:
    """Return the standard error, due to the choice of samples, of a mean over seeds and samples, (seeds, samples).

    The variance of the samples' means over seeds, over the number of samples. It contains the interaction of seeds and
    samples, which the interval over seeds contains too: together they are slightly too large.
    """
    samples = scores.shape[1] if scores.ndim == 2 else 0
    return float(scores.mean(axis=0).std(ddof=1)) / math.sqrt(samples) if samples > 1 else math.nan


def _with_samples(mean: float, low: float, high: float, error: float) -> tuple[float, float]:
    """Return the interval over seeds, widened by the error due to the samples: half-widths are added in quadrature."""
    half = NormalDist().inv_cdf(1 - LEVEL / 2) * error
    return mean - math.hypot(mean - low, half), mean + math.hypot(high - mean, half)


def _probability_of_more(d: Floats) -> tuple[float, float, float]:
    """Return the probability that a new difference is above 0, with its 95 % interval: a Beta distribution.

    Of n differences w were above 0, where ties count half; under Jeffreys's prior the probability is then distributed
    as Beta(w + ½, n − w + ½).
    """
    if not len(d):
        return 0.5, 0.0, 1.0
    from scipy import special

    n, w = len(d), float(np.sum(d > 0) + 0.5 * np.sum(d == 0))
    low, high = special.betaincinv(w + 0.5, n - w + 0.5, [LEVEL / 2, 1 - LEVEL / 2]).tolist()
    return (w + 0.5) / (n + 1), low, high


__all__ = [
    "CONFIDENCE", "LEVEL", "RESAMPLES", "Difference", "FailureRates", "Summary", "default_seeds", "difference",
    "failure_rates", "holm", "interval", "resamples_for", "sample_error", "seeds_needed", "summary",
]  # fmt: skip
