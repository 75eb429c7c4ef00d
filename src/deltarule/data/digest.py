"""Digests of data sets, by which other data are recognised."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data.dataset import Dataset
from deltarule.data.parts import Part
from deltarule.mapped import forget

__all__ = ["digest_of"]

_ROWS = 4096
"""Rows that are read at a time, since the array may be a mapped file."""


def digest_of(data: Dataset) -> str:
    """Return a digest of all samples of a data set."""
    digest = hashlib.sha256()
    for name, part in data.parts.items():
        digest.update(f"{name} {part.x.shape} {part.x.dtype} {part.y.shape} {part.y.dtype}".encode())
        for array in _arrays(part):
            if array.dtype.kind == "T":
                digest.update(str(array.tolist()).encode())
                continue
            for start in range(0, len(array), _ROWS):
                rows = np.ascontiguousarray(array[start : start + _ROWS])
                digest.update(rows.reshape(-1).view(np.uint8))
                forget(array)
    return digest.hexdigest()


def _arrays(part: Part) -> list[npt.NDArray[Any]]:
    return [part.x, part.y, *([] if part.weights is None else [part.weights])]
