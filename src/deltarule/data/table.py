"""A table: named columns of as many rows each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.columns import Column
from deltarule.data.kinds import Kind, checked_kind
from deltarule.errors import DataError, MissingColumns, UnknownColumn, nearest
from deltarule.mapped import forget, is_mapped

__all__ = ["Expected", "Table", "checked_kinds", "refuse_repeats", "unknown_column"]


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Named columns of numbers, categories, booleans and dates, with missing values: what a file or a data frame holds.

    columns  a `Column` each; no two have one name

    It can replace an array of samples: it has `len`, `shape`, and rows by index arrays, masks or slices.
    Raises DataError: no columns, no rows, columns of different lengths, a name twice.

    >>> pets = Table((Column("weight", "number", np.array([4.0, 30.5])),))
    >>> pets, pets.shape, pets[[1]].column("weight").values.tolist()
    (Table(2 rows; weight: number), (2, 1), [30.5])
    """

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        if not self.columns:
            raise DataError("at least one column", "a table without any")
        lengths = {len(column) for column in self.columns}
        if len(lengths) > 1:
            raise DataError("columns of one length", f"{', '.join(map(str, sorted(lengths)))} rows")
        refuse_repeats(self.names)

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __getitem__(self, rows: Any) -> Table:
        """Some rows, by what picks rows of an array."""
        picked = rows if isinstance(rows, slice) else np.atleast_1d(np.asarray(rows))
        return Table(tuple(column.rows(picked) for column in self.columns))

    def __repr__(self) -> str:
        shown = ", ".join(f"{column.name}: {column.kind}" for column in self.columns[:8])
        return f"Table({len(self)} rows; {shown}{', …' if len(self.columns) > 8 else ''})"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), len(self.columns)

    @property
    def ndim(self) -> int:
        """2: rows and columns."""
        return 2

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The names of the columns, and the types of their values: int32 codes or float64."""
        return np.dtype([(column.name, column.values.dtype) for column in self.columns])

    def tobytes(self) -> bytes:
        """Return the contents of the columns, with kinds and categories, as bytes for a digest.

        >>> pets = Table((Column("weight", "number", np.array([4.0])),))
        >>> pets.tobytes() == pets.to_kinds({"weight": "ignored"}).tobytes()
        False
        """
        parts = [(repr((column.kind, column.categories)).encode(), column.values.tobytes()) for column in self.columns]
        return b"".join(each for pair in parts for each in pair)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(column.name for column in self.columns)

    @property
    def kinds(self) -> dict[str, Kind]:
        """Each column's kind, by its name."""
        return {column.name: column.kind for column in self.columns}

    @property
    def usable(self) -> tuple[Column, ...]:
        """The columns that can be inputs of a network."""
        return tuple(column for column in self.columns if column.usable)

    @property
    def mapped(self) -> bool:
        """Whether its values are stored in a file and not in memory."""
        return any(is_mapped(column.values) for column in self.columns)

    def forget(self) -> None:
        """Give back the memory that values in files take."""
        for column in self.columns:
            forget(column.values)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises DataError, with the nearest name, where there is none.
        """
        found = self._places.get(name)
        if found is None:
            raise unknown_column(name, self.names)
        return self.columns[found]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def without(self, names: Iterable[str]) -> Table:
        """The table without these columns."""
        left_out = set(names)
        return Table(tuple(column for column in self.columns if column.name not in left_out))

    def to_kinds(self, kinds: Mapping[str, Kind]) -> Table:
        """Return the table with some columns converted to other kinds."""
        return Table(tuple(column.to_kind(kinds.get(column.name, column.kind)) for column in self.columns))

    @classmethod
    def joined(cls, tables: Sequence[Table]) -> Table:
        """Tables of the same columns, one after the other."""
        if len(tables) == 1:
            return tables[0]
        return cls(tuple(_joined([table.column(name) for table in tables]) for name in tables[0].names))

    def fingerprints(self) -> Array:
        """A number (n,) for each row, equal where all usable values of the rows are equal."""
        mixed = np.zeros(len(self), np.uint64)
        for column in self.usable:
            values = np.where(column.missing, -1.0, column.values) if column.coded else column.values
            words = np.array([hash(word) for word in (*column.categories, "")]) if column.coded else None
            bits = (values + 0.0).view(np.uint64) if words is None else words[column.values].view(np.uint64)
            mixed = (mixed ^ bits) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        return mixed


def refuse_repeats(names: Sequence[str], where: str = "") -> None:
    """Refuse two columns of one name, naming both places."""
    places: dict[str, int] = {}
    for place, name in enumerate(names, 1):
        if name in places:
            raise DataError("columns of different names", f"{where}{name!r} as column {places[name]} and {place}")
        places[name] = place


def unknown_column(name: str, names: Sequence[str], field: str | None = None, kind: str | None = None) -> UnknownColumn:
    """Return the error for a column that does not exist, with the nearest existing name.

    field : the argument. kind : the type that was declared for the column; without a similar name, that of the first
        column shows what can be declared.
    """
    near = nearest(name, names) or (None if kind is None else next(iter(names), None))
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    suggestion = None if near is None else repr(near) if kind is None else f"types={{{near!r}: {kind!r}}}"
    error = UnknownColumn(f"a column ({shown})", repr(name), suggestion, field=field)
    error.column = near
    error.types = {} if near is None or kind is None else {near: kind}
    return error


class Expected(dict[str, Kind]):
    """The kinds of the columns that are needed; others are ignored, except optional ones.

    kinds : of the columns that must exist.
    perhaps : of optional columns.

    >>> checked_kinds(Expected({"age": "number"}, {"income": "category"}), ["id", "age"])
    {'id': 'ignored', 'age': 'number'}
    """

    def __init__(self, kinds: Mapping[str, Kind], perhaps: Mapping[str, Kind] | None = None) -> None:
        super().__init__(kinds)
        self.perhaps = dict(perhaps or {})

    def of(self, names: Sequence[str]) -> dict[str, Kind]:
        """Return the kind of every column of a table.

        Raises MissingColumns, naming them, where columns that are needed do not exist.
        """
        known = set(names)
        absent = [name for name in self if name not in known]
        if absent:
            shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
            word = "column" if len(absent) == 1 else "columns"
            raise MissingColumns(f"the {word} {', '.join(absent[:20])}", f"a table of {shown}")
        return {name: self.get(name) or self.perhaps.get(name) or "ignored" for name in names}


def checked_kinds(types: Mapping[str, Any] | None, names: Sequence[str]) -> dict[str, Kind]:
    """Return the declared kinds of columns, all of which must exist."""
    if isinstance(types, Expected):
        return types.of(names)
    kinds = {} if types is None else {name: checked_kind(kind, name) for name, kind in types.items()}
    known = set(names)
    for name, kind in kinds.items():
        if name not in known:
            raise unknown_column(name, names, "types", kind)
    return kinds


def _joined(columns: Sequence[Column]) -> Column:
    first = columns[0]
    columns = [column.to_kind(first.kind) for column in columns]
    if not first.coded:
        values = np.concatenate([column.values for column in columns])
        integer = all(column.integer for column in columns)
        return Column(first.name, first.kind, values, first.categories, integer, first.notation)
    categories = sorted({word for column in columns for word in column.categories})
    places = {word: place for place, word in enumerate(categories)}
    codes = [
        np.array([*(places[word] for word in column.categories), -1], np.int32)[column.values] for column in columns
    ]
    return Column(first.name, first.kind, np.concatenate(codes), tuple(categories))
