"""A column of a table: its name, what kind of values it has, and these as numbers or as codes of categories."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from deltarule.data.arrays import Array
from deltarule.errors import DataError, nearest
from deltarule.mapped import forget
from deltarule.types import Booleans

__all__ = ["KINDS", "MISSING", "USABLE", "Column", "Kind", "checked_kind", "date_number", "number_of", "truth_of"]

Kind: TypeAlias = Literal["number", "category", "boolean", "date", "text", "empty", "ignored"]
KINDS: tuple[Kind, ...] = get_args(Kind)
USABLE: tuple[Kind, ...] = ("number", "category", "boolean", "date")
"""The kinds that a network can learn from; the others are named and left out."""
CHOICES: tuple[Kind, ...] = (*USABLE, "ignored")
"""The kinds that one can ask for."""

MISSING = frozenset(
    ["", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "NaT", "NULL", "Null", "null", "None"]
)
"""What stands in a cell where a value is missing."""

_TRUTHS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"))
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table of n rows.

    name        as the table has it
    kind        "number", "category", "boolean", "date"; or one that cannot be learnt from: "text" (nearly every row
                another one), "empty" (all missing), "ignored" (by wish, or because it only counts the rows)
    values      (n,) float64 with NaN where missing: the numbers, 0 and 1 for false and true, days since 1970-01-01;
                for categories and text int32 codes into `categories`, −1 where missing
    categories  of codes: the different values, sorted. Of booleans: the words for false and true
    whole       of numbers: written as whole ones

    >>> Column("sex", "category", np.array([1, 0, -1], np.int32), ("F", "M")).labels().tolist()
    ['M', 'F', '']
    """

    name: str
    kind: Kind
    values: Array
    categories: tuple[str, ...] = ()
    whole: bool = False

    def __len__(self) -> int:
        return len(self.values)

    @property
    def coded(self) -> bool:
        """Whether the values are codes into `categories`."""
        return self.values.dtype.kind == "i"

    @property
    def missing(self) -> Booleans:
        """Where there is no value: (n,)."""
        return self.values < 0 if self.coded else np.isnan(self.values)

    def rows(self, picked: Any) -> Column:
        """The same column with some of its rows."""
        some = replace(self, values=self.values[picked])
        if not isinstance(picked, slice):  # a copy has been made
            forget(self.values)
        return some

    def labels(self) -> Array:
        """The values as text (n,), empty where missing."""
        if self.coded:
            return np.array([*self.categories, ""])[self.values]
        distinct, codes = np.unique(self.values, return_inverse=True)
        return np.array([self._word(value) for value in distinct.tolist()])[codes] if len(distinct) else np.array([])

    def to_kind(self, kind: Kind) -> Column:
        """The same values taken as another kind.

        Raises DataError, naming the row and the value, where one of them is not of that kind.

        >>> Column("grade", "number", np.array([2.0, np.nan, 1.0]), whole=True).to_kind("category").categories
        ('1', '2')
        """
        if kind == self.kind:
            return self
        if kind == "ignored":
            return replace(self, kind=kind)
        if kind in {"category", "text"}:
            return self._as_codes(kind)
        if not self.coded and self.kind not in {"date", "boolean"} and kind == "number":
            return replace(self, kind=kind, categories=())
        if self.kind == "empty":
            return Column(self.name, kind, np.full(len(self), np.nan), ("false", "true") if kind == "boolean" else ())
        return self._parsed(kind)

    def _as_codes(self, kind: Kind) -> Column:
        if self.coded:
            return replace(self, kind=kind)
        labels = self.labels()
        found = labels != ""
        categories, codes = np.unique(labels[found], return_inverse=True)
        values = np.full(len(self), -1, np.int32)
        values[found] = codes
        return Column(self.name, kind, values, tuple(categories.tolist()))

    def _parsed(self, kind: Kind) -> Column:
        """The categories read as numbers, dates or truths."""
        coded = self._as_codes("category")
        words: tuple[str, ...] = ()
        if kind == "boolean":
            truths, words = _truths(coded.categories)
            numbers: Sequence[float | None] = truths
        else:
            numbers = [(number_of if kind == "number" else date_number)(each) for each in coded.categories]
        wrong = np.array([number is None for number in numbers], dtype=bool)
        if wrong.any():
            row = int(np.argmax(np.append(wrong, False)[coded.values]))
            came = f"{coded.categories[coded.values[row]][:80]!r} in row {row + 1}, column {self.name!r}"
            kinds = {
                "number": "numbers",
                "date": "dates such as 2024-12-31",
                "boolean": "true and false, or yes and no",
            }
            raise DataError(kinds[kind], came, f'types={{{self.name!r}: "category"}}, or mend the value')
        lookup = np.array([*numbers, math.nan], dtype=np.float64)
        whole = kind == "number" and all(float(number or 0).is_integer() for number in numbers)
        return Column(self.name, kind, lookup[coded.values], words, whole)

    def _word(self, value: float) -> str:
        """One value as text, as people would write it."""
        if math.isnan(value):
            return ""
        if self.kind == "boolean":
            return self.categories[int(value)]
        if self.kind == "date":
            moment = datetime.fromtimestamp(round(value * _SECONDS_A_DAY, 3), UTC).replace(tzinfo=None)
            return moment.date().isoformat() if value.is_integer() else moment.isoformat(" ")
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def checked_kind(kind: Any, column: str) -> Kind:
    """A kind that one may ask for.

    >>> checked_kind("date", "born")
    'date'
    """
    if kind not in CHOICES:
        near = nearest(str(kind), CHOICES) or "category"
        raise DataError(f"a type: {', '.join(CHOICES)}", f"{kind!r} for column {column!r}", f"{column}={near}")
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


def truth_of(cells: Iterable[str]) -> bool:
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
