"""Digests of data sets, by which other data are recognised."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data.dataset import Dataset
from deltarule.data.parts import Part
from deltarule.mapped import forget, is_mapped

__all__ = ["digest_of"]

_ROWS = 4096
"""Rows of a mapped file that are read at a time for its digest."""


def digest_of(data: Dataset) -> str:
    """Return a digest of all samples of a data set."""
    digest = hashlib.sha256()
    for name, part in data.parts.items():
        digest.update(f"{name} {part.x.shape} {part.x.dtype} {part.y.shape} {part.y.dtype}".encode())
        for array in _arrays(part):
            if array.dtype.kind in "OT":
                digest.update(str([str(each) for each in array.ravel().tolist()]).encode())
            elif is_mapped(array):
                for start in range(0, len(array), _ROWS):
                    digest.update(array[start : start + _ROWS].tobytes())
                    forget(array)
            else:
                digest.update(_bytes_of(array))
    return digest.hexdigest()


def _bytes_of(array: Any) -> bytes | memoryview:
    """Return the bytes of an array or a table; those of a contiguous array without a copy."""
    if isinstance(array, np.ndarray) and array.flags.c_contiguous:
        return array.reshape(-1).view(np.uint8).data
    return bytes(array.tobytes())


def _arrays(part: Part) -> list[npt.NDArray[Any]]:
    return [part.x, part.y, *([] if part.weights is None else [part.weights])]
