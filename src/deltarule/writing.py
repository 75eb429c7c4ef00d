"""Files written whole or not at all, appended to line by line, and each whatever becomes of the others."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from deltarule.errors import OutputError
from deltarule.regular_files import reason

__all__ = ["Failures", "append_lines", "write_whole", "writing"]

Written = TypeVar("Written")
_BINARY = getattr(os, "O_BINARY", 0)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; see `writing`."""
    with writing(path) as stream:
        stream.write(content)


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A stream for a file's new content. It is flushed to the disk, and takes the file's place when it is complete.

    The file gets the permissions that the umask leaves, as any file that a program creates.

    Raises OutputError; what was at the path before stays there.
    """
    beside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        try:
            with os.fdopen(descriptor, "w+b") as stream:
                yield cast("BinaryIO", stream)
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(path)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise
    except OSError as error:
        raise OutputError(f"a place to write {path.name}", f"{path}: {reason(error)}") from error


class Failures:
    """Files that are written each whatever becomes of the others, and those of them that could not be."""

    def __init__(self) -> None:
        self._errors: list[OSError] = []

    def attempt(self, write: Callable[..., Written], *arguments: Any) -> Written | None:
        """Call what writes a file; its error is kept, and then None comes back."""
        try:
            return write(*arguments)
        except OSError as error:
            self.keep(error)
        except MemoryError as error:
            self.keep(OutputError("enough memory to write a file", str(error) or "none left"))
        return None

    def keep(self, error: OSError) -> None:
        """Keep the error of a file that could not be written."""
        self._errors.append(error)

    def check(self) -> None:
        """Raise OutputError where something could not be written; BrokenPipeError where a reader has left."""
        broken = [error for error in self._errors if isinstance(error, BrokenPipeError)]
        if broken or len(self._errors) == 1:
            raise (broken or self._errors)[0]
        if self._errors:
            came = "; ".join(str(getattr(error, "value", error)) for error in self._errors)
            raise OutputError("a place to write all files", came, "a disk with more room")


def append_lines(path: Path, lines: str, *, flush: bool = False) -> None:
    """Add lines to the end of a file, all or nothing; a line there that was cut short stays alone.

    flush : to the disk, where some file systems only then say that they are full.

    Raises OutputError.
    """
    try:
        with path.open("a+b", buffering=0) as stream:
            before = stream.seek(0, os.SEEK_END)
            cut = before > 0 and stream.seek(before - 1) >= 0 and stream.read(1) != b"\n"
            left = memoryview(f"{chr(10) if cut else ''}{lines}".encode())
            try:
                while left:
                    left = left[stream.write(left) :]
                if flush:
                    os.fsync(stream.fileno())
            except BaseException:
                stream.truncate(before)
                raise
    except OSError as error:
        raise OutputError(f"a place to write {path.name}", f"{path}: {reason(error)}") from error
