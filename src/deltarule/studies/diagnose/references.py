"""Other methods trained on the same samples: nearest neighbours and boosted trees of scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule.data import Dataset, Part
from deltarule.engines.problem import Problem
from deltarule.models import Model
from deltarule.studies.diagnose.estimates import (
    ONE_SIDED,
    ErrorEstimate,
    error_from,
    losses_of,
    mean_interval,
    sign_test,
    wrong_answers,
)
from deltarule.types import Floats

MOST = 20_000
"""The largest number of training samples that they learn from."""
_NEIGHBOURS, _TREES = 5, 30


@dataclass(frozen=True)
class Reference:
    """Another method, and its error on the validation samples.

    difference : its error minus the network's on the same samples, with the ends of the 95 % interval.
    certain : 1 where the network is certainly better, −1 where the reference is, 0 where the samples cannot tell.
    """

    name: str
    validation: ErrorEstimate
    difference: tuple[float, float, float]
    certain: int


def references_of(model: Model, data: Dataset, problem: Problem) -> tuple[Reference, ...]:
    """Train the references and compare them with the network on the validation set; none without one.

    They take the inputs as the network does, scaled. Several targets or labels a sample have no references.
    """
    from threadpoolctl import threadpool_limits

    held = data.validation
    if held is None or data.train.y.ndim > 1:
        return ()
    rows = np.unique(np.linspace(0, len(data.train) - 1, min(MOST, len(data.train))).astype(np.intp))
    x, y = _inputs(model, problem, data.train.rows(rows))
    x_held, y_held = _inputs(model, problem, held)
    mine, found = losses_of(model, held), []
    for name, method in _methods(len(rows), classes=model.labelled):
        with threadpool_limits(1):  # many small parallel regions, which stall on a busy machine
            predicted = method.fit(x, y).predict(x_held)
        theirs = wrong_answers(predicted, y_held) if model.labelled else (predicted - y_held.astype(np.float64)) ** 2
        found.append(_compared(name, theirs, mine, is_rate=model.labelled))
    return tuple(found)


def _methods(n: int, *, classes: bool) -> list[tuple[str, Any]]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    neighbours, trees = (
        (KNeighborsClassifier, HistGradientBoostingClassifier)
        if classes
        else (KNeighborsRegressor, HistGradientBoostingRegressor)
    )
    k = min(_NEIGHBOURS, n)
    settings = {
        "max_iter": _TREES,
        "max_leaf_nodes": 15,
        "learning_rate": 0.2,
        "early_stopping": False,
        "random_state": 0,
    }
    return [
        (f"the {k} nearest neighbours", neighbours(k)),
        (f"{_TREES} boosted trees", trees(**settings)),
    ]


def _inputs(model: Model, problem: Problem, part: Part) -> tuple[Floats, Any]:
    x = part.x.reshape(len(part.x), -1) if model.encoding is None else model.encoding(part.x)
    return np.asarray(problem.scaling(x), np.float64), part.y


def _compared(name: str, theirs: Floats, mine: Floats, *, is_rate: bool) -> Reference:
    gaps = theirs - mine
    gap, low, high = mean_interval(gaps)
    if is_rate:
        more, less = int(np.sum(gaps > 0)), int(np.sum(gaps < 0))
        certain = int(sign_test(more, less) <= ONE_SIDED) - int(sign_test(less, more) <= ONE_SIDED)
    else:
        certain = int(low > 0) - int(high < 0)
    return Reference(name, error_from(theirs, is_rate=is_rate), (gap, low, high), certain)
