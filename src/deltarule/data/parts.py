"""One set of a data set: samples, their targets and their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from deltarule.data.arrays import Array, checked_samples, checked_targets, checked_weights
from deltarule.data.frames import is_tabular, table_of
from deltarule.data.table import Table
from deltarule.errors import DataError
from deltarule.mapped import is_mapped

__all__ = ["Part"]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Part:
    """Samples `x` with their targets `y`, as raw values: not scaled, not encoded, not copied, of the given dtype.

    x : (n, d), or images (n, height, width) or (n, height, width, channels); real and finite; or a table: what
        `table_of` takes becomes a `Table` of n rows, with categories, dates and missing values unchanged.
    y : (n,) labels as text, booleans, integers; (n,) or (n, k) finite numbers; or (n, k) labels 0 and 1.
    weights : (n,) weights of the samples, 0 or more; None: all equal.

    Raises DataError, with the position of the first invalid value.

    >>> part = Part([[0, 0], [0, 1], [1, 1]], ["no", "yes", "no"])
    >>> part, len(part)
    (Part(3 samples of 2 int64, y <U3), 3)
    """

    x: Any
    y: Array
    weights: Array | None = None

    def __init__(self, x: Any, y: ArrayLike, weights: ArrayLike | None = None) -> None:
        samples = _checked_table(x) if is_tabular(x) else checked_samples(x)
        targets = checked_targets(y)
        if len(samples) != len(targets):
            raise DataError("x and y of the same length", f"{len(samples)} rows of x and {len(targets)} of y")
        counts = None if weights is None else checked_weights(weights)
        if counts is not None and len(counts) != len(samples):
            raise DataError("one weight for each sample", f"{len(counts)} weights and {len(samples)} samples")
        for name, value in (("x", samples), ("y", targets), ("weights", counts)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        y = f"{self.y.dtype}" if self.y.ndim == 1 else f"{self.y.shape[1]} {self.y.dtype}"
        weights = "" if self.weights is None else ", weighted"
        return f"Part({len(self)} samples of {shape_of(self.x)}, y {y}{weights})"

    def rows(self, indices: ArrayLike | slice) -> Part:
        """Return the samples at these indices (k,), in that order and repeats allowed, or where a mask (n,) is true.

        A slice gives views; anything else copies the selected rows.

        Raises DataError for an index out of range, or an empty selection.

        >>> Part([[1], [2], [3]], [0, 1, 0]).rows([2, 0]).x.ravel()
        array([3, 1])
        """
        picked = indices if isinstance(indices, slice) else np.atleast_1d(np.asarray(indices))
        if not isinstance(picked, slice) and (picked.ndim != 1 or picked.size == 0 or picked.dtype.kind not in "biu"):
            raise DataError("row numbers (k,) or a mask (n,)", f"{picked.dtype} of shape {picked.shape}")
        try:
            x, y = self.x[picked], self.y[picked]
            weights = None if self.weights is None else checked_weights(self.weights[picked])
        except IndexError as error:
            raise DataError(f"rows from 0 to {len(self) - 1}", str(error)) from error
        if not len(y):
            raise DataError("at least one row", f"none of {len(self)}")
        # The rows have been checked already; checking them again could mean to read a large file again.
        part = object.__new__(Part)
        for name, value in (("x", x), ("y", y), ("weights", weights)):
            object.__setattr__(part, name, value)
        return part

    def in_memory(self) -> Part:
        """Return the same samples, read into memory if they are in a mapped file."""
        return self.rows(np.arange(len(self))) if is_mapped(self.x) else self


def shape_of(x: Array | Table) -> str:
    """Describe one sample.

    >>> shape_of(np.zeros((5, 8, 8), np.uint8))
    '8×8 uint8'
    """
    if isinstance(x, Table):
        return f"{x.shape[1]} column{'' if x.shape[1] == 1 else 's'}"
    return "×".join(str(size) for size in x.shape[1:]) + f" {x.dtype}"


def _checked_table(x: Any) -> Table:
    table = table_of(x)
    if not len(table):
        raise DataError("at least one sample", "a table without rows")
    if not table.usable:
        kinds = ", ".join(f"{name}: {kind}" for name, kind in list(table.kinds.items())[:8])
        raise DataError("at least one column of numbers, categories, booleans or dates", kinds)
    return table
