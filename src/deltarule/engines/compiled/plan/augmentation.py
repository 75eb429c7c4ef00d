"""Rows of a batch built from changed samples, and mixed with each other: functions that lines call by address.

Both read a plan, an array of words (`Plan`), and know nothing of formulas: these are called by address.
See `formulas.augmentations.composition` for what is computed, and `augmentation` for who writes plans.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

from deltarule.engines.compiled import products
from deltarule.engines.compiled.instructions import Setting
from deltarule.engines.compiled.operations import first_row, order_of, put, row_count, sample, word
from deltarule.engines.compiled.pointers import call, load, store
from deltarule.engines.compiled.codegen.processor import addressed, inner
from deltarule.formulas import random

__all__ = ["AUGMENT", "AUGMENT_WORDS", "MIX", "MIX_WORDS", "Change", "Map", "Mixture", "Plan"]

AUGMENT_WORDS = ("plan", "order", "target", "target_row", "part", "parts")
MIX_WORDS = ("plan", "order", "part", "parts")

_rounds = inner(random.rounds)
_PURPOSE = np.uint64(int(random.Purpose.AUGMENTATION))
_SHIFT = np.uint64(4)
# Rows or columns of a field that are smoothed at once, reading no more of it than the Gaussian reaches.
_BLOCK = 64


class Plan(IntEnum):
    """A thread's words for AUGMENT; most are addresses. Sizes are in numbers where they do not say bytes."""

    GATHER = 0  # the function that brings a raw row into `IMAGE`, unscaled
    SOURCE = 1
    SOURCE_ROW = 2  # bytes
    COLUMNS = 3
    NONE_SHIFT = 4  # 0 and 1: the scaling that changes nothing
    NONE_FACTOR = 5
    SCALE = 6  # the function that scales `IMAGE` into the batch
    SHIFT = 7
    FACTOR = 8
    FIRST = 9  # of one zero: an order of one row
    IMAGE = 10
    ITEM_BYTES = 11
    TABLE = 12  # of tiles
    WARPED = 13  # whether there is anything geometric
    MAPS = 14  # how many affine maps, and their words: `Map`
    MAP_WORDS = 15
    NUMBERS = 16  # their random numbers, an array of `CAPACITY` rows for each
    CAPACITY = 17
    MAP_BODY = 18  # of the kernel that composes them
    MAP_CONSTANTS = 19
    MAP_OPERANDS = 20
    MAP = 21  # its six results, an array of `CAPACITY` rows for each
    SPREAD = 22
    READ = 23
    PLANE = 24
    DISPLACED = 25  # whether there is a field, its place in the list, and the address of its probability
    PLACE = 26
    PROBABILITY = 27
    DRAW = 28
    NOISE = 29  # (2, height, stride), and likewise `HALFWAY`, `FIELD` and `STILL`, which is zeros
    HALFWAY = 30
    FIELD = 31
    STILL = 32
    HEIGHT = 33
    WIDTH = 34
    STRIDE = 35
    DOWN = 36  # the matrix that smooths along y, times the strength, its bytes from row to row, and how far it reaches
    DOWN_ROW = 37
    DOWN_REACH = 38
    RIGHT = 39  # the same along x, without the strength
    RIGHT_ROW = 40
    RIGHT_REACH = 41
    CHANGES = 42  # how many changes of values, and their words: `Change`
    CHANGE_WORDS = 43
    UNIFORMS = 44  # the function that draws a number for each value
    UNIFORM = 45  # where it puts them
    TOTAL = 46  # the body that adds up an image, its constants and operands, and where the sum is
    TOTAL_CONSTANTS = 47
    TOTAL_OPERANDS = 48
    SUM = 49
    COUNT = 50


class Map(IntEnum):
    """Words of an affine map: its place in the list, how many numbers it draws, and the first of `NUMBERS` it fills."""

    PLACE = 0
    DRAWS = 1
    SLOT = 2
    COUNT = 3


