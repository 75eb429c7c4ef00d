"""Parquet, Feather and Arrow files, read by pyarrow (the extra `parquet`), into tables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from deltarule import mapped
from deltarule.data.columns import Column
from deltarule.data.frames import table_of
from deltarule.data.inference import CATEGORIES_AT_MOST, kind_of_words
from deltarule.data.kinds import KINDS, Kind, WrittenKind
from deltarule.data.limits import COLUMNS_AT_MOST, grows_too_much
from deltarule.data.table import Table, checked_kinds
from deltarule.errors import DataError, DataFileError
from deltarule.mapped import forget, on_disk
from deltarule.regular_files import opened, reason

__all__ = ["arrow_library", "read_feather", "read_parquet"]

_ROWS = 1 << 16  # that are in memory at a time
_BUFFER = 1 << 20  # bytes of a column that are read at a time
_BUFFERED_FROM = 1 << 26
"""Bytes of a Parquet file from which columns are read so. In smaller ones a column's bytes are read as one, and no page
can claim more: a buffer is made as large as a page's header says."""


def arrow_library(module: str) -> Any:
    """A module of pyarrow.

    Raises DataFileError, saying how to install it, where it is not there.
    """
    import importlib

    try:
        return importlib.import_module(f"pyarrow.{module}" if module else "pyarrow")
    except ImportError as error:
        wanted = "pyarrow, which reads Parquet and Arrow files"
        raise DataFileError(wanted, "an environment without it", "pip install 'deltarule[parquet]'") from error


def read_parquet(path: Path, types: Mapping[str, Any] | None = None) -> Table:
    """The table in a Parquet file; what the footer claims is looked at before anything is read.

    Raises DataFileError: cut short, foreign, more columns or rows than can be meant.
    """
    parquet = arrow_library("parquet")
    with _said(path, "a whole Parquet file"), opened(path) as stream:
        size = stream.seek(0, os.SEEK_END)
        buffer = _BUFFER if size > _BUFFERED_FROM else 0
        with parquet.ParquetFile(path, pre_buffer=False, buffer_size=buffer) as file:
            rows, columns = file.metadata.num_rows, file.metadata.num_columns
            _refuse_width(columns)
            _refuse_growth(rows, columns, size)
            if 8 * rows * columns > mapped.MAPPED_FROM:
                return _on_disk(file, rows, types)
            return table_of(_sound(file.read()), types)


def _on_disk(file: Any, n: int, types: Mapping[str, Any] | None) -> Table:
    """A large file's table, its columns in temporary files: some rows of it are in memory at a time.

    It is read twice: for the categories, and for the values.
    """
    arrow = arrow_library("")
    names = [field.name for field in file.schema_arrow]
    kinds: dict[str, Kind] = checked_kinds(types, names)
    words = {field.name: set[str]() for field in file.schema_arrow if _is_text(arrow, field.type)}
    words = {name: found for name, found in words.items() if kinds.get(name, "category") == "category"}
    given = dict.fromkeys(words, 0)
    plain = {field.name for field in file.schema_arrow if not arrow.types.is_dictionary(field.type)}
    written = {name: [kind for kind in KINDS.values() if isinstance(kind, WrittenKind)] for name in words}
    asked = {**kinds, **dict.fromkeys(words, "category")}
    for table in _tables(file, asked):
        for name, found in words.items():
            column = table.column(name)
            given[name] += int((column.values >= 0).sum())
            written[name] = [kind for kind in written[name] if kind.are_usual(column.categories)]
            if name in kinds or len(found) <= CATEGORIES_AT_MOST:
                found.update(column.categories)
    decided = {
        name: kinds.get(name) or _kind(written[name], found, given[name], free=name in plain)
        for name, found in words.items()
    }
    asked |= {name: kind for name, kind in decided.items() if KINDS[kind].usable}
    made: dict[str, Column] = {}
    start = 0
    for table in _tables(file, asked):
        for column in table:
            if column.name not in made:
                made[column.name] = _column_on_disk(column, n, words.get(column.name), decided.get(column.name))
            _fill(made[column.name], column, start)
        start += len(table)
    return Table(tuple(made[name] for name in names))


def _tables(file: Any, types: Mapping[str, Any]) -> Iterator[Table]:
    arrow = arrow_library("")
    for group in range(file.metadata.num_row_groups):
        for batch in file.iter_batches(_ROWS, row_groups=[group]):
            yield table_of(_sound(arrow.Table.from_batches([batch])), types)
        arrow.default_memory_pool().release_unused()


