"""Faults of what is minimized: a squared error of flat outputs, strong penalties, strong dropout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.check import Check
from deltarule.studies.diagnose.estimates import ErrorEstimate
from deltarule.studies.diagnose.finding import Finding, Measure
from deltarule.studies.diagnose.remedies import Remedy

_UNFINISHED = 0.3
"""The training loss over the initial one from which on a network has hardly fitted its training samples."""


class QuadraticCost(Check):
    """A squared error of bounded outputs, whose gradient vanishes where the network is wrong."""

    name, rank = "quadratic-cost", 27
    threshold: ClassVar[str] = (
        "a squared error behind a bounded output in classification; the evidence is how many wrong training samples "
        "have outputs with less than 5 % of the largest slope (Nielsen, 2015, chapter 3)"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding for a squared error of bounded outputs."""
        loss = case.model.loss
        if case.diverged or not case.model.labelled or "squared" not in loss.name or loss.output.name == "identity":
            return
        wrong = case.train_errors > 0
        measures: tuple[Measure, ...] = ()
        said = ""
        if wrong.any():
            z = case.model.outputs_of(case.problem.train.inputs(np.flatnonzero(wrong))).astype(np.float64)
            a = loss.output.value(z)
            y = case.problem.train.y(np.flatnonzero(wrong))
            slopes = np.abs(loss.output.slope(z, a))[np.arange(len(z)), np.argmax(np.abs(a - y), axis=1)]
            grid = np.linspace(-8, 8, 401)
            flat = ErrorEstimate.of_counts(
                int(np.sum(slopes < 0.05 * np.max(loss.output.slope(grid, loss.output.value(grid))))), len(z)
            )
            measures = (Measure("wrong samples with flat outputs", flat.value, flat.low, flat.high, percent=True),)
            said = f" {100 * flat.value:.3g} % of the wrong training samples have next to no gradient."
        yield self.found(
            case.cause,
            f"The loss is a squared error of {loss.output.name} outputs.{said}",
            "Its gradient has the slope of the output as a factor: the more wrong an output is, the slower it learns.",
            measures=measures,
            remedies=(Remedy("cross-entropy", {"loss": "cross_entropy"}),),
        )


class StrongPenalty(Check):
    """A penalty that keeps the network from fitting its training samples."""

    name, rank = "strong-penalty", 28
    threshold: ClassVar[str] = (
        "the penalty is 20 % of the objective at the end, and the training loss is still above 30 % of the initial one"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the penalty is a large part of the objective, or has left no weights."""
        first, last = case.replay.first, case.replay.last
        if case.recipe.penalty is None or not last.loss > _UNFINISHED * first.loss:
            return
        fraction = last.penalty / (last.penalty + last.loss)
        left = last.penalty / first.penalty if first.penalty > 0 else 1.0
        if fraction > 0.2 or left < 0.02:
            yield self.found(
                case.cause,
                f"The penalty is {100 * fraction:.3g} % of the objective, and the training loss is still "
                f"{100 * last.loss / first.loss:.3g} % of the initial one.",
                "Smaller weights lower the objective more than fewer errors do.",
                measures=(
                    Measure("penalty in the objective", fraction, percent=True),
                    Measure("penalty at the end over that at the start", left),
                    Measure("training loss over the initial one", last.loss / first.loss, percent=True),
                ),
                remedies=(
                    Remedy("no penalty", {"l1": 0, "l2": 0}),
                    Remedy("a weaker penalty", {"l1": 0, "l2": 1e-4}),
                ),
            )


class StrongDropout(Check):
    """Dropout that keeps the network from fitting its training samples."""

    name, rank = "strong-dropout", 29
    threshold: ClassVar[str] = (
        "a rate of 0.5 or more, and a training loss with dropout more than 1.5 times that without it, or still above "
        "30 % of the initial one"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where dropout costs much of the training loss."""
        rates = case.recipe.network.dropout_rates
        first, last = case.replay.first, case.replay.last
        # Of a perturbation and dropout the losses do not show which one costs them.
        if max(rates, default=0.0) < 0.5 or case.recipe.perturbation is not None:
            return
        best = [each.train_loss for each in case.history]
        with_dropout = best[-1] if best and not case.recipe.evaluate_train else last.loss
        ratio = with_dropout / max(last.loss, 1e-12)
        if last.loss > _UNFINISHED * first.loss or (ratio > 1.5 and with_dropout > _UNFINISHED * first.loss):
            yield self.found(
                case.cause,
                f"With dropout {max(rates):g} the training loss is {ratio:.3g} times that without it, and the latter "
                f"{100 * last.loss / first.loss:.3g} % of the initial one.",
                "So few units are left in each step that they cannot fit the training samples.",
                measures=(
                    Measure("training loss with dropout over that without", ratio),
                    Measure("training loss over the initial one", last.loss / first.loss, percent=True),
                ),
                remedies=(Remedy("no dropout", {"dropout": 0.0}), Remedy("less dropout", {"dropout": 0.2})),
            )
