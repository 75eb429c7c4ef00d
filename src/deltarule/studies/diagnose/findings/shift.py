"""Sets that differ: in their inputs, as a classifier tells them apart, and in their targets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from deltarule.formulas.metrics import roc_auc_of
from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.check import Check
from deltarule.studies.diagnose.estimates import ErrorEstimate, difference
from deltarule.studies.diagnose.finding import Finding, Measure, Severity
from deltarule.studies.diagnose.remedies import Remedy
from deltarule.studies.intervals import NORMAL
from deltarule.types import Floats

_MOST = 1500
_RANDOM_SPLIT = (
    Remedy("a random split, if new data will be like all of these"),
    Remedy("training samples like the new data"),
)


class InputShift(Check):
    """Validation samples that a classifier tells from training samples."""

    name, rank, trains = "input-shift", 8, True
    threshold: ClassVar[str] = (
        "the area under the ROC curve of boosted trees, out of fold, whose 95 % interval (Hanley and McNeil, 1982) is "
        "above 0.6: 0.5 is chance"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the sets can be told apart."""
        if case.distinct.data.validation is None or case.distinct.trained > 0.05:
            return
        rng = np.random.default_rng(0)
        both = [each[_some(rng, len(each))] for each in case.distinct_inputs]
        if min(map(len, both)) < 20:
            return
        auc, low, high = _told_apart(*both)
        if low > 0.6:
            yield self.found(
                Severity.ERROR if low > 0.9 else Severity.WARNING,
                f"Validation samples can be told from training samples: AUC {auc:.2f} ({low:.2f} to {high:.2f}).",
                "The network is judged on other data than it was trained on.",
                measures=(Measure("area under the ROC curve, 0.5 by chance", auc, low, high),),
                remedies=_RANDOM_SPLIT,
            )


class LabelShift(Check):
    """Classes, or the mean of the target, that differ between the training and the validation set."""

    name, rank = "target-shift", 7
    threshold: ClassVar[str] = (
        "a class whose frequency differs by 5 percentage points, or a mean that differs by a quarter of a standard "
        "deviation, beyond the 99.9 % interval: splits at random seldom do"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the targets of the sets differ."""
        if case.data.validation is None or case.data.train.y.ndim > 1:
            return
        y, held = case.data.train.y, case.data.validation.y
        measure = _classes(case, y, held) if case.labels is not None else _mean(y.astype(float), held.astype(float))
        if measure is not None:
            yield self.found(
                Severity.WARNING,
                f"The targets of the validation set are distributed differently: {measure}.",
                "Errors on the two sets are not comparable, and the network expects other frequencies.",
                measures=(measure,),
                remedies=_RANDOM_SPLIT,
            )


def _some(rng: np.random.Generator, n: int) -> Any:
    return np.sort(rng.choice(n, min(n, _MOST), replace=False))


def _told_apart(first: Floats, second: Floats) -> tuple[float, float, float]:
    """The area under the ROC curve of a classifier of the two, out of five folds, with its 95 % interval."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    x, y = np.concatenate([first, second]), np.repeat([0, 1], [len(first), len(second)])
    trees = HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=8, early_stopping=False, random_state=0)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    with threadpool_limits(1):  # many small parallel regions, which stall on a busy machine
        scores = cross_val_predict(trees, x, y, cv=folds, method="predict_proba")[:, 1]
    auc = roc_auc_of(y == 1, scores)
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    n0, n1 = len(first), len(second)
    variance = (auc * (1 - auc) + (n1 - 1) * (q1 - auc**2) + (n0 - 1) * (q2 - auc**2)) / (n0 * n1)
    half = NORMAL * math.sqrt(max(variance, 0.0))
    return auc, auc - half, min(1.0, auc + half)


def _classes(case: Case, y: Any, held: Any) -> Measure | None:
    """The class whose frequency differs most beyond its interval; None where none does."""
    found = None
    for label in np.unique(y):
        train, other = (ErrorEstimate.of_counts(int(np.sum(each == label)), len(each)) for each in (y, held))
        gap, low, high = difference(other, train)
        stretch = 3.29 / NORMAL  # 99.9 %
        certain = max(gap - stretch * (gap - low), -(gap + stretch * (high - gap)))
        if certain > 0.05 and (found is None or abs(gap) > abs(found.value)):
            name = f"class {case.model.name_of(label.item())!r}, difference of its frequency"
            found = Measure(name, gap, low, high, percent=True)
    return found


def _mean(y: Floats, held: Floats) -> Measure | None:
    scale = float(y.std()) or 1.0
    gap = float(held.mean() - y.mean()) / scale
    error = math.sqrt(y.var() / len(y) + held.var() / len(held)) / scale
    if abs(gap) - 3.29 * error <= 0.25:
        return None
    return Measure("difference of the means, in standard deviations", gap, gap - NORMAL * error, gap + NORMAL * error)
