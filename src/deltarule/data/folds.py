"""k-fold cross-validation: each sample is a validation sample once, and a training sample in all other folds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from deltarule.data.dataset import Dataset
from deltarule.data.labels import task_of
from deltarule.data.strata import grouped_parts, shuffled_parts, stratified_parts
from deltarule.errors import DataError
from deltarule.types import Positions

__all__ = ["fold_rows", "folds"]


def folds(data: Dataset, k: int = 5, *, groups: ArrayLike | None = None, seed: int = 0) -> Iterator[Dataset]:
    """Yield the k data sets of a cross-validation of the training set, each with one k-th of it as validation set.

    Stratified by class in classification; groups (n,): samples of one group are all in the same fold. The test set does
    not change. An existing validation set is replaced: add its samples to `train` first if they are to be used.

    Raises DataError for k below 2, or more folds than samples or groups.

    >>> data = Dataset(train=(np.arange(10.0)[:, None], [0, 1] * 5))
    >>> [len(each.validation) for each in folds(data, 5)]
    [2, 2, 2, 2, 2]
    """
    for held in fold_rows(data.train.y, k, groups=groups, seed=seed):
        rest = np.setdiff1d(np.arange(len(data.train)), held)
        yield replace(data, train=data.train.rows(rest), validation=data.train.rows(held))


def fold_rows(y: ArrayLike, k: int = 5, *, groups: ArrayLike | None = None, seed: int = 0) -> list[Positions]:
    """Return the validation samples of each of the k folds as row numbers: every one of the n samples once.

    `train_many(..., rows=[...])` takes their complements, so that no samples are copied.

    >>> sorted(np.concatenate(fold_rows([0, 1] * 5, 3)).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    targets = np.asarray(y)
    n = len(targets)
    if not isinstance(k, int | np.integer) or not 2 <= k <= n:
        raise DataError(f"a number of folds from 2 to {n}, the number of samples", repr(k), "folds(data, 5)")
    sizes = [n // k + (fold < n % k) for fold in range(k)]
    if groups is not None:
        of = np.asarray(groups)
        if of.shape != (n,):
            raise DataError(f"groups of shape ({n},), one for each sample", f"{of.shape}")
        return grouped_parts(of, sizes, seed)
    if task_of(targets) == "classification":
        return stratified_parts(targets, sizes, seed)
    return shuffled_parts(n, sizes, seed)
