"""A finding: what is wrong with a run, how it is known, and what to do about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from deltarule.figures.displays import Display
from deltarule.studies.diagnose.amounts import number
from deltarule.studies.diagnose.remedies import Remedy


class Severity(StrEnum):
    """How bad a finding is.

    ERROR : the network did not learn, or its scores do not mean what they seem to.
    WARNING : it costs performance, or may.
    NOTE : worth knowing; nothing is wrong.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


ORDER = list(Severity)


@dataclass(frozen=True)
class Measure:
    """A number of the evidence, with its 95 % interval where it has one.

    percent : whether it is a fraction that is shown as a percentage.

    >>> str(Measure("dead units", 0.25, 0.18, 0.34, percent=True)), str(Measure("rate", 0.1))
    ('dead units: 25 % (18 to 34 %)', 'rate: 0.1')
    """

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    percent: bool = False

    @property
    def has_interval(self) -> bool:
        """Whether both ends of the interval are known."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def __str__(self) -> str:
        return f"{self.name}: {self.amount}"

    @property
    def amount(self) -> str:
        """The value and its interval, without the name."""
        sign = " %" if self.percent else ""
        interval = f" ({self._shown(self.low)} to {self._shown(self.high)}{sign})" if self.has_interval else ""
        return f"{self._shown(self.value)}{sign}{interval}"

    def to_json(self) -> dict[str, Any]:
        """The measure as data; None for numbers that are not finite."""
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        return {"name": self.name, **{key: value if math.isfinite(value) else None for key, value in numbers.items()}}

    def _shown(self, value: float) -> str:
        return number((100 * value if self.percent else value) + 0.0).replace("-", "\N{MINUS SIGN}")  # -0.0 becomes 0


@dataclass(frozen=True)
class Finding:
    """What is wrong, or worth knowing.

    check : the name of the check that found it: "dead-units".
    sentence : what was found, with its numbers.
    why : why it matters, in one or two sentences.
    measures : the evidence.
    remedies : what may help, the surest first; those that change the recipe can be tried.
    display : the picture, or None. caption : what it shows.
    """

    check: str
    severity: Severity
    sentence: str
    why: str = ""
    measures: tuple[Measure, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    display: Display | None = None
    caption: str = ""

    def __str__(self) -> str:
        return f"{self.severity.capitalize()}: {self.sentence}"

    def to_json(self) -> dict[str, Any]:
        """The finding as data, without its picture."""
        return {
            "check": self.check,
            "severity": str(self.severity),
            "sentence": self.sentence,
            "why": self.why,
            "measures": [each.to_json() for each in self.measures],
            "remedies": [{"remedy": each.text, "change": dict(each.change)} for each in self.remedies],
        }
