"""The encoding of one column of a table as inputs: of numbers, and of categories."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from deltarule.data.columns import Column
from deltarule.data.kinds import KINDS, Kind
from deltarule.errors import ModelError
from deltarule.recipes.scaling import smooth_clip
from deltarule.types import Booleans, Floats, SingleFloats

_MISSING = "a missing value, as the training set has none"
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
    coded : whether there is one input, the code of the category: 1 for the first, and 0 for unseen and missing values.
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
    coded: bool = False
    shifts: tuple[float, ...] = ()
    factors: tuple[float, ...] = ()
    clip: float = 0.0

    def __post_init__(self) -> None:
        words = (self.name, *self.categories, *(self.others or ()))
        truths = (self.rare, self.missing, self.ordinal, self.signed, self.zero_missing, self.coded)
        figures = (self.shift, self.factor, self.clip, *self.shifts, *self.factors)
        good = all(type(each) is str for each in words) and all(type(each) is bool for each in truths)
        if not good or not all(type(each) is float and math.isfinite(each) for each in figures):
            raise ModelError("a column of categories", f"{self}"[:200])
        if len(set(self.categories)) != len(self.categories) or not self.inputs:
            raise ModelError("different categories", f"{self.categories[:3]}")
        if self.signed and (len(self.categories) > 2 or self.rare or self.missing or self.ordinal):
            raise ModelError("one or two categories with a sign", f"{self.categories[:3]}")
        if self.coded and (self.missing or self.ordinal or self.signed or self.shifts):
            raise ModelError("codes of categories alone", f"{self.categories[:3]}")
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
        if self.ordinal or self.signed or self.coded:
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
        if self.coded:
            out[:, 0] = found + 1
        elif self.signed:
            values = np.array([1.0, -1.0] if len(self.categories) == 1 else [1.0, -1.0, 0.0])
            out[:, 0] = values[found]
        else:
            out[:] = 0.0
            rows = np.flatnonzero(found >= 0)
            out[rows, found[rows]] = 1.0
        if self.shifts:
            out[:] = smooth_clip((out - np.array(self.shifts)) * np.array(self.factors), self.clip)
