"""Conformal prediction: intervals of numbers and sets of classes with a chosen coverage.

The scores of samples that a network was not trained on say how far off it is. Those of cross-validation's folds are
pooled here, and the interval is that of the mean of the folds' networks: split conformal prediction on out-of-fold
scores, "cross-conformal" in Vovk (2015). The mean is at least about as accurate as each network, so the coverage is
approximately the chosen one or more; a guarantee exists for a wider variant only (Barber and others, 2021).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from deltarule.errors import DataError, DataWarning
from deltarule.types import Booleans, Floats, Positions


def conformal_quantile(scores: Floats, coverage: float) -> Floats:
    """Return the ⌈coverage · (n + 1)⌉-th smallest of n scores (n, k), for each of the k columns; ∞ for too few scores.

    Lei, G'Sell, Rinaldo, Tibshirani, Wasserman (2018), algorithm 2.

    >>> conformal_quantile(np.arange(1.0, 20.0)[:, None], 0.9), conformal_quantile(np.ones((5, 1)), 0.9)
    (array([18.]), array([inf]))
    """
    place = math.ceil(round(coverage * (len(scores) + 1), 9))
    if place > len(scores):
        return np.full(scores.shape[1], np.inf)
    return np.asarray(np.partition(scores, place - 1, axis=0)[place - 1], dtype=np.float64)


def number_scores(predicted: Floats, y: Floats) -> Floats:
    """Return the scores of predicted numbers (n, k): |y − ŷ|."""
    return np.abs(y - predicted)


def intervals(predicted: Floats, scores: Floats, coverage: float) -> Floats:
    """Return the intervals (n, k, 2) of predicted numbers (n, k): ŷ ∓ the quantile of the scores (m, k).

    >>> intervals(np.array([[5.0]]), np.arange(1.0, 20.0)[:, None], 0.9).tolist()
    [[[-13.0, 23.0]]]
    """
    width = conformal_quantile(scores, checked_coverage(coverage))
    return np.stack([predicted - width, predicted + width], axis=-1)


def warned_intervals(predicted: Floats, scores: Floats, coverage: float) -> Floats:
    """Return `intervals`, with a `DataWarning` for the caller's caller where too few scores make them infinite."""
    found = intervals(predicted, scores, coverage)
    if not np.isfinite(found).all():
        infinite = f"Intervals of {len(scores)} samples do not have a coverage of {coverage:g}: they are infinite."
        warnings.warn(DataWarning(infinite), stacklevel=3)
    return found


def class_scores(probabilities: Floats, codes: Positions) -> Floats:
    """Return the scores (n, 1) of probabilities (n, classes) for the classes `codes` (n,): 1 − p_y."""
    return 1.0 - np.take_along_axis(probabilities, codes[:, np.newaxis], axis=1)


def class_sets(probabilities: Floats, scores: Floats, coverage: float) -> Booleans:
    """Return whether each class is in the set of each sample (n, classes): 1 − p is at most the quantile of the scores.

    The most probable class is always in it. Sadinle, Lei, Wasserman (2019), "least ambiguous" sets.

    >>> class_sets(np.array([[0.6, 0.35, 0.05]]), np.linspace(0.0, 0.7, 19)[:, None], 0.9).tolist()
    [[True, True, False]]
    """
    widest = conformal_quantile(scores, checked_coverage(coverage))
    inside: Booleans = 1.0 - probabilities <= widest
    inside[np.arange(len(inside)), probabilities.argmax(axis=1)] = True
    return inside


def checked_coverage(coverage: Any) -> float:
    """Return a coverage between 0 and 1."""
    if not isinstance(coverage, int | float | np.number) or not 0 < coverage < 1:
        raise DataError("a number between 0 and 1", repr(coverage), "coverage=0.9", field="coverage")
    return float(coverage)
