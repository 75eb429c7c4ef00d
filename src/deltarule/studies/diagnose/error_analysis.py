"""What the errors, the baselines and the history of a run say of bias and variance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from deltarule.errors import DataError
from deltarule.recipes import Recipe
from deltarule.studies.diagnose.amounts import amount, bare, counted, gap_between, listed, rounded, samples
from deltarule.studies.diagnose.baselines import Baseline
from deltarule.studies.diagnose.course import Course, course_of
from deltarule.studies.diagnose.estimates import (
    ErrorEstimate,
    certainly_above,
    check_reference_error,
    difference,
)
from deltarule.studies.diagnose.remedies import Evidence, Remedy, remedies_for
from deltarule.training import Epoch

MATTERS = 0.01
"""The smallest effect that matters: 1 percentage point of wrong answers, or 1 % of the variance of the target."""
MATTERS_RELATIVE = 0.05
"""The same for mean squared errors where the variance of the target is unknown: 5 % of the error."""


FEW = 0.05
"""Half the width of the validation error's interval beyond which its samples are few."""
RARE = 0.1
"""The fraction of all but the most frequent class below which they are rare."""


@dataclass(frozen=True)
class ErrorAnalysis:
    """What the errors, the history and the baselines of a run say.

    sentences : in plain words.
    variance : the validation error is certainly above the training error, and above the reference error where there is
        one, by an amount that matters.
    bias : the training error is certainly above the reference error, or above 0 where there is none, by an amount that
        matters; without a reference it may be noise in the data.
    remedies : what may help, the surest first; not tried, except where a sentence says so.
    gap : validation minus training error, with the ends of its 95 % interval; None without a validation set.
    baselines : what was trained beside the network.
    evidence : on which the remedies rest.
    train, validation : the errors.
    """

    sentences: tuple[str, ...]
    variance: bool
    bias: bool
    remedies: tuple[Remedy, ...]
    gap: tuple[float, float, float] | None = None
    baselines: tuple[Baseline, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    train: ErrorEstimate | None = None
    validation: ErrorEstimate | None = None

    def __str__(self) -> str:
        return " ".join(self.sentences)

    def to_json(self) -> dict[str, Any]:
        """The analysis as data; `changes` are the remedies that change the recipe."""
        gap = None if self.gap is None else [each if math.isfinite(each) else None for each in self.gap]
        changes = [{"remedy": each.text, "change": dict(each.change)} for each in self.remedies if each.change]
        return {
            "sentences": list(self.sentences),
            "variance": self.variance,
            "bias": self.bias,
            "remedies": [each.text for each in self.remedies],
            "changes": changes,
            "gap": gap,
            "baselines": [each.to_json() for each in self.baselines],
        }


def analyze_errors(
    train: ErrorEstimate,
    validation: ErrorEstimate | None = None,
    reference_error: float | None = None,
    *,
    history: Sequence[Epoch] | None = None,
    recipe: Recipe | None = None,
    baselines: Sequence[Baseline] = (),
    ranked: bool = False,
    images: bool = False,
) -> ErrorAnalysis:
    """What training and validation errors say of bias and variance, in a few plain sentences, and what may help.

    reference_error : the lowest error that can be reached (by people, by another method): an error rate, or a mean
        squared error; None where it is unknown.
    history, recipe : of the run, which say where the validation loss turned and whether it was still falling.
    baselines : what `baselines_of` trained on the same data.
    ranked : whether the network ranks the samples certainly better than chance; see `ranks`.
    images : whether the inputs are images.

    Variance is found where the validation error is `certainly_above` the training error by at least `MATTERS`; with a
    reference error only as far as the validation error is above that. Bias is found where the interval of the
    *training* error is above the reference error by as much. Nothing is reported where the samples are too few.

    >>> print(analyze_errors(ErrorEstimate.of_counts(2, 1437), ErrorEstimate.of_counts(18, 180)))
    The training error is 0.139 % (2 of 1,437), the validation error 10 % (18 of 180; 6.42 to 15.3 % with 95 %
    confidence). Variance: the validation error is higher by 9.86 percentage points (6.26 to 15.1). Not tried, may
    help: more training samples or regularization (L2, dropout).
    """
    if validation is not None and validation.is_rate != train.is_rate:
        raise DataError("two errors of one kind", "an error rate and a mean squared error")
    check_reference_error(reference_error, is_rate=train.is_rate)
    found = _Findings(train, validation, reference_error, tuple(baselines), ranked, _course(history, recipe))
    evidence = Evidence(
        variance=found.variance,
        bias=found.bias,
        reference=reference_error is not None,
        improvable=found.improvable,
        learned=found.learned,
        few=found.few,
        uncertain=found.uncertain,
        rare=found.rare,
        linear_learned=found.linear_learned,
        recipe=recipe,
        course=found.course,
        linear=found.linear,
        images=images,
    )
    remedies = remedies_for(evidence)
    gap = None if validation is None else difference(validation, train)
    said = (*found.sentences(), *_suggested(remedies, found))
    return ErrorAnalysis(said, found.variance, found.bias, remedies, gap, tuple(baselines), evidence, train, validation)


def _course(history: Sequence[Epoch] | None, recipe: Recipe | None) -> Course | None:
    return None if history is None else course_of(history, None if recipe is None else recipe.epochs)


def _suggested(remedies: Sequence[Remedy], found: _Findings) -> tuple[str, ...]:
    if not remedies:
        return ()
    tried = found.linear is not None and any(each.change.get("hidden") == () for each in remedies)
    start = "May help" if tried else "Not tried, may help"
    return (f"{start}: {listed([str(each) for each in remedies])}.",)


@dataclass(frozen=True)
class _Findings:
    """What is certain of a run, and the sentences that say it."""

    train: ErrorEstimate
    validation: ErrorEstimate | None
    reference: float | None
    baselines: tuple[Baseline, ...]
    ranked: bool
    course: Course | None

    @property
    def constant(self) -> Baseline | None:
        """The baseline that always gives the same answer."""
        return next((each for each in self.baselines if not each.linear), None)

    @property
    def linear(self) -> Baseline | None:
        """The linear baseline."""
        return next((each for each in self.baselines if each.linear), None)

    def matters(self, gap: float, error: ErrorEstimate) -> bool:
        """Whether the difference of an error from a lower one is large enough to matter."""
        if self.train.is_rate:
            return gap >= MATTERS
        return gap >= (MATTERS_RELATIVE * error.value if self.constant is None else MATTERS * self.constant.train.value)

    @property
    def above_reference(self) -> bool:
        """Whether the validation error is certainly above the reference, so that something can be gained."""
        if self.validation is None or self.reference is None:
            return True
        return self.validation.low > self.reference and self.matters(
            self.validation.value - self.reference, self.validation
        )

    @property
    def improvable(self) -> bool:
        """Whether the error leaves something to gain that matters."""
        error = self.validation or self.train
        return self.above_reference and self.matters(error.value - (self.reference or 0.0), error)

    @property
    def variance(self) -> bool:
        """As in `ErrorAnalysis`."""
        if self.validation is None or not self.above_reference:
            return False
        gap = self.validation.value - self.train.value
        return self.matters(gap, self.validation) and certainly_above(self.validation, self.train)

    @property
    def bias(self) -> bool:
        """As in `ErrorAnalysis`."""
        if self.reference is None and not self.train.is_rate and self.constant is None:
            return False
        reference = self.reference or 0.0
        return self.train.low > reference and self.matters(self.train.value - reference, self.train)

    @property
    def learned(self) -> bool:
        """Whether the network is better than always the same answer, as far as anything is known."""
        return self.beaten or self.ranked

    @property
    def few(self) -> bool:
        """Whether the validation set is too small to show much: its error is uncertain by more than `FEW`."""
        return self.uncertain > FEW

    @property
    def uncertain(self) -> float:
        """Half the width of the validation error's interval: of a rate, or in units of the target's variance."""
        error = self.validation
        if error is None:
            return 0.0
        scale = 1.0 if self.train.is_rate or self.constant is None else self.constant.train.value or 1.0
        return (error.high - error.low) / 2 / scale

    @property
    def beaten(self) -> bool:
        """Whether the network is certainly better than always the same answer, or nothing is known of that."""
        return self.constant is None or self.constant.validation is None or self.constant.certain > 0

    @property
    def rare(self) -> bool:
        """Whether the most frequent class is nearly all, and the network's accuracy not certainly better for it."""
        constant = self.constant
        return self.train.is_rate and not self.beaten and constant is not None and constant.train.value < RARE

    @property
    def linear_learned(self) -> bool:
        """Whether the linear model is better than always the same answer on the validation set."""
        if self.linear is None or self.constant is None:
            return False
        linear, constant = self.linear.validation, self.constant.validation
        return linear is not None and constant is not None and linear.value < constant.value

    def sentences(self) -> list[str]:
        """The sentences of the analysis, in order."""
        said = [self._errors(), *self._standing(), *self._turn()]
        faults = [*self._on_variance(), *self._on_bias()]
        return [*said, *(faults or self._good())]

    def _errors(self) -> str:
        what = "error" if self.train.is_rate else "RMSE"
        first = f"The training {what} is {counted(self.train)}"
        if self.validation is None:
            return f"{first}; there is no validation set, so nothing is known of variance."
        return f"{first}, the validation {what} {counted(self.validation, interval=True)}."

    def _standing(self) -> list[str]:
        """How the network compares with its baselines."""
        held = [each for each in self.baselines if each.validation is not None]
        if self.validation is None or not held:
            return []
        shown = " and ".join(
            f"{each.name} {amount(each.validation.value, each.validation)}" for each in held if each.validation
        )
        said = [f"For comparison, on the same validation samples: {shown}."]
        if self.constant is not None and not self.beaten:
            n = self.validation.n
            shows = f"{samples(n, 'validation')} {'does' if n == 1 else 'do'} not show"
            beside = f"that the network is better than {self.constant.name}"
            if self.ranked:
                said.append(
                    f"{shows} {beside}, but it ranks the samples better than chance: see the recall, the "
                    "precision and the average precision of each class."
                )
            else:
                said.append(f"{shows} {beside}, or that it has learned anything.")
            return said
        return said + self._beside_linear()

    def _beside_linear(self) -> list[str]:
        linear = self.linear
        if linear is None or linear.validation is None or linear.difference is None:
            return []
        network = linear.validation.value - linear.difference[0]
        if linear.certain < 0:
            by = gap_between(network, linear.validation.value, self.train)
            return [f"The linear model is better than the network, by {by}."]
        if linear.difference[0] <= 0:
            return ["The linear model does at least as well as the network."]
        return []

    def _turn(self) -> list[str]:
        """The sentence about the number of epochs."""
        course = self.course
        if course is None:
            return []
        if course.overfitted:
            when = f"lowest in epoch {course.best} of {course.epochs}"
            return [
                f"The validation loss was {when}, then rose while the training loss fell: more epochs would not help."
            ]
        if course.falling and self.improvable:
            return [f"The validation loss was still falling in the last of {course.epochs} epochs."]
        return []

    def _on_variance(self) -> list[str]:
        if self.validation is None:
            return []
        gap, low, high = difference(self.validation, self.train)
        start = self.train.value
        by = gap_between(self.validation.value, start, self.train)
        if self.variance:
            if self.train.is_rate:
                by += f" ({bare(low, self.train)} to {bare(high, self.train)})"
            return [f"Variance: the validation {self._what} is higher by {by}."]
        if not self.above_reference and self.reference is not None:
            against = f"the reference of {amount(self.reference, self.train)}"
            return [f"The validation {self._what} is not certainly above {against}: there may be nothing left to gain."]
        if self.validation.value <= self.train.high or not self.matters(gap, self.validation):
            return []
        needed = _needed(self.validation, self.train)
        settled = f"; about {rounded(needed):,} would" if needed else ""
        n = samples(self.validation.n, "validation")
        return [f"The validation {self._what} is higher by {by}, which could be chance: {n} cannot tell{settled}."]

    def _on_bias(self) -> list[str]:
        if not self.bias or not self.learned:
            return []
        if self.reference is not None:
            by = gap_between(self.train.value, self.reference, self.train)
            against = amount(self.reference, self.train)
            return [f"Bias: even on the training set the {self._what} is {by} above the reference of {against}."]
        if self.train.is_rate:
            what = f"{amount(self.train.value, self.train)} of the training samples are wrong"
        else:
            assert self.constant is not None
            left = self.train.value / self.constant.train.value
            what = f"{100 * left:.3g} % of the variance is left on the training set"
        return [f"Bias or noise: {what}; no reference error was given that could tell which."]

    def _good(self) -> list[str]:
        if self.validation is None or not self.learned:
            return []
        high = difference(self.validation, self.train)[2]
        if not math.isfinite(high):
            return []
        best = self.beaten and (self.linear is None or self.linear.certain >= 0)
        known = best and (self.reference is not None or not self.matters(self.train.value, self.train))
        size = gap_between(self.train.value + max(high, 0.0), self.train.value, self.train)
        n = samples(self.validation.n, "validation")
        what = "Good: no sign of bias or of variance" if known else "No sign of variance"
        return [f"{what}, though with {n} a gap of up to {size} could be missed."]

    @property
    def _what(self) -> str:
        return "error" if self.train.is_rate else "RMSE"


def _needed(error: ErrorEstimate, other: ErrorEstimate) -> int | None:
    """How many samples would make the same error certainly higher than the other; None where no number would."""
    n = float(error.n)
    while n < 1e9:
        n *= 1.1
        if error.is_rate:
            grown = ErrorEstimate.of_counts(round(error.value * int(n)), int(n))
        else:
            shrunk = math.sqrt(error.n / n)
            low, high = (error.value + (end - error.value) * shrunk for end in (error.low, error.high))
            grown = ErrorEstimate(error.value, low, high, int(n), is_rate=False)
        if certainly_above(grown, other):
            return int(n)
    return None
