"""Rows in the body of a request, JSON or CSV, within bounds; and answers as JSON."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.responses import Response

from deltarule.data import Table
from deltarule.data.files import read_table
from deltarule.errors import DataError, DataFileError
from deltarule.regular_files import json_of
from deltarule.web.guard import Headers, Refusal


class JSONAnswer(Response):
    """A JSON answer, written by one encoder for all, with the two headers that it needs."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:  # noqa: ARG002
        """Set the length and the type."""
        self.raw_headers = [(b"content-length", str(len(self.body)).encode()), _TYPE]

    def render(self, content: Any) -> bytes:
        """Return the content as strict JSON in UTF-8."""
        return _ENCODER.encode(content).encode()


_TYPE = (b"content-type", b"application/json")
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def content_type(headers: Headers) -> str:
    """Return the type of a request's body, without parameters; JSON where none is given.

    >>> content_type({b"content-type": b"Text/CSV; charset=utf-8"})
    'text/csv'
    """
    return headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower().decode("latin-1")


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
            value = value and value.replace(str(path), "a text")
            raise DataError(error.expected, value, error.suggestion, field=error.field) from None


def checked_count(rows: int, at_most: int) -> None:
    """Refuse a request without rows, or with too many."""
    if rows == 0:
        raise Refusal(400, "Expected at least one row.")
    if rows > at_most:
        raise Refusal(413, f"Expected at most {at_most:,} rows, got {rows:,}.")