class Change(IntEnum):
    """Words of a change of values. `DRAWS` is without the number that decides; `SCALARS` begin with the draws."""

    PLACE = 0
    DRAWS = 1
    PROBABILITY = 2
    PROLOGUE = 3
    SCALARS = 4
    CONSTANTS = 5
    BODY = 6
    OPERANDS = 7
    UNIFORM = 8  # whether it wants a random number for each value
    MEAN = 9  # whether it wants the image's mean, the scalar behind the draws
    COUNT = 10


class Mixture(IntEnum):
    """Words for MIX."""

    PLACE = 0
    PROBABILITY = 1
    KNOTS = 2  # quantiles of λ, and how many spaces there are between them
    SPACES = 3
    PROLOGUE = 4
    SCALARS = 5
    CONSTANTS = 6
    BODY = 7
    OPERANDS = 8
    X = 9  # unmixed rows, and where they go
    MIXED = 10
    X_ROW = 11  # bytes
    STRIDE = 12
    Y = 13
    Y_ROW = 14
    OUTPUTS = 15
    CODES = 16
    TARGETS = 17  # numbers, where there are no codes
    ITEM_BYTES = 18
    COUNT = 19


@inner
def _number(unit: int, row: int, step: int, place: int, low: int, high: int) -> float:
    """The random number of a unit: (word + ½) / 2³²."""
    return _uniform(_word(unit, row, step, place, low, high))


@inner
def _uniform(word_: np.uint64) -> float:
    return (float(word_) + 0.5) / 2.0**32


@inner
def _block(block: int, row: int, step: int, place: int, low: int, high: int) -> Any:
    """The words of four units."""
    purpose = np.uint64(place) << _SHIFT | _PURPOSE
    return _rounds(np.uint64(block), np.uint64(row), np.uint64(step), purpose, np.uint64(low), np.uint64(high))


@inner
def _word(unit: int, row: int, step: int, place: int, low: int, high: int) -> np.uint64:
    w0, w1, w2, w3 = _block(unit >> 2, row, step, place, low, high)
    part = unit & 3
    drawn: np.uint64 = w0 if part == 0 else w1 if part == 1 else w2 if part == 2 else w3
    return drawn


def _augment(line: int, settings: int, _own: int, first: int, size: int, step: int, _place: int) -> None:
    """Rows of the batch, changed and scaled."""
    plan, target_row = word(line, 2), word(line, 5)
    begin, rows = first_row(line, 6, size), row_count(line, 6, size)
    order = order_of(line, 3, settings) + 8 * (first + begin)
    target = word(line, 4) + begin * target_row
    low, high = word(settings, Setting.SEED_LOW), word(settings, Setting.SEED_HIGH)
    if word(plan, Plan.MAPS):
        _maps(plan, begin, rows, step, low, high)
    image, columns = word(plan, Plan.IMAGE), word(plan, Plan.COLUMNS)
    for row in range(rows):
        call(
            word(plan, Plan.GATHER),
            (
                1, order + 8 * row, word(plan, Plan.SOURCE), word(plan, Plan.SOURCE_ROW), image, 0, columns,
                word(plan, Plan.NONE_SHIFT), word(plan, Plan.NONE_FACTOR),
            ),
        )  # fmt: skip
        if word(plan, Plan.WARPED):
            _warp(plan, row, begin + row, step, low, high)
        for number in range(word(plan, Plan.CHANGES)):
            change = word(plan, Plan.CHANGE_WORDS) + 8 * Change.COUNT * number
            _change(plan, change, begin + row, step, low, high)
        call(
            word(plan, Plan.SCALE),
            (
                1, word(plan, Plan.FIRST), image, 0, target + row * target_row, 0, columns, word(plan, Plan.SHIFT),
                word(plan, Plan.FACTOR),
            ),
        )  # fmt: skip


