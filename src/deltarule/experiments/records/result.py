"""The result of a record: its test errors beside the expected and the published ones."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from deltarule.experiments.records.record import ImageRecord, Measured, Published, Spread
from deltarule.studies.compare.machine import machine
from deltarule.studies.text_table import TextTable

__all__ = ["NOT_MEASURED", "RecordResult", "SeedResult", "listing", "shown_seconds"]

NOT_MEASURED = "not measured yet"


@dataclass(frozen=True)
class SeedResult:
    """The error of a seed, in percent, its seconds, and the errors of the single networks."""

    seed: int
    error: float
    seconds: float
    networks: tuple[float, ...]


@dataclass(frozen=True)
class RecordResult:
    """The results of a record's seeds, each on so many images."""

    record: ImageRecord
    seeds: tuple[SeedResult, ...]
    images: int
    quick: bool = False
    validation: bool = False

    @property
    def spread(self) -> Spread:
        """Mean, standard deviation and interval of the errors."""
        return Spread.of([each.error for each in self.seeds])

    @property
    def seconds(self) -> float:
        """Mean seconds of a seed."""
        return sum(each.seconds for each in self.seeds) / len(self.seeds)

    @property
    def measured(self) -> Measured:
        """The result in the form of a record's expected one."""
        here = machine()
        errors = tuple(round(each.error, 4) for each in self.seeds)
        return Measured(errors, round(self.seconds, 1), f"{here['processor']}, {here['cores']} cores")

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "record": self.record.to_json(),
            "quick": self.quick,
            "validation": self.validation,
            "images": self.images,
            "seeds": [dataclasses.asdict(each) for each in self.seeds],
            "spread": dataclasses.asdict(self.spread),
            "measured": dataclasses.asdict(self.measured),
            "machine": machine(),
        }

    def tables(self) -> list[TextTable]:
        """Return the errors of the seeds, and their mean beside the expected and the published errors."""
        return [self._of_seeds(), self._of_all()]

    def _of_seeds(self) -> TextTable:
        several = self.record.networks > 1
        columns = ("seed", "error (%)", *(("single networks (%)",) if several else ()), "seconds")
        rows = []
        for each in self.seeds:
            low, high = min(each.networks), max(each.networks)
            single = (f"{low:.2f} to {high:.2f}",) if several else ()
            rows.append((f"{each.seed}", f"{each.error:.2f}", *single, shown_seconds(each.seconds)))
        where = f"{self.images:,} held-out training images" if self.validation else "the test set"
        note = "Seconds of training and prediction, without loading the data."
        return TextTable(f"{self.record.title}: error on {where}", columns, tuple(rows), note)

    def _of_all(self) -> TextTable:
        columns = ("", "error (%)", "standard deviation", "95 % interval", "n", "seconds", "source")
        rows = [_row("this run", self.spread, shown_seconds(self.seconds), machine()["processor"])]
        expected = self.record.expected
        if expected is None:
            rows.append(("expected", NOT_MEASURED, "", "", "", "", ""))
        else:
            rows.append(_row("expected", expected.spread, shown_seconds(expected.seconds), expected.processor))
        rows += [_published(each) for each in self.record.published]
        notes = [
            *(
                [f"With a tenth of the epochs ({_epochs(self.record, quick=True)}): not comparable."]
                if self.quick
                else []
            ),
            *(["Held-out training images, not the test set: not comparable."] if self.validation else []),
        ]
        return TextTable("Beside the expected and the published errors", columns, tuple(rows), " ".join(notes))


def _epochs(record: ImageRecord, *, quick: bool = False) -> str:
    """Return the epochs of the networks, "300 + 20" where they are fine-tuned, each number once."""
    stages = record.stages(0, quick=quick)
    return ", ".join(dict.fromkeys(" + ".join(f"{recipe.epochs}" for recipe in each) for each in stages))


def _row(name: str, spread: Spread, seconds: str, source: str) -> tuple[str, ...]:
    interval = "–" if spread.low is None else f"{spread.low:.2f} to {spread.high:.2f}"
    deviation = "–" if spread.deviation is None else f"{spread.deviation:.2f}"
    return (name, f"{spread.mean:.2f}", deviation, interval, f"{spread.n}", seconds, source)


def _published(each: Published) -> tuple[str, ...]:
    seconds = "" if each.seconds is None else shown_seconds(each.seconds)
    return (each.what, f"{each.error:.2f}", "", "", "", seconds, each.source)


def shown_seconds(seconds: float) -> str:
    """Return seconds as text."""
    return f"{seconds:,.0f}" if seconds >= 10 else f"{seconds:.1f}"


def listing(records: dict[str, ImageRecord]) -> TextTable:
    """Return the records with their expected errors, their times, and the lowest published errors."""
    columns = ("record", "networks", "epochs", "minutes allowed", "expected error (%)", "n", "seconds", "measured on")
    rows = []
    for record in records.values():
        head = (record.name, f"{record.networks}", _epochs(record), f"{record.minutes:g}")
        found = record.expected
        known = (NOT_MEASURED, "", "", "")
        if found is not None:
            known = (found.spread.text, f"{found.spread.n}", shown_seconds(found.seconds), found.processor)
        lowest = min((each.error for each in record.published), default=None)
        rows.append((*head, *known, "–" if lowest is None else f"{lowest:.2f}"))
    note = (
        "The interval is the 95 % interval of the mean over n seeds. Published: the lowest error of perceptrons alone."
    )
    return TextTable("Records", (*columns, "published (%)"), tuple(rows), note)
