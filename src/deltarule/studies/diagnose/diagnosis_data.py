"""A diagnosis as data: findings, what the errors say of bias and variance, and what was tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deltarule.markup import card, table
from deltarule.recipes import Recipe
from deltarule.studies.diagnose.check import CHECKS
from deltarule.studies.diagnose.error_analysis import ErrorAnalysis
from deltarule.studies.diagnose.finding import Finding, Severity
from deltarule.studies.diagnose.learning_curve import LearningCurve
from deltarule.studies.diagnose.references import Reference
from deltarule.studies.diagnose.remedies import Attempt, Remedy


@dataclass(frozen=True)
class DiagnosisData:
    """What is wrong with a network, how it is known, and what to do about it.

    findings : the most severe first; of one severity, causes before what follows from them.
    errors : what the errors say of bias and variance; None where training diverged.
    attempts : remedies that were tried, with what they changed; none unless that was requested.
    recipe : of the network. name : of the data. samples : the number of samples of each set.
    references : other methods trained beside it. learning_curve : None in the short form.
    """

    findings: tuple[Finding, ...]
    errors: ErrorAnalysis | None
    recipe: Recipe
    name: str = ""
    samples: tuple[tuple[str, int], ...] = ()
    references: tuple[Reference, ...] = ()
    learning_curve: LearningCurve | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The short form: what the errors say, and the errors and warnings that this leaves out."""
        said = () if self.errors is None else self.errors.sentences
        further = (each for each in self.findings if not CHECKS[each.check].said and each.severity != Severity.NOTE)
        return (*said, *map(str, further))

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """The remedies of all findings, in their order, each once."""
        every = [remedy for finding in self.findings for remedy in finding.remedies]
        every += [] if self.errors is None else self.errors.remedies
        return tuple({each.text + str(dict(each.change)): each for each in every}.values())

    @property
    def changes(self) -> tuple[Remedy, ...]:
        """The remedies that change the recipe, which can be tried."""
        return tuple(each for each in self.remedies if each.change)

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def __repr__(self) -> str:
        counts = {severity: sum(each.severity == severity for each in self.findings) for severity in Severity}
        shown = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items())
        return f"Diagnosis({shown})"

    def to_json(self) -> dict[str, Any]:
        """The diagnosis as data; None for numbers that are not finite."""
        return {
            "findings": [each.to_json() for each in self.findings],
            "sentences": list(self.sentences),
            "errors": None if self.errors is None else self.errors.to_json(),
            "references": [
                {"name": each.name, "validation_error": each.validation.value, "certain": each.certain}
                for each in self.references
            ],
            "remedies": [{"remedy": each.text, "change": dict(each.change)} for each in self.remedies],
            "attempts": [each.to_json() for each in self.attempts],
        }

    def _repr_html_(self) -> str:
        """The findings as a table, for a notebook."""
        rows = [(str(each.severity), each.sentence, "; ".join(map(str, each.remedies))) for each in self.findings]
        return card("Diagnosis", repr(self), [], table(("severity", "finding", "may help"), rows))
