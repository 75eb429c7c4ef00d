"""Rows in the body of a request: JSON or CSV, within bounds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from deltarule.data import Table
from deltarule.data.files import read_table
from deltarule.errors import DataError, DataFileError
from deltarule.regular_files import json_of
from deltarule.web.guard import Refusal


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body: strict JSON without NaN, of a bounded depth.

    >>> read_object(b'{"rows": [[1]]}')
    {'rows': [[1]]}
    """
    try:
        found = json_of(body)
    except ValueError as error:
        raise Refusal(400, f"Expected JSON, got {error}.") from None
    if not isinstance(found, dict):
        raise Refusal(400, f"Expected a JSON object, got a {type(found).__name__}.")
    return found


def read_csv(body: bytes, kinds: Any = None) -> Table:
    """Return the table in a CSV text with a header.

    kinds : the declared kinds of columns, as `load_dataset` takes them.
    """
    # The reader checks and decodes files, so the text goes through one that is deleted at once.
    with tempfile.TemporaryDirectory(prefix="deltarule-") as folder:
        path = Path(folder) / "rows.csv"
        path.write_bytes(body)
        try:
            return read_table(path, kinds)
        except DataFileError as error:
            value = error.value and error.value.replace(f" ({path})", "").replace(f"{path}: ", "")
            raise DataError(error.expected, value, error.suggestion, field=error.field) from None


def checked_count(rows: int, at_most: int) -> None:
    """Refuse a request without rows, or with too many."""
    if rows == 0:
        raise Refusal(400, "Expected at least one row.")
    if rows > at_most:
        raise Refusal(413, f"Expected at most {at_most:,} rows, got {rows:,}.")
