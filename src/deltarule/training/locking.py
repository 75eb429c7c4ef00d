"""A lock on a folder, which lasts no longer than its process."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deltarule.engines.forking import renewed_when_forked
from deltarule.errors import OutputError

__all__ = ["FolderLock"]


class FolderLock:
    """The lock of a folder, so that one process, and one run in it, writes to the folder at a time.

    The system releases it when the process ends, however it ends. Nothing is written to the folder. Systems without
    such locks, and file systems without them, exclude no other process.

    what : what must not write to the folder at the same time, for example "run".
    """

    def __init__(self, folder: Path, what: str) -> None:
        self._folder, self._what = folder, what
        self._descriptor: int | None = None
        self._holders, self._mutex = 0, threading.Lock()
        renewed_when_forked(self)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; it may be held several times by the same object.

        Raises OutputError if another run holds it, or if there is no such folder.
        """
        with self._mutex:
            if not self._holders:
                self._descriptor = self._locked()
            self._holders += 1
        try:
            yield
        finally:
            with self._mutex:
                self._holders -= 1
                if not self._holders:
                    self._release()

    def after_fork(self) -> None:
        """In a child process: close the descriptor, through which the child would keep the parent's lock."""
        self._mutex, self._holders = threading.Lock(), 0
        self._release()

    def _release(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)

    def _locked(self) -> int | None:
        """Return the descriptor that holds the lock; None where there are no locks."""
        try:
            import fcntl
        except ImportError:  # pragma: no cover - a system without such locks
            return None
        try:
            descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise OutputError(f"a folder for the {self._what}", f"{self._folder}: {error.strerror or error}") from error
        with contextlib.ExitStack() as closing:
            closing.callback(os.close, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                wanted = f"a folder that no other {self._what} is writing to"
                raise OutputError(wanted, f"{self._folder}", "a separate folder, or wait") from None
            except OSError:
                return None  # a file system without such locks
            closing.pop_all()
        return descriptor
