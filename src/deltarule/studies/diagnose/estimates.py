"""Errors measured on samples, their 95 % intervals, and tests based on them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data import Part
from deltarule.errors import DataError
from deltarule.models import Model
from deltarule.studies.diagnose.student import t_probability, t_quantile
from deltarule.studies.intervals import wilson
from deltarule.types import Floats

ONE_SIDED = 0.025
"""The level of the exact tests."""


@dataclass(frozen=True)
class ErrorEstimate:
    """An error measured on n samples, with its 95 % interval.

    is_rate : whether it is an error rate, rather than a mean squared error.

    >>> error = ErrorEstimate.of_counts(4, 180)
    >>> f"{error.value:.4f} from {error.low:.4f} to {error.high:.4f}"
    '0.0222 from 0.0087 to 0.0557'
    """

    value: float
    low: float
    high: float
    n: int
    is_rate: bool

    @classmethod
    def of_counts(cls, wrong: int, n: int) -> ErrorEstimate:
        """`wrong` answers out of n, with Wilson's interval (1927), which also holds near 0 and 1 and for small n."""
        if n < 1 or not 0 <= wrong <= n:
            raise DataError("wrong answers between 0 and the number of samples", f"{wrong} of {n}")
        return cls(wrong / n, *wilson(wrong / n, n), n, is_rate=True)

    @classmethod
    def of_squares(cls, squares: npt.ArrayLike) -> ErrorEstimate:
        """The mean of n squared errors, with the interval of `mean_interval`, cut at 0."""
        values = np.asarray(squares, dtype=np.float64).ravel()
        if len(values) == 0 or not np.isfinite(values).all() or (values < 0).any():
            raise DataError("finite squared errors of at least one sample", f"{len(values)} numbers")
        mean, low, high = mean_interval(values)
        return cls(mean, max(low, 0.0), high, len(values), is_rate=False)


def mean_interval(values: Floats) -> tuple[float, float, float]:
    """The mean of independent numbers and its 95 % interval, which allows for their skewness.

    Squared errors are skewed: the usual interval mean ± 1.96 s / √n is too low for them. Student's t is therefore
    taken of Hall's transformation (1992), T + g (T² / 3 + 1 / 6) / √n + g² T³ / (27 n) with the skewness g, and turned
    back. One number alone says nothing of the spread: its interval is infinite.

    >>> [round(each, 2) for each in mean_interval(np.array([1.0, 2.0, 2.0, 3.0, 9.0]))]
    [3.4, 1.0, 13.98]
    """
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return mean, -math.inf, math.inf
    deviation = float(np.std(values, ddof=1))
    if deviation == 0.0:
        return mean, mean, mean
    skewness = float(np.mean(((values - mean) / np.std(values)) ** 3))
    if n > 2:
        skewness *= math.sqrt(n * (n - 1)) / (n - 2)  # less biased: G1 of Joanes and Gill (1998)
    a, t = skewness / math.sqrt(n), t_quantile(1 - ONE_SIDED, n - 1)
    ends = [_hall(a, quantile) for quantile in (t, -t)]
    scale = deviation / math.sqrt(n)
    return mean, mean - ends[0] * scale, mean - ends[1] * scale


def mean_test(values: Floats) -> float:
    """One-sided p of Student's t test that the mean is below 0; 1 for a single number.

    >>> round(mean_test(np.array([-1.0, -2.0, -3.0, 0.5])), 4)
    0.0814
    """
    n = len(values)
    deviation = float(np.std(values, ddof=1)) if n > 1 else math.inf
    mean = float(np.mean(values))
    if deviation == 0.0:
        return 0.0 if mean < 0 else 1.0
    return t_probability(mean / (deviation / math.sqrt(n)), n - 1) if n > 1 else 1.0


def _hall(a: float, quantile: float) -> float:
    """The statistic T whose transformation is the quantile."""
    if abs(a) < 1e-6:
        return quantile
    return 3.0 / a * (math.cbrt(1.0 + a * (quantile - a / 6.0)) - 1.0)


def error_of(model: Model, part: Part) -> ErrorEstimate:
    """The error of a model on a set of samples: the rate of wrong answers, or the mean squared error."""
    return error_from(losses_of(model, part), is_rate=model.labelled)


