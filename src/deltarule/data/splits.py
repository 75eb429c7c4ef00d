"""Splits of samples into a training, a validation and a test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from deltarule.data.arrays import Array
from deltarule.data.dataset import Dataset
from deltarule.data.labels import Task, task_of
from deltarule.data.parts import Part
from deltarule.data.strata import grouped_parts, ordered_parts, shuffled_parts, stratified_parts
from deltarule.data.table import Table, unknown_column
from deltarule.errors import DataError
from deltarule.language import count_of
from deltarule.mapped import is_mapped

__all__ = ["PROPORTIONS_OF_THE_TEXTS", "Split", "default_split", "proportions_of_the_texts", "split"]

PROPORTIONS_OF_THE_TEXTS: tuple[tuple[int | None, tuple[float, float, float]], ...] = (
    (100_000, (0.60, 0.20, 0.20)),
    (1_000_001, (0.98, 0.01, 0.01)),
    (None, (0.995, 0.0025, 0.0025)),
)
"""Below this number of samples: these fractions for training, validation and test."""


@dataclass(frozen=True)
class Split:
    """Sizes of the validation and test set. A float is a fraction of all samples, an int a number; 0: no such set.

    train : None for the samples that validation and test leave.
    validation : 0.1 for a tenth.
    test : 0.1 for a tenth.
    stratified : whether classes keep their proportions in every set; no effect in regression, or unless shuffled.
    shuffled : False for the samples in their order, first the training, then the validation, then the test samples.
    group_by : of a table: a column; rows with the same value are in one set (several visits of one patient). Sizes are
        then as close as the groups allow. The column is no input.
    order_by : of a table: a column of dates or numbers; the training set is the earliest, the test set the latest. The
        column is no input.
    seed : random seed of the split.

    Raises DataError for a fraction outside [0, 1], a number below 0, or sizes that do not add up.

    >>> Split(validation=0.2, test=0.2).sizes(100)
    (60, 20, 20)
    >>> Split(50_000, 10_000, 10_000, shuffled=False).sizes(70_000)
    (50000, 10000, 10000)
    """

    train: float | None = None
    validation: float = 0.1
    test: float = 0.1
    stratified: bool = True
    shuffled: bool = True
    seed: int = 0
    group_by: str | None = None
    order_by: str | None = None

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            value = getattr(self, name)
            if value is None and name == "train":
                continue
            number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
            top = float("inf") if isinstance(value, int | np.integer) else 1
            if not number or not 0 <= value <= top:
                expected = "a fraction (a float from 0 to 1) or a number of samples (an int)"
                raise DataError(expected, repr(value), f"Split({name}=0.1)", field=name)
        fractions = [value for value in (self.train, self.validation, self.test) if isinstance(value, float)]
        total = sum(fractions)
        if len(fractions) == 3 and abs(total - 1) > 1e-6:
            instead = f"Split(validation={self.validation}, test={self.test})"
            raise DataError("fractions that add up to 1", f"{total:g}", instead)
        if self.group_by is not None and self.order_by is not None:
            raise DataError("group_by or order_by", "both", f"Split(group_by={self.group_by!r})")
        if self.seed < 0:
            raise DataError("a seed of 0 or more", f"{self.seed}")

    def sizes(self, n: int) -> tuple[int, int, int]:
        """Return the numbers of training, validation and test samples out of n; they add up to n.

        Fractions are rounded, to at least one sample; the rest are training samples.

        Raises DataError for sizes that do not add up to n, or leave no training samples.

        >>> Split().sizes(15)
        (11, 2, 2)
        """
        validation, test = _number(self.validation, n), _number(self.test, n)
        train = n - validation - test
        if train < 1:
            came = f"{count_of(n, 'sample')}, {validation} for validation and {test} for test"
            raise DataError("at least one sample", came, "Split(validation=0, test=0), or more samples", field="train")
        if self.train is not None:
            exact = isinstance(self.train, int | np.integer)
            # A fraction may differ by what the rounding of three sizes can cost.
            if abs(self.train * (1 if exact else n) - train) > (0 if exact else 2 + 1e-6 * n):
                came = (
                    f"train={self.train}, validation={self.validation}, test={self.test}, which leave {train} for train"
                )
                instead = f"Split(validation={self.validation}, test={self.test})"
                raise DataError(f"sets that add up to {n} samples", came, instead)
        return train, validation, test


def default_split(n: int, seed: int = 0) -> Split:
    """Return the default split of n samples.

    80/10/10 below 100,000 samples, then validation and test of 10,000 each.

    >>> default_split(1_000).sizes(1_000), default_split(200_000).sizes(200_000)
    ((800, 100, 100), (180000, 10000, 10000))
    """
    return Split(seed=seed) if n < 100_000 else Split(validation=10_000, test=10_000, seed=seed)


def proportions_of_the_texts(n: int) -> tuple[float, float, float]:
    """Return the fractions (train, validation, test) that textbooks recommend for n samples.

    60/20/20 for small data (70/30 without a validation set); 98/1/1 up to about a million; 99.5/0.25/0.25 beyond: the
    smaller sets need only be large enough to distinguish two models.

    >>> proportions_of_the_texts(500), Split(*proportions_of_the_texts(500)).sizes(500)
    ((0.6, 0.2, 0.2), (300, 100, 100))
    """
    return next(fractions for below, fractions in PROPORTIONS_OF_THE_TEXTS if below is None or n < below)


def split(
    x: Any,
    y: ArrayLike,
    split: Split | None = None,
    weights: ArrayLike | None = None,
    name: str = "",
    *,
    groups: ArrayLike | None = None,
    times: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    feature_names: Sequence[str] | None = None,
    source: str = "",
    target: str | tuple[str, ...] | None = None,
    declared_task: Task | None = None,
) -> Dataset:
    """Return a data set of samples x (n, d), images or a table, with y (n,) or (n, k), and weights (n,) or None.

    groups : (n,), samples of one group are all in one set.
    times : (n,), the earliest samples are the training set, the latest the test set. For tables the split can name a
        column for either.

    Samples in a mapped file stay there, in their order: the first ones are the training set, the others are read.
    Without a split `default_split` is used: 80/10/10, stratified. Every sample is in exactly one set.

    Raises DataError for invalid or too few samples.

    >>> split([[value] for value in range(10)], ["a", "b"] * 5)
    Dataset(8 train, 1 validation, 1 test; x 1 int64; 2 classes)
    """
    every = Part(x, y, weights)
    n = len(every)
    chosen = default_split(n) if split is None else split
    every, groups, times = _without_column(every, chosen, groups, times)
    sizes = chosen.sizes(n)
    picked: Sequence[Part | None]
    if groups is not None:
        picked = _picked(every, grouped_parts(_as_long("groups", groups, n), sizes, chosen.seed))
    elif times is not None:
        picked = _picked(every, ordered_parts(_as_long("times", times, n), sizes))
    elif not chosen.shuffled or is_mapped(every.x):
        ends = np.cumsum(sizes)
        slices = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        picked = [every.rows(each) if each.stop > each.start else None for each in slices]
        picked = [picked[0], *(part and part.in_memory() for part in picked[1:])]
    else:
        by_class = chosen.stratified and task_of(every.y) == "classification"
        rows = stratified_parts(every.y, sizes, chosen.seed) if by_class else shuffled_parts(n, sizes, chosen.seed)
        picked = _picked(every, rows)
    train, validation, test = picked
    if train is None:  # pragma: no cover - sizes() has seen to it
        raise DataError("at least one training sample", "none")
    names = feature_names if not isinstance(every.x, Table) else None
    return Dataset(train, validation, test, name, class_names, names, source, target, declared_task)


def _picked(every: Part, rows: Sequence[Array]) -> list[Part | None]:
    return [every.rows(part) if len(part) else None for part in rows]


def _without_column(
    every: Part, chosen: Split, groups: ArrayLike | None, times: ArrayLike | None
) -> tuple[Part, ArrayLike | None, ArrayLike | None]:
    """Return the samples without the column that they are split by, and that column's values."""
    by = chosen.group_by or chosen.order_by
    if by is None:
        return every, groups, times
    if not isinstance(every.x, Table):
        field = "group_by" if chosen.group_by else "order_by"
        raise DataError(f"a table for {field}={by!r}", "arrays", "split(x, y, groups=...) or split(x, y, times=...)")
    if by not in every.x.names:
        raise unknown_column(by, every.x.names, "group_by" if chosen.group_by else "order_by")
    column = every.x.column(by)
    if column.missing.any():
        came = f"none in row {int(np.argmax(column.missing)) + 1}"
        raise DataError("a value in every row", came, field=by)
    rest = Part(every.x.without([by]), every.y, every.weights)
    if chosen.group_by:
        return rest, column.values, None
    if column.coded:
        raise DataError("dates or numbers to split by", f"a column of kind {column.kind!r}", field=by)
    return rest, None, column.values


def _as_long(name: str, values: ArrayLike, n: int) -> Array:
    array = np.asarray(values)
    if array.shape != (n,):
        raise DataError(f"{name} of shape ({n},), one for each sample", f"{array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(f"finite {name}", f"{array[~np.isfinite(array)][0]}")
    return array


def _number(size: float, n: int) -> int:
    """Return a fraction of n, or a number of samples, as a number of samples."""
    if isinstance(size, int | np.integer):
        return int(size)
    return max(1, round(size * n)) if size else 0
