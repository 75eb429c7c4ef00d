"""Metrics of a model on a set of samples, as records: of classes, and of numbers in the target's units."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.problem import Samples
from deltarule.formulas.metrics import (
    METRICS,
    ClassPredictions,
    LabelPredictions,
    Predictions,
    accuracy,
    average_precision,
    balanced_accuracy,
    log_loss,
    roc_auc,
)
from deltarule.models import Model
from deltarule.models.model import class_codes
from deltarule.types import Floats, Integers


@dataclass(frozen=True)
class ClassMetrics:
    """Metrics of one class against all others; a recall or an average precision is NaN where no sample has the class.

    samples : how many samples have it.
    predicted : for how many it is predicted.
    """

    label: Any
    samples: int
    predicted: int
    recall: float
    precision: float
    average_precision: float


@dataclass(frozen=True)
class ClassificationMetrics:
    """Metrics of a classification; see `deltarule.formulas.metrics` for their definitions.

    classes : the metrics of each class, in the order of the outputs.

    With several labels a sample, `classes` are the labels, `accuracy` is the fraction of samples that have all labels
    right, and the others are means over the labels.
    """

    accuracy: float
    balanced_accuracy: float
    roc_auc: float
    average_precision: float
    log_loss: float
    classes: tuple[ClassMetrics, ...]

    @classmethod
    def of(cls, predictions: ClassPredictions, labels: Sequence[Any]) -> ClassificationMetrics:
        """Compute all of them, the classes being called `labels`."""
        return cls(
            accuracy=accuracy(predictions),
            balanced_accuracy=balanced_accuracy(predictions),
            roc_auc=roc_auc(predictions),
            average_precision=average_precision(predictions),
            log_loss=log_loss(predictions),
            classes=_by_class(predictions, labels),
        )

    @classmethod
    def of_labels(cls, predictions: LabelPredictions, names: Sequence[Any] | None = None) -> ClassificationMetrics:
        """Compute all of them for several labels a sample, called `names`, or by their numbers."""
        names = range(len(predictions.labels)) if names is None else names
        return cls(
            accuracy=METRICS["accuracy"](predictions),
            balanced_accuracy=METRICS["balanced_accuracy"](predictions),
            roc_auc=METRICS["roc_auc"](predictions),
            average_precision=METRICS["average_precision"](predictions),
            log_loss=METRICS["log_loss"](predictions),
            classes=tuple(
                _by_class(each, (None, name))[1] for name, each in zip(names, predictions.labels, strict=True)
            ),
        )


@dataclass(frozen=True)
class RegressionMetrics:
    """Metrics of a regression: root mean squared error and mean absolute error in the target's units, and R²."""

    rmse: float
    mae: float
    r2: float

    @classmethod
    def of(cls, predictions: Predictions) -> RegressionMetrics:
        """Compute all of them."""
        return cls(*(METRICS[field.name](predictions) for field in dataclasses.fields(cls)))


def predictions_of(
    model: Model, samples: Samples, z: npt.NDArray[Any]
) -> ClassPredictions | LabelPredictions | Predictions:
    """Return what a model predicts for raw outputs z (n, outputs) of all samples, and the targets, in their units."""
    everything = slice(None)
    weights = None if samples.weights is None else samples.weight(everything)
    z = z.astype(np.float64)
    predicted = model.values_of(z)
    if samples.classes:
        codes = samples.targets if samples.rows is None else samples.targets[samples.rows]
        return ClassPredictions(codes, class_codes(model.loss, z), predicted, weights)
    true = samples.y(everything)
    if samples.multilabel:
        columns = zip(true.T.astype(np.intp), predicted.T, strict=True)
        return LabelPredictions(tuple(_label_predictions(y, a, weights) for y, a in columns))
    if model.target_scaling is not None:
        true = model.target_scaling.undo(true)
    return Predictions(true, predicted, weights)


def _label_predictions(y: Integers, a: Floats, weights: Floats | None) -> ClassPredictions:
    """Return the predictions of one label, y (n,) and its probabilities a (n,)."""
    return ClassPredictions(y, (a > 0.5).astype(np.intp), np.stack([1.0 - a, a], axis=1), weights)


def metrics_of(
    predictions: ClassPredictions | LabelPredictions | Predictions, labels: Sequence[Any] | None
) -> ClassificationMetrics | RegressionMetrics:
    """Return the record of the metrics of some predictions; `labels` are the names of the classes or labels."""
    if isinstance(predictions, LabelPredictions):
        return ClassificationMetrics.of_labels(predictions, labels)
    if isinstance(predictions, ClassPredictions):
        return ClassificationMetrics.of(predictions, range(predictions.classes) if labels is None else labels)
    return RegressionMetrics.of(predictions)


def as_text(value: float) -> str:
    """Return a metric or a loss in four digits, or an integer with separators from 1,000 on.

    >>> as_text(0.98765), as_text(44753.4), as_text(0.00001234), as_text(0.0)
    ('0.9877', '44,753', '1.234e-05', '0')
    """
    if np.isnan(value):
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) >= 0.001 else f"{value:.4g}"


def as_data(record: Any) -> Any:
    """Return a record of metrics as JSON has it: NaN and infinity become None.

    >>> as_data(RegressionMetrics(1.5, 1.0, math.nan))
    {'rmse': 1.5, 'mae': 1.0, 'r2': None}
    """
    if dataclasses.is_dataclass(record):
        return {field.name: as_data(getattr(record, field.name)) for field in dataclasses.fields(record)}
    if isinstance(record, (tuple, list)):
        return [as_data(each) for each in record]
    if isinstance(record, dict):
        return {name: as_data(each) for name, each in record.items()}
    if isinstance(record, np.generic):
        record = record.item()
    return None if isinstance(record, float) and not math.isfinite(record) else record


def _by_class(p: ClassPredictions, labels: Sequence[Any]) -> tuple[ClassMetrics, ...]:
    samples, predicted = (np.bincount(codes, minlength=p.classes) for codes in (p.true, p.predicted))
    recalls, precisions = p.recalls, p.precisions
    return tuple(
        ClassMetrics(
            label,
            int(samples[code]),
            int(predicted[code]),
            float(recalls[code]),
            float(precisions[code]),
            p.counts_by_class[code].average_precision,
        )
        for code, label in enumerate(labels)
    )
