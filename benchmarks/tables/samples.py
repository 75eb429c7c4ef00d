"""What a model is trained on and evaluated on: one split of a table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MOST_ROWS", "Absent", "Array", "Samples", "Table", "digest_of", "split_of"]

Array = npt.NDArray[Any]

MOST_ROWS = 5_000
"""Rows of a training or a test set, at most."""
_TEST_FRACTION = 0.25


class Absent(RuntimeError):
    """A table whose file is not there."""


@dataclass(frozen=True)
class Samples:
    """One split of a table.

    x, test_x : data frames; a column is float64, or categorical.
    y, test_y : integers from 0, all of which occur in training, or float64.
    truth : what a model predicts for test_x that knows the distribution of the data; None where it is unknown.
    """

    x: Any
    y: Array
    test_x: Any
    test_y: Array
    truth: Array | None = None


@dataclass(frozen=True)
class Table:
    """A table, real or synthetic.

    name : in tables and pictures.
    task : "classification" or "regression".
    about : where it is from, or how it is computed.
    draw : (folder of the CSV files, number of the split) to its samples.
    """

    name: str
    task: str
    about: str
    draw: Callable[[Path | None, int], Samples]


def split_of(x: Any, y: Array, number: int, *, classes: bool) -> Samples:
    """Split a table at random, a quarter of each class for testing, and leave out rows beyond `MOST_ROWS`."""
    generator = np.random.default_rng([15, number])
    groups = [np.flatnonzero(y == label) for label in np.unique(y)] if classes else [np.arange(len(y))]
    train: list[Array] = []
    test: list[Array] = []
    for rows in groups:
        rows = generator.permutation(rows)
        border, most = round(_TEST_FRACTION * len(rows)), round(len(rows) / len(y) * MOST_ROWS)
        test.append(rows[:border][:most])
        train.append(rows[border:][:most])
    fitted, tested = (generator.permutation(np.concatenate(each)) for each in (train, test))
    frame, test_frame = (x.iloc[rows].reset_index(drop=True) for rows in (fitted, tested))
    return Samples(frame, y[fitted], test_frame, y[tested])


def digest_of(samples: Samples) -> str:
    """A hash of all values, which is equal for every model that has the same samples."""
    digest = hashlib.sha256()
    for frame, y in ((samples.x, samples.y), (samples.test_x, samples.test_y)):
        for name in frame.columns:
            column = frame[name]
            digest.update(name.encode())
            if column.dtype.kind == "f":
                digest.update(column.to_numpy().tobytes())
            else:
                digest.update("\n".join(map(str, column)).encode())
        digest.update(np.ascontiguousarray(y).tobytes())
    return digest.hexdigest()[:16]
