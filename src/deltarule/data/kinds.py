"""Kinds of columns: how each is recognised in text, read, written and described, and whether it can be an input.

A new kind is a class here, and its name in `Kind`. Its encoding as inputs follows from `coded`: numbers, or codes of
categories.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from deltarule.data.notations import DATES, Notation, date_notations, number_notation, number_notations, only_reading
from deltarule.errors import ColumnTypeError, nearest

__all__ = [
    "KINDS",
    "MISSING",
    "ColumnKind",
    "Kind",
    "WrittenKind",
    "are_booleans",
    "checked_kind",
    "date_number",
    "notation_of",
    "number_of",
    "written_as",
]

Kind: TypeAlias = Literal["number", "category", "boolean", "date", "text", "empty", "ignored"]

MISSING = frozenset(
    ["", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "NaT", "NULL", "Null", "null", "None"]
)
"""What a cell contains where a value is missing."""

_BOOLEANS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"))
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_SECONDS_A_DAY = 86_400


class ColumnKind:
    """A kind of columns. `values` and `categories` are those of a `Column`; `values` are without missing ones.

    name : its name in files, in `types` and in the shell.
    usable : whether it can be an input.
    choice : whether a column can be declared to be of this kind.
    coded : whether its values are codes into its categories; otherwise they are numbers.
    unbounded : whether a column of text that is recognised as this kind may have any number of different values.
    cells : what its cells contain, for an error.
    categories : those of a column in which every value is missing.
    """

    name: ClassVar[Kind]
    usable: ClassVar[bool] = True
    choice: ClassVar[bool] = True
    coded: ClassVar[bool] = False
    unbounded: ClassVar[bool] = False
    cells: ClassVar[str] = ""
    categories: ClassVar[tuple[str, ...]] = ()

    def recognises(self, words: Collection[str]) -> bool:
        """Return whether a column with these different values, at least one, is of this kind."""
        return False

    def notations(self, words: Collection[str]) -> Sequence[Notation]:
        """Return the notations, beside the usual one, in which all these values are of this kind."""
        return ()

    def notation(self, name: str) -> Notation | None:
        """Return the notation of that name, None where there is none."""
        return None

    def read(self, words: Sequence[str]) -> tuple[list[float | None], tuple[str, ...]]:
        """Return the number that each of these values is, None for invalid ones, and the column's categories."""
        raise NotImplementedError

    def integer(self, numbers: Sequence[float | None]) -> bool:
        """Return whether a column with these values consists of integers."""
        return False

    def word(self, value: float, categories: Sequence[str]) -> str:
        """Return one value as text."""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)

    def summary(self, values: Any, categories: Sequence[str]) -> str:
        """Describe the contents of a column in a few words."""
        raise NotImplementedError

    def facts(self, values: Any, categories: Sequence[str]) -> dict[str, Any]:
        """Return the contents of a column as data."""
        return {}


class WrittenKind(ColumnKind):
    """A kind whose values are numbers in a usual notation, or in another one that is the only one to fit the column."""

    unbounded = True

    def usual(self, word: str) -> float | None:
        """Return the number that a value in the usual notation is, None for others."""
        raise NotImplementedError

    def are_usual(self, words: Collection[str]) -> bool:
        """Return whether all these values are in the usual notation."""
        return all(self.usual(word) is not None for word in words)

    def recognises(self, words: Collection[str]) -> bool:
        if self.are_usual(words):
            return True
        return only_reading(self.notations(words), words) is not None

    def read(self, words: Sequence[str]) -> tuple[list[float | None], tuple[str, ...]]:
        return [self.usual(word) for word in words], ()


class NumberKind(WrittenKind):
    """Finite numbers."""

    name = "number"
    cells = "numbers"

    def usual(self, word: str) -> float | None:
        return number_of(word)

    def notations(self, words: Collection[str]) -> Sequence[Notation]:
        return number_notations(words)

    def notation(self, name: str) -> Notation | None:
        return number_notation(name)

    def integer(self, numbers: Sequence[float | None]) -> bool:
        return all(float(number or 0).is_integer() for number in numbers)

    def summary(self, values: Any, categories: Sequence[str]) -> str:
        if not len(values):
            return "nothing"
        return f"{_figure(values.min())} to {_figure(values.max())}, mean {_figure(values.mean(), 3)}"

    def facts(self, values: Any, categories: Sequence[str]) -> dict[str, Any]:
        if not len(values):
            return {}
        figures = {"least": values.min(), "greatest": values.max(), "mean": values.mean(), "deviation": values.std()}
        return {name: float(figure) for name, figure in figures.items()}


