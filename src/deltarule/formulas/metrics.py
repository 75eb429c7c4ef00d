"""Metrics: numbers that say how well predictions agree with the truth, over a whole set of samples.

They are those of scikit-learn of the same names, computed here so that evaluating one needs no import; `metric` also
gives every scorer of scikit-learn by its name. With two classes `precision`, `recall`, `f1`, `roc_auc` and
`average_precision` are those of the second class; with more, the unweighted mean over the classes.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from deltarule.errors import RecipeError, UnknownName, nearest
from deltarule.types import Booleans, Floats, Integers

__all__ = [
    "METRICS",
    "ClassPredictions",
    "LabelPredictions",
    "Metric",
    "Predictions",
    "ThresholdCounts",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "log_loss",
    "metric",
    "metric_names",
    "roc_auc",
    "roc_auc_of",
    "threshold_curve",
]


@dataclass(frozen=True, eq=False)
class ThresholdCounts:
    """The weights of the true and of the false positives at each distinct score, from the highest on, starting at 0."""

    true: Floats
    false: Floats

    @classmethod
    def of(cls, positive: Booleans, scores: Floats, weights: Floats | None = None) -> Self:
        """Count the samples with a score (n,) from each threshold on."""
        order = np.argsort(-scores, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
        w = np.ones(len(order)) if weights is None else weights[order]
        hits = positive[order]
        return cls(*(np.append(0.0, np.cumsum(w * each)[ends]) for each in (hits, ~hits)))

    @property
    def roc_auc(self) -> float:
        """The area under the ROC curve; NaN where a side is empty."""
        true, false = self.true, self.false
        if true[-1] == 0 or false[-1] == 0:
            return math.nan
        area = float(np.sum((true[1:] + true[:-1]) * np.diff(false))) / 2
        return area / float(true[-1] * false[-1])

    @property
    def average_precision(self) -> float:
        """The average precision: Σ (recall − recall before) · precision, over the distinct scores.

        >>> counts = ThresholdCounts.of(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8]))
        >>> round(counts.average_precision, 6)
        0.833333
        """
        true, false = self.true, self.false
        if true[-1] == 0:
            return math.nan
        precision = _ratio(true[1:], true[1:] + false[1:], 0.0)
        return float(np.sum(np.diff(true) * precision) / true[-1])


@dataclass(frozen=True, eq=False)
class ClassPredictions:
    """Predictions of classes, beside the truth.

    true, predicted : (n,), indices of classes.
    probabilities : (n, classes), rows adding up to 1.
    weights : (n,), or None for equal weights.
    """

    true: Integers
    predicted: Integers
    probabilities: Floats
    weights: Floats | None = None

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.probabilities[0])

    @functools.cached_property
    def confusion(self) -> Floats:
        """The weight of the samples of each true class (rows) and predicted class (columns)."""
        counts = np.zeros((self.classes, self.classes))
        np.add.at(counts, (self.true, self.predicted), 1.0 if self.weights is None else self.weights)
        return counts

    @functools.cached_property
    def counts_by_class(self) -> tuple[ThresholdCounts, ...]:
        """The counts of each class against the others, at each threshold of its probability."""
        return tuple(
            ThresholdCounts.of(self.true == code, self.probabilities[:, code], self.weights)
            for code in range(self.classes)
        )

    @property
    def recalls(self) -> Floats:
        """The recall of each class; NaN where no sample has it."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(axis=1), math.nan)

    @property
    def precisions(self) -> Floats:
        """The precision of each class; 0 where none is predicted, as scikit-learn has it."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(axis=0), 0.0)


@dataclass(frozen=True, eq=False)
class LabelPredictions:
    """Predictions of several labels a sample, beside the truth: those of each label, with the classes 0 and 1."""

    labels: tuple[ClassPredictions, ...]


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of numbers, beside the truth: both (n, k); weights (n,), or None for equal weights."""

    true: Floats
    predicted: Floats
    weights: Floats | None = None


@dataclass(frozen=True)
class Metric:
    """A metric by its name.

    value : the function of `ClassPredictions` or of `Predictions`.
    larger_is_better : otherwise smaller is.
    task : "classification", "regression", or "" where the name does not say.
    """

    name: str
    value: Callable[[Any], float]
    larger_is_better: bool
    task: str = ""

    def __call__(self, predictions: ClassPredictions | LabelPredictions | Predictions) -> float:
        """Compute the metric; NaN where it is undefined, for example a ROC AUC of one class.

        With several labels a sample it is the mean over the labels for which it is defined; the accuracy is the
        fraction of samples that have all labels right.

        Raises RecipeError for predictions of the other task.
        """
        if isinstance(predictions, LabelPredictions):
            if self.name == "accuracy":
                return subset_accuracy(predictions)
            self.check("multilabel")
            return _mean_of_defined(np.array([self(each) for each in predictions.labels]))
        self.check("classification" if isinstance(predictions, ClassPredictions) else "regression")
        return self.value(predictions)

    def check(self, task: str) -> None:
        """Raise RecipeError if the metric is one of the other task."""
        kind = "classification" if task == "multilabel" else task
        if self.task not in ("", kind):
            known = ", ".join(each.name for each in METRICS.values() if each.task == kind)
            raise RecipeError(f"a metric of {task}, for example one of {known}", self.name, field="metrics")


