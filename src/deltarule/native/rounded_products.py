"""The three products of `products`, with operands rounded to bfloat16 where the table of tiles says so.

Sums, the bias and the result are float32. Over k the numbers are taken in pairs, of each pair the odd k first (see
`bfloat16`); an odd depth is filled up with a zero. The rounded operands are written to the thread's workspace: a block
of A, then B, panel by panel. A chain of sums is cut at an even k only, so results are equal to the last bit however the
work is cut. Of a B that is used more often than it changes, whoever changes it may keep the pairs with `keep_pairs`.

On a matrix unit (see `amx`) a step of a tile takes more pairs, `PAIRS`: depths are filled up with zeros of B to whole
steps, A is stored row by row for all three products, and work is cut between steps only.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from deltarule.native import products
from deltarule.native.memory import call, load_int32, store
from deltarule.native.panels import panel, slot
from deltarule.native.processor import compile_functions, lasting
from deltarule.native.products import WORKSPACE_BYTES, gemm_nn, gemm_nt, gemm_tn, padded, vectors_of
from deltarule.native.tiles import (
    BACKWARD,
    ITEM_BYTES,
    LANES,
    PAIRS,
    ROUND_LAST,
    ROUND_PAIRS,
    ROUND_ROWS,
    ROUNDED,
    TRANSPOSE,
    TRANSPOSE_PART,
    VECTOR_BYTES,
    WIDTHS,
    WORDS,
    ZEROS,
)

if TYPE_CHECKING:
    from deltarule.native.compiler import EntryPoint

__all__ = ["LEAST_KEPT", "backward", "entry_points", "forward", "gradient", "keep_pairs", "rounds", "workspace_bytes"]

# Rows of A rounded at once, and the depth of a block: half a megabyte, which is in the second cache.
_BLOCK_ROWS, _BLOCK_DEPTH = 256, 1024
_CLEAR = 64  # bytes added to a row, so that rows do not compete for places in the nearest cache
_A_BYTES = _BLOCK_DEPTH // 2 * (4 * _BLOCK_ROWS + _CLEAR)
_WIDEST_PANEL = 4
LEAST_KEPT = 16
"""The fewest rows of which pairs may be kept in memory for as many rows: a step of a matrix unit takes 16 pairs."""


@lasting
def entry_points() -> tuple[Callable[..., None], ...]:
    """The functions `forward`, `backward` and `gradient` for Python to call, compiled as they are for training."""
    words: dict[Callable[..., None], int] = {forward: 13, backward: 12, gradient: 13}
    functions: dict[str, EntryPoint] = {each.__name__: (each, *[int] * count) for each, count in words.items()}
    code = compile_functions(functions, vectorized=False)
    return tuple(code.function(each.__name__, count) for each, count in words.items())


def rounds(table: int) -> bool:
    """Return whether a table of tiles rounds the operands."""
    return bool(ctypes.c_int64.from_address(table + 8 * ROUNDED).value)


def workspace_bytes(table: int, rows: int, columns: int) -> int:
    """What these products need for each thread, for batches of `rows` samples and at most `columns` of a gradient.

    >>> from deltarule.native.tiles import tiles
    >>> workspace_bytes(tiles("float32").address, 100, 64), workspace_bytes(tiles("bfloat16").address, 100, 64)
    (524288, 819200)
    """
    tiles = ctypes.c_int64.from_address(table + 8 * ROUNDED).value
    if not tiles:
        return products.workspace_bytes(ctypes.c_int64.from_address(table + 8 * ITEM_BYTES).value, rows, columns)
    step = ctypes.c_int64.from_address(tiles + 8 * PAIRS).value
    panel_bytes = _BLOCK_DEPTH // 2 * _WIDEST_PANEL * 64
    b_bytes = -(-rows // (2 * step)) * step * (4 * padded(columns) + _CLEAR)
    return _A_BYTES + max(WORKSPACE_BYTES, panel_bytes, b_bytes) + (_A_BYTES if step > 1 else 0)


def forward(
    table: int, c: int, c_row: int, bias: int, a: int, a_row: int, b: int, b_row: int, rows: int, depth: int,
    columns: int, workspace: int, pairs: int,
) -> None:  # fmt: skip
    """C ← 1 biasᵀ + A B: C (rows, columns), A (rows, depth), B (depth, columns).

    pairs : where `keep_pairs` has written those of B, or 0.
    """
    tiles = slot(table, ROUNDED)
    if not tiles:
        gemm_nn(table, c, c_row, bias, a, a_row, b, b_row, rows, depth, columns, workspace)
        return
    vector_bytes = slot(tiles, VECTOR_BYTES)
    vectors = vectors_of(tiles, columns)
    panels = -(-vectors // min(slot(tiles, WIDTHS + min(rows, 15)), _WIDEST_PANEL))
    narrow = vectors // panels
    wider = vectors - panels * narrow
    for top in range(0, rows, _BLOCK_ROWS):
        height = min(_BLOCK_ROWS, rows - top)
        for k in range(0, depth, _BLOCK_DEPTH):
            part = min(_BLOCK_DEPTH, depth - k)
            row = _round_rows(tiles, height, part, a + top * a_row + 4 * k, a_row, workspace)
            left = 0
            for each in range(panels):
                width = narrow + 1 if each < wider else narrow
                many = width * vector_bytes // 4
                source, step = pairs + k // 2 * b_row + left, b_row
                if not pairs:
                    source, step = workspace + _A_BYTES, 4 * many
                    _round_pairs(tiles, part, many, b + k * b_row + left, b_row, source, step)
                target = c + top * c_row + left
                start, start_row = target, c_row
                if k == 0:
                    start, start_row = bias + left if bias else slot(tiles, ZEROS), 0
                panel(
                    tiles, height, _steps(tiles, part), width, workspace, row, 4, source, step, target, c_row, start,
                    start_row,
                )  # fmt: skip
                left += width * vector_bytes


def keep_pairs(table: int, b: int, b_row: int, rows: int, columns: int, pairs: int) -> None:
    """Write the pairs of some rows of B as far apart as its rows; those of a last row, if odd, with zeros.

    The rows begin at an even one.
    """
    tiles, whole = slot(table, ROUNDED), rows // 2
    call(slot(tiles, ROUND_PAIRS), whole, padded(columns), b, b_row, pairs, b_row)
    if rows % 2:
        last = b + 2 * whole * b_row
        call(slot(tiles, ROUND_LAST), 1, padded(columns), last, b_row, pairs + whole * b_row, b_row)


def gradient(
    table: int, c: int, c_row: int, a: int, a_row: int, b: int, b_row: int, depth: int, rows: int, columns: int,
    workspace: int, again: bool, whole: int,
) -> None:  # fmt: skip
    """C ← Aᵀ B: C (rows, columns), a slice of `whole` rows, A (depth, rows), B (depth, columns).

    A product with a row of ones, whose `a_row` is 0, is a sum and not rounded. With `again`, B is that of the call
    before, and is still in the workspace.
    """
    tiles = slot(table, ROUNDED)
    if not tiles or a_row == 0:
        gemm_tn(table, c, c_row, a, a_row, b, b_row, depth, rows, columns, workspace, again, whole)
        return
    vector_bytes, pairs_of_b = slot(tiles, VECTOR_BYTES), workspace + _A_BYTES
    b_step = 4 * padded(columns) + _CLEAR
    columns_of_a = pairs_of_b + _steps(tiles, depth) * slot(tiles, PAIRS) * b_step
    if not again:
        _round_pairs(tiles, depth, padded(columns), b, b_row, pairs_of_b, b_step)
    vectors = vectors_of(tiles, columns)
    panels = -(-vectors // slot(tiles, WIDTHS + min(rows, 15)))
    narrow = vectors // panels
    wider = vectors - panels * narrow
    for top in range(0, rows, _BLOCK_ROWS):
        height = min(_BLOCK_ROWS, rows - top)
        a_step = 4 * padded(height) + _CLEAR
        for k in range(0, depth, _BLOCK_DEPTH):
            part = min(_BLOCK_DEPTH, depth - k)
            source, a_apart, a_next = a + 4 * top + k * a_row, 4, a_step
            if slot(tiles, PAIRS) == 1:
                _round_pairs(tiles, part, height, source, a_row, workspace, a_step)
            else:
                _round_pairs(tiles, part, height, source, a_row, columns_of_a, a_step)
                a_apart, a_next = _rows_of_pairs(tiles, part, height, columns_of_a, a_step, workspace), 4
            left = 0
            for each in range(panels):
                width = narrow + 1 if each < wider else narrow
                target = c + top * c_row + left
                start, start_row = target, c_row
                if k == 0:
                    start, start_row = slot(tiles, ZEROS), 0
                panel(
                    tiles, height, _steps(tiles, part), width, workspace, a_apart, a_next,
                    pairs_of_b + k // 2 * b_step + left, b_step, target, c_row, start, start_row,
                )  # fmt: skip
                left += width * vector_bytes


def backward(
    table: int, c: int, c_row: int, a: int, a_row: int, b: int, b_row: int, rows: int, columns: int, depth: int,
    workspace: int, onto: bool,
) -> None:  # fmt: skip
    """C ← A Bᵀ, or C + A Bᵀ with `onto`: C (rows, columns), A (rows, depth), B (columns, depth).

    Where a B cut by columns is multiplied one cut after the other, the depth of all cuts but the last is a multiple of
    `GROUP`.
    """
    tiles = slot(table, ROUNDED)
    if not tiles:
        gemm_nt(table, c, c_row, a, a_row, b, b_row, rows, columns, depth, workspace, onto)
        return
    tiles = slot(tiles, BACKWARD)
    lanes, vector_bytes, pairs_of_b = slot(tiles, LANES), slot(tiles, VECTOR_BYTES), workspace + _A_BYTES
    vectors = vectors_of(tiles, columns)
    widest = min(slot(tiles, WIDTHS + min(rows, 15)), _WIDEST_PANEL)
    for top in range(0, rows, _BLOCK_ROWS):
        height = min(_BLOCK_ROWS, rows - top)
        for k in range(0, depth, _BLOCK_DEPTH):
            part = min(_BLOCK_DEPTH, depth - k)
            row = _round_rows(tiles, height, part, a + top * a_row + 4 * k, a_row, workspace)
            for vector in range(0, vectors, widest):
                width, first = min(widest, vectors - vector), vector * lanes
                # Where a panel is padding alone, none of B's rows is its first.
                source = b + min(first, columns - 1) * b_row + 4 * k
                _transpose(tiles, part, width, source, b_row, columns - first, pairs_of_b)
                target = c + top * c_row + vector * vector_bytes
                start, start_row = target, c_row
                if k == 0 and not onto:
                    start, start_row = slot(tiles, ZEROS), 0
                panel(
                    tiles, height, _steps(tiles, part), width, workspace, row, 4, pairs_of_b, width * vector_bytes,
                    target, c_row, start, start_row,
                )  # fmt: skip


def _round_rows(tiles: int, rows: int, columns: int, source: int, source_row: int, target: int) -> int:
    """Round rows of A; return the bytes from one to the next."""
    row = 2 * padded(columns) + _CLEAR
    call(slot(tiles, ROUND_ROWS), rows, padded(columns), source, source_row, target, row)
    if columns % 2:
        for index in range(rows):
            _clear_odd(target + index * row + 2 * (columns - 1), 1)
    missing = 2 * _steps(tiles, columns) * slot(tiles, PAIRS) - padded(columns)
    if missing > 0:
        for index in range(rows):
            _clear(target + index * row + 2 * padded(columns), 2 * missing)
    return row


def _steps(tiles: int, depth: int) -> int:
    """Return the steps of a tile along k."""
    step = slot(tiles, PAIRS)
    return (depth + 2 * step - 1) // (2 * step)


def _rows_of_pairs(tiles: int, depth: int, rows: int, source: int, source_row: int, target: int) -> int:
    """Transpose pairs of A that are stored column by column; return the bytes from one row to the next."""
    steps, step, words = _steps(tiles, depth), slot(tiles, PAIRS), slot(tiles, WORDS)
    row = 4 * steps * step + _CLEAR
    for index in range(steps):
        first = source + index * step * source_row
        call(slot(words, TRANSPOSE), padded(rows) // step, step, first, source_row, target + 4 * index * step, row)
    return row


def _round_pairs(tiles: int, rows: int, columns: int, source: int, source_row: int, target: int, row: int) -> None:
    """Round each two rows into one of pairs, a last one alone with zeros."""
    pairs = rows // 2
    call(slot(tiles, ROUND_PAIRS), pairs, columns, source, source_row, target, row)
    if rows % 2:
        last, place = source + 2 * pairs * source_row, target + pairs * row
        call(slot(tiles, ROUND_LAST), 1, columns, last, source_row, place, row)
    _clear_pairs(tiles, rows, target, row)


def _transpose(tiles: int, depth: int, width: int, b: int, b_row: int, columns: int, target: int) -> None:
    """Panel[k / 2, j] ← the pair B[j, k], B[j, k + 1] for `width` vectors of j, zeros where j is `columns` or more."""
    lanes, vector_bytes = slot(tiles, LANES), slot(tiles, VECTOR_BYTES)
    row = width * vector_bytes
    # Rows are padded to 16 numbers: where a block of two vectors ends beyond them, the first is read twice.
    blocks = padded(depth) // (2 * lanes)
    for vector in range(width):
        first = vector * lanes
        present = min(max(columns - first, 0), lanes)
        source, place = b + first * b_row if present else b, target + vector * vector_bytes
        function = slot(tiles, TRANSPOSE if present == lanes else TRANSPOSE_PART)
        if blocks:
            call(function, blocks, present, source, b_row, place, row, vector_bytes)
        if blocks * 2 * lanes < padded(depth):
            done = blocks * lanes
            call(function, 1, present, source + 8 * done, b_row, place + done * row, row, 0)
    if depth % 2:
        _clear_odd(target + depth // 2 * row, width * lanes)
    _clear_pairs(tiles, depth, target, row)


def _clear_pairs(tiles: int, depth: int, target: int, row: int) -> None:
    """Fill up pairs of B with rows of zeros to a whole step."""
    pairs = (depth + 1) // 2
    _clear(target + pairs * row, (_steps(tiles, depth) * slot(tiles, PAIRS) - pairs) * row)


def _clear(target: int, count: int) -> None:
    """Write zeros, a multiple of 8 bytes."""
    for index in range(0, count, 8):
        store(target + index, 0)


def _clear_odd(pairs: int, many: int) -> None:
    """Make the number of odd k in some pairs 0."""
    lower = np.int32(0xFFFF)
    for index in range(many):
        store(pairs + 4 * index, load_int32(pairs + 4 * index) & lower)
