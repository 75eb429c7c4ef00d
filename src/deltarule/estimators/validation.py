"""What early stopping watches: a part of the data held out, or brought by the caller, and how it is scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.problem import Figure, Samples
from deltarule.types import Floats, Indices


@dataclass(frozen=True)
class Held:
    """A validation part.

    samples : as the engine sees it.
    x, y, weights : as a scorer does: inputs (n, d), labels or numbers, and how much each counts, or None.
    """

    samples: Samples
    x: npt.NDArray[Any]
    y: npt.NDArray[Any]
    weights: Floats | None


def held_out(n: int, fraction: float, classes: Any, random: np.random.RandomState) -> tuple[Indices, Indices]:
    """Rows to train on and rows to hold out, those that scikit-learn takes; by class where `classes` are given."""
    from sklearn.model_selection import train_test_split

    train, held = train_test_split(np.arange(n), random_state=random, test_size=fraction, stratify=classes)
    if len(held) < 2:
        # scikit-learn's words, which programs look for.
        wanted = "Increase 'validation_fraction' or the size of your dataset."
        raise ValueError(f"The validation set is too small. {wanted}")
    return train, held


def accuracy(figures: Floats) -> float:
    """The share of right answers in an epoch's figures."""
    wrong = figures[Figure.VALIDATION_ERROR] / figures[Figure.VALIDATION_WEIGHT]
    return float(1.0 - wrong) if np.isfinite(figures[Figure.VALIDATION_LOSS]) else np.nan


def determination(figures: Floats, spread: float) -> float:
    """R² of one output in an epoch's figures, of the numbers' variance; where that is 0, scikit-learn's 1 or 0."""
    error = figures[Figure.VALIDATION_ERROR] / figures[Figure.VALIDATION_WEIGHT]
    if not np.isfinite(error):
        return np.nan
    return float(1.0 - error / spread) if spread > 0 else float(error == 0)


def negative_loss(figures: Floats) -> float:
    """What `scoring="loss"` watches: the mean loss, its sign turned so that larger is better."""
    return float(-figures[Figure.VALIDATION_LOSS] / figures[Figure.VALIDATION_WEIGHT])


def scored_by(estimator: Any, scoring: Any, held: Held) -> Callable[[Floats], float]:
    """A function from θ to the score that scikit-learn's scorers, or the estimator's own `score`, give a network."""
    from sklearn.metrics import get_scorer

    scorer = type(estimator).score if scoring is None else get_scorer(scoring)
    viewed = estimator._of_inputs(held.x.shape[1])
    weights = {} if held.weights is None else {"sample_weight": held.weights}

    def score(theta: Floats) -> float:
        if not np.isfinite(theta).all():
            return np.nan
        viewed._set_theta(theta)
        return float(scorer(viewed, held.x, held.y, **weights))

    return score
