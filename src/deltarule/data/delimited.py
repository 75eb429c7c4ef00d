"""Comma-, tab- and otherwise separated files (CSV, TSV), and JSON lines, into tables: read in blocks, without trust.

Memory stays in proportion to the file: lines, fields and columns have a limit, and so has what a compressed file may
grow to. Every error names the file, and the row and the column where there is one. Rows count from 1, below the header.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from deltarule.data.frames import cell_of
from deltarule.data.inference import Inference
from deltarule.data.kinds import number_of
from deltarule.data.limits import COLUMNS_AT_MOST, grows_too_much
from deltarule.data.table import Table, checked_kinds, refuse_repeats
from deltarule.errors import DataError, DataFileError
from deltarule.regular_files import json_of, opened, reason

__all__ = ["read_delimited", "read_json_lines"]

_BLOCK = 1 << 16  # cells that become columns in one go
_CHUNK = 1 << 20
_LINE_AT_MOST = 1 << 24  # characters
_DELIMITERS = ",;\t|"
_QUOTED = re.compile('"[^"]*"')

Rows: TypeAlias = Iterator[list[str]]


class _Names(list[str]):
    """The names of a file's columns; `decimal` is "," where numbers have a decimal comma."""

    def __init__(self, names: list[str], decimal: str) -> None:
        super().__init__(names)
        self.decimal = decimal


def read_delimited(path: Path, types: Mapping[str, Any] | None = None) -> Table:
    r"""The table in a CSV or TSV file: UTF-8 (or UTF-16 with its mark), compressed by gzip or not.

    The delimiter is the most frequent of , ; tab | in the first line, outside of quotation marks; where it is the
    semicolon, 1,5 is one and a half. The first line has the names, unless all of it is numbers. types: the kinds of
    columns that are not to be inferred.

    Raises DataFileError, naming file, row and column.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "pets.csv"
    >>> path.write_text("kind,weight\ncat,4\ndog,30.5\n")
    27
    >>> read_delimited(path)
    Table(2 rows; kind: category, weight: number)
    """
    return _read(path, types, _delimited)


def read_json_lines(path: Path, types: Mapping[str, Any] | None = None) -> Table:
    r"""The table in a file of JSON objects, one a line; a key that is not there is a missing value.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "pets.jsonl"
    >>> path.write_text('{"kind": "cat", "weight": 4}\n{"kind": "dog"}\n')
    45
    >>> read_json_lines(path).column("weight").missing.tolist()
    [False, True]
    """
    return _read(path, types, _json_lines)


