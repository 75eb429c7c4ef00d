"""A column of a table: its name, what kind of values it has, and these as numbers or as codes of categories."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.kinds import KINDS, ColumnKind, Kind
from deltarule.errors import DataError
from deltarule.mapped import forget
from deltarule.types import Booleans

__all__ = ["Column"]


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
    def usable(self) -> bool:
        """Whether a network can learn from it."""
        return KINDS[self.kind].usable

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

    def summary(self) -> str:
        """What it holds, in a few words.

        >>> Column("age", "number", np.array([17.0, 90.0, 38.0]), whole=True).summary()
        '17 to 90, mean 48.3'
        """
        return KINDS[self.kind].summary(self.values[~self.missing], self.categories)

    def facts(self) -> dict[str, Any]:
        """What it holds, as data."""
        counted = {"name": self.name, "type": self.kind, "missing": int(self.missing.sum())}
        return counted | KINDS[self.kind].facts(self.values[~self.missing], self.categories)

    def to_kind(self, kind: Kind) -> Column:
        """The same values taken as another kind.

        Raises DataError, naming the row and the value, where one of them is not of that kind.

        >>> Column("grade", "number", np.array([2.0, np.nan, 1.0]), whole=True).to_kind("category").categories
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
            return Column(self.name, kind, np.full(len(self), np.nan), wanted.categories)
        return self._read(wanted)

    def _as_codes(self, kind: Kind) -> Column:
        if self.coded:
            return replace(self, kind=kind)
        labels = self.labels()
        found = labels != ""
        categories, codes = np.unique(labels[found], return_inverse=True)
        values = np.full(len(self), -1, np.int32)
        values[found] = codes
        return Column(self.name, kind, values, tuple(categories.tolist()))

    def _read(self, kind: ColumnKind) -> Column:
        """The categories read as values of a kind that has numbers."""
        coded = self._as_codes("category")
        numbers, words = kind.read(coded.categories)
        wrong = np.array([number is None for number in numbers], dtype=bool)
        if wrong.any():
            row = int(np.argmax(np.append(wrong, False)[coded.values]))
            came = f"{coded.categories[coded.values[row]][:80]!r} in row {row + 1}, column {self.name!r}"
            raise DataError(kind.cells, came, f'types={{{self.name!r}: "category"}}, or mend the value')
        lookup = np.array([*numbers, math.nan], dtype=np.float64)
        return Column(self.name, kind.name, lookup[coded.values], words, kind.whole(numbers))

    def _word(self, value: float) -> str:
        return "" if math.isnan(value) else KINDS[self.kind].word(value, self.categories)
