"""Matrix products by address, for one thread's share of the result: A B, A Bᵀ and Aᵀ B.

Every number of a result is one chain of multiply-adds over k = 0, 1, 2, ... that starts from the bias or from 0. Where
a chain is cut, to keep what it reads in a cache, its sum is stored and loaded again, which changes no bit. So results
are equal to the last bit however the work is cut into tiles, into blocks, or into shares of threads.

Matrices are stored row by row, their columns padded to a multiple of `GROUP` with anything finite, at a stride
from row to row that is a multiple of it too; `c_row` and the like are strides in bytes, and `row_stride` proposes one.
A share begins at any row, and at a column that is a multiple of `GROUP`. `table`, the address of
`tiles.tiles(dtype)`, determines the type of the numbers.
"""

from __future__ import annotations

from deltarule.native.memory import call, load_int64
from deltarule.native.tiles import (
    BLOCK_DEPTH,
    BLOCK_ROWS,
    COPY,
    HEIGHTS,
    ITEM_BYTES,
    LANES,
    PACKED,
    PANEL_DEPTH,
    PANEL_WIDTH,
    TILE,
    TRANSPOSE,
    TRANSPOSE_PART,
    UNCUT_DEPTH,
    VECTOR_BYTES,
    WIDTHS,
    ZEROS,
)
from deltarule.native.tiling import PACKED_DEPTH, PANEL_VECTORS

__all__ = [
    "GROUP", "WORKSPACE_BYTES", "gemm_nn", "gemm_nt", "gemm_tn", "padded", "panel", "row_stride", "slot", "vectors_of",
]  # fmt: skip

GROUP = 16
"""Rows are padded to whole groups of this many numbers, and sums are taken in as many parts, on every processor."""

_WIDEST_VECTOR_BYTES = 64

WORKSPACE_BYTES = PANEL_VECTORS * _WIDEST_VECTOR_BYTES
"""What products need, for each thread: 128 KiB, best at a multiple of 64."""


