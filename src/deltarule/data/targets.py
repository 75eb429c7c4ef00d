"""From a table to a data set: one column is what is to be learnt, the others are what it is learnt from."""

from __future__ import annotations

import warnings

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.columns import Column
from deltarule.data.dataset import Dataset
from deltarule.data.parts import Part
from deltarule.data.table import Table, unknown_column
from deltarule.errors import DataError, DataWarning

__all__ = ["dataset_of_table", "target_name", "targets_of"]

_LABEL, _LABELS = 100, 1 << 26
"""Characters of a label, and bytes of all labels: where both are more, they are refused."""


def dataset_of_table(table: Table, target: str | int | None, name: str = "", source: str = "") -> Dataset:
    """A data set of one part, its y being the target column and its x all others.

    Rows without a target are left out, with a `DataWarning`.
    Raises DataError: no such column, or one that nobody can predict.

    >>> from deltarule.data.frames import table_of
    >>> dataset_of_table(table_of({"age": [39, 50], "income": ["low", "high"]}), "income")
    Dataset(2 train, 0 validation, 0 test; x 1 column; 2 classes)
    """
    chosen = target_name(table, target)
    column = table.column(chosen)
    missing = column.missing
    if missing.all():
        raise DataError("a target with values", f"{chosen!r}, where all are missing")
    if missing.any():
        count = f"{int(missing.sum()):,} of {len(table):,} rows have no {chosen}"
        warnings.warn(f"{count}; they are left out, the first is row {int(np.argmax(missing)) + 1}.", DataWarning, 4)
        table, column = table[~missing], column.rows(~missing)
    if len(table.columns) == 1:
        raise DataError("columns to learn from beside the target", f"{chosen!r} alone")
    return Dataset(Part(table.without([chosen]), targets_of(column)), name=name, source=source, target=chosen)


def target_name(table: Table, target: str | int | None) -> str:
    """The name of the target column, given by its name or its place (−1 is the last).

    Raises DataError where it is not given or not there.
    """
    names = table.names
    if target is None:
        shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        raise DataError(f"the column to predict, one of {shown}", "none", f"target={names[-1]!r}")
    if target in names:
        return str(target)
    try:
        return names[int(target)]
    except (ValueError, IndexError):
        raise unknown_column(str(target), names) from None


def targets_of(column: Column) -> Array:
    """A column as what is to be learnt: labels as text or booleans, whole numbers, or numbers (n,).

    Raises DataError for dates and text.
    """
    if column.kind == "category":
        longest = max(map(len, column.categories), default=0)
        if longest > _LABEL and 4 * longest * len(column) > _LABELS:  # as an array they all take as much as the longest
            raise DataError(f"labels of at most {_LABEL} characters", f"one of {longest:,} in column {column.name!r}")
        return np.array(column.categories)[column.values]
    if column.kind == "boolean":
        truths: Array = column.values > 0.5
        return truths if column.categories == ("False", "True") else column.labels()
    if column.kind == "number":
        whole = column.whole and bool((np.abs(column.values) < 2**53).all())
        return column.values.astype(np.int64) if whole else column.values
    came = f"{column.name!r}, a column of kind {column.kind!r}"
    if column.kind == "text":
        came += f" with {len(column.categories):,} different values" if column.categories else ""
    instead = f'types={{{column.name!r}: "category"}}' if column.kind == "text" else None
    raise DataError("a target of classes or of numbers", came, instead)
