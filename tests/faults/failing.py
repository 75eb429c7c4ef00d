"""Failing writes: the calls that write below a folder are counted, and those that are chosen fail as on a full disk."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


class Disk:
    """Counts the calls; `fails` says by the number of a call, from 0, whether it fails. A failing write writes half."""

    def __init__(self, folder: Path, fails: Callable[[int], bool]) -> None:
        self._folder, self._fails = folder.resolve(), fails
        self.calls: list[tuple[str, str]] = []
        self._becomes: dict[str, str] = {}

    def below(self, path: Any) -> bool:
        """Whether a path, or what a number was opened from, is in the folder."""
        return _path(path).absolute().is_relative_to(self._folder)

    def call(self, kind: str, path: Any, becomes: Any = None) -> bool:
        """Count a call; whether it fails."""
        if not self.below(path):
            return False
        name = _path(path).name
        self.calls.append((kind, name))
        if becomes is not None:
            self._becomes[name] = _path(becomes).name
        return self._fails(len(self.calls) - 1)

    @property
    def targets(self) -> list[str]:
        """For each call the file that it serves; what is written beside its place has the name of its place."""
        return [self._becomes.get(name, name) for _, name in self.calls]


def _path(path: Any) -> Path:
    return Path(f"/proc/self/fd/{path}").readlink() if isinstance(path, int) else Path(os.fsdecode(path))


class Raw(io.FileIO):
    """A file on that disk, whose failing write writes the first half."""

    disk: Disk

    def write(self, content: Any) -> int:
        """Write, or fail."""
        if self.disk.call("write", self.fileno()):
            super().write(memoryview(content)[: len(content) // 2])
            raise full()
        return super().write(content) or 0


def full() -> OSError:
    """The error of a full disk."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.contextmanager
def disk_of(folder: Path, fails: Callable[[int], bool], monkeypatch: Any) -> Iterator[Disk]:
    """Let calls below a folder go through a disk."""
    disk = Disk(folder, fails)
    plain = {"io.open": io.open, "os.open": os.open, "os.fsync": os.fsync, "os.replace": os.replace}

    def opened(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
        writes = set(mode) & set("wax+")
        if not writes or not (isinstance(file, int) or disk.below(file)):
            return plain["io.open"](file, mode, buffering, *rest, **named)
        if not isinstance(file, int) and disk.call("open", file):
            raise full()
        if isinstance(file, int) and not disk.below(file):
            return plain["io.open"](file, mode, buffering, *rest, **named)
        raw = Raw(file, mode.replace("b", "").replace("t", ""), closefd=named.get("closefd", True))
        raw.disk = disk
        if buffering == 0:
            return raw
        buffered: Any = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding=named.get("encoding"))

    def failing(kind: str) -> Callable[..., Any]:
        def call(path: Any, *rest: Any, **named: Any) -> Any:
            reading = kind == "open" and not rest[0] & (os.O_WRONLY | os.O_RDWR)
            # A folder's names are flushed where the system can; the files are there without it.
            reading = reading or (kind == "fsync" and _path(path).is_dir())
            if not reading and disk.call(kind, path, rest[0] if kind == "replace" else None):
                raise full()
            return plain[f"os.{kind}"](path, *rest, **named)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(io, "open", opened)
        patched.setattr("builtins.open", opened)
        for kind in ("open", "fsync", "replace"):
            patched.setattr(os, kind, failing(kind))
        yield disk
