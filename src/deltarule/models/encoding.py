"""The encoding of a table's columns as inputs, fitted to the training set: a plain record, JSON both ways.

It stores what scikit-learn's SimpleImputer, StandardScaler, QuantileTransformer, OneHotEncoder and OrdinalEncoder fit
(in `training.columns`), and does what their `transform` does.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from deltarule.data import Table, table_of
from deltarule.data.kinds import Kind, written_as
from deltarule.data.table import Expected
from deltarule.engines.input_stage import Columns
from deltarule.errors import ColumnTypeError, DataError, DataWarning, MissingColumns, ModelError
from deltarule.mapped import forget, is_mapped, on_disk
from deltarule.models.column_encodings import CategoryEncoding, NumberEncoding
from deltarule.models.number_matrix import NumberMatrix
from deltarule.types import SingleFloats

__all__ = ["CategoryEncoding", "Encoding", "NumberEncoding", "Unfamiliar"]


_NEW = {
    "clip": 0.0,
    "flag_scale": (),
    "signed": False,
    "zero_missing": False,
    "coded": False,
    "shifts": (),
    "factors": (),
}
"""Fields that are left out of a file where they have these values, so that files of earlier versions stay the same."""
_ADDED = {"notation", "bounds", "others", *_NEW}
"""Fields that models of earlier versions lack."""
_BLOCK = 8192  # rows of a table on disk that are encoded at a time


@dataclass(frozen=True)
class Unfamiliar:
    """Values of a column unlike all values of the training set.

    what : a noun phrase, for example "an unseen category".
    rows : number of such rows out of `total`; `first` is the first of them, counted from 1.
    """

    column: str
    what: str
    rows: int
    total: int
    first: int

    def __str__(self) -> str:
        where = f"in {self.rows:,} of {self.total:,} rows, the first is row {self.first}"
        return f"Column {self.column}: {self.what}, {where}."


@dataclass(frozen=True)
class Encoding:
    """The input columns of a model, in the order of its inputs, and the name of its target, or a tuple of several.

    >>> encoding = Encoding((NumberEncoding("age", shift=40.0, factor=0.1), CategoryEncoding("sex", ("F", "M"))))
    >>> encoding([{"age": 50, "sex": "M"}, {"age": None, "sex": "?"}]).tolist()
    [[1.0, 0.0, 1.0], [-4.0, 0.0, 0.0]]
    >>> Encoding.from_json(encoding.to_json()) == encoding
    True
    """

    columns: tuple[NumberEncoding | CategoryEncoding, ...]
    target: str | tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if not names or len(set(names)) != len(names) or not all(type(each) is str for each in self.targets):
            raise ModelError("columns of different names", f"{names[:10]}")

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the target columns, in the order of the outputs."""
        if self.target is None:
            return ()
        return self.target if isinstance(self.target, tuple) else (self.target,)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of a network's inputs: a number's own name, `column=category` for a category."""
        return tuple(name for column in self.columns for name in column.inputs)

    @cached_property
    def _matrix(self) -> NumberMatrix | None:
        return NumberMatrix.of(self.columns)

    @cached_property
    def network_columns(self) -> Columns:
        """The kinds of a network's inputs: numbers are the values of numbers and dates, without the indicators."""
        numbers, codes, start = [], [], 0
        for column in self.columns:
            if column.kind in {"number", "date"}:
                numbers.append(start)
            elif isinstance(column, CategoryEncoding) and column.coded:
                codes.append((start, len(column.categories) + column.rare + 1))
            start += len(column.inputs)
        return Columns(start, tuple(numbers), tuple(codes))

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kind of every column that is needed."""
        return {column.name: _written(column) for column in self.columns}

    def expected(self, perhaps: Mapping[str, Kind] | None = None) -> Expected:
        """Return the kinds for a reader of files: other columns are ignored, except optional ones."""
        return Expected(self.kinds, perhaps)

    def table(self, x: Any) -> Table:
        """Return the needed columns of a data frame, a list of dicts, or an array with these columns in order.

        Raises ModelError for missing columns, DataError for a value that is not of its column's kind.
        """
        try:
            return table_of(x, self.expected(), names=[column.name for column in self.columns])
        except MissingColumns as error:
            raise ModelError(error.expected, error.value, error.suggestion) from error
        except ColumnTypeError as error:  # the types are those of the training set
            raise error.replace(suggestion="a missing value, or a corrected one") from None

    def __call__(self, x: Any) -> SingleFloats:
        """Return the inputs (n, d) of raw rows, float32 on every engine."""
        if self._matrix is not None and self._matrix.takes(x) and not is_mapped(x):
            inputs = self._matrix(x)
            if inputs is not None:
                return inputs
        table = self.table(x)
        shape = (len(table), len(self.inputs))
        made: SingleFloats = on_disk(shape, np.float32) if is_mapped(table) else np.empty(shape, np.float32)
        size = _BLOCK if is_mapped(table) else max(1, len(table))
        for start in range(0, len(table), size):
            rows = table[start : start + size]
            self._write(rows, made[start : start + size], start)
            forget(rows)
            forget(made[start : start + size])
        return made

    def unfamiliar(self, table: Table) -> list[Unfamiliar]:
        """Return the values of a table's columns unlike all of the training set, with the numbers of rows.

        >>> encoding = Encoding((NumberEncoding("age", bounds=(17.0, 90.0)), CategoryEncoding("sex", ("F", "M"))))
        >>> for each in encoding.unfamiliar(encoding.table([{"age": 50, "sex": "X"}, {"age": 10_000, "sex": "M"}])):
        ...     print(each)
        Column age: a value far out of the training range, 17 to 90, in 1 of 2 rows, the first is row 2.
        Column sex: an unseen category, for example 'X', in 1 of 2 rows, the first is row 1.
        """
        found = []
        for encoding in self.columns:
            column = table.column(encoding.name)
            for what, rows in encoding.unfamiliar(column).items():
                if rows.any():
                    first = int(np.argmax(rows)) + 1
                    found.append(Unfamiliar(encoding.name, what, int(rows.sum()), len(table), first))
            forget(column.values)
        return found

    def familiar(self, x: Any, *, strict: bool | None) -> Any:
        """Return the needed columns of x, after a DataWarning for each with values unlike all of the training set.

        strict : True raises a DataError instead; None returns x as it is.
        """
        if strict is None:
            return x
        table = self.table(x)
        for each in self.unfamiliar(table):
            if strict:
                came = f"{each.what} in {each.rows:,} of {each.total:,} rows, the first is row {each.first}"
                raise DataError("values like those of the training set", came, "strict=False", field=each.column)
            warnings.warn(DataWarning(str(each)), stacklevel=5)  # the caller of a model's method
        return table

    def _write(self, table: Table, out: SingleFloats, first: int) -> None:
        """Fill the inputs of some rows; `first` is the place of the first one."""
        start = 0
        with np.errstate(over="ignore"):  # checked below
            for column in self.columns:
                width = len(column.inputs)
                column.write(table.column(column.name), out[:, start : start + width])
                start += width
        if not np.isfinite(out).all():
            row, place = (int(each) for each in np.argwhere(~np.isfinite(out))[0])
            came = f"more in row {first + row + 1}"
            raise ModelError("numbers within the range of float32", came, field=self.inputs[place])

    def to_json(self) -> dict[str, Any]:
        """Return the record as data."""
        columns = [
            {"kind": column.kind}
            | {name: value for name, value in dataclasses.asdict(column).items() if value != _NEW.get(name, column)}
            for column in self.columns
        ]
        return {"columns": columns, "target": self.target}

    @classmethod
    def from_json(cls, data: Any) -> Encoding:
        """Return the record that `to_json` wrote; raise ModelError for anything else."""
        if not isinstance(data, Mapping) or set(data) != {"columns", "target"} or not isinstance(data["columns"], list):
            raise ModelError("an object of columns and a target", f"{data!r}"[:80])
        target = data["target"]
        return cls(
            tuple(_column(each) for each in data["columns"]), tuple(target) if isinstance(target, list) else target
        )


def _written(column: NumberEncoding | CategoryEncoding) -> Kind:
    return written_as(column.kind, column.notation) if isinstance(column, NumberEncoding) else column.kind


def _column(data: Any) -> NumberEncoding | CategoryEncoding:
    if not isinstance(data, Mapping):
        raise ModelError("a column as an object", f"{data!r}"[:80])
    category = data.get("kind") == "category"
    cls: Any = CategoryEncoding if category else NumberEncoding
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    if category:
        fields.pop("kind")
    if category and "others" not in fields:  # a model of an earlier version, which did not store the rare ones
        fields["others"] = None if fields.get("rare") else []
    numbers = ("fill", "shift", "factor", "clip")
    fields |= {name: float(fields[name]) for name in numbers if type(fields.get(name)) is int}
    names = {field.name for field in dataclasses.fields(cls)}
    if not names - _ADDED <= set(fields) <= names:
        raise ModelError(f"the fields of a {cls.__name__}", f"{', '.join(map(str, fields))}"[:200])
    column: NumberEncoding | CategoryEncoding = cls(**fields)
    return column
