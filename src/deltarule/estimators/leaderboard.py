"""What was tried for a table, and how well it predicts samples that it was not trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from deltarule.studies.intervals import NORMAL
from deltarule.types import Floats, Positions


@dataclass(frozen=True)
class Judged:
    """Score, ends of its interval, and loss of predictions."""

    score: float
    low: float
    high: float
    loss: float


@dataclass(frozen=True)
class Entry:
    """One line of a leaderboard.

    name : of the preset, or of one of its networks for each fold; "first fold" for the network by which presets were
        compared, whose score is of the samples held out there.
    score : accuracy or R² of the out-of-fold predictions; `low` and `high` are the ends of its 95 % interval.
    loss : mean log loss, or root mean squared error in the targets' units.
    networks, seconds : number of networks, and the time in which they were trained.
    used : whether its networks predict.
    """

    name: str
    score: float
    low: float
    high: float
    loss: float
    networks: int
    seconds: float
    used: bool = False

    @classmethod
    def of(cls, name: str, judged: Judged, networks: int, seconds: float, *, used: bool) -> Self:
        """Return the line of some networks whose predictions were judged."""
        return cls(name, judged.score, judged.low, judged.high, judged.loss, networks, seconds, used)


def judged_classes(probabilities: Floats, codes: Positions) -> Judged:
    """Return the accuracy and the log loss of probabilities (n, classes) for the classes `codes` (n,)."""
    right = (probabilities.argmax(axis=1) == codes).astype(np.float64)
    own = np.take_along_axis(probabilities, codes[:, np.newaxis], axis=1)
    loss = -np.log(np.maximum(own, 1e-12)).mean() if len(codes) else math.nan
    score, low, high = _ratio(right, np.ones(len(codes)))
    return Judged(score, max(0.0, low), min(1.0, high), float(loss))


def judged_numbers(predicted: Floats, y: Floats) -> Judged:
    """Return R², pooled over the targets, and the root mean squared error of predictions (n, k) for y (n, k)."""
    if not len(y):
        return Judged(math.nan, math.nan, math.nan, math.nan)
    # In a power of two near the largest target, so that the squares of tiny numbers are not 0.
    unit = 2.0 ** math.frexp(np.abs(y).max())[1]
    y, predicted = y / unit, predicted / unit
    squares = np.sum((y - predicted) ** 2, axis=1)
    unexplained, low, high = _ratio(squares, np.sum((y - y.mean(axis=0)) ** 2, axis=1))
    return Judged(1.0 - unexplained, 1.0 - high, 1.0 - max(0.0, low), unit * math.sqrt(squares.mean()))


def _ratio(above: Floats, below: Floats) -> tuple[float, float, float]:
    """Return the ratio of the means of two columns (n,) and the ends of its 95 % interval, by the delta method.

    r = ā / b̄ has the variance Σ (aᵢ − r bᵢ)² / (n b̄)².
    """
    n, mean = len(above), float(below.mean()) if len(below) else 0.0
    if mean == 0.0:
        return math.nan, math.nan, math.nan
    ratio = float(above.mean()) / mean
    margin = NORMAL * math.sqrt(float(np.sum((above - ratio * below) ** 2))) / (n * mean)
    return ratio, ratio - margin, ratio + margin


class Leaderboard(tuple[Entry, ...]):
    """The entries, in the order in which they were tried; as text, a line for each, `*` before those that predict.

    >>> print(Leaderboard([Entry("plain", 0.9, 0.88, 0.92, 0.3, 5, 2.0, used=True)]))
    * plain  0.9000 (0.8800 to 0.9200)  loss 0.3  5 networks in 2 s
    """

    __slots__ = ()

    def __str__(self) -> str:
        width = max((len(entry.name) for entry in self), default=0)
        return "\n".join(
            f"{'*' if each.used else ' '} {each.name:{width}}  {each.score:.4f} ({each.low:.4f} to {each.high:.4f})"
            f"  loss {each.loss:.4g}  {each.networks} network{'s' * (each.networks != 1)} in {each.seconds:.3g} s"
            for each in self
        )
