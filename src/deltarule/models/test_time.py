"""Test-time averaging: the mean of what a model predicts for transformed copies of its samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.errors import ModelError
from deltarule.formulas.copies.copies import all_copies, chosen_copies
from deltarule.mapped import forget, is_mapped
from deltarule.types import Floats

__all__ = ["mean_over_copies"]

_BLOCK = 8192  # samples whose copies are in memory at a time


def mean_over_copies(
    predicted: Callable[[npt.NDArray[Any]], Floats], x: Any, shape: tuple[int, ...], average_over: Any
) -> Floats:
    """Return the mean of `predicted`, (n, k), over the copies of samples x, (n, *shape) or (n, prod(shape)).

    average_over : copies, or their names, of which every combination is taken; see `deltarule.copies`.

    Raises ModelError where the samples are not images.

    >>> mean_over_copies(lambda x: x[:, 0, :1], np.array([[[1.0, 3.0]]]), (1, 2), "mirror").tolist()
    [[2.0]]
    """
    chosen = chosen_copies(average_over)
    if len(shape) not in (2, 3):
        came = f"samples of {math.prod(shape)} inputs"
        raise ModelError("a model of images (height, width) to average over copies", came, field="average_over")
    given = x if is_mapped(x) else np.asarray(x)
    if given.shape[1:] not in (shape, (math.prod(shape),)):
        return predicted(given)  # which says what shape is expected
    starts = range(0, max(len(given), 1), _BLOCK)
    return np.concatenate([_of_block(predicted, given[start : start + _BLOCK], shape, chosen) for start in starts])


def _of_block(
    predicted: Callable[[npt.NDArray[Any]], Floats], x: npt.NDArray[Any], shape: tuple[int, ...], chosen: Any
) -> Floats:
    images = np.asarray(x).reshape(len(x), *shape, *(1,) * (3 - len(shape)))
    total, copies = np.zeros(()), 0
    for copy in all_copies(images, chosen):
        total, copies = total + predicted(copy.reshape(len(x), *shape)), copies + 1
    forget(x)
    return np.asarray(total / copies)