@inner
def _maps(plan: int, begin: int, rows: int, step: int, low: int, high: int) -> None:
    """Draw the numbers of all affine maps, and compose the maps, for all rows."""
    numbers, column = word(plan, Plan.NUMBERS), 8 * word(plan, Plan.CAPACITY)
    for each in range(word(plan, Plan.MAPS)):
        words = word(plan, Plan.MAP_WORDS) + 8 * Map.COUNT * each
        place, slot = word(words, Map.PLACE), word(words, Map.SLOT)
        draws, first = word(words, Map.DRAWS), numbers + slot * column
        for row in range(rows):
            for block in range((draws + 3) >> 2):
                drawn = _block(block, begin + row, step, place, low, high)
                for part in range(min(4, draws - 4 * block)):
                    store(first + (4 * block + part) * column + 8 * row, _uniform(drawn[part]))
    padded = (rows + 15) // 16 * 16
    call(word(plan, Plan.MAP_BODY), (padded, word(plan, Plan.MAP_CONSTANTS), word(plan, Plan.MAP_OPERANDS)))


@inner
def _warp(plan: int, place_in_maps: int, row: int, step: int, low: int, high: int) -> None:
    """Read the image anew under its map and its field; where both are still, it stays as it is."""
    column, field = 8 * word(plan, Plan.CAPACITY), word(plan, Plan.STILL)
    numbers = word(plan, Plan.MAP) + 8 * place_in_maps
    still = True
    for part in range(6):
        resting = 1.0 if part == 0 or part == 3 else 0.0
        still = still and load(numbers + part * column, 0.0) == resting
    if word(plan, Plan.DISPLACED):
        place = word(plan, Plan.PLACE)
        if _number(0, row, step, place, low, high) < load(word(plan, Plan.PROBABILITY), 0.0):
            _displace(plan, row, step, place, low, high)
            field, still = word(plan, Plan.FIELD), False
    if not still:
        image, plane = word(plan, Plan.IMAGE), word(plan, Plan.PLANE)
        call(word(plan, Plan.SPREAD), (image, plane))
        call(word(plan, Plan.READ), (plane, numbers, column, field, image))
        _clear(plan)


@inner
def _displace(plan: int, row: int, step: int, place: int, low: int, high: int) -> None:
    """Draw two fields and smooth them: along x both at once, as rows; along y one after the other."""
    noise, halfway, field = word(plan, Plan.NOISE), word(plan, Plan.HALFWAY), word(plan, Plan.FIELD)
    height, width, stride = word(plan, Plan.HEIGHT), word(plan, Plan.WIDTH), word(plan, Plan.STRIDE)
    item, table = word(plan, Plan.ITEM_BYTES), word(plan, Plan.TABLE)
    line = stride * item
    call(word(plan, Plan.DRAW), (row, height * stride, step, place, low, high, noise))
    matrix, matrix_row, reach = word(plan, Plan.RIGHT), word(plan, Plan.RIGHT_ROW), word(plan, Plan.RIGHT_REACH)
    for first in range(0, width, _BLOCK):
        columns = min(_BLOCK, width - first)
        start, end = max(0, first - reach), min(width, first + columns + reach)
        products.forward(
            table, halfway + first * item, line, 0, noise + start * item, line,
            matrix + start * matrix_row + first * item, matrix_row, 2 * height, end - start, columns,
        )  # fmt: skip
    matrix, matrix_row, reach = word(plan, Plan.DOWN), word(plan, Plan.DOWN_ROW), word(plan, Plan.DOWN_REACH)
    for first in range(0, height, _BLOCK):
        rows = min(_BLOCK, height - first)
        start, end = max(0, first - reach), min(height, first + rows + reach)
        for half in range(2):
            above = half * height
            products.forward(
                table, field + (above + first) * line, line, 0, matrix + first * matrix_row + start * item, matrix_row,
                halfway + (above + start) * line, line, rows, end - start, stride,
            )  # fmt: skip


@inner
def _change(plan: int, change: int, row: int, step: int, low: int, high: int) -> None:
    """One change of the image's values."""
    place = word(change, Change.PLACE)
    if _number(0, row, step, place, low, high) >= load(word(change, Change.PROBABILITY), 0.0):
        return
    draws, scalars, columns = word(change, Change.DRAWS), word(change, Change.SCALARS), word(plan, Plan.COLUMNS)
    padded = (columns + 15) // 16 * 16
    for unit in range(draws):
        store(scalars + 8 * unit, _number(1 + unit, row, step, place, low, high))
    if word(change, Change.MEAN):
        call(word(plan, Plan.TOTAL), (padded, word(plan, Plan.TOTAL_CONSTANTS), word(plan, Plan.TOTAL_OPERANDS)))
        store(scalars + 8 * draws, load(word(plan, Plan.SUM), 0.0) / columns)
    if word(change, Change.UNIFORM):
        call(word(plan, Plan.UNIFORMS), (row, padded, step, place, low, high, word(plan, Plan.UNIFORM)))
    constants = word(change, Change.CONSTANTS)
    call(word(change, Change.PROLOGUE), (scalars, constants))
    call(word(change, Change.BODY), (padded, constants, word(change, Change.OPERANDS)))
    _clear(plan)


