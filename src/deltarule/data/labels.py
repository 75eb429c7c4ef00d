"""The task that targets define: classification, several labels a sample, or regression."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from deltarule.data.arrays import Array, checked_targets
from deltarule.errors import DataError
from deltarule.language import count_of

__all__ = ["CLASSES_AT_MOST", "Task", "are_labels", "require_classes", "task_of"]

Task = Literal["classification", "multilabel", "regression"]

CLASSES_AT_MOST = 20
"""Up to this number of distinct integers are classes; more are regression targets."""


def task_of(y: ArrayLike) -> Task:
    """Return the task of targets y (n,) or (n, k), by their dtype and the number of distinct values.

    Text, booleans and up to 20 distinct integers (n,) are classes. Booleans, or integers that are all 0 or 1, of shape
    (n, k), k > 1, are several labels a sample. The rest is regression, all floats included (1.0, 2.0 too).

    Raises DataError where y is neither text labels nor finite numbers.

    >>> task_of(["cat", "dog"]), task_of([0, 1, 1]), task_of([0.0, 1.0]), task_of(range(21))
    ('classification', 'classification', 'regression', 'regression')
    >>> task_of([[0, 1], [1, 1]]), task_of([[0, 1], [1, 2]])
    ('multilabel', 'regression')
    """
    a = checked_targets(y)
    if a.ndim == 2:
        return "multilabel" if a.shape[1] > 1 and a.dtype.kind in "biu" and are_labels(a) else "regression"
    if a.dtype.kind == "f":
        return "regression"
    if a.dtype.kind in "iu" and len(np.unique(a)) > CLASSES_AT_MOST:
        return "regression"
    return "classification"


def are_labels(y: Array) -> bool:
    """Return whether all of y is 0 or 1.

    >>> are_labels(np.array([[0, 1], [1, 1]])), are_labels(np.array([0.5]))
    (True, False)
    """
    return y.dtype.kind == "b" or (y.dtype.kind in "iuf" and bool(((y == 0) | (y == 1)).all()))


def require_classes(y: ArrayLike) -> Array:
    """Return the distinct labels of y (n,), sorted.

    Raises DataError for a single class.

    >>> require_classes([3, 1, 3])
    array([1, 3])
    """
    a = checked_targets(y)
    if a.ndim != 1:
        raise DataError("labels of shape (n,)", f"shape {a.shape}", "y.argmax(axis=1) for one-hot columns", field="y")
    classes = np.unique(a)
    if len(classes) < 2:
        came = f"only {classes[:1].tolist()[0]!r} in {count_of(len(a), 'sample')}"
        instead = "targets of at least two classes, also in the training set"
        raise DataError("at least two classes", came, instead, field="y")
    return classes
