"""Kinds of columns: how each is recognised in text, read, written, described, and whether a network can learn from it.

A further kind is a further class here, and its name in `Kind`. How a kind becomes a network's inputs follows from
`coded`: numbers or codes of categories.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from deltarule.errors import DataError, nearest

__all__ = ["KINDS", "MISSING", "ColumnKind", "Kind", "checked_kind", "date_number", "number_of", "truth_of"]

Kind: TypeAlias = Literal["number", "category", "boolean", "date", "text", "empty", "ignored"]

MISSING = frozenset(
    ["", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "NaT", "NULL", "Null", "null", "None"]
)
"""What stands in a cell where a value is missing."""

_TRUTHS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"))
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_SECONDS_A_DAY = 86_400


class ColumnKind:
    """A kind of columns. `values` and `categories` are those of a `Column`; `values` are without missing ones.

    name : what recipes, files and the shell call it.
    usable : whether a network can learn from it.
    choice : whether one can ask for it.
    coded : whether its values are codes into its categories; otherwise they are numbers.
    unbounded : whether text that is recognised as this kind may have any number of different values.
    cells : what its cells hold, for an error.
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
        """Whether a column with these different values, at least one, is of this kind."""
        return False

    def read(self, words: Sequence[str]) -> tuple[list[float | None], tuple[str, ...]]:
        """The number that each of these values is, None where it is none, and the column's categories."""
        raise NotImplementedError

    def whole(self, numbers: Sequence[float | None]) -> bool:
        """Whether a column with these values counts as one of whole numbers."""
        return False

    def word(self, value: float, categories: Sequence[str]) -> str:
        """One value as text, as people would write it."""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)

    def summary(self, values: Any, categories: Sequence[str]) -> str:
        """What a column holds, in a few words."""
        raise NotImplementedError

    def facts(self, values: Any, categories: Sequence[str]) -> dict[str, Any]:
        """What a column holds, as data."""
        return {}


class NumberKind(ColumnKind):
    """Finite numbers."""

    name = "number"
    cells = "numbers"

    def read(self, words: Sequence[str]) -> tuple[list[float | None], tuple[str, ...]]:
        return [number_of(word) for word in words], ()

    def whole(self, numbers: Sequence[float | None]) -> bool:
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
        """How often each category occurs, the most frequent first."""
        counts = np.bincount(values, minlength=len(categories))
        return {categories[place]: int(counts[place]) for place in np.argsort(-counts, kind="stable").tolist()}


class BooleanKind(ColumnKind):
    """0 and 1 for two words of one pair, such as "no" and "yes", which are the column's categories."""

    name = "boolean"
    cells = "true and false, or yes and no"
    categories = ("false", "true")

    def recognises(self, words: Collection[str]) -> bool:
        return truth_of(words)

    def read(self, words: Sequence[str]) -> tuple[list[float | None], tuple[str, ...]]:
        return _truths(words)

    def word(self, value: float, categories: Sequence[str]) -> str:
        return categories[int(value)]

    def summary(self, values: Any, categories: Sequence[str]) -> str:
        return f"{categories[1]}: {100 * values.mean():.1f} %" if len(values) else "nothing"

    def facts(self, values: Any, categories: Sequence[str]) -> dict[str, Any]:
        return {"true": int(values.sum()), "false": int((values == 0).sum())}


class DateKind(ColumnKind):
    """Dates and moments, as days since 1970-01-01."""

    name = "date"
    unbounded = True
    cells = "dates such as 2024-12-31"

    def recognises(self, words: Collection[str]) -> bool:
        return all(date_number(word) is not None for word in words)

    def read(self, words: Sequence[str]) -> tuple[list[float | None], tuple[str, ...]]:
        return [date_number(word) for word in words], ()

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
    """Nothing but missing values."""

    name = "empty"
    usable, choice = False, False

    def summary(self, values: Any, categories: Sequence[str]) -> str:
        return "nothing"


class IgnoredKind(ColumnKind):
    """Left out on request, or because it only counts the rows."""

    name = "ignored"
    usable = False

    def summary(self, values: Any, categories: Sequence[str]) -> str:
        return "left out"


KINDS: dict[str, ColumnKind] = {
    each.name: each
    for each in (NumberKind(), CategoryKind(), BooleanKind(), DateKind(), TextKind(), EmptyKind(), IgnoredKind())
}
"""Each kind by its name. The first one that recognises a column's text is that column's."""


def checked_kind(kind: Any, column: str) -> Kind:
    """A kind that one may ask for.

    >>> checked_kind("date", "born")
    'date'
    """
    choices = [name for name, each in KINDS.items() if each.choice]
    if kind not in choices:
        near = nearest(str(kind), choices) or "category"
        raise DataError(f"a type: {', '.join(choices)}", f"{kind!r} for column {column!r}", f"{column}={near}")
    return kind  # type: ignore[no-any-return]


def number_of(cell: str) -> float | None:
    """The number that a cell holds: digits, a point, an exponent; or None.

    >>> number_of("-1.5e3"), number_of("1_000"), number_of("inf")
    (-1500.0, None, None)
    """
    if not _NUMBER.fullmatch(cell):
        return None
    number = float(cell)
    return number if math.isfinite(number) else None


def date_number(cell: str) -> float | None:
    """The days since 1970-01-01 of a date or a moment as ISO 8601 writes it (without a zone: UTC); or None.

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


def truth_of(cells: Collection[str]) -> bool:
    """Whether all these are words for true and false, of one pair.

    >>> truth_of(["yes", "No"]), truth_of(["yes", "false"])
    (True, False)
    """
    given = {cell.lower() for cell in cells}
    return any(given <= set(pair) for pair in _TRUTHS) and len(given) > 0


def _truths(words: Sequence[str]) -> tuple[list[float | None], tuple[str, str]]:
    """0, 1 or None for each word, and the words for false and true as they are written here."""
    given = {word.lower() for word in words}
    if given <= {"0", "1"}:
        return [float(word) for word in words], ("0", "1")
    pair = max(_TRUTHS, key=lambda each: len(given & set(each)))
    spelt = {word.lower(): word for word in words}
    found: list[float | None] = [float(pair.index(word.lower())) if word.lower() in pair else None for word in words]
    return found, (spelt.get(pair[0], pair[0]), spelt.get(pair[1], pair[1]))


def _figure(number: float, digits: int = 6) -> str:
    """A number for people: large ones in thousands, whole ones whole.

    >>> _figure(1484705.0), _figure(0.0815), _figure(38.5816, 3)
    ('1,484,705', '0.0815', '38.6')
    """
    whole = abs(number) >= 1000 or number == int(number)
    return f"{number:,.0f}" if whole and abs(number) < 1e12 else f"{number:.{digits}g}"