@inner
def _clear(plan: int) -> None:
    """Zeros behind the image, up to a whole group: sums are taken of groups."""
    image, columns, item = word(plan, Plan.IMAGE), word(plan, Plan.COLUMNS), word(plan, Plan.ITEM_BYTES)
    for column in range(columns, (columns + 15) // 16 * 16):
        put(image, column, item, 0.0)


def _mix(line: int, settings: int, _own: int, first: int, size: int, step: int, _place: int) -> None:
    """Rows of the batch mixed with others of it; their targets too."""
    plan, order = word(line, 2), order_of(line, 3, settings)
    begin, rows = first_row(line, 4, size), row_count(line, 4, size)
    low, high = word(settings, Setting.SEED_LOW), word(settings, Setting.SEED_HIGH)
    place, x_row = word(plan, Mixture.PLACE), word(plan, Mixture.X_ROW)
    scalars, operands = word(plan, Mixture.SCALARS), word(plan, Mixture.OPERANDS)
    further = int(_word(2, 0, step, place, low, high) * np.uint64(size - 1) >> random.HALF)
    for row in range(begin, begin + rows):
        other, share = row, 1.0
        if size > 1:
            other = (row + 1 + further) % size
            if _number(0, row, step, place, low, high) < load(word(plan, Mixture.PROBABILITY), 0.0):
                share = _share(plan, _number(1, row, step, place, low, high))
        store(scalars, share)
        call(word(plan, Mixture.PROLOGUE), (scalars, word(plan, Mixture.CONSTANTS)))
        store(operands, word(plan, Mixture.X) + row * x_row)
        store(operands + 8, word(plan, Mixture.X) + other * x_row)
        store(operands + 16, word(plan, Mixture.MIXED) + row * x_row)
        call(word(plan, Mixture.BODY), (word(plan, Mixture.STRIDE), word(plan, Mixture.CONSTANTS), operands))
        _mix_targets(plan, row, sample(order, first, row), sample(order, first, other), share)


@inner
def _share(plan: int, u: float) -> float:
    """λ for a number from 0 to 1, between the quantiles."""
    knots, spaces = word(plan, Mixture.KNOTS), word(plan, Mixture.SPACES)
    place = u * spaces
    below = min(int(place), spaces - 1)
    here, after = load(knots + 8 * below, 0.0), load(knots + 8 * (below + 1), 0.0)
    share: float = here + (place - below) * (after - here)
    return share


@inner
def _mix_targets(plan: int, row: int, one: int, two: int, share: float) -> None:
    """Y of a row from the targets of two samples."""
    outputs, item = word(plan, Mixture.OUTPUTS), word(plan, Mixture.ITEM_BYTES)
    y = word(plan, Mixture.Y) + row * word(plan, Mixture.Y_ROW)
    codes, numbers = word(plan, Mixture.CODES), word(plan, Mixture.TARGETS)
    for output in range(outputs):
        if numbers:
            here = load(numbers + 8 * (one * outputs + output), 0.0)
            there = load(numbers + 8 * (two * outputs + output), 0.0)
        elif outputs == 1:
            here, there = float(word(codes, one)), float(word(codes, two))
        else:
            here = 1.0 if word(codes, one) == output else 0.0
            there = 1.0 if word(codes, two) == output else 0.0
        put(y, output, item, share * here + (1.0 - share) * there)


AUGMENT: int = addressed(7)(_augment)
"""The address of what builds rows of a batch from changed samples."""

MIX: int = addressed(7)(_mix)
"""The address of what mixes rows of a batch."""
