"""Normalised layers: functions that lines call by address. Sums are made here, formulas are kernels.

Statistics are of columns (over the batch) or of rows (over the units); sums are taken in float64, in order. A kernel's
operands are rows: of the batch, and of what all of its rows share, as γ. What is one number a row is spread over one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule.engines.compiled.instructions import Own, Setting
from deltarule.engines.compiled.operations import first_row, number, put, row_count, word
from deltarule.engines.compiled.pointers import call, load, store
from deltarule.engines.compiled.processor import addressed, inner

__all__ = [
    "BACK_BY_COLUMNS",
    "BACK_BY_COLUMNS_WORDS",
    "BACK_BY_ROWS",
    "BACK_BY_ROWS_WORDS",
    "BY_COLUMNS",
    "BY_COLUMNS_WORDS",
    "BY_ROWS",
    "BY_ROWS_WORDS",
    "KEPT",
    "KEPT_WORDS",
    "LEARNT",
    "LEARNT_WORDS",
    "TOGETHER",
    "TOGETHER_WORDS",
]

# x holds the weighted sums before and the normalised ones after; `state` is γ's row, β's and the statistics' follow.
BY_COLUMNS_WORDS = (
    "x", "h", "row", "width", "state", "state_row", "room", "body", "constants", "prologue", "scalars", "keep",
    "keep_constants", "copy",
)  # fmt: skip
BY_ROWS_WORDS = (
    "x", "h", "row", "units", "width", "state", "state_row", "room", "body", "constants", "part", "parts", "statistics",
)  # fmt: skip
TOGETHER_WORDS = ("state", "state_row", "width", "target", "target_row")
KEPT_WORDS = ("x", "h", "row", "width", "state", "state_row", "body", "constants", "part", "parts")
# d holds ∂C/∂h before and ∂C/∂z after; `gradient` is where those of γ and β go, `state_row` bytes apart.
LEARNT_WORDS = ("d", "x", "row", "width", "gradient", "state_row", "room")
BACK_BY_COLUMNS_WORDS = ("d", "x", "row", "width", "state", "gradient", "state_row", "room", "body", "constants")
BACK_BY_ROWS_WORDS = (
    "d", "x", "row", "units", "width", "state", "room", "body", "constants", "part", "parts", "statistics",
)  # fmt: skip


@inner
def _sums(a: int, b: int, row: int, rows: int, width: int, into: int, like: Any, item: int) -> None:
    """Σ a b of each column, or Σ a where b is 0, row by row: (width,) float64."""
    for column in range(width):
        store(into + 8 * column, 0.0)
    for index in range(rows):
        here, there = a + index * row, b + index * row
        if b:
            for column in range(width):
                product = float(load(here + column * item, like)) * float(load(there + column * item, like))
                store(into + 8 * column, load(into + 8 * column, 0.0) + product)
        else:
            for column in range(width):
                store(into + 8 * column, load(into + 8 * column, 0.0) + float(load(here + column * item, like)))


@inner
def _column_sums(a: int, b: int, row: int, rows: int, width: int, into: int, item: int) -> None:
    if item == 4:
        _sums(a, b, row, rows, width, into, np.float32(0), 4)
    else:
        _sums(a, b, row, rows, width, into, 0.0, 8)


@inner
def _deviations(a: int, row: int, rows: int, width: int, mean: int, into: int, like: Any, item: int) -> None:
    """Σ (a − mean)² of each column."""
    for column in range(width):
        store(into + 8 * column, 0.0)
    for index in range(rows):
        here = a + index * row
        for column in range(width):
            distance = float(load(here + column * item, like)) - load(mean + 8 * column, 0.0)
            store(into + 8 * column, load(into + 8 * column, 0.0) + distance * distance)


def _by_columns(line: int, settings: int, own: int, _first: int, size: int, _step: int, _place: int) -> None:
    """Normalise some columns over the batch, and keep what predictions will be made with."""
    x, h, row, width, state, state_row, room = (
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7), word(line, 8),
    )  # fmt: skip
    body, constants, prologue, scalars, keep, keep_constants, copy = (
        word(line, 9), word(line, 10), word(line, 11), word(line, 12), word(line, 13), word(line, 14), word(line, 15),
    )  # fmt: skip
    item, operands = word(settings, Setting.ITEM_BYTES), word(own, Own.OPERANDS)
    # In the room: sums, the mean and the variance in float64; the latter two as the kernels take them.
    sums, mean = room, room + 8 * width
    m, v = room + 16 * width, room + 24 * width
    _column_sums(x, 0, row, size, width, mean, item)
    for column in range(width):
        store(mean + 8 * column, load(mean + 8 * column, 0.0) / size)
    if item == 4:
        _deviations(x, row, size, width, mean, sums, np.float32(0), 4)
    else:
        _deviations(x, row, size, width, mean, sums, 0.0, 8)
    for column in range(width):
        put(m, column, item, load(mean + 8 * column, 0.0))
        put(v, column, item, load(sums + 8 * column, 0.0) / size)
    for index in range(size):
        _forwards(operands, x + index * row, h + index * row, m, v, state, state_row)
        call(body, (width, constants, operands))
    if keep:
        store(scalars, float(size))
        call(prologue, (scalars, keep_constants))
        store(operands, state + 2 * state_row)
        store(operands + 8, state + 3 * state_row)
        store(operands + 16, m)
        store(operands + 24, v)
        store(operands + 32, state + 2 * state_row)
        store(operands + 40, state + 3 * state_row)
        call(keep, (width, keep_constants, operands))
        if copy:
            for column in range(width):
                for place in (state + 2 * state_row, state + 3 * state_row):
                    put(place + copy, column, item, number(place, column, item))


@inner
def _forwards(operands: int, x: int, h: int, m: int, v: int, state: int, state_row: int) -> None:
    """The operands of the kernel that normalises a row in place and writes h."""
    store(operands, x)
    store(operands + 8, m)
    store(operands + 16, v)
    store(operands + 24, state)
    store(operands + 32, state + state_row)
    store(operands + 40, x)
    store(operands + 48, h)


@inner
def _spread(value: float, width: int, into: int, item: int) -> None:
    for column in range(width):
        put(into, column, item, value)


def _by_rows(line: int, settings: int, own: int, _first: int, size: int, _step: int, _place: int) -> None:
    """Normalise some samples over the units of a layer; a row's variance is noted for the way back."""
    x, h, row, units, width, state, state_row, room, body, constants = (
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7), word(line, 8),
        word(line, 9), word(line, 10), word(line, 11),
    )  # fmt: skip
    item, operands, statistics = word(settings, Setting.ITEM_BYTES), word(own, Own.OPERANDS), word(line, 14)
    begin = first_row(line, 12, size)
    m, v = room, room + 8 * width
    for index in range(begin, begin + row_count(line, 12, size)):
        here = x + index * row
        mean, variance = 0.0, 0.0
        for unit in range(units):
            mean += number(here, unit, item)
        mean /= units
        for unit in range(units):
            distance = number(here, unit, item) - mean
            variance += distance * distance
        variance /= units
        _spread(mean, width, m, item)
        _spread(variance, width, v, item)
        _forwards(operands, here, h + index * row, m, v, state, state_row)
        call(body, (width, constants, operands))
        store(statistics + 8 * index, variance)