def _kind(written: list[WrittenKind], words: set[str], given: int, *, free: bool) -> Kind:
    """Return the kind of text in the usual notations, or of categories, which are not free to be anything else."""
    if free and words and written:
        return written[0].name
    if free and KINDS["boolean"].recognises(words):
        return "boolean"
    return kind_of_words(len(words), given)


def _is_text(arrow: Any, kind: Any) -> bool:
    kind = kind.value_type if arrow.types.is_dictionary(kind) else kind
    return bool(arrow.types.is_string(kind) or arrow.types.is_large_string(kind))


def _column_on_disk(first: Column, n: int, words: set[str] | None, decided: Kind | None) -> Column:
    """A column of n rows that is still to be filled, of the kind of its first rows."""
    if decided == "category":
        return Column(first.name, decided, on_disk((n,), np.int32), tuple(sorted(words or ())))
    kind = first.kind if decided is None else decided
    if kind in {"text", "ignored"} or decided == "empty":
        return Column(first.name, kind, np.broadcast_to(np.int32(-1), (n,)))
    kind = "number" if kind == "empty" else kind
    return Column(first.name, kind, on_disk((n,), np.float64), first.categories, first.integer)


def _fill(column: Column, rows: Column, start: int) -> None:
    """Write some rows of a column where they belong."""
    if not column.usable:
        return
    values = rows.values
    if column.coded:
        places = {word: place for place, word in enumerate(column.categories)}
        values = np.array([*(places[word] for word in rows.categories), -1], np.int32)[rows.values]
    column.values[start : start + len(rows)] = values
    forget(column.values)


def read_feather(path: Path, types: Mapping[str, Any] | None = None) -> Table:
    """The table in a Feather or Arrow file (the IPC format, as a file or a stream).

    Raises DataFileError: cut short, foreign, or claiming more than it holds.
    """
    ipc, arrow = arrow_library("ipc"), arrow_library("")
    with _said(path, "a whole Arrow or Feather file"), opened(path), arrow.OSFile(str(path)) as source:
        start, size = source.read(6), source.size()
        source.seek(0)
        whole = start == b"ARROW1"
        reader = ipc.open_file(source) if whole else ipc.open_stream(source)
        _refuse_width(len(reader.schema))
        rows, batches = 0, []
        for batch in map(reader.get_batch, range(reader.num_record_batches)) if whole else reader:
            rows += batch.num_rows
            _refuse_growth(rows, batch.num_columns, size)
            batch.validate(full=True)  # offsets, lengths, codes of categories and letters: nothing else looks at them
            batches.append(_without_views(arrow, batch))
        return table_of(arrow.Table.from_batches(batches, None if batches else reader.schema), types)


@contextmanager
def _said(path: Path, wanted: str) -> Iterator[None]:
    """Raise every error about a file with its name."""
    try:
        yield
    except DataError as error:
        raise DataFileError.of(error, f"{error.value} ({path})") from error
    except Exception as error:  # pyarrow raises errors of many kinds
        raise DataFileError(wanted, f"{path}: {reason(error)}") from error


def _without_views(arrow: Any, batch: Any) -> Any:
    """The batch with its views of strings as strings.

    Where a value is missing its view may hold anything: `validate` does not look there, and pyarrow's casts do.
    """
    kinds = [field.type.value_type if arrow.types.is_dictionary(field.type) else field.type for field in batch.schema]
    columns = [
        arrow.array(column.to_pylist(), arrow.large_string()) if str(kind) == "string_view" else column
        for column, kind in zip(batch.columns, kinds, strict=True)
    ]
    return arrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _sound(table: Any) -> Any:
    """The table, all of it checked: pyarrow itself believes offsets, lengths and codes of categories."""
    table.validate(full=True)
    return table


def _refuse_width(columns: int) -> None:
    if columns > COLUMNS_AT_MOST:
        raise DataError(f"at most {COLUMNS_AT_MOST:,} columns", f"{columns:,}")


def _refuse_growth(rows: int, columns: int, size: int) -> None:
    """Refuse more rows than a file of `size` bytes can mean."""
    if rows < 0 or grows_too_much(8 * rows * max(columns, 1), size):
        raise DataError("a file that stays in proportion", f"{rows:,} rows in {size:,} bytes")
