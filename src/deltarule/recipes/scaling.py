"""Scaling of the raw inputs, fitted to the training set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.errors import DataError, RecipeError, UnknownName, nearest
from deltarule.formulas.formula import normalized, real
from deltarule.mapped import forget
from deltarule.types import Floats

KINDS = ("auto", "none", "unit", "standard", "pooled")


@dataclass(frozen=True)
class Scaling:
    """Scaling of the raw inputs: (x − shift) · factor.

    kind : "none"; "unit", divided by the largest possible value (255 for uint8, otherwise the largest absolute value
        in training); "standard", each feature to mean 0 and standard deviation 1; "pooled", all features by a common
        mean and standard deviation, for images; "auto", "pooled" for images and "standard" otherwise; "divide", by
        `divisor`.

    >>> Scaling("divide", 256.0).learn(np.zeros((2, 3), np.uint8), image=True)
    Affine(shift=array(0.), factor=array(0.00390625))
    """

    kind: str = "auto"
    divisor: float | None = None

    def __post_init__(self) -> None:
        if self.kind == "divide":
            if not 0 < real(self.divisor) < math.inf:
                raise RecipeError("a divisor above 0", repr(self.divisor), "scaling=255", field="scaling")
            object.__setattr__(self, "divisor", real(self.divisor))
        elif self.divisor is not None or normalized(self.kind) not in KINDS:
            raise _unknown(self.kind)
        else:
            object.__setattr__(self, "kind", normalized(self.kind))

    @classmethod
    def of(cls, spec: Any) -> Scaling:
        """Convert a name, a divisor, or JSON to a scaling."""
        if isinstance(spec, Scaling):
            return spec
        if isinstance(spec, str):
            return cls(spec)
        if isinstance(spec, (int, float)) and not isinstance(spec, bool):
            return cls("divide", spec)
        raise _unknown(spec)

    def to_json(self) -> str | float:
        """Return the scaling as data: its name or its divisor."""
        return self.kind if self.divisor is None else self.divisor

    def learn(self, x: npt.NDArray[Any], *, image: bool, rows: npt.NDArray[Any] | None = None) -> Affine:
        """Fit shift and factor to the training inputs x (n, d), or to some of their rows."""
        kind = ("pooled" if image else "standard") if self.kind == "auto" else self.kind
        if kind == "none":
            return Affine(np.array(0.0), np.array(1.0))
        if kind == "divide":
            return Affine(np.array(0.0), np.array(1.0 / self.divisor))  # type: ignore[operator]
        if kind == "unit":
            top = 255.0 if x.dtype == np.uint8 else max(float(np.abs(each).max()) for each in _blocks(x, rows))
            return Affine(np.array(0.0), np.array(1.0 / top if top > 0 else 1.0))
        with np.errstate(over="ignore", invalid="ignore"):  # checked here
            mean, deviation = moments(x, rows)
        if not np.isfinite(deviation).all():
            largest = max(float(np.abs(each).max()) for each in _blocks(x, rows))
            raise DataError("numbers of which the squares are finite", f"{largest:g}", "numbers in other units")
        if kind == "pooled":
            total = mean.mean()
            deviation = np.sqrt(np.mean(deviation**2 + (mean - total) ** 2))
            mean = np.array(total)
        constant = (deviation <= 1e-12 * np.abs(mean)) | (deviation < _LEAST_DEVIATION)
        return Affine(np.asarray(mean), np.asarray(1.0 / np.where(constant, 1.0, deviation)))


def _unknown(spec: Any) -> UnknownName:
    hint = nearest(str(spec).lower(), KINDS)
    expected = f"one of {', '.join(KINDS)}, or a divisor"
    return UnknownName(expected, repr(spec), f'scaling="{hint or "standard"}"', field="scaling", nearest=hint)


@dataclass(frozen=True)
class Affine:
    """A fitted scaling: `shift` and `factor` are () or (d,)."""

    shift: Floats
    factor: Floats

    def __call__(self, x: npt.NDArray[Any]) -> Floats:
        """Return the scaled inputs, in float64: (x − shift) · factor."""
        return (np.asarray(x, dtype=np.float64) - self.shift) * self.factor

    def undo(self, x: npt.NDArray[Any]) -> Floats:
        """Return the raw values of scaled ones."""
        return np.asarray(x / self.factor + self.shift, dtype=np.float64)


_SMALL = 1e-145
"""Standard deviations below are computed from larger numbers, as their squares are too close to 0."""
_LEAST_DEVIATION = 1e-300
"""Columns with smaller standard deviations count as constant: their factor would be near the largest float."""


def robust(x: Floats) -> Affine:
    """Return the scaling of each column of x (n, d) by its median m and its quartiles q₁ and q₃: shift and factor (d,).

    (x − m) / (q₃ − q₁); 2 (x − m) / (max − min) where the quartiles are equal; 0 for a constant column. Holzmüller,
    Grinsztajn, Steinwart (2024), as in pytabkit.

    >>> robust(np.array([[1.0, 0.0], [3.0, 0.0], [5.0, 0.0], [9.0, 0.0], [11.0, 4.0]]))
    Affine(shift=array([5., 0.]), factor=array([0.16666667, 0.5       ]))
    """
    first, median, third = np.quantile(x, (0.25, 0.5, 0.75), axis=0)
    quartiles, extremes = third - first, x.max(axis=0) - x.min(axis=0)
    width = np.where(quartiles != 0, quartiles + 1e-30, 0.5 * extremes)
    return Affine(median, np.where(width != 0, 1.0 / np.where(width != 0, width, 1.0), 0.0))


def smooth_clip(u: npt.NDArray[Any], limit: float = 3.0) -> npt.NDArray[Any]:
    """Return u / √(1 + (u / limit)²), which is nearly u around 0 and between −limit and limit; a limit of 0 is none.

    >>> smooth_clip(np.array([0.1, 3.0, -1e300])).round(3).tolist()
    [0.1, 2.121, -3.0]
    """
    if not limit:
        return u
    u = np.minimum(np.maximum(u, -1e100), 1e100)
    clipped: npt.NDArray[Any] = u / np.sqrt(1.0 + (u / limit) ** 2)
    return clipped


def moments(x: npt.NDArray[Any], rows: npt.NDArray[Any] | None = None, block: int = 2048) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each column of x (n, d), or of some of its rows, without copying x."""
    n, d = len(x) if rows is None else len(rows), x.shape[1]
    mean = np.zeros(d)
    for each in _blocks(x, rows, block):
        mean += each.sum(axis=0)
    mean /= n
    deviation = _deviation(x, rows, block, mean, np.ones(d))
    small = deviation < _SMALL
    if small.any():
        # The squares of differences below 1e-162 are 0; a power of two in front of them is exact.
        unit = np.where(small, 2.0**-500, 1.0)
        deviation = np.where(small, _deviation(x, rows, block, mean, unit), deviation)
    return mean, deviation


def _deviation(x: npt.NDArray[Any], rows: npt.NDArray[Any] | None, block: int, mean: Floats, unit: Floats) -> Floats:
    """Return the standard deviation of each column, whose squares are computed in units (d,)."""
    squares = np.zeros(x.shape[1])
    for each in _blocks(x, rows, block):
        each = (each - mean) / unit
        squares += np.einsum("ij,ij->j", each, each)
    return np.asarray(unit * np.sqrt(squares / (len(x) if rows is None else len(rows))))


def _blocks(x: npt.NDArray[Any], rows: npt.NDArray[Any] | None, block: int = 2048) -> Iterator[Floats]:
    """Yield blocks of rows of x, in float64; pages of a mapped file are released afterwards."""
    for start in range(0, len(x) if rows is None else len(rows), block):
        chosen = slice(start, start + block) if rows is None else rows[start : start + block]
        yield np.asarray(x[chosen], dtype=np.float64)
        forget(x[chosen] if rows is None else x)
