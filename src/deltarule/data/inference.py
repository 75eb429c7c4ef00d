"""From cells of text to columns: which are numbers, categories, booleans, dates, and which cannot be learnt from.

Cells come in blocks of rows. A column is taken for numbers until a cell is none; then its different values are
collected, and what they are is decided at the end. So a column that turns out late to hold text has to be given once
more, from the start: `Inference.again` says which.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.columns import Column
from deltarule.data.kinds import KINDS, MISSING, Kind, number_of
from deltarule.errors import DataError

__all__ = ["CATEGORIES_AT_MOST", "CellColumn", "Inference", "kind_of_words"]

CATEGORIES_AT_MOST = 1000
"""More different values than these are text."""
_FEW = 20
"""Up to so many different values are categories, however few the rows."""
_MOSTLY = 0.9
"""A column with at least this share of numbers was meant as numbers: another value in it is a mistake."""
_COLLECTED = 100_000
"""More different values are not even collected."""


def kind_of_words(different: int, given: int) -> Kind:
    """What a column of words is, by how many different ones there are among those given.

    >>> kind_of_words(16, 32_561), kind_of_words(900, 1_000), kind_of_words(0, 0)
    ('category', 'text', 'empty')
    """
    if not different:
        return "empty"
    return "text" if different > CATEGORIES_AT_MOST or (different > _FEW and different > given / 2) else "category"


def _may_go_on(word: str) -> bool:
    """Whether a column of text with this value may have any number of different ones."""
    return any(kind.unbounded and kind.recognises([word]) for kind in KINDS.values())


class CellColumn:
    """A column as it grows, block by block, from cells of text."""

    def __init__(self, name: str, kind: Kind | None = None, *, text: bool = False) -> None:
        self.name, self.kind = name, kind
        self.again = False
        self._text = text or kind not in {None, "number"}
        self._given_up = kind == "ignored"
        self._whole = True
        self._rows = 0
        self._blocks: list[Array] = []
        self._codes: dict[str, int] = {}

    def add(self, cells: Sequence[str]) -> None:
        """Add a block of cells."""
        if self._given_up or self.again:
            self._rows += len(cells)
            return
        if not self._text and not self._add_numbers(cells):
            self._text = True
            # Numbers that were read before would have lost how they were written.
            self.again = any(not np.isnan(block).all() for block in self._blocks)
            self._blocks = [np.full(len(block), -1, np.int32) for block in self._blocks]
        if self._text and not self.again:
            self._add_text(cells)
        self._rows += len(cells)

    def column(self) -> Column:
        """The column, its kind decided unless it was asked for.

        Raises DataError, naming the row, where a value is not of the kind asked for or of nearly all others.
        """
        if self._given_up:
            kind: Kind = "ignored" if self.kind == "ignored" else "text"
            return Column(self.name, kind, np.full(self._rows, -1, np.int32))
        if not self._text:
            values = np.concatenate([np.zeros(0), *self._blocks])
            empty = bool(np.isnan(values).all())
            return Column(self.name, "empty" if empty and self.kind is None else "number", values, (), self._whole)
        column = self._categories()
        if self.kind is not None:
            return column.to_kind(self.kind)
        return column.to_kind(self._kind_of(column))

    def _add_numbers(self, cells: Sequence[str]) -> bool:
        """Add numbers, or say that not all of these are."""
        try:
            numbers = np.array([*map(float, cells)])
        except ValueError:
            stripped = [cell.strip() for cell in cells]
            cells = ["nan" if cell in MISSING else cell for cell in stripped]
            try:
                numbers = np.array([*map(float, cells)])
            except ValueError:
                return self._not_numbers(cells)
        joined = "".join(cells)
        # Python reads 1_000, infinity and digits of every script as numbers; a table does not mean them so.
        if "_" in joined or np.isinf(numbers).any() or not joined.isascii():
            return self._not_numbers(cells)
        self._whole = self._whole and not any(mark in joined for mark in ".eE")
        self._blocks.append(numbers)
        return True

    def _not_numbers(self, cells: Sequence[str]) -> bool:
        if self.kind != "number":
            return False
        places = (place for place, cell in enumerate(cells) if cell != "nan" and number_of(cell) is None)
        place = next(places, 0)
        came = f"{cells[place][:80]!r} in row {self._rows + place + 1}, column {self.name!r}"
        raise DataError("numbers", came, f'types={{{self.name!r}: "category"}}, or mend the value')

    def _add_text(self, cells: Sequence[str]) -> None:
        codes, stripped = self._codes, [cell.strip() for cell in cells]
        for cell in set(stripped):
            if cell not in MISSING:
                codes.setdefault(cell, len(codes))
        self._blocks.append(np.array([codes.get(cell, -1) for cell in stripped], np.int32))
        if len(codes) > _COLLECTED and self.kind is None and not _may_go_on(next(iter(codes))):
            self._given_up = True
            self._blocks, self._codes = [], {}

    def _categories(self) -> Column:
        """The column as sorted categories."""
        values = np.concatenate([np.zeros(0, np.int32), *self._blocks])
        order = sorted(self._codes, key=lambda word: (number_of(word) is None, number_of(word) or 0.0, word))
        place = np.empty(len(order) + 1, np.int32)
        place[[self._codes[word] for word in order]] = np.arange(len(order))
        place[-1] = -1
        return Column(self.name, "category", place[values], tuple(order))

    def _kind_of(self, column: Column) -> Kind:
        words = column.categories
        recognised = (kind.name for kind in KINDS.values() if words and kind.recognises(words))
        if (kind := next(recognised, None)) is not None:
            return kind
        given = column.values[column.values >= 0]
        self._refuse_mistake(column, given)
        return kind_of_words(len(words), len(given))

    def _refuse_mistake(self, column: Column, given: Array) -> None:
        """Refuse a column of numbers in which a few cells are none."""
        numbers = np.array([number_of(word) is not None for word in column.categories])
        if numbers.sum() <= _FEW or not _MOSTLY <= float(numbers[given].mean()) < 1:
            return
        wrong = ~np.append(numbers, True)[column.values]
        row = int(np.argmax(wrong))
        came = f"{column.categories[column.values[row]][:80]!r} in row {row + 1}, column {self.name!r}"
        more = f", and {int(wrong.sum()) - 1} more such" if wrong.sum() > 1 else ""
        raise DataError("numbers", came + more, f'types={{{self.name!r}: "category"}}, or mend the value')


class Inference:
    """The columns of a table that is read block by block.

    names : of all columns, no two alike.
    kinds : of those columns that are not to be judged by their values.
    text : names of columns that an earlier reading found to hold text.
    """

    def __init__(self, names: Sequence[str], kinds: Mapping[str, Kind], text: frozenset[str] = frozenset()) -> None:
        self._columns = [CellColumn(name, kinds.get(name), text=name in text) for name in names]

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        """Add a block of rows, each with as many cells as there are columns."""
        for column, cells in zip(self._columns, zip(*rows, strict=True), strict=True):
            column.add(cells)

    @property
    def again(self) -> frozenset[str]:
        """Columns that turned out late to hold text, so that the table has to be read once more."""
        return frozenset(column.name for column in self._columns if column.again)

    def columns(self) -> tuple[Column, ...]:
        """All columns, in their order."""
        return tuple(_counts_rows(column.column()) for column in self._columns)


def _counts_rows(column: Column) -> Column:
    """A first column without a name that only counts the rows, as data frames write it, is no input."""
    values = column.values
    counted = column.name == "column 1" and column.kind == "number" and len(values) > 1 and column.whole
    if counted and values[0] in {0.0, 1.0} and not math.isnan(values[-1]) and bool((np.diff(values) == 1).all()):
        return column.to_kind("ignored")
    return column