def accuracy(p: ClassPredictions) -> float:
    """The fraction of right answers."""
    return float(np.trace(p.confusion) / p.confusion.sum())


def subset_accuracy(p: LabelPredictions) -> float:
    """The fraction of samples that have all labels right."""
    right = np.all([each.true == each.predicted for each in p.labels], axis=0)
    return float(np.average(right, weights=p.labels[0].weights))


def balanced_accuracy(p: ClassPredictions) -> float:
    """The mean recall of the classes that occur."""
    return _mean_of_defined(p.recalls)


def log_loss(p: ClassPredictions) -> float:
    """The mean of −log of the probability of the true class."""
    limit = float(np.finfo(np.float64).eps)
    given = p.probabilities[np.arange(len(p.true)), p.true]
    return float(np.average(-np.log(np.clip(given, limit, 1.0 - limit)), weights=p.weights))


def roc_auc(p: ClassPredictions) -> float:
    """The area under the receiver operating characteristic; of more than two classes the mean of one against others."""
    return _by_class(p, lambda each: each.roc_auc)


def average_precision(p: ClassPredictions) -> float:
    """The area under the curve of precision against recall, as a sum of steps."""
    return _by_class(p, lambda each: each.average_precision)


def roc_auc_of(positive: Booleans, scores: Floats, weights: Floats | None = None) -> float:
    """The area under the ROC curve of scores: the probability that a positive sample has the higher one, ties a half.

    >>> roc_auc_of(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    return ThresholdCounts.of(positive, scores, weights).roc_auc


class ThresholdCurve(NamedTuple):
    """Rates of the samples with a score from each threshold on, (t,), and the areas under their curves."""

    thresholds: Floats
    false_positive_rate: Floats
    recall: Floats
    precision: Floats
    roc_auc: float
    average_precision: float


def threshold_curve(positive: Booleans, scores: Floats, weights: Floats | None = None) -> ThresholdCurve:
    """The ROC and the precision–recall curve of scores: a point for each distinct one, from the highest on.

    The first threshold is infinite: nothing is above it, and the precision is then 1. Rates of an empty side are NaN.

    >>> curve = threshold_curve(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8]))
    >>> curve.thresholds.tolist(), curve.recall.tolist()
    ([inf, 0.8, 0.4, 0.35, 0.1], [0.0, 0.5, 0.5, 1.0, 1.0])
    """
    counts = ThresholdCounts.of(positive, scores, weights)
    true, false = counts.true, counts.false
    thresholds = np.append(np.inf, np.unique(scores)[::-1])
    above = true + false
    precision = np.divide(true, above, out=np.ones(len(true)), where=above > 0)
    rates = [_ratio(each, np.full(len(each), each[-1]), math.nan) for each in (false, true)]
    return ThresholdCurve(thresholds, rates[0], rates[1], precision, counts.roc_auc, counts.average_precision)


def _by_class(p: ClassPredictions, area: Callable[[ThresholdCounts], float]) -> float:
    if p.classes == 2:
        return area(p.counts_by_class[1])
    return _mean_of_defined(np.array([area(each) for each in p.counts_by_class]))


def _binary_or_mean(values: Callable[[ClassPredictions], Floats]) -> Callable[[ClassPredictions], float]:
    def value(p: ClassPredictions) -> float:
        found = np.nan_to_num(values(p), nan=0.0)
        occur = p.confusion.sum(axis=0) + p.confusion.sum(axis=1) > 0
        return float(found[1]) if p.classes == 2 else float(found[occur].mean())

    return value


def _f1(p: ClassPredictions) -> Floats:
    return _ratio(2 * np.diag(p.confusion), p.confusion.sum(axis=0) + p.confusion.sum(axis=1), 0.0)


def _squared(p: Predictions) -> Floats:
    return np.asarray(np.average((p.predicted - p.true) ** 2, axis=0, weights=p.weights))


def _r2(p: Predictions) -> float:
    """1 − squared error / variance, pooled over the outputs; NaN where all targets are equal."""
    mean = np.average(p.true, axis=0, weights=p.weights)
    spread = float(np.sum(np.average((p.true - mean) ** 2, axis=0, weights=p.weights)))
    error = float(np.sum(_squared(p)))
    return 1.0 - error / spread if spread > 0 else (1.0 if error == 0 else math.nan)


def _absolute(p: Predictions) -> float:
    return float(np.mean(np.average(np.abs(p.predicted - p.true), axis=0, weights=p.weights)))


def _ratio(part: Floats, whole: Floats, empty: float) -> Floats:
    ratio: Floats = np.divide(part, whole, out=np.full(len(part), empty), where=whole > 0)
    return ratio


def _mean_of_defined(values: Floats) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan


METRICS: dict[str, Metric] = {
    each.name: each
    for each in (
        Metric("accuracy", accuracy, larger_is_better=True, task="classification"),
        Metric("balanced_accuracy", balanced_accuracy, larger_is_better=True, task="classification"),
        Metric("roc_auc", roc_auc, larger_is_better=True, task="classification"),
        Metric("average_precision", average_precision, larger_is_better=True, task="classification"),
        Metric("log_loss", log_loss, larger_is_better=False, task="classification"),
        Metric("precision", _binary_or_mean(lambda p: p.precisions), larger_is_better=True, task="classification"),
        Metric("recall", _binary_or_mean(lambda p: p.recalls), larger_is_better=True, task="classification"),
        Metric("f1", _binary_or_mean(_f1), larger_is_better=True, task="classification"),
        Metric("rmse", lambda p: math.sqrt(np.mean(_squared(p))), larger_is_better=False, task="regression"),
        Metric("mae", _absolute, larger_is_better=False, task="regression"),
        Metric("mse", lambda p: float(np.mean(_squared(p))), larger_is_better=False, task="regression"),
        Metric("r2", _r2, larger_is_better=True, task="regression"),
    )
}
"""deltarule's own metrics by name."""


