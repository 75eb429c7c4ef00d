"""How commands speak: words and progress to standard error, results as JSON to standard output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False)


def print_json(result: Any) -> None:
    """One JSON object on standard output."""
    print(json.dumps(result, allow_nan=False, ensure_ascii=False))  # noqa: T201


class Bar:
    """A progress bar, or nothing where there is no terminal."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, steps: int = 1, note: str = "") -> None:
        """One or more steps further, with a note beside the bar."""
        self._progress.update(self._task, advance=steps, note=note)


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Bar]:
    """A bar over `total` steps, on standard error and only on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress, progress.add_task(what, total=total, note=""))
