"""The encoding of a table's columns as inputs, fitted to the training set: a plain record, JSON both ways.

It stores what scikit-learn's SimpleImputer, StandardScaler, QuantileTransformer, OneHotEncoder and OrdinalEncoder fit
(in `training.columns`), and does what their `transform` does.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from deltarule.data import Table, table_of
from deltarule.data.columns import Column
from deltarule.data.kinds import KINDS, Kind, written_as
from deltarule.data.table import Expected
from deltarule.errors import MissingColumns, ModelError
from deltarule.mapped import forget, is_mapped, on_disk
from deltarule.models.number_matrix import NumberMatrix
from deltarule.recipes.scaling import smooth_clip
from deltarule.types import Booleans, Floats, SingleFloats

__all__ = ["CategoryEncoding", "Encoding", "NumberEncoding", "Unfamiliar"]


_NEW = {"clip": 0.0, "flag_scale": (), "signed": False, "zero_missing": False, "shifts": (), "factors": ()}
"""Fields that are left out of a file where they have these values, so that files of earlier versions stay the same."""
_ADDED = {"notation", "bounds", "others", *_NEW}
"""Fields that models of earlier versions lack."""
_MISSING = "a missing value, as the training set has none"
_BLOCK = 8192  # rows of a table on disk that are encoded at a time
_FARTHEST = 5.199337582605575  # of a quantile: that of the probability 1e-7, as scikit-learn clips


@dataclass(frozen=True)
class NumberEncoding:
    """A column of numbers, dates or booleans: (x − shift) · factor, clipped or not, or a normal distribution by ranks.

    fill : the number that replaces a missing one.
    flag : whether a second input is 1 where a number was missing.
    quantiles : of the training set at equal steps from 0 to 1; none: shift and factor alone.
    words : of booleans, those for false and true.
    notation : of numbers and dates read from text: how they were written, "" for 1234.5 and 2024-12-31.
    bounds : the least and the greatest value of the training set; none where they are not known.
    clip : limit of the smooth clipping; 0 for none.
    flag_scale : shift and factor of the second input, which is clipped as the first is; none for 0 and 1.
    """

    name: str
    kind: Kind = "number"
    fill: float = 0.0
    flag: bool = False
    shift: float = 0.0
    factor: float = 1.0
    quantiles: tuple[float, ...] = ()
    words: tuple[str, ...] = ()
    notation: str = ""
    bounds: tuple[float, ...] = ()
    clip: float = 0.0
    flag_scale: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        numbers = (self.fill, self.shift, self.factor, *self.quantiles, *self.bounds, self.clip, *self.flag_scale)
        finite = all(type(each) is float and math.isfinite(each) for each in numbers)
        numeric = [name for name, kind in KINDS.items() if kind.usable and not kind.coded]
        types = {"name": str, "flag": bool}
        typed = all(type(getattr(self, name)) is wanted for name, wanted in types.items())
        if self.kind not in numeric or not finite or not typed:
            raise ModelError("a column of numbers with finite figures", f"{self}"[:200])
        if list(self.quantiles) != sorted(self.quantiles) or len(self.quantiles) == 1:
            raise ModelError("rising quantiles", f"{self.quantiles[:3]}")
        if len(self.flag_scale) not in {0, 2} or self.clip < 0:
            raise ModelError("shift and factor of the second input, and a limit", f"{self.flag_scale}, {self.clip}")
        if list(self.bounds) != sorted(self.bounds) or len(self.bounds) not in {0, 2}:
            raise ModelError("a least and a greatest value", f"{self.bounds[:3]}")
        if not all(type(each) is str for each in self.words) or len(self.words) not in {0, 2}:
            raise ModelError("the words for false and true", f"{self.words[:3]}")
        if self.notation and (type(self.notation) is not str or KINDS[self.kind].notation(self.notation) is None):
            raise ModelError("the notation of a number or a date", f"{self.notation!r}"[:80])

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs."""
        return (self.name, f"{self.name} missing") if self.flag else (self.name,)

    def write(self, column: Column, out: SingleFloats) -> None:
        """Fill the inputs (n, 1 or 2) of a column."""
        missing = column.missing
        x = np.where(missing, self.fill, column.values)
        out[:, 0] = self._ranks(x) if self.quantiles else smooth_clip((x - self.shift) * self.factor, self.clip)
        if self.flag:
            out[:, 1] = self.flag_values[missing.astype(np.intp)]

    @property
    def flag_values(self) -> Floats:
        """The second input of a number that is there, and of a missing one."""
        shift, factor = self.flag_scale or (0.0, 1.0)
        return smooth_clip((np.array([0.0, 1.0]) - shift) * factor, self.clip if self.flag_scale else 0.0)

    def unfamiliar(self, column: Column) -> dict[str, Booleans]:
        """Return the rows (n,) of each kind of unfamiliar value: missing as never in training, or far out of range.

        A value is far out of range if it is farther from it than the range is wide.
        """
        found = {} if self.flag else {_MISSING: column.missing}
        if self.bounds and self.kind != "boolean":
            low, high = self.bounds
            width = high - low
            far = (column.values < low - width) | (column.values > high + width)
            ends = " to ".join(dataclasses.replace(column, values=np.array(self.bounds)).labels().tolist())
            found[f"a value far out of the training range, {ends}"] = far
        return found

    def _ranks(self, x: Floats) -> Floats:
        from scipy.special import ndtri

        known = np.array(self.quantiles)
        steps = np.linspace(0.0, 1.0, len(known))
        # From below and from above, so that a number with many repeats gets the middle of its ranks.
        ranks = 0.5 * (np.interp(x, known, steps) - np.interp(-x, -known[::-1], -steps[::-1]))
        ranks = np.where(x == known[-1], 1.0, np.where(x == known[0], 0.0, ranks))
        clipped: Floats = np.clip(ndtri(ranks), -_FARTHEST, _FARTHEST)
        return clipped


