"""Faults of numeric targets: their scale, and extreme ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.check import Check
from deltarule.studies.diagnose.finding import Finding, Measure
from deltarule.studies.diagnose.remedies import Remedy


class UnscaledTargets(Check):
    """Targets whose numbers are far from 1, as the loss sees them."""

    name, rank = "unscaled-targets", 15
    threshold: ClassVar[str] = "a standard deviation above 10 or below 0.05, or a mean beyond 10, as the loss sees them"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the targets are far from 1."""
        if case.model.labelled or case.model.loss.output.name != "identity":
            return
        y = case.problem.train.y(slice(None))
        spread, mean = float(np.max(y.std(axis=0))), float(np.max(np.abs(y.mean(axis=0))))
        if 0.05 <= spread <= 10 and mean <= 10:
            return
        yield self.found(
            case.cause,
            f"The targets are not scaled: mean {mean:,.3g}, standard deviation {spread:,.3g}.",
            "Errors and gradients have their size: a learning rate made for 1 is too large or too small.",
            measures=(Measure("standard deviation", spread), Measure("mean", mean)),
            remedies=(Remedy("standardized targets", {"target_scaling": "standard"}),),
        )


class ExtremeTargets(Check):
    """A few targets that make up most of the squared error."""

    name, rank = "extreme-targets", 15
    threshold: ClassVar[str] = (
        "1 % of the samples make up more than half of the variance of the target; of a normal one 8 %"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where few targets dominate."""
        if case.model.labelled or "squared" not in case.model.loss.name or len(case.data.train) < 100:
            return
        y = case.problem.train.y(slice(None))
        squares = np.sort(((y - np.median(y, axis=0)) ** 2).sum(axis=1))[::-1]
        fraction = float(squares[: max(1, len(squares) // 100)].sum() / squares.sum())
        if fraction > 0.5:
            yield self.found(
                case.cause,
                f"1 % of the samples make up {100 * fraction:.3g} % of the variance of the target.",
                "The squared error learns these few first, and its score is mostly theirs.",
                measures=(Measure("variance of the largest 1 %", fraction, percent=True),),
                remedies=(Remedy("a loss that weights large errors less", {"loss": "huber"}),),
            )
