"""Scaling: which numbers the network sees in place of the raw ones, and how they are learnt from the training part."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.errors import RecipeError
from deltarule.formulas.formula import real
from deltarule.mapped import forget
from deltarule.types import Floats

KINDS = ("auto", "none", "unit", "standard", "pooled")


@dataclass(frozen=True)
class Scaling:
    """How raw inputs become the network's: (x − shift) · factor.

    kind : "none"; "unit", divided by the largest possible value (255 for uint8, otherwise the largest absolute value
        seen in training); "standard", each feature to mean 0 and deviation 1; "pooled", all by one mean
        and one deviation, which suits images; "auto", "pooled" for images and "standard" for tables; "divide",
        by `divisor`.

    >>> Scaling("divide", 256.0).learn(np.zeros((2, 3), np.uint8), image=True)
    Affine(shift=array(0.), factor=array(0.00390625))
    """

    kind: str = "auto"
    divisor: float | None = None

    def __post_init__(self) -> None:
        if self.kind == "divide":
            if not 0 < real(self.divisor) < math.inf:
                raise RecipeError("a number above 0 to divide the inputs by", repr(self.divisor), "scaling=255")
            object.__setattr__(self, "divisor", real(self.divisor))
        elif self.kind not in KINDS or self.divisor is not None:
            raise RecipeError(f"a scaling: {', '.join(KINDS)} or a number to divide by", repr(self.kind), '"standard"')

    @classmethod
    def of(cls, spec: Any) -> Scaling:
        """The scaling that a name, a number to divide by, or JSON means."""
        if isinstance(spec, Scaling):
            return spec
        if isinstance(spec, str):
            return cls(spec)
        if isinstance(spec, (int, float)) and not isinstance(spec, bool):
            return cls("divide", spec)
        raise RecipeError(f"a scaling: {', '.join(KINDS)} or a number to divide by", repr(spec), '"standard"')

    def to_json(self) -> str | float:
        """The scaling as data: its name, or the number to divide by."""
        return self.kind if self.divisor is None else self.divisor

    def learn(self, x: npt.NDArray[Any], *, image: bool, rows: npt.NDArray[Any] | None = None) -> Affine:
        """What the training inputs x (n, d) say, or some rows of them: the shift and the factor."""
        kind = ("pooled" if image else "standard") if self.kind == "auto" else self.kind
        if kind == "none":
            return Affine(np.array(0.0), np.array(1.0))
        if kind == "divide":
            return Affine(np.array(0.0), np.array(1.0 / self.divisor))  # type: ignore[operator]
        if kind == "unit":
            top = 255.0 if x.dtype == np.uint8 else max(float(np.abs(each).max()) for each in _blocks(x, rows))
            return Affine(np.array(0.0), np.array(1.0 / top if top > 0 else 1.0))
        mean, deviation = moments(x, rows)
        if kind == "pooled":
            total = mean.mean()
            deviation = np.sqrt(np.mean(deviation**2 + (mean - total) ** 2))
            mean = np.array(total)
        constant = deviation <= 1e-12 * np.abs(mean)
        return Affine(np.asarray(mean), np.asarray(1.0 / np.where(constant, 1.0, deviation)))


@dataclass(frozen=True)
class Affine:
    """A scaling that has been learnt: `shift` and `factor` are () or (d,)."""

    shift: Floats
    factor: Floats

    def __call__(self, x: npt.NDArray[Any]) -> Floats:
        """The scaled inputs, in float64: (x − shift) · factor."""
        return (np.asarray(x, dtype=np.float64) - self.shift) * self.factor

    def undo(self, x: npt.NDArray[Any]) -> Floats:
        """The raw numbers of scaled ones."""
        return np.asarray(x / self.factor + self.shift, dtype=np.float64)


def moments(x: npt.NDArray[Any], rows: npt.NDArray[Any] | None = None, block: int = 2048) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each column of x (n, d), or of some of its rows: no copy of x is made."""
    n, d = len(x) if rows is None else len(rows), x.shape[1]
    mean, squares = np.zeros(d), np.zeros(d)
    for each in _blocks(x, rows, block):
        mean += each.sum(axis=0)
    mean /= n
    for each in _blocks(x, rows, block):
        each = each - mean
        squares += np.einsum("ij,ij->j", each, each)
    return mean, np.sqrt(squares / n)


def _blocks(x: npt.NDArray[Any], rows: npt.NDArray[Any] | None, block: int = 2048) -> Iterator[Floats]:
    """Some rows of x after the other, in float64; what a mapped file gave of them is given back."""
    for start in range(0, len(x) if rows is None else len(rows), block):
        chosen = slice(start, start + block) if rows is None else rows[start : start + block]
        yield np.asarray(x[chosen], dtype=np.float64)
        forget(x[chosen] if rows is None else x)
