"""Progress of training where a person can see it: a line in a terminal, or in a notebook's cell."""

from __future__ import annotations

import contextlib
import math
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from deltarule.markup import text
from deltarule.training.epoch import Epoch
from deltarule.training.metrics import as_text

_FIRST, _BETWEEN = 0.5, 0.1
"""Seconds until progress is first shown, and between two updates: 100 µs each, so at most 0.1 % of the time."""


class Surface(Protocol):
    """A display of one line of text, which each new line replaces."""

    def show(self, line: str, fraction: float) -> None:
        """Show the line, and how much is done, from 0 to 1."""

    def close(self, line: str) -> None:
        """Show the last line, or clear it."""


class Terminal:
    """Standard error, if it is a terminal; the line is cleared at the end."""

    def show(self, line: str, fraction: float) -> None:
        """Overwrite the line."""
        width = shutil.get_terminal_size().columns - 1
        done = round(20 * fraction)
        shown = f"{'━' * done}{'╌' * (20 - done)} {line}"
        self._write(f"\r\x1b[2K{shown[:width]}")

    def close(self, line: str) -> None:  # noqa: ARG002
        """Clear the line."""
        self._write("\r\x1b[2K")

    def _write(self, line: str) -> None:
        # A terminal that is closed does not end training.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(line)
            sys.stderr.flush()


class Notebook:
    """A line with a bar below a notebook's cell, which is updated; the last one remains."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, line: str, fraction: float) -> None:
        """Update the line and the bar."""
        bar = f'<progress value="{fraction:.3f}" max="1" style="vertical-align:middle"></progress> '
        self._display(line, f"{bar}{text(line)}")

    def close(self, line: str) -> None:
        """Replace the bar by the last line."""
        self._display(line, text(line))

    def _display(self, line: str, html: str) -> None:
        from IPython.display import display

        content = {"text/plain": line, "text/html": f'<span style="font-family:system-ui,sans-serif">{html}</span>'}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


def surface() -> Surface | None:
    """Return where a person can see progress: a notebook, a terminal, or None."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if hasattr(shell, "kernel"):
        return Notebook()
    try:
        return Terminal() if sys.stderr.isatty() else None
    except (AttributeError, ValueError):  # no standard error, or a closed one
        return None


class Progress:
    """Shows epochs as they end, at most ten times a second."""

    def __init__(
        self, epochs: int, score: str, shown_on: Surface, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._epochs, self._score, self._surface, self._clock = epochs, score, shown_on, clock
        self._began = clock()
        self._next, self._shown = self._began + _FIRST, False
        self._epoch: Epoch | None = None

    def epoch(self, epoch: Epoch) -> None:
        """Note the last epoch that has ended, and show it if it is time."""
        self._epoch = epoch
        self.tick()

    def tick(self) -> None:
        """Show the line if it is time."""
        if self._clock() < self._next:
            return
        done = 0 if self._epoch is None else self._epoch.number
        self._surface.show(self._line(f"epoch {done} of {self._epochs}"), min(1.0, done / self._epochs))
        self._next, self._shown = self._clock() + _BETWEEN, True

    def close(self, status: str) -> None:
        """End the display, if there was one."""
        if self._shown:
            done = 0 if self._epoch is None else self._epoch.number
            self._surface.close(self._line(f"{status} after epoch {done} of {self._epochs}"))

    def _line(self, start: str) -> str:
        parts = [start]
        if self._epoch is not None:
            validated = math.isfinite(self._epoch.validation_score)
            name = "validation" if validated else "training"
            loss = self._epoch.validation_loss if validated else self._epoch.train_loss
            score = self._epoch.validation_score if validated else self._epoch.train_score
            shown = f"{100 * score:.1f} %" if self._score == "accuracy" else f"{score:.3f}"
            parts.append(f"{name} loss {as_text(loss)}, {self._score} {shown}")
        return " · ".join([*parts, f"{self._clock() - self._began:.1f} s"])


@contextlib.contextmanager
def shown(show: bool | None, epochs: int, score: str) -> Iterator[Progress | None]:
    """Show progress within this block; yield what to call, or None where nothing is shown.

    show : None shows it if a person can see it, True also where standard error is not a terminal, False never.
    """
    where = surface() if show is None else (surface() or Terminal()) if show else None
    if where is None:
        yield None
        return
    progress, status = Progress(epochs, score, where), "interrupted"
    try:
        yield progress
        status = "ended"
    finally:
        progress.close(status)
