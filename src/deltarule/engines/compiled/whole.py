"""What is done to the gradient and to the weights as whole matrices: functions that lines call by address.

A step in one pass takes the gradient of a slice of weights and updates it while it is at hand. Where a norm of the
whole gradient decides, it is written down first; where weights are bounded or averaged afterwards, they are gone over
again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from deltarule.engines.compiled import products
from deltarule.engines.compiled.instructions import Own, Setting
from deltarule.engines.compiled.operations import word
from deltarule.engines.compiled.pointers import call, load, store
from deltarule.engines.compiled.processor import addressed, inner

__all__ = [
    "BOUND",
    "BOUND_WORDS",
    "CLIP",
    "CLIP_WORDS",
    "GRADIENT",
    "GRADIENT_WORDS",
    "SQUARES",
    "SQUARES_WORDS",
    "STEP",
    "STEP_WORDS",
    "column_squares",
]

GRADIENT_WORDS = (
    "d", "d_row", "a", "a_item", "a_row", "w", "w_row", "rows", "width", "gradient", "body", "constants",
)  # fmt: skip
STEP_WORDS = ("w", "gradient", "items", "body", "constants", "slots", "apart")
SQUARES_WORDS = ("matrix", "row", "rows", "width", "squares")
CLIP_WORDS = ("squares", "columns", "body", "constants", "scalars")
BOUND_WORDS = ("w", "row", "rows", "width", "squares", "body", "constants")


def _gradient(line: int, settings: int, own: int, _first: int, size: int, _step: int, _place: int) -> None:
    """Write the gradient of some rows of a block, aᵀ dz, to `gradient`; a kernel may add a penalty's to it."""
    d, d_row, a, a_item, a_row, w, w_row = (
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7), word(line, 8),
    )  # fmt: skip
    rows, width, gradient, body, constants = (
        word(line, 9), word(line, 10), word(line, 11), word(line, 12), word(line, 13),
    )  # fmt: skip
    # The step's slices are multiples of a tile's rows; sums are over the batch, so slices do not change them.
    most = 96
    for row in range(0, rows, most):
        many = min(most, rows - row)
        products.gradient(
            word(settings, Setting.TABLE), gradient + row * w_row, w_row, a + row * a_item, a_row, d, d_row, size, many,
            width,
        )  # fmt: skip
    if body:
        operands = word(own, Own.OPERANDS)
        store(operands, w)
        store(operands + 8, gradient)
        store(operands + 16, gradient)
        call(body, (rows * (w_row // word(settings, Setting.ITEM_BYTES)), constants, operands))


def _step(line: int, _settings: int, own: int, _first: int, _size: int, _step: int, _place: int) -> None:
    """Have a kernel of w, g and slots step over numbers whose gradient is written down."""
    w, gradient, items, body, constants, slots, apart = (
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7), word(line, 8),
    )  # fmt: skip
    operands = word(own, Own.OPERANDS)
    outputs = operands + 8 * (2 + slots)
    store(operands, w)
    store(operands + 8, gradient)
    store(outputs, w)
    for slot in range(1, slots + 1):
        store(operands + 8 * (1 + slot), w + slot * apart)
        store(outputs + 8 * slot, w + slot * apart)
    call(body, (items, constants, operands))


@inner
def _squared_columns(matrix: int, row: int, rows: int, width: int, squares: int, like: Any, item: int) -> None:
    for column in range(width):
        store(squares + 8 * column, 0.0)
    for _ in range(rows):
        for column in range(width):
            x = float(load(matrix + column * item, like))
            store(squares + 8 * column, load(squares + 8 * column, 0.0) + x * x)
        matrix += row


@inner
def column_squares(matrix: int, row: int, rows: int, width: int, squares: int, item: int) -> None:
    """The sum of squares of each column, (width,) float64, added row by row."""
    if item == 4:
        _squared_columns(matrix, row, rows, width, squares, np.float32(0), 4)
    else:
        _squared_columns(matrix, row, rows, width, squares, 0.0, 8)


def _squares(line: int, settings: int, _own: int, _first: int, _size: int, _step: int, _place: int) -> None:
    """The sums of squares of some columns of a matrix."""
    column_squares(
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(settings, Setting.ITEM_BYTES)
    )


def _clip(line: int, _settings: int, own: int, _first: int, _size: int, _step: int, _place: int) -> None:
    """Turn the norm of the whole gradient into an update's scalar "clip"."""
    squares, columns, body, constants, scalars = (
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6),
    )  # fmt: skip
    total = 0.0
    for column in range(columns):
        total += load(squares + 8 * column, 0.0)
    # A kernel takes sixteen numbers at least: the first of them is meant.
    room, operands = word(own, Own.WORKSPACE), word(own, Own.OPERANDS)
    for place in range(16):
        store(room + 8 * place, math.sqrt(total))
    store(operands, room)
    store(operands + 8, room)
    call(body, (16, constants, operands))
    store(scalars + 16, load(room, 0.0))


@inner
def _scaled(matrix: int, row: int, rows: int, width: int, factors: int, like: Any, item: int) -> None:
    for _ in range(rows):
        for column in range(width):
            x = float(load(matrix + column * item, like))
            store(matrix + column * item, type(like)(x * load(factors + 8 * column, 0.0)))
        matrix += row


def _bound(line: int, settings: int, own: int, _first: int, _size: int, _step: int, _place: int) -> None:
    """Multiply the weights into each unit of a block by what a constraint makes of their norm."""
    w, row, rows, width, squares, body, constants = (
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7), word(line, 8),
    )  # fmt: skip
    item, operands = word(settings, Setting.ITEM_BYTES), word(own, Own.OPERANDS)
    column_squares(w, row, rows, width, squares, item)
    for column in range(width):
        store(squares + 8 * column, math.sqrt(load(squares + 8 * column, 0.0)))
    store(operands, squares)
    store(operands + 8, squares)
    call(body, (width, constants, operands))
    if item == 4:
        _scaled(w, row, rows, width, squares, np.float32(0), 4)
    else:
        _scaled(w, row, rows, width, squares, 0.0, 8)


GRADIENT: int = addressed(7)(_gradient)
STEP: int = addressed(7)(_step)
SQUARES: int = addressed(7)(_squares)
CLIP: int = addressed(7)(_clip)
BOUND: int = addressed(7)(_bound)
