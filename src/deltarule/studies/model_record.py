"""The record of a run for its model's file: scores with intervals on each set, and the diagnosis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from deltarule.data import Dataset, Part
from deltarule.models import Model
from deltarule.models.record import Record, Score
from deltarule.studies.diagnose import Diagnosis, diagnose
from deltarule.studies.diagnose.baselines import constant_losses
from deltarule.studies.diagnose.estimates import ErrorEstimate, error_of, mean_interval
from deltarule.training import Evaluation, Run
from deltarule.training.evaluating import evaluate

__all__ = ["record_of"]


def record_of(
    run: Run,
    data: Dataset,
    evaluations: Mapping[str, Evaluation] | None = None,
    diagnosis: Diagnosis | None = None,
    *,
    diagnosed: bool = True,
) -> Record:
    """Return a run's record with the model's scores on each set of the data, and the diagnosis.

    evaluations, diagnosis : where they are known already.
    diagnosed : whether the record has the diagnosis.

    >>> import deltarule as dr
    >>> data = dr.load_dataset("iris")
    >>> record = record_of(dr.train(dr.Recipe(epochs=20), data), data)
    >>> [score.part for score in record.scores]
    ['train', 'validation', 'test']
    """
    model = run.model
    if diagnosed and diagnosis is None:
        diagnosis = diagnose(run, data, short=True)
    scores: list[Score] = []
    for name, part in data.parts.items():
        found = evaluate(model, part) if evaluations is None else evaluations[name]
        scores += _scores(model, name, part, found, data.train)
    record = Record() if model.record is None else model.record
    return record.replace(scores=tuple(scores), diagnosis=() if diagnosis is None else diagnosis.sentences)


def _scores(model: Model, name: str, part: Part, found: Evaluation, train: Part) -> Iterator[Score]:
    """Yield the scores on a set that have a value: the accuracy; or R² and the RMSE."""
    n = found.samples
    if model.labelled:
        if part.weights is None:
            wrong = ErrorEstimate.of_counts(round((1.0 - found.score) * n), n)
            low, high = 1.0 - wrong.high, 1.0 - wrong.low
        else:
            _, low, high = mean_interval(found.sample_scores)
            low, high = max(low, 0.0), min(high, 1.0)
        constant = 1.0 - float(np.average(constant_losses(model, train, part), weights=part.weights))
        yield Score(name, "accuracy", found.score, _end(low), _end(high), n, constant)
        return
    if math.isfinite(found.score):
        _, low, high = mean_interval(found.sample_scores)
        yield Score(name, "r2", found.score, _end(low), _end(min(high, 1.0)), n)
    if part.weights is None:
        error = error_of(model, part)
        low, high = math.sqrt(error.low), math.sqrt(error.high)
        yield Score(name, "rmse", math.sqrt(error.value), _end(low), _end(high), n)


def _end(value: float) -> float | None:
    """Return the end of an interval, or None where the samples do not suffice for one."""
    return float(value) if math.isfinite(value) else None
