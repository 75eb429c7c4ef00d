"""The checkpoints in a run's folder: when one is due, how it is written, and which one is read."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deltarule.errors import CheckpointError, CheckpointWarning, OutputError
from deltarule.recipes.checks import non_negative
from deltarule.regular_files import reason
from deltarule.training.checkpoint import Checkpoint
from deltarule.training.locking import FolderLock
from deltarule.writing import remove_parts, write_whole

__all__ = ["SECONDS", "Checkpoints"]

NEWEST, PREVIOUS = "checkpoint.safetensors", "checkpoint.previous.safetensors"
SECONDS = 60.0
"""Seconds between two checkpoints, by default."""
_COST = 0.01
"""The fraction of the time that writing checkpoints may take: where they take long, they are written less often."""


class Checkpoints:
    """The checkpoints of one run in a folder: the newest one and the one before it.

    path : the folder, which is created when it is first needed.
    seconds : between two checkpoints, at least.
    result : whether to keep the end of the run too, so that the same call returns the run again. The first checkpoint
        is then written before the first step, and is an error where it cannot be.
    any_start : whether a run with other initial parameters may continue.
    """

    def __init__(
        self, path: str | os.PathLike[str], seconds: float = SECONDS, *, result: bool = True, any_start: bool = False
    ) -> None:
        self.path, self.result, self.any_start = Path(path), result, any_start
        self._seconds = non_negative("checkpoint_seconds", seconds, "checkpoint_seconds=60")
        self._next = time.monotonic() + self._seconds
        self._lock, self._cleared = FolderLock(self.path, "run"), False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder, to which no other run may write meanwhile.

        Raises OutputError if another run holds it, or if it cannot be created.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError("a folder for the run", f"{self.path}: {reason(error)}") from error
        with self._lock.held():
            if not self._cleared:
                remove_parts(self.path)
                self._cleared = True
            yield

    def due(self) -> bool:
        """Return whether it is time for the next checkpoint."""
        return time.monotonic() >= self._next

    def write(self, checkpoint: Checkpoint) -> None:
        """Write the newest checkpoint, completely or not at all; the one before it is kept.

        Raises OutputError; the checkpoints that are there stay.
        """
        began = time.monotonic()
        try:
            write_whole(self.path / NEWEST, checkpoint.to_bytes(), previous=self.path / PREVIOUS)
        finally:
            now = time.monotonic()
            self._next = now + max(self._seconds, (now - began) / _COST)

    def newest(self) -> Checkpoint | None:
        """Return the newest valid checkpoint; None where there is none. A damaged one before it is a warning.

        Raises CheckpointError where all are damaged.
        """
        errors = []
        for name in (NEWEST, PREVIOUS):
            path = self.path / name
            if not path.exists():
                continue
            try:
                found = Checkpoint.read(path)
            except CheckpointError as error:
                errors.append(error)
                continue
            if errors:
                came = f"{errors[0]} The run continues from the checkpoint before it."
                warnings.warn(CheckpointWarning(came), stacklevel=2)
            return found
        if errors:
            raise errors[0].replace(suggestion="a new folder: the run starts again")
        return None

    def discard(self) -> None:
        """Remove the checkpoints of a run that needs them no more."""
        for name in (NEWEST, PREVIOUS):
            with suppress(OSError):
                (self.path / name).unlink()
