"""What `verbose` tells of training under way: lines like scikit-learn's, or a bar."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self


class Teller:
    """Tells of epochs on the standard output.

    verbose : False for nothing, True or a number above 0 for a line each epoch, "bar" for a progress bar.
    """

    def __init__(self, verbose: bool | int | str, most: int) -> None:
        self._bar: Any = None
        self._lines = not isinstance(verbose, str) and bool(verbose)
        if verbose == "bar":
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("Training"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
                TimeRemainingColumn(),
            )
            self._task = self._bar.add_task("", total=most, note="")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def epoch(self, number: int, loss: float, score: float | None) -> None:
        """An epoch has ended."""
        if self._lines:
            sys.stdout.write(f"Iteration {number}, loss = {loss:.8f}\n")
            if score is not None:
                sys.stdout.write(f"Validation score: {score:f}\n")
        elif self._bar is not None:
            note = f"loss {loss:.4f}" + ("" if score is None else f" · score {score:.4f}")
            self._bar.update(self._task, completed=number, note=note)

    def ended(self, *, stopping: bool) -> None:
        """Patience is spent."""
        if self._lines:
            watched = "Validation score" if stopping else "Training loss"
            sys.stdout.write(f"{watched} has not improved by tol any more; training stops.\n")
