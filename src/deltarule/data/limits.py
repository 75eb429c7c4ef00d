"""Limits of the size that a file may claim or decompress to."""

from __future__ import annotations

__all__ = ["BYTES_AT_MOST", "COLUMNS_AT_MOST", "grows_too_much"]

BYTES_AT_MOST = 4 << 30
"""Of one array that is read into memory."""
COLUMNS_AT_MOST = 20_000
"""Of a table. Each of them is an input, or many, of the network's first layer."""
_FREE = 128 << 20
_RATIO = 100


def grows_too_much(claimed: int, size: int) -> bool:
    """Return whether `claimed` bytes are too many for a file of `size` bytes: over 128 MiB and 100 times the size.

    >>> grows_too_much(1 << 20, 1_000), grows_too_much(1 << 30, 1_000)
    (False, True)
    """
    return claimed > max(_FREE, _RATIO * size)
