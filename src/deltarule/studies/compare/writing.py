"""A comparison as files: JSON, tables of comma-separated values, and the report."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from deltarule.errors import OutputError
from deltarule.models.files import write_whole
from deltarule.studies.compare import words
from deltarule.studies.compare.comparison_data import ComparisonData
from deltarule.studies.compare.page import page
from deltarule.studies.compare.trial import CURVES, finite

RESULT, REPORT = "result.json", "report.html"

_FIGURES = (
    "status", "score", "loss", "validation_score", "validation_loss", "epochs", "best_epoch", "seconds",
)  # fmt: skip


def write(comparison: ComparisonData, folder: Path) -> list[Path]:
    """Write everything into a folder, which is made where there is none; each file whole or not at all."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("a folder for the report", f"{folder}: {error.strerror or error}") from error
    files = {
        REPORT: page(comparison),
        RESULT: json.dumps(as_data(comparison), indent=1, allow_nan=False, ensure_ascii=False) + "\n",
        "variants.csv": _table(*_variants(comparison)),
        "pairs.csv": _table(*_pairs(comparison)),
        "networks.csv": _table(*_networks(comparison)),
        "epochs.csv": _table(*_epochs(comparison)),
    }
    for name, text in files.items():
        write_whole(folder / name, text.encode())
    return [folder / name for name in files]


def as_data(comparison: ComparisonData) -> dict[str, Any]:
    """Everything but the curves; None stands where there is no finite number."""
    return {
        "data": dict(comparison.data),
        "task": comparison.task,
        "part": comparison.part,
        "score": comparison.score_name,
        "seeds": list(comparison.seeds.numbers),
        "seeds_vary": list(comparison.seeds.vary),
        "budget": comparison.budget,
        "target_score": finite(comparison.target_score),
        "sentences": list(words.sentences(comparison)),
        "ranked": list(comparison.ranked),
        "variants": {
            variant.name: {
                "settings": dict(variant.settings),
                "recipe": variant.recipe.to_json(),
                "score": _plain(comparison.summaries[variant.name]),
                "cost": _plain(comparison.costs[variant.name]) if variant.name in comparison.costs else None,
            }
            for variant in comparison.variants
        },
        "pairs": [
            {"first": first, "second": second, "seen": found.seen, **_plain(found)}
            for (first, second), found in comparison.differences.items()
        ],
        "tuning": [sweep.to_json() for sweep in comparison.sweeps],
        "networks": [
            {"variant": each.variant, "seed": each.seed, **{name: _value(getattr(each, name)) for name in _FIGURES}}
            for each in comparison.networks
        ],
        "seconds": round(comparison.seconds, 3),
        "machine": dict(comparison.machine),
    }


def _plain(figures: Any) -> dict[str, Any]:
    """A record of figures as data."""
    return {
        each.name: _plain(value) if dataclasses.is_dataclass(value) else _value(value)
        for each in dataclasses.fields(figures)
        for value in [getattr(figures, each.name)]
    }


def _value(value: Any) -> Any:
    return finite(value) if isinstance(value, float) else value


Rows = tuple[Sequence[str], Iterable[Sequence[Any]]]


def _variants(comparison: ComparisonData) -> Rows:
    fields = list(dict.fromkeys(name for variant in comparison.variants for name in variant.settings))
    figures = ("n", "mean", "median", "deviation", "low", "high", "smallest", "largest")
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
    figures = ("n", "mean", "low", "high", "effect", "p", "adjusted", "beats", "beats_low", "beats_high", "seen")
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
    """Comma-separated values; an empty cell where there is no finite number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow(["" if (cell := _value(each)) is None else cell for each in row])
    return text.getvalue()
