"""Faults of the sets: copies across and within them, contradictory targets, missing classes, few samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from deltarule.data.dataset import SET_NAMES
from deltarule.data.leaks import samples_by_inputs
from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.check import Check
from deltarule.studies.diagnose.estimates import ErrorEstimate
from deltarule.studies.diagnose.finding import Finding, Measure, Severity
from deltarule.studies.diagnose.remedies import CLASS_WEIGHTS, Remedy

_RATE, _SQUARES = 0.1, 0.3
"""Half widths of the validation error's interval: of a rate, and of a mean squared error over the target's variance."""


class CopiesAcrossSets(Check):
    """Validation samples that are training samples, too."""

    name, rank, said = "copies-across-sets", 1, True
    threshold: ClassVar[str] = "any copy is a warning; an error from 5 %, beyond which the score is mostly memory"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where samples were left out of the validation set."""
        if not case.distinct.trained or case.data.validation is None:
            return
        n = len(case.data.validation)
        rate = ErrorEstimate.of_counts(round(case.distinct.trained * n), n)
        severity = Severity.ERROR if rate.value >= 0.05 else Severity.WARNING
        text = f"{100 * rate.value:.3g} % of the validation samples are also training samples."
        yield self.found(
            severity,
            text,
            "The network has seen their answers, so the validation score is too good.",
            measures=(Measure("copies", rate.value, rate.low, rate.high, percent=True),),
            remedies=(Remedy("a split that keeps copies in one set (group_by)"),),
        )


class CopiesWithin(Check):
    """Copies of training samples."""

    name, rank, said = "copies-within", 10, True
    threshold: ClassVar[str] = "5 % of the training samples: fewer hardly change their weight"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where training samples are copies of others."""
        n = len(case.data.train)
        copies = n - len(case.distinct.data.train)
        if copies >= 0.05 * n:
            measure = Measure("copies", copies / n, percent=True)
            text = f"{copies:,} of {n:,} training samples are copies of others."
            why = "Copies count several times in training, and are no further evidence."
            yield self.found(
                Severity.WARNING, text, why, measures=(measure,), remedies=(Remedy("the data without copies"),)
            )


class Contradictions(Check):
    """Equal inputs with different labels."""

    name, rank = "contradictory-labels", 4
    threshold: ClassVar[str] = "a warning from 2 % of the training samples: no network can be right on all of these"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where equal inputs have different labels."""
        groups, y = samples_by_inputs(case.data.train), case.labels
        if groups is None or y is None:
            return
        pairs = np.unique(np.stack([groups, np.unique(y, return_inverse=True)[1]]), axis=1)
        several = np.flatnonzero(np.bincount(pairs[0]) > 1)
        wrong, n = int(np.isin(groups, several).sum()), len(groups)
        if wrong < 0.005 * n or wrong < 2:
            return
        rate = ErrorEstimate.of_counts(wrong, n)
        severity = Severity.WARNING if rate.value >= 0.02 else Severity.NOTE
        yield self.found(
            severity,
            f"{wrong:,} of {n:,} training samples have the inputs of another one and a different label.",
            "At most one of two such labels can be learned: they are noise, or an input is missing.",
            measures=(Measure("contradictory samples", rate.value, rate.low, rate.high, percent=True),),
            remedies=(Remedy("corrected labels, or a further input that tells the samples apart"),),
        )


class MissingClasses(Check):
    """Classes that a set lacks."""

    name, rank = "missing-classes", 6
    threshold: ClassVar[str] = "any class that one set has and another lacks"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each set without a class."""
        if case.labels is None:
            return
        classes = {name: set(np.unique(part.y).tolist()) for name, part in case.data.parts.items()}
        everywhere: set[Any] = set().union(*classes.values())
        for name, there in classes.items():
            absent = sorted(everywhere - there)
            if absent:
                shown = ", ".join(case.model.name_of(each) for each in absent[:5])
                yield self.found(
                    case.cause,
                    f"The {SET_NAMES[name]} set has no sample of class {shown}.",
                    "Nothing is known of how well the class is recognized.",
                    measures=(Measure("missing classes", float(len(absent))),),
                    remedies=(Remedy("a split stratified by class"),),
                )


class FewValidationSamples(Check):
    """A validation set too small to tell networks apart."""

    name, rank = "few-validation-samples", 5
    threshold: ClassVar[str] = (
        "the 95 % interval of the error reaches 10 percentage points, or 30 % of the target's variance, to a side"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the error is uncertain."""
        if case.diverged or case.distinct.data.validation is None:
            return
        evidence, found = case.errors.evidence, case.errors.validation
        width = evidence.uncertain
        if found is not None and width > (_RATE if found.is_rate else _SQUARES):
            yield self.found(
                Severity.WARNING,
                f"The validation set of {found.n:,} samples leaves the error uncertain by {100 * width:.2g} %.",
                "Early stopping and every choice between recipes follow its noise.",
                measures=(Measure("half width of the interval", width, percent=True),),
                remedies=(Remedy("more validation samples, or cross-validation"),),
            )


class Imbalance(Check):
    """A class that is nearly all samples."""

    name, rank = "imbalance", 11
    threshold: ClassVar[str] = "90 % of the training samples in one class: its accuracy without any learning"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding for classes of very different frequency."""
        if case.labels is None:
            return
        labels, counts = np.unique(case.labels, return_counts=True)
        n, most = int(counts.sum()), int(counts.max())
        rate = ErrorEstimate.of_counts(most, n)
        if rate.value >= 0.9:
            name = case.model.name_of(labels[counts.argmax()].item())
            yield self.found(
                case.cause,
                f"{100 * rate.value:.3g} % of the training samples are of class {name!r}.",
                "The accuracy of always answering it is as high; see the recall and the precision of each class.",
                measures=(Measure("most frequent class", rate.value, rate.low, rate.high, percent=True),),
                remedies=(Remedy(CLASS_WEIGHTS.text, {"class_weight": "balanced"}),),
            )
