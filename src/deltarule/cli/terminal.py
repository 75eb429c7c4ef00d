"""Output of the commands: messages and progress to standard error, results to standard output."""

from __future__ import annotations

import json
import math
import operator
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions
from rich.text import Text

from deltarule.cli.streams import StandardError, silence
from deltarule.errors import DeltaruleError, OutputError
from deltarule.language import message

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderResult
    from rich.progress import Progress, TaskID
    from rich.table import Table

    from deltarule.studies.text_table import TextTable


_UNLIMITED = 1_000_000
_GAP = 2  # columns of a terminal between two columns of a table
_TURNED = 6  # rows of a table that may be printed as columns
_HOLD = "\ue000"  # for a space that is not broken, of the width of one


class PlainConsole(Console):
    """A console that breaks lines on a terminal only: elsewhere a message, or a row of a table, is one line."""

    @property  # type: ignore[misc]  # nothing sets the size
    def size(self) -> ConsoleDimensions:
        """The size of the terminal; without one, lines of any length fit."""
        found = super().size
        return found if self.is_terminal else ConsoleDimensions(_UNLIMITED, found.height)


# A message that cannot be written does not stop a command.
_words = cast("IO[str]", StandardError())
console = PlainConsole(file=_words, highlight=False)

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


def messages_of(command_is_quiet: bool) -> Console:
    """Return the console for a command's messages: standard error, or a silent one.

    >>> messages_of(True).quiet
    True
    """
    return PlainConsole(file=_words, highlight=False, quiet=True) if command_is_quiet else console


def say(sentence: str, messages: Console = console, *, style: str = "") -> None:
    """Print a sentence without interpreting markup; outside a terminal, on one line.

    The middle of very long text is omitted.
    """
    if len(sentence) > _AT_MOST:
        sentence = f"{sentence[: _AT_MOST // 2]} … {sentence[-_AT_MOST // 2 :]}"
    _print_wrapped(printable(sentence), messages, style=style)


def error_message(error: DeltaruleError) -> str:
    """Return an error's sentence; in Chinese its frame, around what was expected and what was given.

    >>> error_message(DeltaruleError("a number above 0", "-1", "--l2 0.1", field="--l2"))
    'Expected a number above 0 for --l2, got -1. Try: --l2 0.1'
    """
    place = message(" for {field}", field=error.field) if error.field else ""
    got = message(", got {value}", value=error.value) if error.value else ""
    tries = message(" Try: {suggestion}", suggestion=error.suggestion) if error.suggestion else ""
    return message("Expected {expected}{place}{got}.", expected=error.expected, place=place, got=got) + tries


def _print_wrapped(sentence: str, printer: Console, *, style: str = "") -> None:
    """Print a sentence, on a terminal wrapped between words but not between a number and its unit."""
    for line in _lines(sentence, printer, printer.width) if printer.is_terminal else [Text(sentence)]:
        printer.print(Text(line.plain, style=style), soft_wrap=True)


def _lines(text: str, printer: Console, width: int) -> list[Text]:
    """Return the lines of a text that is wrapped between words, but not before a percent sign."""
    lines = Text(text.replace(" %", f"{_HOLD}%")).wrap(printer, width)
    return [Text(line.plain.replace(_HOLD, " ").rstrip()) for line in lines] or [Text()]


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


def print_table(table: PlainTable) -> None:
    """Print a table to standard output; outside a terminal, each row is one line."""
    with _standard_output():
        _result_console().print(table)


def print_sentence(sentence: str) -> None:
    """Print a sentence to standard output; on a terminal it is wrapped between words."""
    with _standard_output():
        _print_wrapped(printable(sentence), _result_console())


def print_facts(facts: Mapping[str, str]) -> None:
    """Print facts with their names in a column; on a terminal, long ones are wrapped beside their names."""
    printer = _result_console()
    label = max(map(len, facts), default=0) + 2
    with _standard_output():
        for name, fact in facts.items():
            for number, line in enumerate(_lines(printable(fact), printer, max(20, printer.width - label))):
                printer.print(Text(f"{f'{name}:' if not number else '':<{label}}").append(line), soft_wrap=True)


def _result_console() -> Console:
    """Return a console for results."""
    return PlainConsole(highlight=False)


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


