"""Output of the commands: messages and progress to standard error, results to standard output."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from rich.console import Console
from rich.text import Text

from deltarule.cli.streams import StandardError, silence
from deltarule.errors import OutputError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from rich.table import Table

# A message that cannot be written does not stop a command.
_words = cast("IO[str]", StandardError())
console = Console(file=_words, highlight=False)

_MOVES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_AT_MOST = 2_000


def printable(text: str) -> str:
    r"""Escape control characters, which could move a terminal's cursor, colour its text or reverse its direction.

    Names of files, columns and classes are untrusted text.

    >>> print(printable("\x1b[31mred"))
    \x1b[31mred
    """
    return _MOVES.sub(lambda found: ascii(found[0])[1:-1], text)


def words_of(command_is_quiet: bool) -> Console:
    """Return the console for a command's messages: standard error, or a silent one.

    >>> words_of(True).quiet
    True
    """
    return Console(file=_words, highlight=False, quiet=True) if command_is_quiet else console


def say(sentence: str, words: Console = console, *, style: str = "") -> None:
    """Print a sentence without interpreting markup; outside a terminal, on one line.

    The middle of very long text is omitted.
    """
    if len(sentence) > _AT_MOST:
        sentence = f"{sentence[: _AT_MOST // 2]} … {sentence[-_AT_MOST // 2 :]}"
    words.print(Text(printable(sentence), style=style), soft_wrap=not words.is_terminal)


def print_json(result: Any) -> None:
    """Print one JSON object to standard output."""
    written = json.dumps(result, allow_nan=False, ensure_ascii=False)
    # Names of files may contain bytes that are not valid text, which JSON can only represent escaped.
    with _standard_output():
        print(_SURROGATES.sub(lambda found: ascii(found[0])[1:-1], written))  # noqa: T201


def print_lines(lines: Iterable[str]) -> None:
    """Print results as plain lines to standard output."""
    with _standard_output():
        for line in lines:
            print(printable(line))  # noqa: T201


def print_table(table: Table) -> None:
    """Print a table to standard output; outside a terminal, its width is 200 columns."""
    printer = Console(highlight=False)
    if not printer.is_terminal:
        printer = Console(highlight=False, width=200)
    with _standard_output():
        printer.print(table)


@contextmanager
def _standard_output() -> Iterator[None]:
    """Raise OutputError if standard output cannot be written to, and BrokenPipeError if its reader has closed it."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence()
        raise OutputError("a standard output that can be written to", error.strerror or str(error)) from error


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()) -> Table:
    """Return a plain table; the columns named in `numbers` are right-aligned."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def finite(number: float | None) -> float | None:
    """Return the number for JSON, with None for NaN and infinity.

    >>> finite(0.5), finite(math.nan)
    (0.5, None)
    """
    return number if number is not None and math.isfinite(number) else None


class Bar:
    """A progress bar, shown only on a terminal."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Advance by one or more steps, with a note beside the bar."""
        self._progress.update(self._task, advance=steps, note=note)

    def reached(self, done: int, total: int, note: str = "") -> None:
        """Set the number of steps done, and the total, which may have grown."""
        self._progress.update(self._task, completed=done, total=total, note=note)


@contextmanager
def progress_bar(what: str, total: int, words: Console = console) -> Iterator[Bar]:
    """Show a bar over `total` steps, on standard error and only on a terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn())
    silent = words.quiet or not words.is_terminal
    with Progress(*columns, console=words, transient=True, disable=silent) as progress:
        yield Bar(progress, progress.add_task(what, total=total, note=""))
