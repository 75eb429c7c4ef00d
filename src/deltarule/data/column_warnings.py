"""Warnings about the columns of a table: left out, ambiguous, identifiers, or leaking the target.

With an identifier, or a column that is known only after the target (target leakage), a network seems good on its test
set and fails on new data. Both are suspected from the training set alone; the columns are reported, never removed.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.columns import Column
from deltarule.data.dataset import Dataset
from deltarule.data.kinds import KINDS
from deltarule.data.notations import different_readings, only_reading
from deltarule.data.strata import random_order
from deltarule.data.table import Table
from deltarule.errors import DataWarning
from deltarule.mapped import is_mapped
from deltarule.types import Floats, Indices

__all__ = ["SuspectedColumns", "column_warnings", "suspected_columns"]

_AT_LEAST = 50
"""In fewer training samples a column may decide the target by chance."""
_COUNTED, _COMPARED = 20_000, 4_000
"""Maximum numbers of training samples to count different values in, and to compare columns with the target on."""
_UNIQUE = 0.95
"""Fraction of different values from which integers are suspected to be an identifier."""
_CLASSES_LEFT, _SQUARES_LEFT = 0.025, 0.01
"""A column decides the target if it leaves this fraction of the error rate, or of the variance."""
_INTERVALS_LEFT, _NEIGHBOURS, _FEWEST = 0.015, 2, 8
"""The same where each class is an interval of the column; neighbours on each side of a sample that decide with it; and
the fewest errors without the column."""
_TARGETS, _CLASSES, _SHOWN = 5, 20, 10
"""Maximum numbers of targets that are compared, of classes that are distinguished, and of columns in a sentence."""


def column_warnings(dataset: Dataset, declared: Container[str] = ()) -> list[DataWarning]:
    """Return warnings about the columns of a data set's table, except for those of a declared type.

    >>> from deltarule.data.frames import table_of
    >>> from deltarule.data.targets import dataset_of_table
    >>> rows = {"id": range(200), "height": [1.5 + i * 31 % 50 / 100 for i in range(200)], "sick": [*"ny"] * 100}
    >>> for warning in column_warnings(dataset_of_table(table_of(rows), "sick")):
    ...     print(warning)
    Column id has a different integer in nearly every row, as an identifier does. Try: types={'id': 'ignored'} to leave
    it out
    """
    table = dataset.train.x
    if not isinstance(table, Table):
        return []
    columns = [column for column in table if column.name not in declared]
    return [*_ambiguous(columns), *_left_out(columns), *_suspected(dataset, declared)]


def _ambiguous(columns: Sequence[Column]) -> Iterator[DataWarning]:
    for column in columns:
        words = column.categories if column.coded else ()
        for name, kind in KINDS.items():
            notations = kind.notations(words) if words else ()
            if len(notations) > 1 and only_reading(notations, words) is None:
                word, readings = different_readings(notations, words)
                ways = " or ".join(notation.name for notation in readings)
                message = f"Column {column.name} has {name}s that can be read as {ways}, for example {word!r}."
                yield DataWarning(message, {column.name: f"{name}:{readings[0].name}"}, "to read them so")


def _left_out(columns: Sequence[Column]) -> Iterator[DataWarning]:
    unusable = [column for column in columns if not column.usable]
    if unusable:
        shown = ", ".join(_described(column) for column in unusable[:_SHOWN])
        more = f" and {len(unusable) - _SHOWN} more columns" if len(unusable) > _SHOWN else ""
        texts = {column.name: "category" for column in unusable[:_SHOWN] if column.kind == "text"}
        yield DataWarning(f"Left out: {shown}{more}.", texts, f"to keep {'it' if len(texts) == 1 else 'them'}")


def _described(column: Column) -> str:
    if column.kind == "text":
        many = f"{len(column.categories):,}" if column.categories else "too many"
        return f"{column.name} (text, {many} different values)"
    return f"{column.name} ({'no values' if column.kind == 'empty' else 'row numbers'})"


@dataclass(frozen=True)
class SuspectedColumns:
    """Names of columns that number the rows, as identifiers do, and of those that alone nearly decide the target."""

    identifiers: tuple[str, ...] = ()
    deciding: tuple[str, ...] = ()


def suspected_columns(dataset: Dataset, declared: Container[str] = ()) -> SuspectedColumns:
    """Return the suspected columns of a data set's table, except for those of a declared type.

    >>> from deltarule.data.frames import table_of
    >>> from deltarule.data.targets import dataset_of_table
    >>> rows = {"id": range(200), "height": [1.5 + i * 31 % 50 / 100 for i in range(200)], "sick": [*"ny"] * 100}
    >>> suspected_columns(dataset_of_table(table_of(rows), "sick")).identifiers
    ('id',)
    """
    table = dataset.train.x
    if not isinstance(table, Table):
        return SuspectedColumns()
    columns = [column for column in table if column.name not in declared]
    n = len(table)
    if n < _AT_LEAST or is_mapped(table) or len(table.usable) < 2:
        return SuspectedColumns()
    spaced = np.linspace(0, n - 1, min(n, _COUNTED)).astype(np.intp)
    counted = spaced[random_order(len(spaced), seed=0)]
    rows = counted[:_COMPARED]
    unique = [column for column in columns if _is_identifier(column, rows)]
    identifiers = tuple(column.name for column in unique if _is_identifier(column, counted))
    classes = dataset.task != "regression"
    y = dataset.train.y[rows].reshape(len(rows), -1)[:, :_TARGETS]
    targets = [_codes(each) if classes else each.astype(np.float64) for each in y.T]
    others = [column for column in columns if column.usable and column.name not in identifiers]
    deciding = tuple(column.name for column in others if _decides(column, rows, targets, classes=classes))
    return SuspectedColumns(identifiers, deciding)


def _suspected(dataset: Dataset, declared: Container[str]) -> Iterator[DataWarning]:
    found = suspected_columns(dataset, declared)
    for names, what in (
        (found.identifiers, "has a different integer in nearly every row, as an identifier does"),
        (found.deciding, "alone nearly decides the target; it leaks if it is not known when predictions are made"),
    ):
        if names:
            shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
            subject = f"Column {shown} " if len(names) == 1 else f"Each of the columns {shown} "
            leave = "to leave it out" if len(names) == 1 else "to leave them out"
            yield DataWarning(f"{subject}{what}.", dict.fromkeys(names[:_SHOWN], "ignored"), leave)


def _is_identifier(column: Column, rows: Indices) -> bool:
    """Return whether a column's values at some rows are integers that are nearly all different."""
    if column.kind != "number" or not column.integer:
        return False
    values = column.values[rows]
    ordered = np.sort(values[~np.isnan(values)])
    return int(np.count_nonzero(np.diff(ordered))) + 1 >= _UNIQUE * len(rows)