@dataclass(frozen=True)
class PlainTable:
    """A table without lines, whose cells are wrapped between words to fit the width.

    Where cells would have to be wrapped, a table of a few rows has them as columns instead, if they fit. Where not even
    the longest words fit beside each other, each row is a block: its first cell, and below it a line for each other
    column.

    numbers : the columns that are right-aligned and never wrapped.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[str] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the rows below each other where they fit, otherwise beside each other, or as blocks."""
        room = options.max_width - _GAP * (len(self.columns) - 1)
        least = [self._least(place) for place in range(len(self.columns))]
        if sum(map(self._natural, range(len(self.columns)))) > room and self._turned_width() <= options.max_width:
            yield self._turned()
        elif sum(least) <= room or len(least) < 3:
            yield self._side_by_side(self._widths(least, room))
        else:
            yield self._blocks()

    def _natural(self, place: int) -> int:
        """Return the width of a column of which only the name is wrapped."""
        return max(map(cell_len, [*(row[place] for row in self.rows), *self.columns[place].split()]), default=1)

    def _turned_width(self) -> float:
        """Return the width of the table with its rows as columns; of many rows or few columns it is infinite."""
        if len(self.rows) > _TURNED or len(self.columns) < 3:
            return math.inf
        return sum(max(map(cell_len, cells)) + _GAP for cells in (self.columns, *self.rows)) - _GAP

    def _least(self, place: int) -> int:
        """Return the width that a column needs: of its longest word, or its longest number."""
        name = self.columns[place]
        cells = [row[place] for row in self.rows]
        words = cells if name in self.numbers else [word for cell in cells for word in cell.split()]
        return max(map(cell_len, [*words, *name.split()]), default=1)

    def _widths(self, least: Sequence[int], room: int) -> list[int]:
        """Return the columns' widths: as their cells want, or less where they can be wrapped, the widest first."""
        cells = zip(self.columns, *self.rows, strict=True)
        widths = [max(map(cell_len, column)) for column in cells]
        while sum(widths) > room and any(map(operator.gt, widths, least)):
            widest = max(range(len(widths)), key=lambda place: (widths[place] > least[place], widths[place]))
            widths[widest] -= 1
        return widths

    def _side_by_side(self, widths: Sequence[int]) -> Table:
        from rich.table import Table

        table = Table(box=None, header_style="bold", pad_edge=False)
        for column, width in zip(self.columns, widths, strict=True):
            number = column in self.numbers
            table.add_column(column, justify="right" if number else "left", overflow="fold", width=width)
        for row in self.rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        return table

    def _turned(self) -> Table:
        from rich.table import Table

        names, *cells = zip(self.columns, *self.rows, strict=True)
        table = Table(box=None, header_style="bold", pad_edge=False)
        for place, name in enumerate(names):
            table.add_column(Text(printable(name)), justify="right" if place else "left", no_wrap=True)
        for row in cells:
            table.add_row(*(Text(printable(cell)) for cell in row))
        return table

    def _blocks(self) -> Table:
        from rich.table import Table

        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(overflow="fold")
        table.add_column(overflow="fold")
        for row in self.rows:
            table.add_row(Text(printable(row[0]), style="bold"), "")
            for column, cell in zip(self.columns[1:], row[1:], strict=True):
                if cell:
                    table.add_row(f"  {column}", Text(printable(cell)))
        return table


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()) -> PlainTable:
    """Return a plain table; the columns named in `numbers` are right-aligned."""
    return PlainTable(tuple(columns), [tuple(row) for row in rows], tuple(numbers))


def plain_table(table: TextTable) -> PlainTable:
    """Return a table of texts as a plain one; columns of numbers are right-aligned."""
    numbers = [
        column
        for place, column in enumerate(table.columns)
        if all(row[place][:1].isdigit() or row[place][:1] in "-−–." for row in table.rows)
    ]
    return table_of(table.columns, table.rows, numbers=numbers)


def print_tables(tables: Iterable[TextTable], to: Console) -> None:
    """Print tables of texts with their titles and notes."""
    for table in tables:
        to.print()
        to.print(Text(table.title, style="bold"))
        to.print(plain_table(table))
        if table.note:
            say(table.note, to, style="dim")


@contextmanager
def engine_messages(messages: Console) -> Iterator[None]:
    """Print what the logger `deltarule` says, each message once: that code is compiled, or why it is not kept."""
    import logging

    said: set[str] = set()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if text not in said:
                said.add(text)
                say(message(text), messages if record.levelno < logging.WARNING else console)

    logger, handler = logging.getLogger("deltarule"), Handler()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


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
def progress_bar(what: str, total: int, messages: Console = console) -> Iterator[Bar]:
    """Show a bar over `total` steps, on standard error and only on a terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn())
    silent = messages.quiet or not messages.is_terminal
    with Progress(*columns, console=messages, transient=True, disable=silent) as progress:
        yield Bar(progress, progress.add_task(what, total=total, note=""))
