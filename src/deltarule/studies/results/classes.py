"""Results of a classifier: confusion, most-confused pairs, worst predictions, ROC and precision–recall curves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule.data import Part
from deltarule.figures.style import LIGHT, Theme, plain
from deltarule.formulas.metrics import ClassPredictions, LabelPredictions, threshold_curve
from deltarule.studies.text_table import TextTable
from deltarule.training.metrics import ClassificationMetrics, as_data, as_text, metrics_of
from deltarule.types import Floats, Integers

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ConfusedPair:
    """Samples of one class that are predicted as another.

    count : how many; `fraction` of all samples of the true class.
    """

    true: str
    predicted: str
    count: int
    fraction: float


@dataclass(frozen=True)
class WorstClass:
    """A wrong prediction of high confidence.

    row : of the sample in the set, from 0.
    probability : of the predicted class; `own` is that of the true class.
    """

    row: int
    true: str
    predicted: str
    probability: float
    own: float


@dataclass(frozen=True, eq=False)
class ClassCurves:
    """ROC and precision–recall curves of one class against all others, a point for each distinct probability.

    thresholds : (t,), falling; the class is predicted from the threshold on. The first is infinite: none is predicted.
    false_positive_rate, recall : (t,), the fractions of the other samples and of the class's above the threshold.
    precision : (t,), the fraction of the class among those above; 1 where there are none.
    """

    name: str
    thresholds: Floats
    false_positive_rate: Floats
    recall: Floats
    precision: Floats
    roc_auc: float
    average_precision: float


@dataclass(frozen=True, eq=False, repr=False)
class ClassificationResults:
    """Results of a classifier on a set of samples, or of several labels a sample.

    names : of the classes, or of the labels.
    predictions : true and predicted classes, and probabilities: those of `deltarule.formulas.metrics`.
    part : the samples. set_name : of the set, for titles.
    """

    names: tuple[str, ...]
    predictions: ClassPredictions | LabelPredictions
    part: Part
    set_name: str = ""

    @cached_property
    def metrics(self) -> ClassificationMetrics:
        """All metrics, with those of each class in `classes`."""
        found = metrics_of(self.predictions, self.names)
        assert isinstance(found, ClassificationMetrics)
        return found

    @cached_property
    def confusion(self) -> Integers:
        """Number of samples of each true class (rows) and predicted class (columns); (labels, 2, 2) of labels."""
        if isinstance(self.predictions, LabelPredictions):
            return np.stack([_counts(each) for each in self.predictions.labels])
        return _counts(self.predictions)

    def confused_pairs(self, most: int = 10) -> list[ConfusedPair]:
        """Return the pairs of a true and a predicted class with the most wrong samples; none for labels."""
        if isinstance(self.predictions, LabelPredictions):
            return []
        counts, totals = self.confusion, self.confusion.sum(axis=1)
        wrong = counts - np.diag(np.diag(counts))
        places = np.argsort(-wrong, axis=None, kind="stable")[:most]
        pairs = zip(*np.unravel_index(places, counts.shape), strict=True)
        return [
            ConfusedPair(self.names[i], self.names[j], int(wrong[i, j]), float(wrong[i, j] / totals[i]))
            for i, j in pairs
            if wrong[i, j]
        ]

    def worst(self, most: int = 24) -> list[WorstClass]:
        """Return the wrong predictions with the highest log loss, the worst first; none for labels."""
        p = self.predictions
        if isinstance(p, LabelPredictions):
            return []
        rows = np.flatnonzero(p.true != p.predicted)
        own = p.probabilities[rows, p.true[rows]]
        order = np.argsort(own, kind="stable")[:most]
        return [
            WorstClass(
                int(row), self.names[p.true[row]], self.names[p.predicted[row]],
                float(p.probabilities[row, p.predicted[row]]), float(p.probabilities[row, p.true[row]]),
            )
            for row in rows[order]
        ]  # fmt: skip

    @cached_property
    def curves(self) -> tuple[ClassCurves, ...]:
        """The curves of each class against all others; of two classes those of the second one; of labels, of each."""
        p = self.predictions
        if isinstance(p, LabelPredictions):
            return tuple(_curves(name, each, 1) for name, each in zip(self.names, p.labels, strict=True))
        codes = [1] if p.classes == 2 else range(p.classes)
        return tuple(_curves(self.names[code], p, code) for code in codes)

    def pictures(self, theme: Theme = LIGHT) -> dict[str, Figure]:
        """Draw the results: "confusion", "roc", "precision_recall", and of images "worst"."""
        from deltarule.figures import samples
        from deltarule.figures.result_displays import PrecisionRecallDisplay, RocDisplay

        names, made = [plain(name, 24) for name in self.names], {}
        if isinstance(self.predictions, ClassPredictions):
            wrong = int((self.predictions.true != self.predictions.predicted).sum())
            title = f"{self.set_name.capitalize() or 'Samples'}: {wrong:,} of {len(self.part):,} wrong"
            made["confusion"] = samples.confusion_matrix(self.confusion, names, title=title)
        roc = {each.name: (each.false_positive_rate, each.recall, each.roc_auc) for each in self.curves}
        precision = {each.name: (each.recall, each.precision, each.average_precision) for each in self.curves}
        made["roc"] = RocDisplay(roc).plot(theme=theme).figure_
        made["precision_recall"] = PrecisionRecallDisplay(precision).plot(theme=theme).figure_
        worst = self.worst()
        if worst and self.part.x.ndim > 2:
            images = self.part.x[[each.row for each in worst]]
            true, guessed = ([plain(getattr(each, side), 16) for each in worst] for side in ("true", "predicted"))
            title = "Wrong predictions, the most confident first"
            made["worst"] = samples.image_samples(images, true, guessed, title=title, theme=theme)
        return made

    def __str__(self) -> str:
        rows = tuple(
            (plain(str(each.label)), f"{each.samples:,}", f"{each.predicted:,}", *map(as_text, _of_class(each)))
            for each in self.metrics.classes
        )
        heads = ("class", "samples", "predicted", "recall", "precision", "average precision")
        pairs = "; ".join(f"{p.true} as {p.predicted} {p.count:,}" for p in self.confused_pairs(5))
        more = f"\nMost confused: {pairs}." if pairs else ""
        return f"{TextTable(self.set_name, heads, rows)}{more}"

    def to_json(self) -> dict[str, Any]:
        """Return the metrics, the confusion, the pairs and the worst predictions as data; NaN becomes None."""
        found: dict[str, Any] = as_data(
            {
                "metrics": self.metrics,
                "confusion": self.confusion.tolist(),
                "confused_pairs": self.confused_pairs(),
                "worst": self.worst(),
            }
        )
        return found


def _counts(p: ClassPredictions) -> Integers:
    counts = np.zeros((p.classes, p.classes), np.int64)
    np.add.at(counts, (p.true, p.predicted), 1)
    return counts


def _curves(name: str, p: ClassPredictions, code: int) -> ClassCurves:
    found = threshold_curve(p.true == code, p.probabilities[:, code], p.weights)
    return ClassCurves(name, *found)


def _of_class(each: Any) -> tuple[float, float, float]:
    return each.recall, each.precision, each.average_precision
