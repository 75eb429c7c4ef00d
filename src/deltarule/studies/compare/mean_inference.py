"""Confidence interval and test of the mean of n numbers, for skewed and heavy-tailed distributions too.

Two methods are combined, and the larger p (the wider interval) counts. They fail on different distributions:

- Subset means (Hartigan, 1969), the sign-flip test with its interval: exact for symmetric distributions, however
  heavy their tails. Skewed ones make its p too small.
- Bootstrap-t (Efron, 1981; Hall, 1988): resamples the studentized mean, and so follows the skewness. Heavy tails make
  its p slightly too small.

A value is in the 95 % interval if and only if the test of this value has p > 0.05.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from deltarule.types import Floats

LEVEL = 0.05
RESAMPLES = 9_999
MOST_RESAMPLES = 99_999
FEWEST = 6
"""Numbers from which on a test can have p ≤ 0.05; fewer have Student's interval."""

_ENUMERATED = 13
_SMALLEST_VARIANCE = 0.01
"""Lower bound of a resample's variance, in units of that of the numbers, as resamples of ties have none."""
_TIE = 1e-9


@dataclass(frozen=True)
class MeanInference:
    """Confidence interval of a mean at the level 1 − `LEVEL`, and p of the test that it is 0."""

    low: float
    high: float
    p: float


def mean_inference(x: Floats, resamples: int = RESAMPLES) -> MeanInference:
    """Return the interval of the mean of x, (n,), and p of the hypothesis that it is 0.

    resamples : number of bootstrap resamples, and of subsets where there are too many to enumerate them.

    The random numbers are the same for all x of the same length.

    >>> found = mean_inference(np.array([0.2, 0.5, 0.1, 0.4, 0.3, 0.9, 0.2, 0.6]))
    >>> bool(0 < found.low < 0.4 < found.high), bool(found.p < 0.05)
    (True, True)
    """
    n = len(x)
    if n < 2:
        return MeanInference(-math.inf, math.inf, 1.0)
    mean, deviation = float(x.mean()), float(x.std(ddof=1))
    if deviation <= 1e-12 * abs(mean):
        return MeanInference(mean, mean, 1.0 if mean == 0 else 2.0 / (1 + _subsets(n, resamples)))
    subset_means = _subset_weights(n, resamples) @ x / deviation
    t = _studentized_means((x - mean) / deviation, resamples)
    error, observed = deviation / math.sqrt(n), mean / deviation * math.sqrt(n)
    p = max(_two_sided(subset_means, 0.0), _two_sided(t, observed))
    if n < FEWEST:
        return MeanInference(*_student(mean, error, n), p)
    low_mean, high_mean = _ends(subset_means)
    low_t, high_t = _ends(t)
    low, high = min(low_mean * deviation, mean - high_t * error), max(high_mean * deviation, mean - low_t * error)
    return MeanInference(low, high, p)


def resamples_for(tests: int) -> int:
    """Return the number of resamples that lets one of so many tests be significant after Holm's correction.

    >>> resamples_for(10), resamples_for(300)
    (9999, 29999)
    """
    return min(max(RESAMPLES, 100 * tests - 1), MOST_RESAMPLES)


def _two_sided(reference: Floats, value: float) -> float:
    """Return twice the smaller tail probability of a value; the value itself is one of the reference values."""
    above, below = np.sum(reference >= value - _TIE), np.sum(reference <= value + _TIE)
    return min(1.0, 2.0 * (1 + int(min(above, below))) / (1 + len(reference)))


def _ends(reference: Floats) -> tuple[float, float]:
    """Return the values between which `_two_sided` is above the level."""
    rank = math.floor(LEVEL / 2 * (1 + len(reference)) + _TIE)
    ordered = np.partition(reference, (rank - 1, len(reference) - rank))
    return float(ordered[rank - 1]), float(ordered[len(reference) - rank])


def _student(mean: float, error: float, n: int) -> tuple[float, float]:
    from scipy import special

    half = float(special.stdtrit(n - 1, 1 - LEVEL / 2)) * error
    return mean - half, mean + half


def _studentized_means(x: Floats, resamples: int) -> Floats:
    """Return the studentized means of resamples of x, which has mean 0 and variance 1: (resamples,)."""
    n = len(x)
    counts = _resampling_counts(n, resamples)
    means = counts @ x / n
    variances = np.maximum((counts @ x**2 - n * means**2) / (n - 1), _SMALLEST_VARIANCE)
    t: Floats = means * math.sqrt(n) / np.sqrt(variances)
    return t


@lru_cache(maxsize=4)
def _resampling_counts(n: int, resamples: int) -> Floats:
    """Return how often each of n numbers is in each resample: (resamples, n)."""
    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


@lru_cache(maxsize=4)
def _subset_weights(n: int, resamples: int) -> Floats:
    """Return the weights of subset means: (subsets, n), all non-empty subsets up to 13 numbers, random ones above."""
    if n <= _ENUMERATED:
        chosen = np.arange(1, 2**n)[:, None] >> np.arange(n) & 1 == 1
    else:
        chosen = np.random.default_rng(0).random((resamples, n)) < 0.5
        chosen[~chosen.any(axis=1)] = True
    weights: Floats = chosen / chosen.sum(axis=1, keepdims=True)
    return weights


def _subsets(n: int, resamples: int) -> int:
    return 2**n - 1 if n <= _ENUMERATED else resamples
