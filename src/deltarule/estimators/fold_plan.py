"""The folds of an estimator for tables: what each network is trained on, and what it is stopped and judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset, Part, Table
from deltarule.data.strata import shuffled_parts, stratified_parts
from deltarule.types import Floats, Positions


@dataclass(frozen=True)
class Fold:
    """Row numbers: those that networks are trained on, and those held out, which may be none."""

    train: Positions
    held: Positions

    def dataset(self, table: Table, y: npt.NDArray[Any], weights: Floats | None) -> Dataset:
        """Return the data of the networks of this fold; the validation set is what is held out."""

        def part(rows: Positions) -> Part:
            return Part(table[rows], y[rows], None if weights is None else weights[rows])

        return Dataset(part(self.train), part(self.held) if len(self.held) else None)


def planned_folds(y: npt.NDArray[Any], folds: int, seed: int, *, classes: bool) -> list[Fold]:
    """Return up to so many folds of the targets y (n,) or (n, k), stratified by class.

    A sample that is the only one of its class outside a fold's training set is trained on: so that each network knows
    all classes, classes with a single sample are never held out.

    >>> [fold.held.tolist() for fold in planned_folds(np.array([0, 0, 0, 1]), 2, 0, classes=True)]
    [[0], [1, 2]]
    """
    n = len(y)
    k = min(folds, n)
    sizes = [n // k + (fold < n % k) for fold in range(k)]
    parts = stratified_parts(y, sizes, seed) if classes else shuffled_parts(n, sizes, seed)
    planned = []
    for held in parts:
        if classes:
            train = np.setdiff1d(np.arange(n), held)
            held = held[np.isin(y[held], y[train])]
        planned.append(Fold(np.setdiff1d(np.arange(n), held), held))
    return planned