def _codes(y: Array) -> Indices:
    """Return the classes of y as numbers, the most frequent first, all rare ones as one."""
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    places = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    found: Indices = np.minimum(places, _CLASSES)[codes]
    return found


def _decides(column: Column, rows: Indices, targets: Sequence[Array], *, classes: bool) -> bool:
    """Return whether a column alone predicts one of the targets in the other half of the rows, both ways.

    Where a class is an interval of a numeric column, predictions in the other half are wrong only at its ends. So a
    column also decides if nearly all samples have the class of the majority of their neighbours in the order of it.
    """
    x = column.values[rows].astype(np.float64)
    if not column.coded:
        known = x[~np.isnan(x)]
        x = np.where(np.isnan(x), known.min(initial=0.0) - np.ptp(known) - 1.0 if len(known) else 0.0, x)
    half = len(rows) // 2
    halves = (slice(None, half), slice(half, None)), (slice(half, None), slice(None, half))
    error, left = (_class_errors, _CLASSES_LEFT) if classes else (_squares, _SQUARES_LEFT)
    for y in targets:
        errors = (error(x[a], y[a], x[b], y[b], exact=column.coded) for a, b in halves)
        if all(baseline > 0 and remaining <= left * baseline for remaining, baseline in errors):
            return True
        if classes and not column.coded and _are_intervals(x, y):
            return True
    return False


def _are_intervals(x: Floats, y: Indices) -> bool:
    """Return whether nearly all samples have the class of most of their neighbours, themselves included."""
    baseline = int(np.sum(y != np.bincount(y).argmax()))
    if baseline < _FEWEST:
        return False
    order = np.argsort(x, kind="stable")
    x, y, n = x[order], y[order], len(x)
    starts, ends = np.searchsorted(x, x, side="left"), np.searchsorted(x, x, side="right")  # of equal values
    first, last = starts[np.maximum(starts - _NEIGHBOURS, 0)], ends[np.minimum(ends + _NEIGHBOURS, n) - 1]
    classes = int(y.max()) + 1
    before = np.zeros((n + 1, classes), np.int64)
    np.cumsum(np.eye(classes, dtype=np.int64)[y], axis=0, out=before[1:])
    wrong = int(np.sum((before[last] - before[first]).argmax(axis=1) != y))
    return wrong <= _INTERVALS_LEFT * baseline


def _class_errors(x: Floats, y: Indices, new_x: Floats, new_y: Indices, *, exact: bool) -> tuple[float, float]:
    """Return the numbers of wrong predictions for new values: by the nearest known value, and by the majority."""
    known, places = np.unique(x, return_inverse=True)
    classes = int(y.max()) + 1
    counts = np.bincount(places * classes + y, minlength=len(known) * classes)
    majorities = counts.reshape(len(known), -1).argmax(axis=1)
    majority = np.bincount(y).argmax()
    nearest, found = _nearest(known, new_x)
    predicted = np.where(found, majorities[nearest], majority) if exact else majorities[nearest]
    return float(np.sum(predicted != new_y)), float(np.sum(new_y != majority))


def _squares(x: Floats, y: Floats, new_x: Floats, new_y: Floats, *, exact: bool) -> tuple[float, float]:
    """Return the squared errors for new values: of interpolation between the known values' means, and of the mean."""
    known, places = np.unique(x, return_inverse=True)
    means = np.bincount(places, y) / np.bincount(places)
    nearest, found = _nearest(known, new_x)
    predicted = np.where(found, means[nearest], y.mean()) if exact else np.interp(new_x, known, means)
    return float(np.sum((predicted - new_y) ** 2)), float(np.sum((new_y - y.mean()) ** 2))


def _nearest(known: Floats, x: Floats) -> tuple[Indices, Array]:
    """Return the place of the nearest of some rising values, and whether it is the value itself."""
    right = np.minimum(np.searchsorted(known, x), len(known) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(x - known[left] < known[right] - x, left, right)
    return nearest, known[nearest] == x