class CategoryKind(ColumnKind):
    """Text with few different values, as codes."""

    name = "category"
    coded = True

    def summary(self, values: Any, categories: Sequence[str]) -> str:
        shown = ", ".join(list(self._counts(values, categories))[:12])
        return f"{len(categories)}: {shown}"

    def facts(self, values: Any, categories: Sequence[str]) -> dict[str, Any]:
        return {"categories": self._counts(values, categories)}

    def _counts(self, values: Any, categories: Sequence[str]) -> dict[str, int]:
        """Return the number of rows of each category, the most frequent first."""
        counts = np.bincount(values, minlength=len(categories))
        return {categories[place]: int(counts[place]) for place in np.argsort(-counts, kind="stable").tolist()}


class BooleanKind(ColumnKind):
    """0 and 1 for the two words of a pair, for example "no" and "yes", which are the column's categories."""

    name = "boolean"
    cells = "true and false, or yes and no"
    categories = ("false", "true")

    def recognises(self, words: Collection[str]) -> bool:
        return are_booleans(words)

    def read(self, words: Sequence[str]) -> tuple[list[float | None], tuple[str, ...]]:
        return _booleans(words)

    def word(self, value: float, categories: Sequence[str]) -> str:
        return categories[int(value)]

    def summary(self, values: Any, categories: Sequence[str]) -> str:
        return f"{categories[1]}: {100 * values.mean():.1f} %" if len(values) else "nothing"

    def facts(self, values: Any, categories: Sequence[str]) -> dict[str, Any]:
        return {"true": int(values.sum()), "false": int((values == 0).sum())}


class DateKind(WrittenKind):
    """Dates, with or without a time of day, as days since 1970-01-01."""

    name = "date"
    cells = "dates like 2024-12-31"

    def usual(self, word: str) -> float | None:
        return date_number(word)

    def notations(self, words: Collection[str]) -> Sequence[Notation]:
        return date_notations(words)

    def notation(self, name: str) -> Notation | None:
        return next((each for each in DATES if each.name == name), None)

    def word(self, value: float, categories: Sequence[str]) -> str:
        moment = datetime.fromtimestamp(round(value * _SECONDS_A_DAY, 3), UTC).replace(tzinfo=None)
        return moment.date().isoformat() if value.is_integer() else moment.isoformat(" ")

    def summary(self, values: Any, categories: Sequence[str]) -> str:
        return " to ".join(self._ends(values)) if len(values) else "nothing"

    def facts(self, values: Any, categories: Sequence[str]) -> dict[str, Any]:
        return dict(zip(("first", "last"), self._ends(values), strict=True)) if len(values) else {}

    def _ends(self, values: Any) -> list[str]:
        return [self.word(float(value), ()) for value in (values.min(), values.max())]


class TextKind(ColumnKind):
    """Text with a different value in nearly every row."""

    name = "text"
    usable, choice, coded = False, False, True

    def summary(self, values: Any, categories: Sequence[str]) -> str:
        return "too many different ones: left out"


class EmptyKind(ColumnKind):
    """Missing values only."""

    name = "empty"
    usable, choice = False, False

    def summary(self, values: Any, categories: Sequence[str]) -> str:
        return "nothing"


class IgnoredKind(ColumnKind):
    """Left out: declared so, or a first column without a name that numbers the rows."""

    name = "ignored"
    usable = False

    def summary(self, values: Any, categories: Sequence[str]) -> str:
        return "left out"


KINDS: dict[str, ColumnKind] = {
    each.name: each
    for each in (NumberKind(), CategoryKind(), BooleanKind(), DateKind(), TextKind(), EmptyKind(), IgnoredKind())
}
"""Each kind by its name. A column of text is of the first kind that recognises it."""


