"""What the errors and the references say: nothing learned, bias, variance, more data, too good to be true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from deltarule.figures.losses import LearningCurveDisplay
from deltarule.figures.score_displays import IntervalsDisplay
from deltarule.studies.diagnose.amounts import amount
from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.check import Check
from deltarule.studies.diagnose.estimates import ErrorEstimate, certainly_above
from deltarule.studies.diagnose.finding import Finding, Measure, Severity
from deltarule.studies.diagnose.remedies import (
    AUGMENTATION,
    BETTER_INPUTS,
    CLEAN_SAMPLES,
    MORE_DATA,
    REGULARIZATION,
    Remedy,
)


class NothingLearned(Check):
    """A network that is not better than always the same answer."""

    name, rank, said = "nothing-learned", 39, True
    threshold: ClassVar[str] = (
        "McNemar's exact test beside always the same answer, one-sided at 2.5 %, and no ranking beyond chance"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where nothing is shown to be learned."""
        if case.diverged or case.errors.evidence.learned:
            return
        others = [each.name for each in case.references_known if each.certain < 0]
        text = "The network is not shown to be better than always giving the same answer."
        more = (
            f" It can be learned: {', '.join(others)} {'is' if len(others) == 1 else 'are'} certainly better."
            if others
            else ""
        )
        yield self.found(
            Severity.WARNING if case.errors.evidence.few else Severity.ERROR,
            text + more,
            "Either the inputs say nothing about the target, or training failed.",
            measures=_errors(case),
            display=_beside(case),
            caption=_CAPTION,
            remedies=(*case.errors.remedies, BETTER_INPUTS) if not others else case.errors.remedies,
        )


