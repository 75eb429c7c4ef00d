"""The course of a training run: where the validation loss turned, and whether it was still falling at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deltarule.studies.intervals import NORMAL
from deltarule.training import Epoch
from deltarule.types import Floats

_FEWEST = 5
"""Minimum number of epochs for a statement about the course."""
_CLEAR = 5
"""The rise above the lowest loss, in standard deviations of the noise: the lowest of many noisy losses is low by 2."""
_MATTERS = 0.01
"""The relative change of the loss below which it counts as level."""


@dataclass(frozen=True)
class Course:
    """The course of the validation loss in a history.

    epochs, best : how many epochs there are, and the one of the lowest validation loss, from 1.
    overfitted : after the best epoch the validation loss rose beyond its noise, while the training loss fell.
    early : and the best epoch was one of the first three, or in the first quarter.
    falling : the run ended for want of epochs while the validation loss was still falling beyond its noise.
    """

    epochs: int
    best: int
    overfitted: bool
    early: bool
    falling: bool


def course_of(history: Sequence[Epoch], epochs: int | None = None) -> Course | None:
    """The course of a history; None where there are too few epochs or no validation losses.

    epochs : the maximum number of epochs of the recipe; None where it is unknown, and then nothing is `falling`.
    """
    losses = np.array([epoch.validation_loss for epoch in history])
    trained = np.array([epoch.train_loss for epoch in history])
    n = len(losses)
    if n < _FEWEST or not np.isfinite(losses).all() or not np.isfinite(trained).all():
        return None
    best = int(np.argmin(losses))
    # Second differences hardly see a smooth course; those of independent noise have √6 times its standard deviation.
    noise = 1.4826 * float(np.median(np.abs(np.diff(losses, 2)))) / math.sqrt(6)
    level = _MATTERS * abs(float(losses[best]))
    tail = losses[best + 1 :]
    rise = float(np.mean(tail[-3:])) - float(losses[best]) if len(tail) >= 3 else 0.0
    beyond_noise = rise > _CLEAR * noise or _rises(tail)
    overfitted = rise > level and beyond_noise and trained[-1] < trained[best]
    quarter = max(2, n // 4)
    fall = float(np.mean(losses[n - 2 * quarter : n - quarter]) - np.mean(losses[n - quarter :]))
    falling = n == epochs and best >= n - 1 - n // 20 and fall > max(2 * noise * math.sqrt(2 / quarter), level)
    return Course(n, best + 1, bool(overfitted), bool(overfitted and best < max(3, n // 4)), bool(falling))


def _rises(values: Floats) -> bool:
    """Whether numbers rise with their place: Mann and Kendall's test for a trend, one-sided at 2.5 %.

    >>> _rises(np.array([1.0, 2.0, 1.5, 3.0, 4.0, 5.0])), _rises(np.array([1.0, 2.0, 1.0, 2.0, 1.0, 2.0]))
    (True, False)
    """
    n = len(values)
    if n < 5:
        return False
    rows, columns = np.triu_indices(n, 1)
    more = float(np.sum(np.sign(values[columns] - values[rows])))
    return (more - 1) / math.sqrt(n * (n - 1) * (2 * n + 5) / 18) > NORMAL
