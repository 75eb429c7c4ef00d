"""Panels of matrices, a few vectors wide: tiles below one another, and copies whose rows lie next to one another.

Tiles read a copy in order, as processors expect. Where a matrix is wide, a panel of it has a few cache lines in each
page of memory, and reading these takes a quarter of a product's time. `table` and strides are those of `products`.
"""

from __future__ import annotations

from deltarule.native.memory import call, load_int64, prefetch
from deltarule.native.tiles import (
    COPY,
    HEIGHTS,
    ITEM_BYTES,
    LANES,
    PANEL_WIDTH,
    TILE,
    TRANSPOSE,
    TRANSPOSE_PART,
    VECTOR_BYTES,
)

__all__ = ["copied_together", "copy_panels", "fetch", "panel", "slot", "transpose_columns", "transpose_panel"]

_LINE_BYTES = 64  # of a cache
_COPIED_BYTES, _FETCHED_ROWS = 256, 32  # of a row, and of rows at a time


def slot(table: int, index: int) -> int:
    """Read a slot of a table of tiles."""
    return load_int64(table + 8 * index)


def panel(
    table: int,
    rows: int,
    depth: int,
    width: int,
    a: int,
    a_row: int,
    a_step: int,
    b: int,
    b_step: int,
    c: int,
    c_row: int,
    start: int,
    start_row: int,
) -> None:
    """A panel of C, `width` vectors wide, in as few tiles as there can be, whose heights differ by 1 at most."""
    count = -(-rows // slot(table, HEIGHTS + width))
    height = rows // count
    taller = rows - count * height
    function = TILE + 16 * width + height
    if taller:
        call(slot(table, function + 1), taller, depth, a, a_row, a_step, b, b_step, c, c_row, start, start_row)
        done = taller * (height + 1)
        a, c, start = a + done * a_row, c + done * c_row, start + done * start_row
    call(slot(table, function), count - taller, depth, a, a_row, a_step, b, b_step, c, c_row, start, start_row)


def copied_together(table: int) -> int:
    """The number of vectors whose panels are copied at once."""
    width = slot(table, PANEL_WIDTH)
    return max(1, _COPIED_BYTES // (width * slot(table, VECTOR_BYTES))) * width


def fetch(first: int, row: int, rows: int, row_bytes: int) -> None:
    """Have the processor fetch so many bytes of each row, all at once and not as each is needed."""
    for index in range(rows):
        for line in range(0, row_bytes, _LINE_BYTES):
            prefetch(first + index * row + line)


def copy_panels(table: int, depth: int, vectors: int, b: int, b_row: int, target: int) -> None:
    """Panel[k, j] ← B[k, j], for `vectors` of j that are panels side by side."""
    lanes, vector_bytes, panel_width = slot(table, LANES), slot(table, VECTOR_BYTES), slot(table, PANEL_WIDTH)
    for k in range(0, depth, _FETCHED_ROWS):
        rows, source = min(_FETCHED_ROWS, depth - k), b + k * b_row
        fetch(source, b_row, rows, vectors * vector_bytes)
        for vector in range(0, vectors, panel_width):
            width = min(panel_width, vectors - vector)
            row, place = width * vector_bytes, target + vector * depth * vector_bytes
            call(slot(table, COPY), rows, width * lanes, source + vector * vector_bytes, b_row, place + k * row, row)


def transpose_panel(table: int, depth: int, width: int, b: int, b_row: int, columns: int, workspace: int) -> None:
    """Panel[k, j] ← B[j, k] for `width` vectors of j, zeros where j is `columns` or more."""
    lanes, vector_bytes = slot(table, LANES), slot(table, VECTOR_BYTES)
    for vector in range(width):
        first = vector * lanes
        present = min(columns - first, lanes)
        call(
            slot(table, TRANSPOSE if present == lanes else TRANSPOSE_PART),
            -(-depth // lanes),
            present,
            b + first * b_row,
            b_row,
            workspace + vector * vector_bytes,
            width * vector_bytes,
        )


def transpose_columns(table: int, depth: int, columns: int, a: int, a_row: int, copy: int, copy_row: int) -> None:
    """Copy[i, k] ← A[k, i] for a vector or more of columns i; the last vectors may overlap, so nothing else is read."""
    lanes, item = slot(table, LANES), slot(table, ITEM_BYTES)
    for k in range(0, depth, lanes):
        source, target, present = a + k * a_row, copy + k * item, min(depth - k, lanes)
        if k % _FETCHED_ROWS == 0:
            fetch(source, a_row, min(_FETCHED_ROWS, depth - k), columns * item)
        function = slot(table, TRANSPOSE if present == lanes else TRANSPOSE_PART)
        call(function, columns // lanes, present, source, a_row, target, copy_row)
        if columns % lanes:
            last = columns - lanes
            call(function, 1, present, source + last * item, a_row, target + last * copy_row, copy_row)
