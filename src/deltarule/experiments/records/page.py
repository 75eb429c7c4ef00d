"""The table and the picture of the records' page, made of what was measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from deltarule.experiments.figures.records import Line, Panel, Point, error_against_seconds
from deltarule.experiments.records.record import ImageRecord
from deltarule.experiments.records.result import NOT_MEASURED, shown_seconds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["markdown", "picture"]

_TITLES = {"mnist": "MNIST", "fashion": "Fashion-MNIST"}


def markdown(records: Iterable[ImageRecord], dataset: str) -> str:
    """Return the table of a data set's records: each with its error, its time and the published errors."""
    lines = [
        "| record | networks | test error in % (95 % interval) | standard deviation | seeds | seconds | measured on |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for record in records:
        if record.dataset != dataset:
            continue
        found = record.expected
        cells = [NOT_MEASURED, "", "", "", ""]
        if found is not None:
            spread = found.spread
            deviation = "–" if spread.deviation is None else f"{spread.deviation:.3f}"
            cells = [f"**{spread.text}**", deviation, f"{spread.n}", shown_seconds(found.seconds), found.processor]
        lines.append(f"| `{record.name}` | {record.networks} | {' | '.join(cells)} |")
        for each in record.published:
            seconds = "" if each.seconds is None else shown_seconds(each.seconds)
            lines.append(f"| published: {each.what} | | {each.error:.2f} | | | {seconds} | {each.source} |")
    return "\n".join(lines) + "\n"


def picture(records: Iterable[ImageRecord]) -> Figure | None:
    """Return the test errors against seconds of all records that were measured; None where none was."""
    panels = []
    every = list(records)
    for dataset in dict.fromkeys(record.dataset for record in every):
        points: list[Point] = []
        published: dict[Line, None] = {}
        for record in every:
            if record.dataset != dataset or record.expected is None:
                continue
            spread = record.expected.spread
            points.append(Point(record.name, record.expected.seconds, spread.mean, spread.low, spread.high))
            published |= {Line(each.what, each.error): None for each in record.published}
        if points:
            panels.append(Panel(_TITLES.get(dataset, dataset), points, [*published]))
    return error_against_seconds(panels) if panels else None
