"""Conversion of a table to a data set: one or several target columns, and the other columns as inputs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.columns import Column
from deltarule.data.dataset import Dataset
from deltarule.data.labels import Task, are_labels
from deltarule.data.parts import Part
from deltarule.data.table import Table, unknown_column
from deltarule.errors import ColumnTypeError, DataError, DataWarning, UnknownColumn

__all__ = ["TargetChoice", "dataset_of_table", "target_names", "targets_of"]

TargetChoice: TypeAlias = str | int | Sequence[str | int] | None
"""A target column by its name or its place, or several of them."""

_LABEL, _LABELS = 100, 1 << 26
"""Characters of a label, and bytes of all labels: an error is raised only if both are exceeded."""

_TASKS: dict[str, tuple[Task, Task]] = {
    "number": ("regression", "regression"),
    "category": ("classification", "classification"),
    "boolean": ("classification", "multilabel"),
}
"""The task that a declared type of the target means: for one target, and for several."""


def dataset_of_table(
    table: Table, target: TargetChoice, name: str = "", source: str = "", *, types: Mapping[str, Any] | None = None
) -> Dataset:
    """Return a data set with a training set alone: y from the target column or columns, x from the others.

    Rows with a missing target are left out, with a `DataWarning`. A type declared for the target decides the task.

    Raises DataError for an unknown column, or one that cannot be a target.

    >>> from deltarule.data.frames import table_of
    >>> dataset_of_table(table_of({"age": [39, 50], "income": ["low", "high"]}), "income")
    Dataset(2 train, 0 validation, 0 test; x 1 column; 2 classes)
    >>> dataset_of_table(table_of({"age": [39, 50], "height": [170, 181.5], "weight": [65, 80]}), ["height", "weight"])
    Dataset(2 train, 0 validation, 0 test; x 1 column; 2 targets)
    """
    chosen = target_names(table, target)
    table = _with_targets(table, chosen)
    if len(table.columns) == len(chosen):
        raise DataError("columns to learn from beside the target", f"{', '.join(chosen)} alone", field="target")
    several = not (target is None or isinstance(target, (str, int)))
    y = targets_of([table.column(each) for each in chosen], several=several)
    declared = {_TASKS[types[each]][several] for each in chosen if types and types.get(each) in _TASKS}
    return Dataset(
        Part(table.without(chosen), y),
        name=name,
        source=source,
        target=tuple(chosen) if several else chosen[0],
        declared_task=declared.pop() if len(declared) == 1 and y.ndim == 1 + several else None,
    )


def target_names(table: Table, target: TargetChoice) -> list[str]:
    """Return the names of the target columns, given by name or place (−1 is the last).

    Raises DataError where there is none, or it does not exist.
    """
    names = table.names
    if target is None or (not isinstance(target, (str, int)) and not len(target)):
        shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        error = UnknownColumn(f"a column to predict ({shown})", "none", f"target={names[-1]!r}", field="target")
        error.column = names[-1]
        raise error
    several = [target] if isinstance(target, (str, int)) else target
    chosen = [_target_name(names, each) for each in several]
    if len(set(chosen)) != len(chosen):
        raise DataError("different columns", ", ".join(chosen), field="target")
    return chosen


def _target_name(names: Sequence[str], target: str | int) -> str:
    if target in names:
        return str(target)
    try:
        return names[int(target)]
    except (ValueError, IndexError):
        raise unknown_column(str(target), names, "target") from None


def _with_targets(table: Table, chosen: Sequence[str]) -> Table:
    """Return the rows of a table that have a value in each target column."""
    missing = np.zeros(len(table), dtype=bool)
    for each in chosen:
        of_column = table.column(each).missing
        if of_column.all():
            raise DataError("a target with values", "only missing ones", field=each)
        missing |= of_column
    if missing.all():
        raise DataError("rows with a value of each target", "none", field="target")
    if not missing.any():
        return table
    count = f"{int(missing.sum()):,} of {len(table):,} rows have no {' or no '.join(chosen)}"
    warnings.warn(f"{count}; they are left out, the first is row {int(np.argmax(missing)) + 1}.", DataWarning, 5)
    return table[~missing]


def targets_of(columns: Sequence[Column], *, several: bool = False) -> Array:
    """Return target columns as an array: of one column labels (n,) as text or booleans, integers, or numbers.

    several : return (n, k), one column for each target: integers 0 and 1 if all columns hold these or booleans,
        otherwise numbers.

    Raises DataError for dates and text, and for classes among several targets.
    """
    return _several(columns) if several else _single(columns[0])


def _several(columns: Sequence[Column]) -> Array:
    booleans = [column.kind == "boolean" for column in columns]
    for column in columns:
        if column.kind not in {"boolean", "number"}:
            classes = f" of {len(column.categories):,} values" if column.kind == "category" else ""
            instead = "one model for each target of classes"
            raise DataError(
                "numbers, or 0 and 1, in several targets", f"a {column.kind}{classes}", instead, field=column.name
            )
    y: Array = np.stack([column.values for column in columns], axis=1)
    if are_labels(y):
        return y.astype(np.int64)
    if any(booleans):
        named = columns[booleans.index(True)].name
        raise DataError(
            "all targets to be numbers, or all to be 0 and 1", "a boolean", "one model for each", field=named
        )
    return y


def _single(column: Column) -> Array:
    if column.kind == "category":
        longest = max(map(len, column.categories), default=0)
        if longest > _LABEL and 4 * longest * len(column) > _LABELS:  # in an array all take as much as the longest
            raise DataError(f"labels of at most {_LABEL} characters", f"one of {longest:,}", field=column.name)
        return np.array(column.categories)[column.values]
    if column.kind == "boolean":
        values: Array = column.values > 0.5
        return values if column.categories == ("False", "True") else column.labels()
    if column.kind == "number":
        integers = column.integer and bool((np.abs(column.values) < 2**53).all())
        return column.values.astype(np.int64) if integers else column.values
    came = f"a column of kind {column.kind!r}"
    if column.kind != "text":
        raise DataError("classes or numbers", came, field=column.name)
    came += f" with {len(column.categories):,} different values" if column.categories else ""
    raise ColumnTypeError.of("classes or numbers", came, column.name, "category")
