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

from deltarule.native.memory import call, load_int64, prefetch
from deltarule.native.tiles import (
    BLOCK_DEPTH,
    BLOCK_ROWS,
    COPIED,
    COPY,
    HEIGHTS,
    ITEM_BYTES,
    LANES,
    LANES_LOG,
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
from deltarule.native.tiling import FAR_APART, PACKED_DEPTH, PANEL_VECTORS

__all__ = [
    "GROUP", "WORKSPACE_BYTES", "gemm_nn", "gemm_nt", "gemm_tn", "padded", "panel", "row_stride", "slot", "vectors_of",
    "workspace_bytes",
]  # fmt: skip

GROUP = 16
"""Rows are padded to whole groups of this many numbers, and sums are taken in as many parts, on every processor."""

_LINE_BYTES = 64  # of a cache
_COPIED_BYTES, _FETCHED_ROWS = 256, 32  # of a row, and of rows at a time
_PANEL_BYTES = PANEL_VECTORS * 64  # of the widest vectors
_LEAST_DEPTH, _DEEPEST_BYTES = 128, 4096  # of a gradient for which B is copied
_A_ROWS, _A_BYTES = 48, 1 << 18  # as many rows as whole tiles have

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
    if rows >= slot(table, COPIED) and b_row >= FAR_APART:
        _multiply_panels(table, rows, depth, columns, a, a_row, b, b_row, False, c, c_row, bias, False, workspace)
        return
    _multiply(table, rows, depth, columns, a, a_row, slot(table, ITEM_BYTES), b, b_row, c, c_row, bias)


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
    far = whole >= slot(table, COPIED) and b_row >= FAR_APART
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
        together = _together(table)
        for vector in range(0, vectors, together):
            many, left = min(together, vectors - vector), vector * vector_bytes
            _copy_panels(table, depth, many, b + left, b_row, copies + left * depth)
    for top in range(0, rows, _A_ROWS):
        height = min(_A_ROWS, rows - top)
        row, step = padded(depth) * item + _LINE_BYTES, item  # rows do not compete for places in the nearest cache
        if height >= slot(table, LANES):
            _transpose_columns(table, depth, height, a + top * item, a_row, workspace, row)
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
    _multiply_panels(table, rows, depth, columns, a, a_row, b, b_row, True, c, c_row, 0, onto, workspace)


def _multiply_panels(
    table: int,
    rows: int,
    depth: int,
    columns: int,
    a: int,
    a_row: int,
    b: int,
    b_row: int,
    transposed: bool,
    c: int,
    c_row: int,
    bias: int,
    onto: bool,
    workspace: int,
) -> None:
    """C ← 1 biasᵀ + A B, A B where `bias` is 0, or C + A B with `onto`, of copies of B's panels in the workspace.

    The rows of a panel lie next to one another there: tiles read them in order, as processors expect. With `transposed`
    it is Bᵀ that is stored.
    """
    item, vector_bytes, panel_width = slot(table, ITEM_BYTES), slot(table, VECTOR_BYTES), slot(table, PANEL_WIDTH)
    vectors = _clear_padding(table, c, c_row, rows, columns)
    block_rows, panel_depth = slot(table, BLOCK_ROWS), slot(table, PANEL_DEPTH)
    together = _together(table)
    for top in range(0, rows, block_rows):
        height = min(block_rows, rows - top)
        for k in range(0, depth, panel_depth):
            part, copied, copy = min(panel_depth, depth - k), 0, workspace
            for vector in range(0, vectors, panel_width):
                width, left = min(panel_width, vectors - vector), vector * vector_bytes
                target = c + top * c_row + left
                if transposed:
                    source, first = b + k * item, vector * slot(table, LANES)
                    _transpose(table, part, width, source + first * b_row, b_row, columns - first, copy)
                else:
                    copy += panel_width * vector_bytes * part
                    if vector == copied:
                        many, copy = min(together, vectors - vector), workspace
                        _copy_panels(table, part, many, b + k * b_row + left, b_row, copy)
                        copied += many
                    _fetch(target, c_row, height, width * vector_bytes)
                start, start_row = target, c_row
                if k == 0 and not onto:
                    start, start_row = bias + left if bias else slot(table, ZEROS), 0
                panel(
                    table, height, part, width, a + top * a_row + k * item, a_row, item, copy, width * vector_bytes,
                    target, c_row, start, start_row,
                )  # fmt: skip


def _together(table: int) -> int:
    """The number of vectors whose panels are copied at once."""
    width = slot(table, PANEL_WIDTH)
    return max(1, _COPIED_BYTES // (width * slot(table, VECTOR_BYTES))) * width


def _fetch(first: int, row: int, rows: int, row_bytes: int) -> None:
    """Have the processor fetch so many bytes of each row, all at once and not as each is needed."""
    for index in range(rows):
        for line in range(0, row_bytes, _LINE_BYTES):
            prefetch(first + index * row + line)


def _copy_panels(table: int, depth: int, vectors: int, b: int, b_row: int, target: int) -> None:
    """Panel[k, j] ← B[k, j], for `vectors` of j that are panels side by side."""
    lanes, vector_bytes, panel_width = slot(table, LANES), slot(table, VECTOR_BYTES), slot(table, PANEL_WIDTH)
    for k in range(0, depth, _FETCHED_ROWS):
        rows, source = min(_FETCHED_ROWS, depth - k), b + k * b_row
        _fetch(source, b_row, rows, vectors * vector_bytes)
        for vector in range(0, vectors, panel_width):
            width = min(panel_width, vectors - vector)
            row, place = width * vector_bytes, target + vector * depth * vector_bytes
            call(slot(table, COPY), rows, width * lanes, source + vector * vector_bytes, b_row, place + k * row, row)


def _transpose_columns(table: int, depth: int, columns: int, a: int, a_row: int, copy: int, copy_row: int) -> None:
    """Copy[i, k] ← A[k, i] for columns i, a vector or more, beyond which nothing is read: a last one overlaps others."""
    lanes, item = slot(table, LANES), slot(table, ITEM_BYTES)
    for k in range(0, depth, lanes):
        source, target, present = a + k * a_row, copy + k * item, min(depth - k, lanes)
        if k % _FETCHED_ROWS == 0:
            _fetch(source, a_row, min(_FETCHED_ROWS, depth - k), columns * item)
        function = slot(table, TRANSPOSE if present == lanes else TRANSPOSE_PART)
        call(function, columns // lanes, present, source, a_row, target, copy_row)
        if columns % lanes:
            last = columns - lanes
            call(function, 1, present, source + last * item, a_row, target + last * copy_row, copy_row)


def _transpose(table: int, depth: int, width: int, b: int, b_row: int, columns: int, workspace: int) -> None:
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