def losses_of(model: Model, part: Part) -> Floats:
    """The error of each sample, (n,): 1 for a wrong answer and 0 for a right one, or the mean of its squared errors."""
    predicted = model.predict(part.x, strict=None)
    if model.labelled:
        return wrong_answers(predicted, part.y)
    distances = predicted.reshape(len(part), -1) - part.y.astype(np.float64).reshape(len(part), -1)
    return np.asarray(np.mean(distances**2, axis=1))


def wrong_answers(predicted: npt.NDArray[Any], y: npt.NDArray[Any]) -> Floats:
    """1 for each sample whose label, or one of whose labels, is wrong, else 0."""
    return np.asarray((predicted != y).reshape(len(y), -1).any(axis=1), dtype=np.float64)


def error_from(losses: Floats, *, is_rate: bool) -> ErrorEstimate:
    """The estimate that errors of single samples give."""
    return ErrorEstimate.of_counts(int(losses.sum()), len(losses)) if is_rate else ErrorEstimate.of_squares(losses)


def difference(validation: ErrorEstimate, train: ErrorEstimate) -> tuple[float, float, float]:
    """Validation minus training error, and the 95 % interval of that, from the intervals of both.

    Each end takes the two distances that could have moved it: for rates this is the tenth method of Newcombe (1998).

    >>> gap, low, high = difference(ErrorEstimate.of_counts(56, 70), ErrorEstimate.of_counts(48, 80))
    >>> f"{gap:.4f} from {low:.4f} to {high:.4f}"
    '0.2000 from 0.0524 to 0.3339'
    """
    gap = validation.value - train.value
    low = gap - math.hypot(validation.value - validation.low, train.high - train.value)
    high = gap + math.hypot(validation.high - validation.value, train.value - train.low)
    return gap, low, high


def check_reference_error(reference_error: float | None, *, is_rate: bool) -> None:
    """Refuse a reference that is no error: a rate of wrong answers, or a mean squared error.

    >>> check_reference_error(0.02, is_rate=True)
    """
    if reference_error is None or 0 <= reference_error <= (1 if is_rate else math.inf):
        return
    wanted = "a reference error from 0 to 1" if is_rate else "a reference error of 0 or more"
    raise DataError(wanted, f"{reference_error}", "0.02 for 2 % wrong answers" if is_rate else None)


def certainly_above(error: ErrorEstimate, other: ErrorEstimate) -> bool:
    """Whether one error is higher than another beyond what 95 % intervals leave in doubt.

    The interval of the difference must be above 0. For rates Fisher's exact test (1935) must agree, one-sided at
    2.5 %: the interval is an approximation, and where next to nothing is wrong it is too narrow.

    >>> certainly_above(ErrorEstimate.of_counts(4, 180), ErrorEstimate.of_counts(0, 1437))
    True
    >>> certainly_above(ErrorEstimate.of_counts(1, 180), ErrorEstimate.of_counts(0, 1437))
    False
    """
    if not difference(error, other)[1] > 0:
        return False
    if not error.is_rate:
        return True
    wrong = round(error.value * error.n)
    return fisher(wrong, error.n, round(other.value * other.n), other.n) <= ONE_SIDED


def fisher(wrong: int, n: int, other_wrong: int, other_n: int) -> float:
    """Fisher's p: if all wrong answers were spread at random, how likely are `wrong` or more among these n?"""
    all_wrong, total = wrong + other_wrong, n + other_n
    possible = range(wrong, min(all_wrong, n) + 1)
    logs = (_log_ways(k, n) + _log_ways(all_wrong - k, other_n) - _log_ways(all_wrong, total) for k in possible)
    return math.fsum(math.exp(each) for each in logs)


def sign_test(more: int, less: int) -> float:
    """One-sided p of the exact sign test: how likely is `more` or a larger number out of both with a fair coin?

    Of answers to the same samples it is McNemar's exact test.

    >>> round(sign_test(3, 0), 6)
    0.125
    """
    n = more + less
    return math.fsum(math.exp(_log_ways(k, n) - n * math.log(2)) for k in range(more, n + 1))


def _log_ways(chosen: int, out_of: int) -> float:
    return math.lgamma(out_of + 1) - math.lgamma(chosen + 1) - math.lgamma(out_of - chosen + 1)
