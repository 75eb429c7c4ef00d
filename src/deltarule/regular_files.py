"""Regular files: read within bounds and without waiting, and written completely; JSON of a bounded size and depth."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
from pathlib import Path
from typing import Any, BinaryIO, cast

from deltarule.errors import DeltaruleError

__all__ = [
    "JSON_AT_MOST",
    "encoded",
    "json_of",
    "opened",
    "read_bytes",
    "read_json",
    "reason",
]

JSON_AT_MOST = 16 << 20
"""Bytes of a JSON document."""
_DEPTH = 64
_VALUES = 2_000_000
_GROUPS = 300_000
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def opened(path: str | os.PathLike[str], at_most: int | None = None) -> BinaryIO:
    """Open a regular file for reading. A pipe or a device is refused, and never waited for.

    at_most : bytes that the file may have.

    Raises OSError, whose `strerror` says what is wrong.

    >>> opened(".")
    Traceback (most recent call last):
        ...
    IsADirectoryError: [Errno 21] a folder, not a file: '.'
    """
    path = Path(path)
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "nothing of that name", str(path)) from error
    _check_regular(found, path)  # before it is opened: opening a device may already do something
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    try:
        found = os.fstat(descriptor)
        _check_regular(found, path, at_most)
        return cast("BinaryIO", os.fdopen(descriptor, "rb"))
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: str | os.PathLike[str], at_most: int) -> bytes:
    """The content of a regular file of at most so many bytes.

    Raises OSError, whose `strerror` says what is wrong.
    """
    with opened(path, at_most) as stream:
        size = os.fstat(stream.fileno()).st_size
        content = stream.read(size + 1)
    if len(content) != size:
        raise OSError(errno.EIO, f"{size:,} bytes expected, but the file changes while it is read", str(path))
    return content


def read_json(path: str | os.PathLike[str], at_most: int = JSON_AT_MOST) -> Any:
    """The value in a JSON file.

    Raises OSError where it cannot be read, ValueError where it is not strict JSON; see `json_of`.
    """
    return json_of(read_bytes(path, at_most))


def json_of(text: str | bytes, *, strict: bool = True, values: int = _VALUES) -> Any:
    """The value of a JSON text in UTF-8, at most 64 levels deep.

    strict : refuse NaN, infinity and numbers beyond float64, which Python and pandas write where numbers are missing,
        and an object with two fields of one name, of which readers keep different ones.
    values : the greatest number of values in a strict text, which bounds the memory that it takes.

    Raises ValueError.

    >>> json_of('{"a": [1, 2]}')
    {'a': [1, 2]}
    >>> json_of("[" * 100 + "]" * 100)
    Traceback (most recent call last):
        ...
    ValueError: more than 64 nested levels
    """
    try:
        text = text if isinstance(text, str) else text.decode("utf-8")
        if strict:
            _check_size(text, values)
            decoder = _CAREFUL if _BEYOND.search(text) else _STRICT
        else:
            decoder = _LENIENT
        value = decoder.decode(text)
    except RecursionError as error:
        raise ValueError(f"more than {_DEPTH} nested levels") from error
    except ValueError as error:
        raise ValueError(f"text that is not JSON ({reason(error)})") from error
    if text.count("[") + text.count("{") <= _DEPTH:  # the most frequent texts are small
        return value
    level = [value]
    for _ in range(_DEPTH):
        below = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list)))
        level = [each for some in below for each in some if isinstance(each, (dict, list))]
        if not level:
            break
    else:
        raise ValueError(f"more than {_DEPTH} nested levels")
    return value


def reason(error: BaseException) -> str:
    """Return an exception's message on one line; at most 200 characters of exceptions of other libraries.

    >>> reason(OSError(13, "Permission denied", "secret.csv")), reason(MemoryError())
    ('Permission denied', 'MemoryError')
    """
    if isinstance(error, DeltaruleError):
        return str(error).rstrip(".")
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    line = " ".join(said.split()).rstrip(".") or type(error).__name__
    return line if len(line) <= 200 else f"{line[:199]}…"


def encoded(text: str) -> bytes:
    r"""Return the text in UTF-8; invalid characters, for example a byte of a file's name, are escaped as in JSON.

    >>> encoded("caf\udce9")
    b'caf\\udce9'
    """
    return text.encode(errors="backslashreplace")


def _check_regular(found: os.stat_result, path: Path, at_most: int | None = None) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "a device or a pipe, not a regular file", str(path))
    if at_most is not None and found.st_size > at_most:
        raise OSError(errno.EFBIG, f"{found.st_size:,} bytes, more than the limit of {at_most:,}", str(path))


def _check_size(text: str, values: int) -> None:
    if text.count(",") > values or text.count("[") + text.count("{") > _GROUPS:
        raise ValueError(f"more than {values:,} values or {_GROUPS:,} lists and objects")


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:20]} is beyond the range of float64")
    return number


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the field {twice[:40]!r} twice in an object")
    return fields


_BEYOND = re.compile(r"[0-9][eE]|[0-9]{300}")
"""What a text contains if it has a number beyond float64."""
_LENIENT = json.JSONDecoder()
_STRICT = json.JSONDecoder(parse_constant=_refused, object_pairs_hook=_distinct)
_CAREFUL = json.JSONDecoder(parse_constant=_refused, object_pairs_hook=_distinct, parse_float=_finite)
