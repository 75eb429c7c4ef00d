"""Files written completely or not at all, appended to line by line, and each independently of the others."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from deltarule.errors import OutputError
from deltarule.regular_files import reason

__all__ = ["Failures", "append_lines", "is_part", "remove_parts", "write_whole", "writing"]

Written = TypeVar("Written")
_BINARY = getattr(os, "O_BINARY", 0)
_PART = ".part"


def write_whole(path: Path, content: bytes, *, previous: Path | None = None) -> None:
    """Write a file, completely or not at all; see `writing`."""
    with writing(path, previous=previous) as stream:
        stream.write(content)


@contextmanager
def writing(path: Path, *, previous: Path | None = None) -> Iterator[BinaryIO]:
    """A stream for a file's new content. It is flushed to the disk, and takes the file's place when it is complete.

    The file gets the permissions that the umask leaves, as any file that a program creates.

    previous : where to keep the file that was at the path before. If the process ends between the two renamings, it is
        there alone.

    Raises OutputError; what was at the path before stays there.
    """
    beside = path.with_name(f".{secrets.token_hex(8)}{_PART}")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        try:
            with os.fdopen(descriptor, "w+b") as stream:
                yield cast("BinaryIO", stream)
                stream.flush()
                os.fsync(stream.fileno())
            if previous is not None and path.exists():
                path.replace(previous)
            beside.replace(path)
            _flush_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise
    except OSError as error:
        raise OutputError(f"a place to write {path.name}", f"{path}: {reason(error)}") from error


def is_part(path: Path) -> bool:
    """Return whether a file is one that is being written, or that a process was killed while it wrote."""
    return path.name.startswith(".") and path.suffix == _PART


def remove_parts(folder: Path) -> None:
    """Remove the incomplete files of a folder to which nothing else is writing."""
    with suppress(OSError):
        for path in filter(is_part, folder.iterdir()):
            path.unlink()


def _flush_folder(folder: Path) -> None:
    """Flush the names of a folder's files to the disk, on systems that can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Failures:
    """Files that are written independently of each other, and the errors of those that could not be."""

    def __init__(self) -> None:
        self._errors: list[OSError] = []

    def attempt(self, write: Callable[..., Written], *arguments: Any) -> Written | None:
        """Call a function that writes a file; return None and keep the error if it fails."""
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
            raise OutputError("a place to write all files", came, "a disk with more space")


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
