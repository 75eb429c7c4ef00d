"""Faults of the steps: their size, their number, their noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from deltarule.figures.layers import LayersDisplay
from deltarule.figures.losses import LossesDisplay
from deltarule.language import count_of
from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.check import Check
from deltarule.studies.diagnose.finding import Finding, Measure, Severity
from deltarule.studies.diagnose.rate_probe import Probe, RateProbe
from deltarule.studies.diagnose.remedies import Remedy

_GAIN = 0.2
"""The part of the validation loss that another learning rate must save."""
_FEW_STEPS = 200


def _steps(case: Case) -> tuple[int, int]:
    """The steps of an epoch, and of the epochs that were run."""
    size = case.recipe.batch_size
    each = max(1, len(case.problem.train) // size if case.recipe.drop_last else -(-len(case.problem.train) // size))
    return each, each * (len(case.history) or case.recipe.epochs)


class Divergence(Check):
    """A loss that stopped being finite, or ended far above where it began."""

    name, rank = "divergence", 30
    threshold: ClassVar[str] = "a loss that is not finite, or twice the loss before the first step"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where training diverged."""
        first = case.replay.first.loss
        # Losses of perturbed samples cannot be compared with those before the first step.
        comparable = case.diverged or case.recipe.perturbation is None or case.recipe.evaluate_train
        last = case.history[-1].train_loss if case.history and comparable else case.replay.last.loss
        if not case.diverged and not last > 2 * first:
            return
        rate = getattr(case.recipe.optimizer, "learning_rate", None)
        smaller = (
            ()
            if rate is None
            else tuple(Remedy("a smaller learning rate", {"learning_rate": rate / by}) for by in (100, 10))
        )
        shown = f"ended at {last:.3g}" if math.isfinite(last) else "was no longer finite"
        shown = shown if case.status == "diverged" or not case.diverged else "outputs overflow"
        yield self.found(
            Severity.ERROR,
            f"Training diverged: the loss began at {first:.3g} and {shown} after "
            f"{count_of(len(case.history), 'epoch')}.",
            "A step went so far that the gradient grew, and the next one farther.",
            measures=(Measure("loss before the first step", first), Measure("last training loss", last)),
            remedies=(*smaller, Remedy("clipped gradients", {"clipping": "norm"})),
            display=_history(case),
            caption="The losses of each epoch.",
        )


class LargeBatches(Check):
    """Batches so large that hardly any steps are made."""

    name, rank = "large-batches", 31
    threshold: ClassVar[str] = "at most 2 steps in an epoch, fewer than 500 in all, and batches beyond 64 samples"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where an epoch has one or two steps."""
        each, total = _steps(case)
        full = case.recipe.optimizer.granularity == "full-batch"
        if each > 2 or total >= 500 or case.recipe.batch_size <= 64 or len(case.problem.train) < 100 or full:
            return
        noise = case.replay.first.noise
        yield self.found(
            case.cause,
            f"Batches of {count_of(case.recipe.batch_size, 'sample')} leave {count_of(each, 'step')} for an epoch, "
            f"{total:,} in all.",
            "A gradient of fewer samples is nearly as good, and gives more steps from the same data (McCandlish et "
            "al., 2018).",
            measures=(Measure("steps", float(total)), Measure("noise of a batch's gradient over its square", noise)),
            remedies=(Remedy("smaller batches", {"batch_size": 32}),),
        )


class FewSteps(Check):
    """Training that ended after so few steps that little can be learned."""

    name, rank = "few-steps", 32
    threshold: ClassVar[str] = "fewer than 200 steps, in up to 10 epochs, which were all that the recipe allows"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding for very short training."""
        _, total = _steps(case)
        full = case.recipe.optimizer.granularity == "full-batch"
        if total < _FEW_STEPS and case.recipe.epochs <= 10 and not case.diverged and not full:
            longer = 10 * case.recipe.epochs
            yield self.found(
                case.cause,
                f"Training ended after {count_of(case.recipe.epochs, 'epoch')}, {count_of(total, 'step')}.",
                "Networks need some hundred steps at least to leave their initial weights.",
                measures=(Measure("steps", float(total)),),
                remedies=(Remedy("longer training", {"epochs": longer}),),
                display=_history(case),
                caption="The losses of each epoch.",
            )


