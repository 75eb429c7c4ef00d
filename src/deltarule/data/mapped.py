"""Arrays that lie in a file and not in memory: what is read of them is given back as soon as it has been used.

The pages of a mapped file count as the process's own memory for as long as it holds them. Giving them back costs
little: they stay in the system's cache of files, as long as nobody else needs the room.
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

__all__ = ["TOGETHER", "forget", "is_mapped", "rows_read_together"]

TOGETHER = 1 << 26
"""Bytes of a mapped array that are held at a time: samples are shuffled within so many."""
_READ = 1 << 21  # bytes that lie one after the other: systems map files in pieces of up to so many


def is_mapped(x: Any) -> bool:
    """Whether an array is a view of a mapped file, such as `np.load(path, mmap_mode="r")`.

    >>> is_mapped(np.zeros(3))
    False
    """
    return _mapping(x) is not None


def forget(x: Any) -> None:
    """Give back the memory that a mapped array takes; without effect on arrays in memory."""
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
    """How many rows of a mapped array lie within one stretch that is read at once; None for an array in memory."""
    return max(1, _READ // max(1, x[:1].nbytes)) if is_mapped(x) else None


def _mapping(x: Any) -> mmap.mmap | None:
    """The file's mapping under an array; None where there is none, or where it holds changes of its own."""
    while isinstance(x, np.ndarray):
        if isinstance(x, np.memmap) and x.mode == "c":
            return None
        x = x.base
    return x if isinstance(x, mmap.mmap) else None