def metric(name: Any, field: str = "metrics", further: tuple[str, ...] = ()) -> Metric:
    """Return a metric by its name: one of `METRICS`, or else a scorer of scikit-learn, of which larger is better.

    further : other names that the field takes, for the error.

    Raises UnknownName, with the nearest name.

    >>> metric("ROC-AUC").name, metric("neg_brier_score").larger_is_better
    ('roc_auc', True)
    """
    if not isinstance(name, str):
        raise RecipeError("the name of a metric", repr(name), '"roc_auc"', field=field)
    plain = name.strip().lower().replace("-", "_")
    if plain in METRICS:
        return METRICS[plain]
    scorers = _scorer_names()
    if plain not in scorers:
        expected = f"one of {', '.join((*further, *METRICS))}, or a scorer of scikit-learn"
        guess = nearest(plain, [*further, *METRICS, *scorers])
        raise UnknownName(expected, repr(name), field=field, nearest=guess)
    return Metric(plain, functools.partial(_scored, plain), larger_is_better=True)


def metric_names(given: Any, field: str = "metrics") -> tuple[str, ...]:
    """Return the names of metrics given as one name, comma-separated names or a list, each once.

    >>> metric_names("roc_auc,log-loss"), metric_names(None)
    (('roc_auc', 'log_loss'), ())
    """
    if given is None:
        return ()
    if isinstance(given, str):
        given = [part for part in given.split(",") if part.strip()]
    if not isinstance(given, Sequence):
        raise RecipeError("names of metrics", repr(given), 'metrics=("roc_auc",)', field=field)
    return tuple(dict.fromkeys(metric(each, field).name for each in given))


def _scorer_names() -> list[str]:
    from sklearn.metrics import get_scorer_names

    return list(get_scorer_names())


def _scored(name: str, predictions: ClassPredictions | Predictions) -> float:
    """The value of a scorer of scikit-learn, for predictions that have been made; classes are their indices."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.metrics import get_scorer

    of_classes = isinstance(predictions, ClassPredictions)

    values = predictions.predicted

    class Predicted(ClassifierMixin if of_classes else RegressorMixin, BaseEstimator):  # type: ignore[misc]
        """An estimator of scikit-learn whose predictions have been made."""

        def predict(self, _: Any) -> Any:
            return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values

    class PredictedClasses(Predicted):
        """The same of classes, with their probabilities."""

        classes_ = np.arange(predictions.classes if isinstance(predictions, ClassPredictions) else 0)

        def predict_proba(self, _: Any) -> Any:
            return predictions.probabilities if isinstance(predictions, ClassPredictions) else None

    estimator = PredictedClasses() if of_classes else Predicted()
    true = predictions.true[:, 0] if predictions.true.ndim == 2 and predictions.true.shape[1] == 1 else predictions.true
    further = {} if predictions.weights is None else {"sample_weight": predictions.weights}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is undefined is NaN or 0
            return float(get_scorer(name)(estimator, np.zeros((len(true), 1)), true, **further))
    except (ValueError, TypeError, AttributeError) as error:
        task = "classification" if of_classes else "regression"
        raise RecipeError(f"a metric that suits this {task}", f"{name}: {error}", field="metrics") from error
