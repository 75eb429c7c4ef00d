"""Parquet, Feather and Arrow files, read by pyarrow (the extra `parquet`), into tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deltarule.data.frames import table_of
from deltarule.data.limits import COLUMNS_AT_MOST, grows_too_much
from deltarule.data.table import Table
from deltarule.errors import DataError, DataFileError

__all__ = ["arrow_library", "read_feather", "read_parquet"]


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
    with _said(path, "a whole Parquet file"), parquet.ParquetFile(path) as file:
        rows, columns, size = file.metadata.num_rows, file.metadata.num_columns, path.stat().st_size
        _refuse_width(columns)
        if grows_too_much(8 * rows * max(columns, 1), size):
            raise DataError("a file that stays in proportion", f"{rows:,} rows in {size:,} bytes")
        return table_of(file.read(), types)


def read_feather(path: Path, types: Mapping[str, Any] | None = None) -> Table:
    """The table in a Feather or Arrow file (the IPC format, as a file or a stream).

    Raises DataFileError: cut short, foreign, or claiming more than it holds.
    """
    ipc, arrow = arrow_library("ipc"), arrow_library("")
    with _said(path, "a whole Arrow or Feather file"), arrow.OSFile(str(path)) as source:
        start = source.read(6)
        source.seek(0)
        reader = ipc.open_file(source) if start == b"ARROW1" else ipc.open_stream(source)
        _refuse_width(len(reader.schema))
        return table_of(reader.read_all(), types)


@contextmanager
def _said(path: Path, wanted: str) -> Iterator[None]:
    """Whatever is wrong with a file is said with its name."""
    try:
        yield
    except DataError as error:
        raise DataFileError(error.wanted, f"{path}: {error.came}", error.instead) from error
    except (arrow_library("lib").ArrowException, OSError, ValueError) as error:
        raise DataFileError(wanted, f"{path}: {_sentence(error)}") from error


def _refuse_width(columns: int) -> None:
    if columns > COLUMNS_AT_MOST:
        raise DataError(f"at most {COLUMNS_AT_MOST:,} columns", f"{columns:,}")


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")
