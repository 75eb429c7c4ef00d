"""Wrong labels, as networks that were not trained on the samples see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from deltarule.studies.diagnose.case import FOLDS, Case
from deltarule.studies.diagnose.check import Check
from deltarule.studies.diagnose.estimates import ErrorEstimate
from deltarule.studies.diagnose.finding import Finding, Measure, Severity
from deltarule.studies.diagnose.remedies import Remedy
from deltarule.studies.suspicious_labels import SuspiciousLabels, suspicious_labels

_LEAST = 0.02
"""Where networks are surest, hardly any right label contradicts them, also where classes overlap."""
_NAMED = 5


class NoisyLabels(Check):
    """Wrong labels of training samples, which networks that were not trained on them contradict."""

    name, rank, trains = "noisy-labels", 43, True
    threshold: ClassVar[str] = (
        f"of the half of the training samples whose out-of-fold predictions ({FOLDS} folds) are the surest, the 95 % "
        "interval of the fraction with another label is above 2 %: where classes overlap networks are not sure"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where labels are contradicted with certainty."""
        if case.diverged or case.labels is None or not case.errors.evidence.learned or case.out_of_fold is None:
            return
        p, codes = case.out_of_fold.predictions, case.out_of_fold.codes
        surest = np.argsort(-p.max(axis=1), kind="stable")[: len(p) // 2]
        rate = ErrorEstimate.of_counts(int(np.sum(p[surest].argmax(axis=1) != codes[surest])), len(surest))
        if rate.low <= _LEAST:
            return
        found = suspicious_labels(case.out_of_fold, case.data)
        yield self.found(
            Severity.WARNING,
            f"Labels look wrong: networks that were not trained on the samples contradict {100 * rate.value:.2g} % "
            "of the labels where they are surest.",
            "Where classes overlap they are unsure; where a label is wrong they are sure of another one. Wrong "
            "labels cost accuracy, and in the validation set they hide it.",
            measures=(
                Measure("contradicted labels of the surest half", rate.value, rate.low, rate.high, percent=True),
                Measure("wrong labels, by confident learning", found.noise_rate, percent=True),
                Measure("suspicious labels", float(len(found))),
            ),
            remedies=_remedies(case, found),
            display=found.display() if case.images and len(found) else None,
            caption="The most suspicious labels: each image under the label that the networks suggest.",
        )


def _remedies(case: Case, found: SuspiciousLabels) -> tuple[Remedy, ...]:
    rows = ", ".join(map(str, found.rows[:_NAMED]))
    named = f", first those of the training rows {rows} (from 0)" if rows else ""
    corrected = Remedy(f"corrected labels{named}; dr.suspicious_labels lists all")
    loss = case.model.loss
    if getattr(loss, "label_smoothing", None) != 0.0:
        return (corrected,)
    return corrected, Remedy("label smoothing", {"loss": {"name": loss.name, "label_smoothing": 0.1}})
