"""A comparison as files: JSON, comma-separated tables, and the report."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from deltarule.data.kinds import number_of
from deltarule.errors import OutputError
from deltarule.regular_files import encoded
from deltarule.studies.compare import messages
from deltarule.studies.compare.comparison_data import ComparisonData
from deltarule.studies.compare.page import page
from deltarule.studies.compare.statistics import Difference, Summary
from deltarule.studies.compare.trial import CURVES
from deltarule.training.metrics import as_data
from deltarule.writing import Failures, write_whole

RESULT, REPORT = "result.json", "report.html"

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters of a formula in a spreadsheet."""
_SEPARATORS = ',;|"\t\r\n'

_FIGURES = (
    "status", "score", "loss", "validation_score", "validation_loss", "epochs", "best_epoch", "seconds",
)  # fmt: skip


def write(comparison: ComparisonData, folder: Path) -> list[Path]:
    """Write all files into a folder, creating it if it does not exist; each file completely or not at all.

    An error in one file does not keep the others from being written. Raises OutputError after it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("a folder for the report", f"{folder}: {error.strerror or error}") from error
    files: dict[str, Callable[[], str]] = {
        RESULT: lambda: json.dumps(result_of(comparison), indent=1, allow_nan=False, ensure_ascii=False) + "\n",
        "variants.csv": lambda: _table(*_variants(comparison)),
        "pairs.csv": lambda: _table(*_pairs(comparison)),
        "networks.csv": lambda: _table(*_networks(comparison)),
        "epochs.csv": lambda: _table(*_epochs(comparison)),
        REPORT: lambda: page(comparison),  # last, as its pictures take seconds
    }
    failures = Failures()
    for name, text in files.items():
        failures.attempt(_write, folder / name, text)
    failures.check()
    return [folder / name for name in (REPORT, *list(files)[:-1])]


def _write(path: Path, text: Callable[[], str]) -> None:
    write_whole(path, encoded(text()))


def result_of(comparison: ComparisonData) -> dict[str, Any]:
    """Return everything but the curves; None for numbers that are not finite."""
    return {
        "data": dict(comparison.data),
        "task": comparison.task,
        "part": comparison.part,
        "score": comparison.score_name,
        "seeds": list(comparison.seeds.numbers),
        "seeds_vary": list(comparison.seeds.vary),
        "chance": as_data(comparison.chance),
        "budget": comparison.budget,
        "target_score": as_data(comparison.target_score),
        "sentences": list(messages.sentences(comparison)),
        "ranked": list(comparison.ranked),
        "variants": {
            variant.name: {
                "settings": dict(variant.settings),
                "recipe": variant.recipe.to_json(),
                "score": as_data(comparison.summaries[variant.name]),
                "cost": as_data(comparison.costs[variant.name]) if variant.name in comparison.costs else None,
            }
            for variant in comparison.variants
        },
        "pairs": [
            {
                "first": pair[0],
                "second": pair[1],
                "seen": found.significant,
                "significant": found.significant,
                **as_data(found),
                "failures": as_data(comparison.failures[pair]) if pair in comparison.failures else None,
            }
            for pair, found in comparison.differences.items()
        ],
        "tests": comparison.tests,
        "tuning": [sweep.to_json() for sweep in comparison.sweeps],
        "networks": [
            {"variant": each.variant, "seed": each.seed, **{name: as_data(getattr(each, name)) for name in _FIGURES}}
            for each in comparison.networks
        ],
        "seconds": round(comparison.seconds, 3),
        "machine": dict(comparison.machine),
    }


Rows = tuple[Sequence[str], Iterable[Sequence[Any]]]


def _variants(comparison: ComparisonData) -> Rows:
    fields = list(dict.fromkeys(name for variant in comparison.variants for name in variant.settings))
    figures = [each.name for each in dataclasses.fields(Summary)]
    rows = (
        (
            variant.name,
            *(variant.settings.get(name, "") for name in fields),
            *(getattr(comparison.summaries[variant.name], name) for name in figures),
        )
        for variant in comparison.variants
    )
    return ("variant", *fields, *figures), rows


def _pairs(comparison: ComparisonData) -> Rows:
    figures = [*(each.name for each in dataclasses.fields(Difference)), "significant"]
    rows = ((*pair, *(getattr(found, name) for name in figures)) for pair, found in comparison.differences.items())
    return ("first", "second", *figures), rows


def _networks(comparison: ComparisonData) -> Rows:
    rows = ((each.variant, each.seed, *(getattr(each, name) for name in _FIGURES)) for each in comparison.networks)
    return ("variant", "seed", *_FIGURES), rows


def _epochs(comparison: ComparisonData) -> Rows:
    rows = (
        (each.variant, each.seed, epoch, *figures)
        for each in comparison.networks
        for epoch, figures in enumerate(zip(*(each.curves[name] for name in CURVES), strict=True), start=1)
    )
    return ("variant", "seed", "epoch", *CURVES), rows


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return comma-separated values; an empty cell for a number that is not finite."""
    return "".join(",".join(map(_cell, row)) + "\n" for row in (head, *rows))


def _cell(value: Any) -> str:
    """Format a value as a cell.

    Text that a spreadsheet would execute as a formula is preceded by an apostrophe, as OWASP advises against CSV
    injection. Text that contains a separator is quoted.

    >>> _cell("=HYPERLINK(1)"), _cell("-0.5"), _cell(-0.5), _cell("adam; l2"), _cell(float("nan"))
    ("'=HYPERLINK(1)", '-0.5', '-0.5', '"adam; l2"', '')
    """
    if not isinstance(value, str):
        return "" if value is None or (isinstance(value, float) and not math.isfinite(value)) else str(value)
    text = f"'{value}" if value.startswith(_FORMULA) and number_of(value) is None else value
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if any(letter in text for letter in _SEPARATORS) else text