@dataclass(frozen=True)
class CategoryEncoding:
    """A column of categories: an input for each, 1 in its rows (one-hot), or one input with the place of the category.

    categories : those with a separate input, in order.
    rare : whether all others of the training set share an input, which unseen ones have too; without it an unseen
        category is 0 in all inputs.
    missing : whether missing values have a separate input; without it they are 0 in all.
    ordinal : whether there is one input: (place − shift) · factor, and 0 for unseen and missing values.
    others : those that share an input; None where they are not known.
    signed : whether there is one input for two categories: 1 for the first, −1 for the second, 0 for unseen and missing
        values; or for a single one: 1, and −1 for unseen and missing values.
    zero_missing : whether missing values of the training set are 0 in all inputs.
    shifts, factors, clip : of the inputs, one of each for each: (x − shift) · factor, clipped as numbers are; or none.
    """

    name: str
    categories: tuple[str, ...]
    rare: bool = False
    missing: bool = False
    ordinal: bool = False
    shift: float = 0.0
    factor: float = 1.0
    others: tuple[str, ...] | None = ()
    signed: bool = False
    zero_missing: bool = False
    shifts: tuple[float, ...] = ()
    factors: tuple[float, ...] = ()
    clip: float = 0.0

    def __post_init__(self) -> None:
        words = (self.name, *self.categories, *(self.others or ()))
        truths = (self.rare, self.missing, self.ordinal, self.signed, self.zero_missing)
        figures = (self.shift, self.factor, self.clip, *self.shifts, *self.factors)
        good = all(type(each) is str for each in words) and all(type(each) is bool for each in truths)
        if not good or not all(type(each) is float and math.isfinite(each) for each in figures):
            raise ModelError("a column of categories", f"{self}"[:200])
        if len(set(self.categories)) != len(self.categories) or not self.inputs:
            raise ModelError("different categories", f"{self.categories[:3]}")
        if self.signed and (len(self.categories) > 2 or self.rare or self.missing or self.ordinal):
            raise ModelError("one or two categories with a sign", f"{self.categories[:3]}")
        if not len(self.shifts) == len(self.factors) in {0, len(self.inputs)} or self.clip < 0:
            raise ModelError("a shift and a factor for each input", f"{len(self.shifts)} and {len(self.factors)}")

    @property
    def kind(self) -> Kind:
        """The kind of its column."""
        return "category"

    def unfamiliar(self, column: Column) -> dict[str, Booleans]:
        """Return the rows (n,) of each kind of unfamiliar value: unseen, or missing as never in training."""
        found = {} if self.missing or self.ordinal or self.zero_missing else {_MISSING: column.missing}
        if self.others is not None:
            known = {*self.categories, *self.others}
            unseen = np.array([*(word not in known for word in column.categories), False])
            rows = unseen[column.values]
            if rows.any():
                first = column.categories[int(column.values[np.argmax(rows)])]
                found[f"an unseen category, for example {first[:40]!r}"] = rows
        return found

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs."""
        if self.ordinal or self.signed:
            return (self.name,)
        words = [*self.categories, *["other"] * self.rare, *["missing"] * self.missing]
        return tuple(f"{self.name}={word}" for word in words)

    def write(self, column: Column, out: SingleFloats) -> None:
        """Fill the inputs (n, …) of a column."""
        places = {word: place for place, word in enumerate(self.categories)}
        unseen = len(places) if self.rare else -1
        absent = len(places) + self.rare if self.missing else -1
        lookup = np.array([*(places.get(word, unseen) for word in column.categories), absent])
        found = lookup[column.values]
        if self.ordinal:
            out[:, 0] = np.where(found < 0, 0.0, (found - self.shift) * self.factor)
            return
        if self.signed:
            values = np.array([1.0, -1.0] if len(self.categories) == 1 else [1.0, -1.0, 0.0])
            out[:, 0] = values[found]
        else:
            out[:] = 0.0
            rows = np.flatnonzero(found >= 0)
            out[rows, found[rows]] = 1.0
        if self.shifts:
            out[:] = smooth_clip((out - np.array(self.shifts)) * np.array(self.factors), self.clip)


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
    def numeric_inputs(self) -> tuple[int, ...]:
        """The places of the inputs that are the values of numbers and dates."""
        places, place = [], 0
        for column in self.columns:
            if column.kind in {"number", "date"}:
                places.append(place)
            place += len(column.inputs)
        return tuple(places)

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

    def __call__(self, x: Any) -> SingleFloats:
        """Return the inputs (n, d) of raw rows, float32 on every engine."""
        if self._matrix is not None and self._matrix.takes(x) and not is_mapped(x):
            with np.errstate(over="ignore"):  # checked here
                inputs = self._matrix(x)
            if np.isfinite(inputs).all():
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
