"""A column of a table, described: in a few words, or as data."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule.data import Column
from deltarule.data.columns import USABLE


def in_words(column: Column) -> str:
    """What a column holds, the most frequent categories first.

    >>> in_words(Column("age", "number", np.array([17.0, 90.0, 38.0]), whole=True))
    '17 to 90, mean 48.3'
    """
    reasons = {"empty": "nothing", "ignored": "left out", "text": "too many different ones: left out"}
    if column.kind not in USABLE:
        return reasons[column.kind]
    if column.kind == "category":
        shown = ", ".join(word for word, _ in _frequent(column)[:12])
        return f"{len(column.categories)}: {shown}"
    values = column.values[~column.missing]
    if not len(values):
        return "nothing"
    if column.kind == "boolean":
        return f"{column.categories[1]}: {100 * values.mean():.1f} %"
    if column.kind == "date":
        first, last = Column("", "date", np.array([values.min(), values.max()])).labels()
        return f"{first} to {last}"
    return f"{_figure(values.min())} to {_figure(values.max())}, mean {_figure(values.mean(), 3)}"


def _figure(number: float, digits: int = 6) -> str:
    """A number for people: large ones in thousands, whole ones whole.

    >>> _figure(1484705.0), _figure(0.0815), _figure(38.5816, 3)
    ('1,484,705', '0.0815', '38.6')
    """
    whole = abs(number) >= 1000 or number == int(number)
    return f"{number:,.0f}" if whole and abs(number) < 1e12 else f"{number:.{digits}g}"


def column_facts(column: Column) -> dict[str, Any]:
    """The same as data, whole."""
    facts: dict[str, Any] = {"name": column.name, "type": column.kind, "missing": int(column.missing.sum())}
    if column.kind == "category":
        return facts | {"categories": dict(_frequent(column))}
    values = column.values[~column.missing]
    if column.kind == "boolean":
        return facts | {"true": int(values.sum()), "false": int((values == 0).sum())}
    if column.kind == "date" and len(values):
        first, last = Column("", "date", np.array([values.min(), values.max()])).labels().tolist()
        return facts | {"first": first, "last": last}
    if column.kind == "number" and len(values):
        figures = {"least": values.min(), "greatest": values.max(), "mean": values.mean(), "deviation": values.std()}
        return facts | {name: float(figure) for name, figure in figures.items()}
    return facts


def _frequent(column: Column) -> list[tuple[str, int]]:
    """The categories with their counts, the most frequent first."""
    counts = np.bincount(column.values[column.values >= 0], minlength=len(column.categories))
    order = np.argsort(-counts, kind="stable").tolist()
    return [(column.categories[place], int(counts[place])) for place in order]
