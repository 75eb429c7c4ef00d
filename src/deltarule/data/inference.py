"""Inference of columns from cells of text: numbers, categories, booleans, dates, and text that cannot be an input.

Cells come in blocks of rows. A column is read as numbers until a cell is none; then its different values are collected,
and their kind is decided at the end. A column in which text is found late has to be read again from the start:
`Inference.again` has its name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.columns import Column, wrong_value
from deltarule.data.kinds import KINDS, MISSING, Kind, notation_of, number_of, written_as
from deltarule.data.notations import number_notations

__all__ = ["CATEGORIES_AT_MOST", "CellColumn", "Inference", "kind_of_words", "without_row_numbers"]

CATEGORIES_AT_MOST = 1000
"""A column with more different values is text."""
_FEW = 20
"""Up to this number of different values are categories, however few the rows."""
_MOSTLY = 0.9
"""In a column with at least this fraction of numbers, another value is an error."""
_COLLECTED = 100_000
"""Maximum number of different values that are collected."""


def kind_of_words(different: int, given: int) -> Kind:
    """Return the kind of a column of words, by the number of different ones among those given.

    >>> kind_of_words(16, 32_561), kind_of_words(900, 1_000), kind_of_words(0, 0)
    ('category', 'text', 'empty')
    """
    if not different:
        return "empty"
    return "text" if different > CATEGORIES_AT_MOST or (different > _FEW and different > given / 2) else "category"


def _may_go_on(word: str) -> bool:
    """Return whether a column of text with this value may have any number of different ones."""
    return any(kind.unbounded and (kind.recognises([word]) or kind.notations([word])) for kind in KINDS.values())


class CellColumn:
    """A column that is read block by block from cells of text.

    decimal : "," where a comma is the decimal mark of numbers that would otherwise be ambiguous.
    """

    def __init__(self, name: str, kind: Kind | None = None, *, text: bool = False, decimal: str = "") -> None:
        self.name, self.kind = name, kind
        self.again = False
        self._decimal = decimal
        self._text = text or kind not in {None, "number"} or bool(notation_of(kind))
        self._given_up = kind == "ignored"
        self._integer = True
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
            # Of numbers that have been read already the text is lost.
            self.again = any(not np.isnan(block).all() for block in self._blocks)
            self._blocks = [np.full(len(block), -1, np.int32) for block in self._blocks]
        if self._text and not self.again:
            self._add_text(cells)
        self._rows += len(cells)

    def column(self) -> Column:
        """Return the column, with its declared or else inferred kind.

        Raises DataError, naming the row, for a value that is not of the declared kind, or of the kind of nearly all.
        """
        if self._given_up:
            kind: Kind = "ignored" if self.kind == "ignored" else "text"
            return Column(self.name, kind, np.full(self._rows, -1, np.int32))
        if not self._text:
            values = np.concatenate([np.zeros(0), *self._blocks])
            empty = bool(np.isnan(values).all())
            return Column(self.name, "empty" if empty and self.kind is None else "number", values, (), self._integer)
        column = self._categories()
        return column.to_kind(self._decided(column))

    def _decided(self, column: Column) -> Kind:
        """Return the declared or else inferred kind of a column of text."""
        words = column.categories
        if self._decimal == "," and self.kind in {None, "number"} and any("," in word for word in words):
            commas = next((each for each in number_notations(words) if each.decimal == ","), None)
            if commas is not None:
                return written_as("number", commas.name)
        return self._kind_of(column) if self.kind is None else self.kind

    def _add_numbers(self, cells: Sequence[str]) -> bool:
        """Add numbers, or return False if not all of these are."""
        try:
            numbers = np.array([*map(float, cells)])
        except ValueError:
            stripped = [cell.strip() for cell in cells]
            cells = ["nan" if cell in MISSING else cell for cell in stripped]
            try:
                numbers = np.array([*map(float, cells)])
            except ValueError:
                return False
        joined = "".join(cells)
        # Python reads 1_000, infinity and digits of every script as numbers; in a table they are text.
        if "_" in joined or np.isinf(numbers).any() or not joined.isascii():
            return False
        self._integer = self._integer and not any(mark in joined for mark in ".eE")
        self._blocks.append(numbers)
        return True

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
        """Return the column as sorted categories."""
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
        """Raise an error for a column of numbers in which a few cells are none."""
        numbers = np.array([number_of(word) is not None for word in column.categories])
        if numbers.sum() <= _FEW or not _MOSTLY <= float(numbers[given].mean()) < 1:
            return
        wrong = ~np.append(numbers, True)[column.values]
        row = int(np.argmax(wrong))
        raise wrong_value(self.name, "numbers", column.categories[column.values[row]], row, int(wrong.sum()) - 1)


class Inference:
    """The columns of a table that is read block by block.

    names : of all columns, all different.
    kinds : the declared kinds; those of other columns are inferred.
    text : names of columns in which an earlier reading found text.
    decimal : "," where a comma is the decimal mark.
    """

    def __init__(
        self,
        names: Sequence[str],
        kinds: Mapping[str, Kind],
        text: frozenset[str] = frozenset(),
        decimal: str = "",
    ) -> None:
        self._columns = [CellColumn(name, kinds.get(name), text=name in text, decimal=decimal) for name in names]

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        """Add a block of rows, each with as many cells as there are columns."""
        for column, cells in zip(self._columns, zip(*rows, strict=True), strict=True):
            column.add(cells)

    @property
    def again(self) -> frozenset[str]:
        """Columns in which text was found late, so that the table has to be read again."""
        return frozenset(column.name for column in self._columns if column.again)

    def columns(self) -> tuple[Column, ...]:
        """Return all columns, in their order."""
        first, *others = (column.column() for column in self._columns)
        return without_row_numbers(first), *others


def without_row_numbers(column: Column) -> Column:
    """Return a table's first column; "ignored" if it has no name and numbers the rows, as data frames write them."""
    values, unnamed = column.values, column.name in {"column 1", "Unnamed: 0", ""}
    numbers = unnamed and column.kind == "number" and column.integer and len(values) > 1
    if numbers and values[0] in {0.0, 1.0} and not math.isnan(values[-1]) and bool((np.diff(values) == 1).all()):
        return column.to_kind("ignored")
    return column
