"""Arrays that are stored in a file and not in memory; memory is released as soon as it has been used.

The pages of a mapped file count as the process's own memory for as long as it holds them. Releasing them costs
little: they stay in the file cache of the operating system while there is free memory.
"""

from __future__ import annotations

import mmap
import tempfile
from typing import Any

import numpy as np

__all__ = ["MAPPED_FROM", "TOGETHER", "forget", "is_mapped", "on_disk", "rows_read_together"]

MAPPED_FROM = 1 << 29
"""Bytes of samples above which a file's stay on the disk."""
TOGETHER = 1 << 26
"""Bytes of a mapped array that are held at a time: samples are shuffled within so many."""
_READ = 1 << 21  # contiguous bytes: systems map files in pieces of up to this size


def is_mapped(x: Any) -> bool:
    """Whether an array is a view of a mapped file, as `np.load(path, mmap_mode="r")` returns; or a table of them.

    >>> is_mapped(np.zeros(3))
    False
    """
    return _mapping(x) is not None if isinstance(x, np.ndarray) else bool(getattr(x, "mapped", False))


def on_disk(shape: tuple[int, ...], dtype: Any) -> np.memmap[Any, Any]:
    """Return an array in a temporary file, which is deleted with the array.

    >>> x = on_disk((2, 3), np.float32)
    >>> is_mapped(x), x.shape
    (True, (2, 3))
    """
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)


def forget(x: Any) -> None:
    """Release the memory that a mapped array or table takes; arrays in memory are unaffected."""
    if getattr(x, "mapped", False):
        x.forget()
        return
    mapping = _mapping(x)
    if mapping is None or not x.size or min(x.strides) < 0 or not hasattr(mmap, "MADV_DONTNEED"):
        return
    begin = np.frombuffer(mapping, np.uint8).ctypes.data
    low = int(x.__array_interface__["data"][0])
    high = low + sum((size - 1) * stride for size, stride in zip(x.shape, x.strides, strict=True)) + x.itemsize
    # Whole pages: the one that another block begins in is given back with it, and read again.
    start = max(0, low - begin) // mmap.PAGESIZE * mmap.PAGESIZE
    mapping.madvise(mmap.MADV_DONTNEED, start, min(high - begin, len(mapping)) - start)


def rows_read_together(x: Any) -> int | None:
    """Return the rows of a mapped array within one chunk that is read at once; None if any order is fast.

    So it is in memory, and in a file of less than `MAPPED_FROM` bytes: joblib maps what it passes to other processes,
    which have to train the same network.
    """
    return max(1, _READ // max(1, x[:1].nbytes)) if is_mapped(x) and x.nbytes >= MAPPED_FROM else None


def _mapping(x: Any) -> mmap.mmap | None:
    """The file's mapping under an array; None where there is none, or where it contains unsaved changes."""
    while isinstance(x, np.ndarray):
        if isinstance(x, np.memmap) and x.mode == "c":
            return None
        x = x.base
    return x if isinstance(x, mmap.mmap) else None