def padded(columns: int) -> int:
    """Columns, filled up to whole groups.

    >>> padded(10), padded(16), padded(100)
    (16, 16, 112)
    """
    return -(-columns // GROUP) * GROUP


def row_stride(columns: int, item_bytes: int, period: int = 4096) -> int:
    """The numbers from one row to the next: `columns` padded, and 16 more where rows would compete for cache lines.

    Addresses 4096 bytes apart share a place in the first cache, so a column of a matrix with rows of that length does
    not fit there: rows of 1024 numbers cost a product 20 % of its speed, rows of 2048 half. Weights take the default
    `period`; activations and their derivatives, which take little memory, gain 3 % with one of 1024.

    >>> row_stride(100, 4), row_stride(1024, 4), row_stride(256, 4), row_stride(256, 4, period=1024)
    (112, 1040, 256, 272)
    """
    stride = padded(columns)
    return stride if stride * item_bytes % period else stride + GROUP


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


def vectors_of(table: int, columns: int) -> int:
    """The number of vectors of `columns` numbers, padded."""
    return -(-columns // GROUP) * (GROUP // slot(table, LANES))


def _multiply(
    table: int,
    rows: int,
    depth: int,
    columns: int,
    a: int,
    a_row: int,
    a_step: int,
    b: int,
    b_row: int,
    c: int,
    c_row: int,
    bias: int,
) -> None:
    """C ← 1 biasᵀ + A B, or A B where `bias` is 0: A (rows, depth), B (depth, columns); strides are in bytes."""
    vector_bytes = slot(table, VECTOR_BYTES)
    vectors = vectors_of(table, columns)
    panels = -(-vectors // slot(table, WIDTHS + min(rows, 15)))
    narrow = vectors // panels
    wider = vectors - panels * narrow
    block = depth if depth <= slot(table, UNCUT_DEPTH) else slot(table, BLOCK_DEPTH)
    block_rows = slot(table, BLOCK_ROWS)
    for top in range(0, rows, block_rows):
        height = min(block_rows, rows - top)
        for k in range(0, depth, block):
            left = 0
            for each in range(panels):
                width = narrow + 1 if each < wider else narrow
                target = c + top * c_row + left
                start, start_row = target, c_row
                if k == 0:
                    start, start_row = bias + left if bias else slot(table, ZEROS), 0
                panel(
                    table,
                    height,
                    min(block, depth - k),
                    width,
                    a + top * a_row + k * a_step,
                    a_row,
                    a_step,
                    b + k * b_row + left,
                    b_row,
                    target,
                    c_row,
                    start,
                    start_row,
                )
                left += width * vector_bytes


def gemm_nn(
    table: int,
    c: int,
    c_row: int,
    bias: int,
    a: int,
    a_row: int,
    b: int,
    b_row: int,
    rows: int,
    depth: int,
    columns: int,
) -> None:
    """C ← 1 biasᵀ + A B, or A B where `bias` is 0: C (rows, columns), A (rows, depth), B (depth, columns)."""
    _multiply(table, rows, depth, columns, a, a_row, slot(table, ITEM_BYTES), b, b_row, c, c_row, bias)


def gemm_tn(
    table: int, c: int, c_row: int, a: int, a_row: int, b: int, b_row: int, depth: int, rows: int, columns: int,
    workspace: int,
) -> None:  # fmt: skip
    """C ← Aᵀ B: C (rows, columns), A (depth, rows), B (depth, columns).

    A slice of C's rows is a slice of A's columns, which here may begin anywhere. `workspace` is `WORKSPACE_BYTES` of
    this thread's own.
    """
    item = slot(table, ITEM_BYTES)
    if columns >= slot(table, PACKED) and depth >= PACKED_DEPTH and rows * depth * item <= WORKSPACE_BYTES:
        call(slot(table, COPY), depth, rows, a, a_row, workspace, rows * item)
        a, a_row = workspace, rows * item
    _multiply(table, rows, depth, columns, a, item, a_row, b, b_row, c, c_row, 0)


def _transpose(table: int, depth: int, width: int, b: int, b_row: int, columns: int, workspace: int) -> None:
    """Panel[k, j] ← B[j, k] for `width` vectors of j, zeros where j is `columns` or more."""
    lanes, vector_bytes = slot(table, LANES), slot(table, VECTOR_BYTES)
    for vector in range(width):
        first = vector * lanes
        present = min(max(columns - first, 0), lanes)
        source = b + first * b_row if present else b
        call(
            slot(table, TRANSPOSE if present == lanes else TRANSPOSE_PART),
            -(-depth // lanes),
            present,
            source,
            b_row,
            workspace + vector * vector_bytes,
            width * vector_bytes,
        )


def gemm_nt(
    table: int,
    c: int,
    c_row: int,
    a: int,
    a_row: int,
    b: int,
    b_row: int,
    rows: int,
    columns: int,
    depth: int,
    workspace: int,
    onto: bool,
) -> None:
    """C ← A Bᵀ: C (rows, columns), A (rows, depth), B (columns, depth); C's columns are padded with zeros.

    With `onto`, sums continue from the values of C: a B cut by columns is multiplied one cut after the other.

    `workspace` is that of `gemm_tn`. Transposing B is 20 % of the work at 32 rows and 5 % at 128,
    and it is shared out among threads only with the columns of C, which are rows of B.
    """
    item, lanes, vector_bytes = slot(table, ITEM_BYTES), slot(table, LANES), slot(table, VECTOR_BYTES)
    panel_width, panel_depth = slot(table, PANEL_WIDTH), slot(table, PANEL_DEPTH)
    block_rows, vectors = slot(table, BLOCK_ROWS), vectors_of(table, columns)
    for top in range(0, rows, block_rows):
        height = min(block_rows, rows - top)
        for k in range(0, depth, panel_depth):
            part = min(panel_depth, depth - k)
            for vector in range(0, vectors, panel_width):
                width = min(panel_width, vectors - vector)
                first = vector * lanes
                # Where a panel is padding alone, none of B's rows is its first.
                source = b + min(first, columns - 1) * b_row + k * item
                _transpose(table, part, width, source, b_row, columns - first, workspace)
                target = c + top * c_row + vector * vector_bytes
                start, start_row = target, c_row
                if k == 0 and not onto:
                    start, start_row = slot(table, ZEROS), 0
                panel(
                    table,
                    height,
                    part,
                    width,
                    a + top * a_row + k * item,
                    a_row,
                    item,
                    workspace,
                    width * vector_bytes,
                    target,
                    c_row,
                    start,
                    start_row,
                )
