"""Tables from data frames (pandas, Polars, Arrow), lists of dicts, dicts of columns, and arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import numpy as np

from deltarule.data.columns import Column
from deltarule.data.inference import CellColumn, Inference, kind_of_words, without_row_numbers
from deltarule.data.kinds import KINDS, Kind, notation_of
from deltarule.data.limits import COLUMNS_AT_MOST
from deltarule.data.table import Table, checked_kinds, refuse_repeats
from deltarule.errors import DataError

__all__ = ["cell_of", "is_tabular", "table_of"]

_BLOCK = 4096

Some = TypeVar("Some", Kind, Kind | None)


def is_tabular(data: Any) -> bool:
    """Return whether this is a table: a `Table`, a data frame, a list of dicts, or columns by name.

    >>> is_tabular({"a": [1, 2]}), is_tabular([{"a": 1}]), is_tabular([[1, 2]])
    (True, True, False)
    """
    if isinstance(data, (Table, Mapping)):
        return True
    if isinstance(data, (list, tuple)):
        return len(data) > 0 and isinstance(data[0], Mapping)
    return not isinstance(data, np.ndarray) and _frame(data) is not None


def table_of(data: Any, types: Mapping[str, Any] | None = None, names: Sequence[str] | None = None) -> Table:
    """The table in a data frame, a list of dicts (a row each), a dict of columns, or an array (n, columns) with names.

    types : kinds of columns that are not to be inferred; see `Table`.
    names : of an array's columns.

    The numbers, booleans, dates and categories of a data frame keep their types. Text is read as that of a file is, so
    that a file and the data frame read from it give the same table.

    Raises DataError for other data, and for values that a table cannot contain.

    >>> table_of([{"age": 39, "sex": "F"}, {"age": None, "sex": "M"}])
    Table(2 rows; age: number, sex: category)
    """
    if isinstance(data, Table):
        return data.to_kinds(checked_kinds(types, data.names))
    if isinstance(data, Mapping):
        return _of_columns(data, types)
    if isinstance(data, (list, tuple)) and len(data) and isinstance(data[0], Mapping):
        return _of_records(data, types)
    frame = None if isinstance(data, (np.ndarray, list, tuple)) else _frame(data)
    if frame is not None:
        return _of_frame(frame, types)
    return _of_array(data, types, names)


def cell_of(value: Any, row: int, column: str) -> str:
    """A plain value as a file would hold it; nothing for a missing one.

    Raises DataError, naming the row and the column, for what has no place in a cell.

    >>> cell_of(None, 1, "age"), cell_of(0.5, 1, "age"), cell_of(True, 1, "age")
    ('', '0.5', 'True')
    """
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value)) if abs(int(value)) < 1 << 1000 else _refuse(value, row, column)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if math.isinf(number):
            return _refuse(value, row, column)
        return "" if math.isnan(number) else repr(number)
    if isinstance(value, np.datetime64):
        return "" if np.isnat(value) else str(value.astype("datetime64[us]"))
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return _refuse(value, row, column)


def _refuse(value: Any, row: int, column: str) -> str:
    came = f"{str(value)[:60]!r} ({type(value).__name__}) in row {row}"
    raise DataError("finite numbers, text, booleans, dates or nothing in a cell", came, field=column)


def _frame(data: Any) -> Any:
    """The data as a narwhals frame; None where it is no data frame."""
    module = type(data).__module__.partition(".")[0]
    if module in {"builtins", "numpy", "deltarule"}:
        return None
    import narwhals

    try:
        frame = narwhals.from_native(data, pass_through=True)
    except narwhals.exceptions.DuplicateError:
        names = getattr(data, "column_names", None)
        refuse_repeats([str(name) for name in (data.columns if names is None else names)])
        raise
    if isinstance(frame, narwhals.LazyFrame):
        frame = frame.collect()
    return frame if isinstance(frame, narwhals.DataFrame) else None


def _of_frame(frame: Any, types: Mapping[str, Any] | None) -> Table:
    names = [str(name) for name in frame.columns]
    refuse_repeats(names)
    kinds = checked_kinds(types, names)
    if len(frame) == 0 or not names:
        raise DataError("at least one row and one column", f"a data frame of shape {frame.shape}")
    _refuse_width(len(names))
    columns = zip(frame.iter_columns(), names, strict=True)
    pandas = bool(frame.implementation.is_pandas())
    first, *others = (_of_series(each, name, kinds.get(name), pandas=pandas) for each, name in columns)
    return Table((without_row_numbers(first), *others))


def _of_series(series: Any, name: str, kind: Kind | None, *, pandas: bool) -> Column:
    """Return a data frame's column, with the type that it has there."""
    import narwhals as nw

    dtype = series.dtype
    if dtype.is_numeric() or dtype == nw.Boolean:
        integer, boolean = dtype.is_integer(), dtype == nw.Boolean
        values = _numbers(series.cast(nw.Int8) if boolean else series)
        if np.isinf(values).any():
            came = f"infinity in row {int(np.argmax(np.isinf(values))) + 1}"
            raise DataError("finite numbers, or missing values", came, field=name)
        empty = bool(np.isnan(values).all()) and kind is None
        own: Kind = "empty" if empty else "boolean" if boolean else "number"
        if pandas and not integer and np.isnan(values).any():  # pandas stores integers as floats where one is missing
            given = values[~np.isnan(values)]
            integer = bool((given == np.round(given)).all())
        column = Column(name, own, values, ("False", "True") if boolean else (), integer)
        return column if kind is None else column.to_kind(kind)
    if any(dtype == temporal for temporal in (nw.Date, nw.Datetime)):
        micro = series.cast(nw.Datetime("us")).dt.timestamp("us")
        column = Column(name, "date", _numbers(micro) / 86_400e6)
        return column if kind is None else column.to_kind(kind)
    if any(dtype == words for words in (nw.Categorical, nw.Enum)):
        return _of_words(series.cast(nw.String).to_list(), name, kind)
    if dtype == nw.String:
        words = ["" if word is None or word != word else word for word in series.to_list()]
        return _of_values(words, name, kind)
    if any(dtype == unknown for unknown in (nw.Object, nw.Unknown)) and kind != "ignored":
        values = series.to_list()
        # Arrow's maps are left out as other nested types are; most versions of narwhals have no name for them.
        if dtype == nw.Object or not any(isinstance(value, (dict, list)) for value in values):
            return _of_values(values, name, kind)
    return Column(name, "ignored" if kind == "ignored" else "text", np.full(len(series), -1, np.int32))


