"""The encoding of a table of numbers alone, all columns at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from deltarule.engines.predicting import all_finite
from deltarule.recipes.scaling import smooth_clip
from deltarule.types import Floats, Indices, SingleFloats


@dataclass(frozen=True, eq=False)
class NumberMatrix:
    """What `NumberEncoding.write` does for each column, for arrays of numbers: the same inputs, to the last bit.

    fill, shift, factor, clip : of the columns, (d,) each and a number.
    flagged : the columns whose missing values have an input.
    values, flags : the places of the inputs.
    present, absent : the second input of a number that is there, or missing, of each flagged column.
    """

    fill: Floats
    shift: Floats
    factor: Floats
    clip: float
    flagged: Indices
    values: Indices
    flags: Indices
    present: Floats
    absent: Floats

    @classmethod
    def of(cls, columns: Sequence[Any]) -> Self | None:
        """Return the encoding of all columns at once; None where some are no plain numbers."""
        plain = all(column.kind == "number" and not column.quantiles and not column.notation for column in columns)
        if not plain or len({column.clip for column in columns}) != 1:
            return None
        widths = np.array([len(column.inputs) for column in columns])
        flagged = np.flatnonzero(widths == 2)
        values = np.cumsum(widths) - widths
        clip = columns[0].clip
        seconds = [columns[place].flag_values for place in flagged.tolist()]
        return cls(
            fill=np.array([column.fill for column in columns]),
            shift=np.array([column.shift for column in columns]),
            factor=np.array([column.factor for column in columns]),
            clip=clip,
            flagged=flagged,
            values=values,
            flags=values[flagged] + 1,
            present=np.array([present for present, _ in seconds]),
            absent=np.array([absent for _, absent in seconds]),
        )

    def takes(self, x: Any) -> bool:
        """Return whether x is an array of numbers with these columns."""
        numbers = type(x) is np.ndarray and x.ndim == 2 and x.dtype.kind in "fiu" and x.shape[1] == len(self.fill)
        return numbers and len(x) > 0

    def __call__(self, x: npt.NDArray[Any]) -> SingleFloats | None:
        """Return the inputs of raw numbers x (n, d), NaN where missing; None where x or an input is infinite."""
        x = x.astype(np.float64)
        known = all_finite(x)
        missing = np.zeros(x.shape, bool) if known else np.isnan(x)
        if not known:
            x = np.where(missing, self.fill, x)
        if not (known or all_finite(x)):
            return None
        with np.errstate(over="ignore", invalid="ignore"):  # checked below
            encoded = smooth_clip((x - self.shift) * self.factor, self.clip).astype(np.float32)
        if not len(self.flagged):
            return encoded if all_finite(encoded) else None
        out = np.empty((len(x), len(self.values) + len(self.flags)), np.float32)
        out[:, self.values] = encoded
        out[:, self.flags] = np.where(missing[:, self.flagged], self.absent, self.present)
        return out if all_finite(out) else None
