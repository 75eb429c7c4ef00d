"""Are these classes or numbers?"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from deltarule.data.arrays import Array, checked_targets
from deltarule.errors import DataError

__all__ = ["CLASSES_AT_MOST", "Task", "require_classes", "task_of"]

Task = Literal["classification", "regression"]

CLASSES_AT_MOST = 20
"""So many distinct integers are still taken for classes; more are taken for numbers."""


def task_of(y: ArrayLike) -> Task:
    """What y (n,) or (n, k) asks for, judged by its dtype and the number of its distinct values.

    Text, booleans and up to 20 distinct integers are classes. The rest is regression: more integers
    than that, every array of floats (1.0, 2.0 too: the dtype decides), and numbers of shape (n, k).

    Raises DataError where y is neither text labels nor finite numbers.

    >>> task_of(["cat", "dog"]), task_of([0, 1, 1]), task_of([0.0, 1.0]), task_of(range(21))
    ('classification', 'classification', 'regression', 'regression')
    """
    a = checked_targets(y)
    if a.ndim == 2 or a.dtype.kind == "f":
        return "regression"
    if a.dtype.kind in "iu" and len(np.unique(a)) > CLASSES_AT_MOST:
        return "regression"
    return "classification"


def require_classes(y: ArrayLike) -> Array:
    """The distinct labels of y (n,), sorted; with fewer than two there is nothing to tell apart.

    Raises DataError where there is one class only.

    >>> require_classes([3, 1, 3])
    array([1, 3])
    """
    a = checked_targets(y)
    if a.ndim != 1:
        raise DataError("labels of shape (n,)", f"shape {a.shape}", "y.argmax(axis=1) for one column each class")
    classes = np.unique(a)
    if len(classes) < 2:
        raise DataError("at least two classes to tell apart", f"only {classes[:1].tolist()[0]!r}, {len(a)} times")
    return classes
