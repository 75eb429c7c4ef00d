"""The function `results`: predictions of a model, beside the truth, as results."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule.data import Dataset, Part
from deltarule.errors import DataError
from deltarule.formulas.metrics import ClassPredictions, LabelPredictions, Predictions
from deltarule.models import Model
from deltarule.models.ensemble import Ensemble
from deltarule.models.model import codes_of
from deltarule.studies.results.classes import ClassificationResults
from deltarule.studies.results.numbers import RegressionResults
from deltarule.training.arguments import Data, dataset_of


def results(
    model: Model | Ensemble, data: Data, y: Any = None, *, part: str | None = None
) -> ClassificationResults | RegressionResults:
    """Return the results of a model on a set of samples: confusion, curves, worst predictions, or residuals.

    data : a `Dataset`, a `Part`, (x, y), or x with y as the next argument.
    part : the set of a data set: "train", "validation" or "test" (default: the last of these that exists).

    Raises DataError for labels that the model does not know, and where the set does not exist.

    >>> import deltarule as dr
    >>> data = dr.load_dataset("iris")
    >>> found = dr.results(dr.train(dr.Recipe(epochs=30), data).model, data)
    >>> found.confusion.shape, len(found.curves), found.set_name
    ((3, 3), 3, 'test')
    """
    if isinstance(data, Part):
        return _of_part(model, data, "")
    sets = dataset_of(data, y).parts
    name = part or list(sets)[-1]
    if name not in sets:
        raise DataError(f"one of {', '.join(sets)}", repr(part), field="part")
    return _of_part(model, sets[name], name if isinstance(data, Dataset) else "")


def _of_part(model: Model | Ensemble, part: Part, name: str) -> ClassificationResults | RegressionResults:
    weights = None if part.weights is None else part.weights.astype(np.float64)
    if model.classes is not None:
        true, probabilities = codes_of(model.classes, part.y), model.predict_proba(part.x, strict=None)
        predicted = np.searchsorted(model.classes, model.predict(part.x, strict=None))
        names = tuple(model.name_of(label) for label in model.classes.tolist())
        return ClassificationResults(names, ClassPredictions(true, predicted, probabilities, weights), part, name)
    y = part.y.reshape(len(part), -1)
    names = model.target_names or tuple(f"output {number + 1}" for number in range(y.shape[1]))
    if model.multilabel:
        given = model.predict_proba(part.x, strict=None)
        columns = zip(y.T.astype(np.intp), given.T, strict=True)
        labels = (ClassPredictions(t, (a > 0.5).astype(np.intp), np.stack([1 - a, a], 1), weights) for t, a in columns)
        return ClassificationResults(names, LabelPredictions(tuple(labels)), part, name)
    if y.shape[1] == 1:
        names = (next(iter([] if model.encoding is None else model.encoding.targets), "target"),)
    numbers = np.asarray(model.predict(part.x, strict=None), np.float64).reshape(y.shape)
    return RegressionResults(names, Predictions(y.astype(np.float64), numbers, weights), part, name)
