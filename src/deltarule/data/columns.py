"""A column of a table: its name, its kind, and its values as numbers or as codes of categories."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.kinds import KINDS, ColumnKind, Kind, notation_of
from deltarule.data.notations import Notation, different_readings, only_reading
from deltarule.errors import ColumnTypeError
from deltarule.mapped import forget
from deltarule.types import Booleans

__all__ = ["Column", "two_readings", "wrong_value"]


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table of n rows.

    name : as in the table.
    kind : "number", "category", "boolean", "date"; or one that cannot be an input: "text" (a different value in nearly
        every row), "empty" (all missing), "ignored" (declared so, or the numbers of the rows).
    values : (n,) float64, NaN where missing: numbers, 0 and 1 for false and true, days since 1970-01-01; of categories
        and text int32 codes into `categories`, −1 where missing.
    categories : of codes: the different values, sorted. Of booleans: the words for false and true.
    integer : of numbers: whether all were written as integers.
    notation : of numbers and dates read from text: how they were written; "" for 1234.5 and 2024-12-31.

    >>> Column("sex", "category", np.array([1, 0, -1], np.int32), ("F", "M")).labels().tolist()
    ['M', 'F', '']
    """

    name: str
    kind: Kind
    values: Array
    categories: tuple[str, ...] = ()
    integer: bool = False
    notation: str = ""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def whole(self) -> bool:
        """The former name of `integer`."""
        message = "`whole` of a Column is deprecated and will be removed in the next version. Use: integer"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return self.integer

    @property
    def coded(self) -> bool:
        """Whether the values are codes into `categories`."""
        return self.values.dtype.kind == "i"

    @property
    def usable(self) -> bool:
        """Whether it can be an input."""
        return KINDS[self.kind].usable

    @property
    def missing(self) -> Booleans:
        """Whether each value is missing: (n,)."""
        return self.values < 0 if self.coded else np.isnan(self.values)

    def rows(self, picked: Any) -> Column:
        """Return the column with some of its rows."""
        some = replace(self, values=self.values[picked])
        if not isinstance(picked, slice):  # a copy has been made
            forget(self.values)
        return some

    def labels(self) -> Array:
        """Return the values as text (n,), empty where missing."""
        if self.coded:
            return np.array([*self.categories, ""])[self.values]
        distinct, codes = np.unique(self.values, return_inverse=True)
        return np.array([self._word(value) for value in distinct.tolist()])[codes] if len(distinct) else np.array([])

    def summary(self) -> str:
        """Describe the contents in a few words.

        >>> Column("age", "number", np.array([17.0, 90.0, 38.0]), integer=True).summary()
        '17 to 90, mean 48.3'
        """
        return KINDS[self.kind].summary(self.values[~self.missing], self.categories)

    def facts(self) -> dict[str, Any]:
        """Return the contents as data."""
        counted = {"name": self.name, "type": self.kind, "missing": int(self.missing.sum())}
        return counted | KINDS[self.kind].facts(self.values[~self.missing], self.categories)

    def to_kind(self, kind: Kind) -> Column:
        """Convert the values to another kind, which may have a notation (see `written_as`).

        Raises DataError, naming the row and the value, for one that is not of that kind.

        >>> Column("grade", "number", np.array([2.0, np.nan, 1.0]), integer=True).to_kind("category").categories
        ('1', '2')
        """
        if kind == self.kind:
            return self
        wanted = KINDS[kind]
        if kind == "ignored":
            return replace(self, kind=kind)
        if wanted.coded:
            return self._as_codes(kind)
        if kind == "number" and self.kind in {"empty", "ignored"} and not self.coded:
            return replace(self, kind=kind, categories=())
        if self.kind == "empty":
            return Column(self.name, wanted.name, np.full(len(self), np.nan), wanted.categories)
        return self._read(wanted, notation_of(kind))

    def _as_codes(self, kind: Kind) -> Column:
        if self.coded:
            return replace(self, kind=kind)
        labels = self.labels()
        found = labels != ""
        categories, codes = np.unique(labels[found], return_inverse=True)
        values = np.full(len(self), -1, np.int32)
        values[found] = codes
        return Column(self.name, kind, values, tuple(categories.tolist()))

    def _read(self, kind: ColumnKind, notation: str) -> Column:
        """Read the categories as values of a kind that has numbers: in a notation, or else in the usual one."""
        coded = self._as_codes("category")
        words = coded.categories
        numbers, categories = kind.read(words)
        if not notation and None in numbers:
            notations = kind.notations(words)
            chosen = only_reading(notations, words)
            if chosen is None and len(notations) > 1:
                raise two_readings(self.name, kind.name, words, notations)
            notation = "" if chosen is None else chosen.name
        written = kind.notation(notation)
        if written is not None:
            in_notation = [written.number(word) for word in words]
            numbers = in_notation if None not in in_notation or None in numbers else numbers
        if None in numbers:
            wrong = np.array([number is None for number in numbers])
            row = int(np.argmax(np.append(wrong, False)[coded.values]))
            raise wrong_value(self.name, kind.cells, words[coded.values[row]], row)
        lookup = np.array([*numbers, math.nan], dtype=np.float64)
        return Column(self.name, kind.name, lookup[coded.values], categories, kind.integer(numbers), notation)

    def _word(self, value: float) -> str:
        return "" if math.isnan(value) else KINDS[self.kind].word(value, self.categories)


def wrong_value(column: str, cells: str, word: str, row: int, more: int = 0) -> ColumnTypeError:
    """Return the error for a value of another kind in a row, counted from 0, and for `more` further ones."""
    came = f"{word[:80]!r} in row {row + 1}" + (f", and {more} more such" if more else "")
    return ColumnTypeError.of(cells, came, column, "category", "or correct the value")


def two_readings(column: str, kind: Kind, words: Sequence[str], notations: Sequence[Notation]) -> ColumnTypeError:
    """Return the error for a column that is of a kind in several notations, with different values."""
    word, readings = different_readings(notations, words)
    came = f"{word[:80]!r}, which can be read as {' or '.join(notation.name for notation in readings)}"
    return ColumnTypeError.of(f"{kind}s in one notation", came, column, f"{kind}:{readings[0].name}")