class DecayedRate(Check):
    """A schedule that ends training long before its last epoch."""

    name, rank = "decayed-rate", 33
    threshold: ClassVar[str] = "less than 1 % of the largest rate in more than half of the steps"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the rate is next to 0 most of the time."""
        schedule = case.recipe.schedule
        if schedule.watches:
            return
        each, _ = _steps(case)
        total = each * case.recipe.epochs
        times = np.arange(1.0, total + 1) if total < 1e6 else np.linspace(1, total, 100_000)
        rates = np.broadcast_to(np.asarray(schedule.rate(times, total), float), times.shape)
        if not rates.max() > 0:
            return
        idle = float(np.mean(rates < 0.01 * rates.max()))
        if idle > 0.5:
            yield self.found(
                case.cause,
                f"The schedule {schedule.name} keeps the learning rate below 1 % of its largest value in "
                f"{100 * idle:.3g} % of the steps.",
                "The network stops learning long before training ends.",
                measures=(Measure("idle steps", idle, percent=True),),
                remedies=(
                    Remedy("a slower schedule", {"schedule": "cosine"}),
                    Remedy("a constant rate", {"schedule": "constant"}),
                ),
            )


class NoisyBatches(Check):
    """Batches so small that their gradients are mostly noise."""

    name, rank, trains = "noisy-batches", 34, True
    threshold: ClassVar[str] = (
        "batches of up to 4 samples whose gradients' variance exceeds their squared mean at the end, where a tenth of "
        "the learning rate is certainly better"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where noise limits training."""
        noise = case.replay.last.noise
        if (
            case.recipe.batch_size <= 4
            and noise > 1
            and case.rates is not None
            and _better(case.rates, case.rates.lower)
        ):
            yield self.found(
                case.cause,
                f"Gradients of batches of {case.recipe.batch_size} are mostly noise, and a lower learning rate is "
                "better.",
                "Each step follows single samples; larger batches average the noise out, at fewer steps.",
                measures=(
                    Measure("noise of a batch's gradient over its square", noise),
                    _saved(case.rates, case.rates.lower),
                ),
                remedies=(Remedy("larger batches", {"batch_size": 32}),),
            )