def _together(line: int, settings: int, _own: int, _first: int, _size: int, _step: int, _place: int) -> None:
    """Copy γ and β of a block's columns to where those of all columns are beside each other."""
    state, state_row, width, target, target_row = (
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6),
    )  # fmt: skip
    item = word(settings, Setting.ITEM_BYTES)
    for row in range(2):
        for column in range(width):
            put(target + row * target_row, column, item, number(state + row * state_row, column, item))


def _kept(line: int, _settings: int, own: int, _first: int, size: int, _step: int, _place: int) -> None:
    """Normalise rows of some columns by the statistics that were kept."""
    x, h, row, width, state, state_row, body, constants = (
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7), word(line, 8),
        word(line, 9),
    )  # fmt: skip
    operands, begin = word(own, Own.OPERANDS), first_row(line, 10, size)
    m, v = state + 2 * state_row, state + 3 * state_row
    for index in range(begin, begin + row_count(line, 10, size)):
        _forwards(operands, x + index * row, h + index * row, m, v, state, state_row)
        call(body, (width, constants, operands))


def _learnt(line: int, settings: int, _own: int, _first: int, size: int, _step: int, _place: int) -> None:
    """The gradients of γ, Σ dh x, and of β, Σ dh, of some columns."""
    d, x, row, width, gradient, state_row, room = (
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7), word(line, 8),
    )  # fmt: skip
    item = word(settings, Setting.ITEM_BYTES)
    _column_sums(d, x, row, size, width, room, item)
    for column in range(width):
        put(gradient, column, item, load(room + 8 * column, 0.0))
    _column_sums(d, 0, row, size, width, room, item)
    for column in range(width):
        put(gradient + state_row, column, item, load(room + 8 * column, 0.0))