class LinearBetter(Check):
    """A linear model that is certainly better than the network."""

    name, rank, said = "linear-is-better", 42, True
    threshold: ClassVar[str] = (
        "McNemar's exact test on the validation samples, one-sided at 2.5 %; the paired interval for numbers"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the linear model wins."""
        linear = None if case.diverged else case.errors.evidence.linear
        if linear is None or linear.certain >= 0 or linear.difference is None:
            return
        gap, low, high = linear.difference
        yield self.found(
            Severity.WARNING,
            "A linear model is certainly better than the network.",
            "What the hidden layers add is variance, or they were not trained well.",
            measures=(
                *_errors(case),
                Measure("its error minus the network's", gap, low, high, percent=case.model.labelled),
            ),
            remedies=tuple(each for each in case.errors.remedies if "hidden" in each.change),
            display=_beside(case),
            caption=_CAPTION,
        )


class Underfitting(Check):
    """A network whose training error is above what another method reaches on new samples."""

    name, rank, trains = "underfitting", 40, True
    threshold: ClassVar[str] = (
        "a reference's error on the validation samples is certainly below the network's, and below its error on the "
        "training samples; or the interval of the training error is above the reference error that was given"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the network cannot fit what can be learned."""
        if case.diverged or case.errors.train is None:
            return
        train = case.errors.train
        better = [each for each in case.references_known if each.certain < 0 and each.validation.value < train.low]
        given = case.reference_error is not None and case.errors.bias
        if not better and not given:
            return
        shown = (
            f"{better[0].name} reach {amount(better[0].validation.value, train)} on the validation samples"
            if better
            else f"the reference error is {amount(case.reference_error or 0.0, train)}"
        )
        yield self.found(
            Severity.WARNING,
            f"Bias: the training error is {amount(train.value, train)}, while {shown}.",
            "The network is too small, too much regularized or not trained enough to fit what can be learned.",
            measures=_errors(case),
            remedies=_larger(case),
            display=_beside(case),
            caption=_CAPTION,
        )


class HighVariance(Check):
    """A validation error certainly above the training error."""

    name, rank, said = "variance", 44, True
    threshold: ClassVar[str] = (
        "the interval of the difference (Newcombe, 1998) is above 0, and the difference at least 1 percentage point, "
        "or 1 % of the variance of the target"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the network fits its training samples too closely."""
        if case.diverged or not case.errors.variance or case.errors.gap is None:
            return
        gap, low, high = case.errors.gap
        usual = (MORE_DATA, *((AUGMENTATION,) if case.images else ()), REGULARIZATION)
        yield self.found(
            Severity.WARNING,
            "Variance: the validation error is certainly above the training error.",
            "The network has learned what holds for its training samples alone.",
            measures=(*_errors(case), Measure("difference", gap, low, high, percent=case.model.labelled)),
            remedies=case.errors.remedies or usual,
            display=_beside(case),
            caption=_CAPTION,
        )


class ReferenceBetter(Check):
    """Another method that is certainly better."""

    name, rank, trains = "reference-is-better", 45, True
    threshold: ClassVar[str] = (
        "McNemar's exact test on the validation samples, one-sided at 2.5 %; the paired interval for numbers"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where nearest neighbours or boosted trees win."""
        if case.diverged:
            return
        better = [each for each in case.references_known if each.certain < 0]
        if better:
            yield self.found(
                Severity.WARNING,
                f"Certainly better on the validation samples: {', '.join(each.name for each in better)}.",
                "These samples say more about the target than the network has learned.",
                measures=tuple(
                    Measure(f"{each.name}: error minus the network's", *each.difference, percent=case.model.labelled)
                    for each in better
                ),
                remedies=(Remedy("another recipe, for example a preset for tables"),),
                display=_beside(case),
                caption=_CAPTION,
            )


class TooGood(Check):
    """A validation error below what should be possible."""

    name, rank = "too-good", 38
    threshold: ClassVar[str] = (
        "the validation error is certainly below the reference error; or certainly below the training error, without "
        "dropout, noise, augmentation or adversarial training"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the validation error is suspiciously low."""
        train, held = (None, None) if case.diverged else (case.errors.train, case.errors.validation)
        if held is None or train is None:
            return
        if case.reference_error is not None and held.high < case.reference_error:
            text = (
                f"The validation error is certainly below the reference error of {amount(case.reference_error, held)}."
            )
        elif not case.perturbed and certainly_above(train, held) and _matters(train, held):
            text = f"The validation error, {amount(held.value, held)}, is certainly below the training error"
            text += f", {amount(train.value, train)}."
        else:
            return
        yield self.found(
            case.cause,
            text,
            "The validation samples are easier, or were seen in training, or an input knows the answer.",
            measures=_errors(case),
            remedies=(Remedy("a look at how the sets were split, and at what each input knows"),),
        )


class MoreData(Check):
    """What twice as many training samples would give."""

    name, rank, trains = "more-data", 60, True
    threshold: ClassVar[str] = (
        "always a note: a power law fitted to networks of an eighth to all of the samples, 3 seeds each"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the note on the learning curve."""
        curve = None if case.diverged else case.learning_curve
        if curve is None:
            return
        gap, low, high = curve.doubled
        percent = case.model.labelled
        error = "error" if percent else "mean squared error"
        measure = Measure(f"change of the validation {error} with twice the training samples", gap, low, high, percent)
        yield self.found(
            Severity.NOTE,
            f"Twice as many training samples would change the validation {error} by {measure.amount}.",
            "Extrapolated from networks of an eighth to all of the training samples.",
            measures=(measure,),
            display=LearningCurveDisplay(
                curve.sizes,
                curve.errors,
                "Validation error" + (" (%)" if percent else " (MSE)"),
                100.0 if percent else 1.0,
            ),
            caption="The validation error by the number of training samples: each network, and their means.",
        )


_CAPTION = "Errors on the validation samples with their 95 % intervals, and the network's on the training samples."


def _matters(train: ErrorEstimate, held: ErrorEstimate) -> bool:
    return train.value - held.value >= (0.02 if train.is_rate else 0.1 * train.value)


def _errors(case: Case) -> tuple[Measure, ...]:
    found = []
    for name, each in (("training", case.errors.train), ("validation", case.errors.validation)):
        if each is not None:
            error = "error" if each.is_rate else "mean squared error"
            found.append(Measure(f"{name} {error}", each.value, each.low, each.high, percent=each.is_rate))
    return tuple(found)


def _larger(case: Case) -> tuple[Remedy, ...]:
    hidden = case.recipe.network.hidden
    larger = tuple(max(32, 4 * units) for units in hidden) or (64,)
    return (
        *([CLEAN_SAMPLES] if case.recipe.perturbation is not None else []),
        Remedy("a larger network", {"hidden": larger}),
        Remedy("longer training", {"epochs": 2 * case.recipe.epochs}),
    )


def _beside(case: Case) -> IntervalsDisplay | None:
    rows: dict[str, ErrorEstimate] = {}
    if case.errors.validation is not None:
        rows["the network"] = case.errors.validation
    rows |= {each.name: each.validation for each in case.errors.baselines if each.validation is not None}
    rows |= {each.name: each.validation for each in case.references_known}
    if case.errors.train is not None:
        rows["the network, training"] = case.errors.train
    if not rows:
        return None
    is_rate = next(iter(rows.values())).is_rate
    label, factor = ("Error (%)", 100.0) if is_rate else ("Mean squared error", 1.0)
    return IntervalsDisplay(
        {name: (each.value, each.low, each.high) for name, each in rows.items()}, label, factor=factor
    )