def _read(path: Path, types: Mapping[str, Any] | None, rows_of: Callable[[Path], Rows]) -> Table:
    """Return the table of a file whose first row has the names."""
    text: frozenset[str] = frozenset()
    with _named(path):
        while True:
            rows = rows_of(path)
            names = next(rows)
            decimal = names.decimal if isinstance(names, _Names) else ""
            inference = Inference(names, checked_kinds(types, names), text, decimal)
            size = max(1, _BLOCK // len(names))
            block: list[list[str]] = []
            count = 0
            for row in rows:
                block.append(row)
                if len(block) == size:
                    inference.add(block)
                    count += size
                    block = []
            if block:
                inference.add(block)
            if not count + len(block):
                raise DataError("at least one row", "only a line of names")
            if not inference.again:
                return Table(inference.columns())
            text |= inference.again


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Raise every error about a file with its name."""
    try:
        yield
    except DataFileError:
        raise
    except DataError as error:
        raise DataFileError.of(error, f"{error.value} ({path})") from error
    except csv.Error as error:
        raise DataFileError("a sound CSV file", f"{path}: {error}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataFileError("a sound gzip file", f"{path}: {error}, cut short or corrupt") from error
    except (OSError, MemoryError) as error:
        raise DataFileError("a file that can be read", f"{path}: {reason(error)}") from error


def _delimited(path: Path) -> Rows:
    """The names, then all rows, each as long as the names."""
    with _lines(path) as lines:
        first = next((line for line in lines if line.strip()), "")
        if not first:
            raise DataError("a line of names and rows", "nothing")
        bare = _QUOTED.sub("", first)
        delimiter = max(_DELIMITERS, key=bare.count)
        if bare.count(delimiter) >= COLUMNS_AT_MOST:
            raise DataError(f"at most {COLUMNS_AT_MOST:,} columns", f"{bare.count(delimiter) + 1:,} in the first line")
        reader = csv.reader(_chained(first, lines), delimiter=delimiter, skipinitialspace=True, strict=True)
        number = 0
        try:
            header = next(reader)
            names = [name.strip() or f"column {place}" for place, name in enumerate(header, 1)]
            numeric = all(number_of(name) is not None for name in header)
            if numeric:
                names = [f"column {place}" for place in range(1, len(header) + 1)]
            refuse_repeats(names)
            yield _Names(names, "," if delimiter == ";" else "")
            if numeric:
                number = 1
                yield header
            for row in reader:
                if not row:
                    continue
                number += 1
                if len(row) != len(names):
                    came = f"{len(row)} in row {number} (line {reader.line_num})"
                    raise DataError(f"{len(names)} values in each row, one for each column", came)
                yield row
        except csv.Error as error:
            quotes = "; is a quotation mark left open?" if "limit" in str(error) or "end of data" in str(error) else ""
            came = f"row {number + 1} (line {reader.line_num}): {error}{quotes}"
            raise DataError("a sound CSV file", came) from error


def _json_lines(path: Path) -> Rows:
    """The names, then all rows; what is no plain value is an error that names row and column."""
    names = _keys(path)
    known = set(names)
    yield names
    for number, record in _records(path):
        if not record.keys() <= known:  # pragma: no cover - the file changed while it was read
            raise DataError("the keys of the first reading", f"others in row {number}")
        yield [cell_of(record.get(name), number, name) for name in names]


def _keys(path: Path) -> list[str]:
    names: dict[str, None] = {}
    for number, record in _records(path):
        names.update(dict.fromkeys(record))
        if len(names) > COLUMNS_AT_MOST:
            raise DataError(f"at most {COLUMNS_AT_MOST:,} columns", f"more of them by row {number}")
    if not names:
        raise DataError("JSON objects, one a line", "nothing")
    return list(names)


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with _lines(path) as lines:
        number = 0
        for place, line in enumerate(lines, 1):
            if not line.strip():
                continue
            number += 1
            try:
                record = json_of(line, strict=False)
            except ValueError as error:
                came = f"row {number} (line {place}): {reason(error)}"
                raise DataError("a JSON object a line", came) from error
            if not isinstance(record, dict):
                came = f"row {number} (line {place}): a {type(record).__name__}"
                raise DataError("a JSON object a line", came)
            yield number, record


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[str]]:
    """The lines of a text file with their ends, each of a bounded length; gzip is seen by its first bytes."""
    with opened(path) as plain, ExitStack() as stack:
        compressed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        raw: Any = plain
        if compressed:
            _refuse_growth(plain)
            plain.seek(0)
            raw = stack.enter_context(gzip.GzipFile(fileobj=plain))
        start = raw.read(4)
        raw.seek(0)
        if start == b"PK\x03\x04":
            raise DataError("a text file", "a zip archive", "unpack it first")
        encoding = "utf-16" if start[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
        with io.TextIOWrapper(raw, encoding=encoding, newline="") as stream:
            yield _checked_lines(stream)


def _checked_lines(stream: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while True:
        try:
            line = stream.readline(_LINE_AT_MOST)
        except UnicodeDecodeError as error:
            came = f"the byte {error.object[error.start]:#04x} after line {number}"
            instead = "iconv -f latin1 -t utf-8 FILE > NEW" if error.encoding == "utf-8" else None
            raise DataError(f"text in {error.encoding.upper()}", came, instead) from error
        except UnicodeError as error:
            raise DataError("text in UTF-8 or UTF-16", f"{error}, after line {number}") from error
        if not line:
            return
        number += 1
        if "\0" in line:
            raise DataError("a text file", f"a NUL byte in line {number}: binary, or damaged")
        if len(line) >= _LINE_AT_MOST:
            raise DataError(f"lines of at most {_LINE_AT_MOST:,} characters", f"a longer one, line {number}")
        yield line


def _refuse_growth(plain: BinaryIO) -> None:
    """Refuse a compressed file that would grow too much, before any of it is parsed."""
    size, grown = os.fstat(plain.fileno()).st_size, 0
    with gzip.GzipFile(fileobj=plain) as stream:
        while chunk := stream.read(_CHUNK):
            grown += len(chunk)
            if grows_too_much(grown, size):
                came = f"more than {grown - len(chunk):,} bytes in {size:,}"
                raise DataError("a compressed file that stays in proportion", came)