@inner
def _backwards(operands: int, d: int, x: int, v: int, state: int, mean_d: int, mean_dx: int) -> None:
    """The operands of the kernel that turns a row of ∂C/∂h into ∂C/∂z."""
    store(operands, d)
    store(operands + 8, x)
    store(operands + 16, v)
    store(operands + 24, state)
    store(operands + 32, mean_d)
    store(operands + 40, mean_dx)
    store(operands + 48, d)


def _back_by_columns(line: int, settings: int, own: int, _first: int, size: int, _step: int, _place: int) -> None:
    """Through a normalisation over the batch, for some columns; the gradients of γ and β are there already."""
    d, x, row, width, state, gradient, state_row, room, body, constants = (
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7), word(line, 8),
        word(line, 9), word(line, 10), word(line, 11),
    )  # fmt: skip
    item, operands = word(settings, Setting.ITEM_BYTES), word(own, Own.OPERANDS)
    # The variance is where the way forwards left it.
    v, mean_d, mean_dx = room + 24 * width, room, room + 8 * width
    for column in range(width):
        share = number(state, column, item) / size
        put(mean_d, column, item, share * number(gradient + state_row, column, item))
        put(mean_dx, column, item, share * number(gradient, column, item))
    for index in range(size):
        _backwards(operands, d + index * row, x + index * row, v, state, mean_d, mean_dx)
        call(body, (width, constants, operands))


def _back_by_rows(line: int, settings: int, own: int, _first: int, size: int, _step: int, _place: int) -> None:
    """Through a normalisation over the units, for some samples."""
    d, x, row, units, width, state, room, body, constants = (
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7), word(line, 8),
        word(line, 9), word(line, 10),
    )  # fmt: skip
    item, operands, statistics = word(settings, Setting.ITEM_BYTES), word(own, Own.OPERANDS), word(line, 13)
    begin = first_row(line, 11, size)
    mean_d, mean_dx, v = room, room + 8 * width, room + 16 * width
    for index in range(begin, begin + row_count(line, 11, size)):
        here, there = d + index * row, x + index * row
        total, along = 0.0, 0.0
        for unit in range(units):
            scaled = number(here, unit, item) * number(state, unit, item)
            total += scaled
            along += scaled * number(there, unit, item)
        _spread(total / units, width, mean_d, item)
        _spread(along / units, width, mean_dx, item)
        _spread(load(statistics + 8 * index, 0.0), width, v, item)
        _backwards(operands, here, there, v, state, mean_d, mean_dx)
        call(body, (width, constants, operands))
        for column in range(units, width):
            put(here, column, item, 0.0)


BY_COLUMNS: int = addressed(7)(_by_columns)
BY_ROWS: int = addressed(7)(_by_rows)
TOGETHER: int = addressed(7)(_together)
KEPT: int = addressed(7)(_kept)
LEARNT: int = addressed(7)(_learnt)
BACK_BY_COLUMNS: int = addressed(7)(_back_by_columns)
BACK_BY_ROWS: int = addressed(7)(_back_by_rows)