class HighRate(Check):
    """A learning rate that a lower one beats."""

    name, rank, trains = "high-learning-rate", 35, True
    threshold: ClassVar[str] = (
        "with a tenth or a hundredth of the rate the training loss is lower by a fifth, and the validation loss "
        "certainly by a fifth, or certainly the validation error"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where a tenth of the rate is better."""
        probe = case.rates
        if probe is not None and _better(probe, probe.lower) and not _better(probe, probe.higher, beside=probe.lower):
            yield _rate_finding(
                self, case, probe, probe.lower, "high", "Steps overshoot the minimum and jump about it."
            )


class LowRate(Check):
    """A learning rate that a higher one beats."""

    name, rank, trains = "low-learning-rate", 36, True
    threshold: ClassVar[str] = (
        "with ten or a hundred times the rate the training loss is lower by a fifth, and the validation loss "
        "certainly by a fifth, or certainly the validation error"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where ten times the rate is better."""
        probe = case.rates
        if probe is not None and _better(probe, probe.higher) and not _better(probe, probe.lower, beside=probe.higher):
            yield _rate_finding(self, case, probe, probe.higher, "low", "Training ends far from the minimum.")


class StillFalling(Check):
    """A validation loss that was still falling when the epochs ran out."""

    name, rank, said = "still-falling", 37, True
    threshold: ClassVar[str] = "a fall in the last quarter of the epochs beyond twice the noise between epochs"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where training ended too early."""
        course = None if case.diverged else case.errors.evidence.course
        if course is not None and course.falling and case.errors.evidence.improvable:
            yield self.found(
                Severity.WARNING,
                f"The validation loss was still falling in the last of {course.epochs} epochs.",
                "Longer training would lower it further.",
                measures=(Measure("epochs", float(course.epochs)),),
                remedies=(Remedy("longer training", {"epochs": 2 * case.recipe.epochs}),),
                display=_history(case),
                caption="The losses of each epoch.",
            )


class Overtraining(Check):
    """A validation loss that rose again, where the last weights are kept."""

    name, rank, said = "overtraining", 41, True
    threshold: ClassVar[str] = "a rise after the lowest value beyond 5 standard deviations of the noise between epochs"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where later epochs made it worse."""
        course, rule = None if case.diverged else case.errors.evidence.course, case.recipe.stopping
        if course is None or not course.overfitted:
            return
        best, last = case.history[course.best - 1].validation_loss, case.history[-1].validation_loss
        restored = rule is not None and rule.restore_best
        yield self.found(
            Severity.NOTE if restored else Severity.WARNING,
            f"The validation loss was lowest in epoch {course.best} of {course.epochs} ({best:.3g}) and rose to "
            f"{last:.3g}.",
            "The best epoch's weights are kept."
            if restored
            else "The model has the last weights, which are worse for new data.",
            measures=(Measure("validation loss at the end over the lowest", last / best if best > 0 else math.inf),),
            remedies=() if restored else (Remedy("early stopping", {"patience": 10}),),
            display=_history(case),
            caption="The losses of each epoch; the line marks the lowest validation loss.",
        )


def _better(probe: RateProbe, other: Probe, beside: Probe | None = None) -> bool:
    """Whether another rate is certainly better in both losses, and better than a further one."""
    loss = other.difference[2] < 0 and other.validation < (1 - _GAIN) * probe.validation
    certain = (loss or other.errors[2] < 0) and other.train < (1 - _GAIN) * probe.train
    return certain and (beside is None or other.validation < beside.validation)


def _saved(probe: RateProbe, other: Probe) -> Measure:
    scale = probe.validation or 1.0
    gap, low, high = (each / scale for each in other.difference)
    return Measure(f"change of the validation loss with rate {other.rate:g}", gap, low, high, percent=True)


def _rate_finding(check: Check, case: Case, probe: RateProbe, other: Probe, what: str, why: str) -> Finding:
    every = [(each.rate, each.train, each.validation) for each in probe.others]
    every = sorted([*every, (probe.rate, probe.train, probe.validation)])
    rates = {f"{rate:g}": (train, held) for rate, train, held in every}
    losses = {name: [each[place] for each in rates.values()] for place, name in enumerate(("training", "validation"))}
    measure = _saved(probe, other)
    name = f"change of the validation error with rate {other.rate:g}"
    errors = Measure(name, *other.errors, percent=case.model.labelled)
    said = f"the validation loss is {100 * -measure.value:.3g} % lower"
    said += f" ({100 * -measure.high:.3g} to {100 * -measure.low:.3g} %)"
    if not measure.high < 0:
        said = f"the validation error changes by {errors.amount}"
    remedy = Remedy(f"a {'smaller' if what == 'high' else 'larger'} learning rate", {"learning_rate": other.rate})
    return check.found(
        case.cause,
        f"The learning rate {probe.rate:g} is too {what}: with {other.rate:g} {said}.",
        why,
        measures=(measure, errors),
        remedies=(remedy,),
        display=LayersDisplay(list(rates), losses, "Mean loss", "Learning rate"),
        caption="The losses of networks trained with this learning rate and with others.",
    )


def _history(case: Case) -> LossesDisplay | None:
    epochs = list(case.history)
    if not epochs:
        return None
    train, held = [each.train_loss for each in epochs], [each.validation_loss for each in epochs]
    return LossesDisplay({"training": train, **({"validation": held} if np.isfinite(held).any() else {})})