class WrittenAs(str):
    """A kind with the notation of its values: the kind's name as text, and `notation`.

    >>> WrittenAs("date", "d/m/y") == "date", WrittenAs("date", "d/m/y").notation
    (True, 'd/m/y')
    """

    __slots__ = ("notation",)

    notation: str

    def __new__(cls, kind: str, notation: str) -> WrittenAs:
        """Return the kind's name with a notation."""
        made = super().__new__(cls, kind)
        made.notation = notation
        return made


def written_as(kind: Kind, notation: str) -> Kind:
    """Return a kind whose values are in a notation; "" is the usual one."""
    return WrittenAs(kind, notation) if notation else kind  # type: ignore[return-value]


def notation_of(kind: str | None) -> str:
    """Return the notation that a kind was declared with; "" where it was not."""
    return kind.notation if isinstance(kind, WrittenAs) else ""


def checked_kind(kind: Any, column: str) -> Kind:
    """Return a kind that a column can be declared to be, with the notation after a colon.

    >>> checked_kind("date", "born"), notation_of(checked_kind("date:d/m/y", "born"))
    ('date', 'd/m/y')
    """
    choices = [name for name, each in KINDS.items() if each.choice]
    name, _, notation = kind.partition(":") if isinstance(kind, str) else (kind, "", "")
    if name not in choices:
        near = nearest(str(name), choices) or "category"
        raise ColumnTypeError.of(f"a type: {', '.join(choices)}", repr(kind), column, near)
    if notation and KINDS[name].notation(notation) is None:
        example = {"date": "date:d/m/y", "number": "number:1.234,5"}.get(name, name)
        raise ColumnTypeError.of("the notation of a date or a number", repr(kind), column, example)
    return written_as(KINDS[name].name, notation)


def number_of(cell: str) -> float | None:
    """Return the number in a cell: digits, a point, an exponent; or None.

    >>> number_of("-1.5e3"), number_of("1_000"), number_of("inf")
    (-1500.0, None, None)
    """
    if not _NUMBER.fullmatch(cell):
        return None
    number = float(cell)
    return number if math.isfinite(number) else None


def date_number(cell: str) -> float | None:
    """Return the days since 1970-01-01 of a date and time in ISO 8601 (without a time zone: UTC); or None.

    >>> date_number("1970-01-02 12:00"), date_number("31/12/1999")
    (1.5, None)
    """
    if not _DATE.fullmatch(cell):
        return None
    try:
        moment = datetime.fromisoformat(cell)
        days = date(moment.year, moment.month, moment.day).toordinal() - date(1970, 1, 1).toordinal()
        seconds = moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6
        offset = moment.utcoffset()
        return days + (seconds - (offset.total_seconds() if offset else 0.0)) / _SECONDS_A_DAY
    except (ValueError, OverflowError):
        return None


def are_booleans(cells: Collection[str]) -> bool:
    """Return whether all these are words for true and false, of one pair.

    >>> are_booleans(["yes", "No"]), are_booleans(["yes", "false"])
    (True, False)
    """
    given = {cell.lower() for cell in cells}
    return any(given <= set(pair) for pair in _BOOLEANS) and len(given) > 0


def _booleans(words: Sequence[str]) -> tuple[list[float | None], tuple[str, str]]:
    """Return 0, 1 or None for each word, and the words for false and true as they are spelt in the column."""
    given = {word.lower() for word in words}
    if given <= {"0", "1"}:
        return [float(word) for word in words], ("0", "1")
    pair = max(_BOOLEANS, key=lambda each: len(given & set(each)))
    spelt = {word.lower(): word for word in words}
    found: list[float | None] = [float(pair.index(word.lower())) if word.lower() in pair else None for word in words]
    return found, (spelt.get(pair[0], pair[0]), spelt.get(pair[1], pair[1]))


def _figure(number: float, digits: int = 6) -> str:
    """Format a number: thousands grouped, integers without decimals.

    >>> _figure(1484705.0), _figure(0.0815), _figure(38.5816, 3)
    ('1,484,705', '0.0815', '38.6')
    """
    rounded = abs(number) >= 1000 or number == int(number)
    return f"{number:,.0f}" if rounded and abs(number) < 1e12 else f"{number:.{digits}g}"