def _numbers(series: Any) -> Any:
    """A series of numbers as float64, NaN where there is none."""
    import narwhals as nw

    missing = series.is_null().to_numpy()
    numbers = series.cast(nw.Float64) if not missing.any() else series.cast(nw.Float64).fill_null(math.nan)
    return np.array(numbers.to_numpy(), dtype=np.float64)


def _of_words(words: list[str | None], name: str, kind: Kind | None) -> Column:
    """Return a column of a data frame's categories: neither numbers nor booleans are read from them."""
    cells = CellColumn(name, kind or "category", text=True)
    cells.add(["" if word is None or word != word else word for word in words])
    column = cells.column()
    if kind is not None:
        return column
    return column.to_kind(kind_of_words(len(column.categories), int((column.values >= 0).sum())))


def _of_values(values: Sequence[Any], name: str, kind: Kind | None) -> Column:
    """Return a column of Python values."""
    if not any(isinstance(value, str) for value in values):
        kind = _without_notation(kind)
    cells = [cell_of(value, row, name) for row, value in enumerate(values, 1)]
    text = False
    while True:
        column = CellColumn(name, kind, text=text)
        for start in range(0, len(cells), _BLOCK):
            column.add(cells[start : start + _BLOCK])
        if not column.again:
            return column.column()
        text = True


