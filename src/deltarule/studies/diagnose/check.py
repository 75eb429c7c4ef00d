"""Checks: the kinds of findings, and their registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.finding import Finding, Severity


class Check:
    """A kind of finding: its evidence, its threshold, its words and its remedies. A subclass registers itself.

    name : of the findings. rank : of two findings of one severity the one with the lower rank comes first: faults of
        the data before those of training, and causes before what follows from them.
    trains : whether networks or other models are trained for it, so that the short form leaves it out.
    said : whether the sentences on bias and variance already say it.
    threshold : the threshold in words, with its reason or its source.
    """

    name: ClassVar[str]
    rank: ClassVar[int]
    trains: ClassVar[bool] = False
    said: ClassVar[bool] = False
    threshold: ClassVar[str]

    def __init_subclass__(cls) -> None:
        CHECKS[cls.name] = cls()

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield what is found."""
        raise NotImplementedError

    def found(self, severity: Severity, sentence: str, why: str = "", **further: Any) -> Finding:
        """Return a finding of this check."""
        return Finding(self.name, severity, sentence, why, **further)


CHECKS: dict[str, Check] = {}
"""The checks by name; `deltarule.studies.diagnose.findings` imports all that there are."""
