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

from deltarule.native.memory import call
from deltarule.native.panels import copied_together, copy_panels, fetch, panel, slot, transpose_columns, transpose_panel
from deltarule.native.tiles import (
    BLOCK_DEPTH,
    BLOCK_ROWS,
    COPIED,
    COPY,
    FAR_APART,
    ITEM_BYTES,
    LANES,
    LANES_LOG,
    PACKED,
    PANEL_DEPTH,
    PANEL_WIDTH,
    UNCUT_DEPTH,
    VECTOR_BYTES,
    WIDTHS,
    ZEROS,
)
from deltarule.native.tiling import PACKED_DEPTH, PANEL_VECTORS

__all__ = [
    "GROUP", "WORKSPACE_BYTES", "gemm_nn", "gemm_nt", "gemm_tn", "padded", "row_stride", "vectors_of",
    "workspace_bytes",
]  # fmt: skip

GROUP = 16
"""Rows are padded to whole groups of this many numbers, and sums are taken in as many parts, on every processor."""

_PANEL_BYTES = PANEL_VECTORS * 64  # of the widest vectors
_LEAST_DEPTH, _DEEPEST_BYTES = 128, 4096  # of a gradient for which B is copied
# Its rows in blocks, whole tiles of each height; their copy, and what keeps its rows clear of the first cache's period.
_A_ROWS, _A_BYTES, _CLEAR = 48, 1 << 18, 64

WORKSPACE_BYTES = 1 << 18
"""What `gemm_nn` and `gemm_nt` need, for each thread, best at a multiple of 64; small products touch little of it."""


def workspace_bytes(item_bytes: int, depth: int, columns: int) -> int:
    """What these and `gemm_tn` need, for gradients of at most so many samples and columns.

    >>> workspace_bytes(4, 512, 1024) - workspace_bytes(4, 512, 1008) == 512 * 16 * 4
    True
    """
    return _A_BYTES + max(WORKSPACE_BYTES, min(depth * item_bytes, _DEEPEST_BYTES) * padded(columns))


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


def vectors_of(table: int, columns: int) -> int:
    """The number of vectors of `columns` numbers, padded."""
    return padded(columns) >> slot(table, LANES_LOG)


def _clear_padding(table: int, c: int, c_row: int, rows: int, columns: int) -> int:
    """Write zeros where a row's padding is whole vectors; return the number of the other vectors, which are summed."""
    lanes = slot(table, LANES)
    vectors = (columns + lanes - 1) >> slot(table, LANES_LOG)
    padding = vectors_of(table, columns) - vectors
    if padding:
        target = c + vectors * slot(table, VECTOR_BYTES)
        call(slot(table, COPY), rows, padding * lanes, slot(table, ZEROS), 0, target, c_row)
    return vectors


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
    """C ← 1 biasᵀ + A B, or A B where `bias` is 0, with B where it lies: A (rows, depth), B (depth, columns)."""
    vector_bytes = slot(table, VECTOR_BYTES)
    vectors = _clear_padding(table, c, c_row, rows, columns)
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
    workspace: int,
) -> None:
    """C ← 1 biasᵀ + A B, or A B where `bias` is 0: C (rows, columns), A (rows, depth), B (depth, columns).

    `workspace` is `WORKSPACE_BYTES` of this thread's own.
    """
    item = slot(table, ITEM_BYTES)
    if rows >= slot(table, COPIED) and b_row >= slot(table, FAR_APART):
        _multiply_panels(table, rows, depth, columns, a, a_row, b, b_row, item, c, c_row, bias, 0, workspace)
        return
    _multiply(table, rows, depth, columns, a, a_row, item, b, b_row, c, c_row, bias)


def gemm_tn(
    table: int, c: int, c_row: int, a: int, a_row: int, b: int, b_row: int, depth: int, rows: int, columns: int,
    workspace: int, again: bool, whole: int,
) -> None:  # fmt: skip
    """C ← Aᵀ B: C (rows, columns), A (depth, rows), B (depth, columns).

    C is a slice of a product of `whole` rows, and A one of its columns, which here may begin anywhere. `workspace` is
    `workspace_bytes` of this thread's own; with `again`, B is that of the call before and so is the workspace.
    """
    item = slot(table, ITEM_BYTES)
    wide = columns >= slot(table, PACKED)
    far = whole >= slot(table, COPIED) and b_row >= slot(table, FAR_APART)
    if wide and far and depth >= _LEAST_DEPTH and depth * item <= _DEEPEST_BYTES:
        _multiply_copies(table, rows, depth, columns, a, a_row, b, b_row, c, c_row, workspace, again)
        return
    if wide and depth >= PACKED_DEPTH and rows * depth * item <= _PANEL_BYTES:
        call(slot(table, COPY), depth, rows, a, a_row, workspace, rows * item)
        a, a_row = workspace, rows * item
    _multiply(table, rows, depth, columns, a, item, a_row, b, b_row, c, c_row, 0)