def _of_columns(data: Mapping[Any, Any], types: Mapping[str, Any] | None) -> Table:
    names = [str(name) for name in data]
    kinds = checked_kinds(types, names)
    _refuse_width(len(names))
    columns = {str(name): _listed(values, str(name)) for name, values in data.items()}
    return Table(tuple(_of_values(values, name, kinds.get(name)) for name, values in columns.items()))


def _listed(values: Any, name: str) -> list[Any]:
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise DataError("a sequence of values", type(values).__name__, field=name)
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def _of_records(records: Sequence[Mapping[Any, Any]], types: Mapping[str, Any] | None) -> Table:
    names: dict[str, None] = {}
    for number, record in enumerate(records, 1):
        if not isinstance(record, Mapping):
            raise DataError("a list of dicts, one for each row", f"{type(record).__name__} in row {number}")
        names.update(dict.fromkeys(str(name) for name in record))
    _refuse_width(len(names))
    columns = list(names)
    cells = [[cell_of(record.get(name), row, name) for name in columns] for row, record in enumerate(records, 1)]
    kinds = checked_kinds(types, columns)
    for name in columns:
        if name in kinds and not any(isinstance(record.get(name), str) for record in records):
            kinds[name] = _without_notation(kinds[name])
    return _inferred(cells, columns, kinds)


def _without_notation(kind: Some) -> Some:
    """Return the kind, without the notation of text."""
    return KINDS[kind].name if notation_of(kind) else kind  # type: ignore[index]


def _of_array(data: Any, types: Mapping[str, Any] | None, names: Sequence[str] | None) -> Table:
    array = data if isinstance(data, np.ndarray) else np.array(data, dtype=object)
    if array.dtype.names:
        return _of_columns({name: array[name].tolist() for name in array.dtype.names}, types)
    if array.ndim != 2 or 0 in array.shape:
        wanted = "a data frame, a list of dicts, a dict of columns, or an array of rows and columns"
        raise DataError(wanted, f"{type(data).__name__} of shape {array.shape}")
    columns = [f"column {place}" for place in range(1, array.shape[1] + 1)] if names is None else list(names)
    if len(columns) != array.shape[1]:
        raise DataError(f"{len(columns)} columns: {', '.join(columns[:20])}", f"{array.shape[1]}")
    kinds = checked_kinds(types, columns)
    _refuse_width(len(columns))
    if array.dtype.kind in "iufb":
        return Table(tuple(_of_numbers(array[:, j], name, kinds.get(name)) for j, name in enumerate(columns)))
    return Table(tuple(_of_values(array[:, j].tolist(), name, kinds.get(name)) for j, name in enumerate(columns)))


def _of_numbers(values: Any, name: str, kind: Kind | None) -> Column:
    numbers = values.astype(np.float64)
    if np.isinf(numbers).any():
        came = f"infinity in row {int(np.argmax(np.isinf(numbers))) + 1}"
        raise DataError("finite numbers, or missing values", came, field=name)
    column = Column(name, "number", numbers, (), values.dtype.kind in "iub")
    return column if kind is None else column.to_kind(kind)


def _inferred(cells: list[list[str]], names: Sequence[str], kinds: Mapping[str, Kind]) -> Table:
    text: frozenset[str] = frozenset()
    while True:
        inference = Inference(names, kinds, text)
        for block in _blocks(cells):
            inference.add(block)
        if not inference.again:
            return Table(inference.columns())
        text |= inference.again


def _blocks(cells: list[list[str]]) -> Iterator[list[list[str]]]:
    for start in range(0, len(cells), _BLOCK):
        yield cells[start : start + _BLOCK]


def _refuse_width(columns: int) -> None:
    if columns > COLUMNS_AT_MOST:
        raise DataError(f"at most {COLUMNS_AT_MOST:,} columns", f"{columns:,}")
