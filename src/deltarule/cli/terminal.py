"""How commands speak: words and progress to standard error, results to standard output."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from deltarule.cli.streams import StandardError, silence
from deltarule.errors import OutputError

# A sentence that cannot be written stops no command.
_words = cast("IO[str]", StandardError())
console = Console(file=_words, highlight=False)

_MOVES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_AT_MOST = 2_000


def printable(text: str) -> str:
    r"""The text without what could move a terminal's cursor, colour it or turn it around: that is written out.

    Names of files, columns and classes are other people's words.

    >>> print(printable("\x1b[31mred"))
    \x1b[31mred
    """
    return _MOVES.sub(lambda found: ascii(found[0])[1:-1], text)


def words_of(command_is_quiet: bool) -> Console:
    """Where a command's words go: standard error, or nowhere.

    >>> words_of(True).quiet
    True
    """
    return Console(file=_words, highlight=False, quiet=True) if command_is_quiet else console


def say(sentence: str, words: Console = console, *, style: str = "") -> None:
    """A sentence as it is: no markup is read in it, and outside a terminal it stays on one line.

    What would fill the screen loses its middle.
    """
    if len(sentence) > _AT_MOST:
        sentence = f"{sentence[: _AT_MOST // 2]} … {sentence[-_AT_MOST // 2 :]}"
    words.print(Text(printable(sentence), style=style), soft_wrap=not words.is_terminal)


def print_json(result: Any) -> None:
    """One JSON object on standard output."""
    written = json.dumps(result, allow_nan=False, ensure_ascii=False)
    # Names of files may hold bytes that are no text; only escaped can JSON bring them.
    with _standard_output():
        print(_SURROGATES.sub(lambda found: ascii(found[0])[1:-1], written))  # noqa: T201


def print_lines(lines: Iterable[str]) -> None:
    """Results as plain lines on standard output."""
    with _standard_output():
        for line in lines:
            print(printable(line))  # noqa: T201


def print_table(table: Table) -> None:
    """A table that was asked for, on standard output; where that is no terminal, as wide as it needs to be."""
    printer = Console(highlight=False)
    if not printer.is_terminal:
        printer = Console(highlight=False, width=200)
    with _standard_output():
        printer.print(table)


@contextmanager
def _standard_output() -> Iterator[None]:
    """Raise OutputError where a result cannot be written to standard output; BrokenPipeError where its reader left."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence()
        raise OutputError("a standard output that can be written to", error.strerror or str(error)) from error


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()) -> Table:
    """A plain table; the columns named in `numbers` are set to the right."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def finite(number: float | None) -> float | None:
    """The number for JSON, which knows neither NaN nor infinity: None stands for them.

    >>> finite(0.5), finite(math.nan)
    (0.5, None)
    """
    return number if number is not None and math.isfinite(number) else None


class Bar:
    """A progress bar, or nothing where there is no terminal."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, steps: int = 1, note: str = "") -> None:
        """One or more steps further, with a note beside the bar."""
        self._progress.update(self._task, advance=steps, note=note)

    def reached(self, done: int, total: int, note: str = "") -> None:
        """So many steps are done, of what may be more by now than at the beginning."""
        self._progress.update(self._task, completed=done, total=total, note=note)


@contextmanager
def progress_bar(what: str, total: int, words: Console = console) -> Iterator[Bar]:
    """A bar over `total` steps, on standard error and only on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn())
    silent = words.quiet or not words.is_terminal
    with Progress(*columns, console=words, transient=True, disable=silent) as progress:
        yield Bar(progress, progress.add_task(what, total=total, note=""))