def _multiply_copies(
    table: int, rows: int, depth: int, columns: int, a: int, a_row: int, b: int, b_row: int, c: int, c_row: int,
    workspace: int, again: bool,
) -> None:  # fmt: skip
    """C ← Aᵀ B, of copies: of some columns of A at a time, and of all panels of B, which are there before `again`."""
    item, vector_bytes, panel_width = slot(table, ITEM_BYTES), slot(table, VECTOR_BYTES), slot(table, PANEL_WIDTH)
    vectors, copies = _clear_padding(table, c, c_row, rows, columns), workspace + _A_BYTES
    if not again:
        together = copied_together(table)
        for vector in range(0, vectors, together):
            many, left = min(together, vectors - vector), vector * vector_bytes
            copy_panels(table, depth, many, b + left, b_row, copies + left * depth)
    for top in range(0, rows, _A_ROWS):
        height = min(_A_ROWS, rows - top)
        row, step = padded(depth) * item + _CLEAR, item
        if height >= slot(table, LANES):
            transpose_columns(table, depth, height, a + top * item, a_row, workspace, row)
        else:
            row, step = item, height * item
            call(slot(table, COPY), depth, height, a + top * item, a_row, workspace, step)
        for vector in range(0, vectors, panel_width):
            width, left = min(panel_width, vectors - vector), vector * vector_bytes
            panel(
                table, height, depth, width, workspace, row, step, copies + left * depth, width * vector_bytes,
                c + top * c_row + left, c_row, slot(table, ZEROS), 0,
            )  # fmt: skip


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

    `workspace` is that of `gemm_nn`. Transposing B is 20 % of the work at 32 rows and 5 % at 128,
    and it is shared out among threads only with the columns of C, which are rows of B.
    """
    item, start, start_row = slot(table, ITEM_BYTES), 0, 0
    if onto:
        start, start_row = c, c_row
    _multiply_panels(table, rows, depth, columns, a, a_row, b, item, b_row, c, c_row, start, start_row, workspace)


def _multiply_panels(
    table: int,
    rows: int,
    depth: int,
    columns: int,
    a: int,
    a_row: int,
    b: int,
    b_row: int,
    b_step: int,
    c: int,
    c_row: int,
    start: int,
    start_row: int,
    workspace: int,
) -> None:
    """C ← Start + A B, or A B where `start` is 0, of copies of B's panels in the workspace.

    B[k, j] is k `b_row`s and j `b_step`s from B[0, 0], one of which is the size of a number.
    """
    item, vector_bytes, panel_width = slot(table, ITEM_BYTES), slot(table, VECTOR_BYTES), slot(table, PANEL_WIDTH)
    vectors = _clear_padding(table, c, c_row, rows, columns)
    block_rows, panel_depth = slot(table, BLOCK_ROWS), slot(table, PANEL_DEPTH)
    together = copied_together(table)
    for top in range(0, rows, block_rows):
        height = min(block_rows, rows - top)
        for k in range(0, depth, panel_depth):
            part, copied, copy = min(panel_depth, depth - k), 0, workspace
            for vector in range(0, vectors, panel_width):
                width, left = min(panel_width, vectors - vector), vector * vector_bytes
                target = c + top * c_row + left
                first = vector * slot(table, LANES)
                source = b + k * b_row + first * b_step
                if b_row == item:
                    transpose_panel(table, part, width, source, b_step, columns - first, copy)
                else:
                    copy += panel_width * vector_bytes * part
                    if vector == copied:
                        many, copy = min(together, vectors - vector), workspace
                        copy_panels(table, part, many, source, b_row, copy)
                        copied += many
                    fetch(target, c_row, height, width * vector_bytes)
                sums, sums_row = target, c_row
                if k == 0:
                    sums, sums_row = start + top * start_row + left if start else slot(table, ZEROS), start_row
                panel(
                    table, height, part, width, a + top * a_row + k * item, a_row, item, copy, width * vector_bytes,
                    target, c_row, sums, sums_row,
                )  # fmt: skip
