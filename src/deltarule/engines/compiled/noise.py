"""Normal noise on a layer's inputs: the same numbers as `formulas.random.normal` draws."""

from __future__ import annotations

import numpy as np

from deltarule.engines.compiled.instructions import Own, Setting
from deltarule.engines.compiled.operations import first_row, put, row_count, word
from deltarule.engines.compiled.pointers import call, store
from deltarule.engines.compiled.processor import addressed, inner
from deltarule.formulas import random

__all__ = ["ADD", "ADD_WORDS"]

ADD_WORDS = ("numbers", "row", "width", "layer", "body", "constants", "room", "part", "parts")

_rounds = inner(random.rounds)
_PURPOSE = int(random.Purpose.NOISE)


@inner
def _put(word_: int, centred: int, least: int, unit: int, item: int) -> None:
    """A uniform number p as p − ½ and as the lesser of p and 1 − p."""
    p = (float(word_) + 0.5) / 4294967296.0
    put(centred, unit, item, p - 0.5)
    put(least, unit, item, min(p, 1.0 - p))


def _add(line: int, settings: int, own: int, _first: int, size: int, step: int, _place: int) -> None:
    """Add noise to some rows, whose columns are whole groups of 16."""
    numbers, row, width, layer, body, constants, room = (
        word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7), word(line, 8),
    )  # fmt: skip
    item, operands = word(settings, Setting.ITEM_BYTES), word(own, Own.OPERANDS)
    low, high = np.uint64(word(settings, Setting.SEED_LOW)), np.uint64(word(settings, Setting.SEED_HIGH))
    centred, least = room, room + 8 * width
    begin = first_row(line, 9, size)
    for index in range(begin, begin + row_count(line, 9, size)):
        for block in range(width // 4):
            w0, w1, w2, w3 = _rounds(
                np.uint64(block), np.uint64(index), np.uint64(step), np.uint64(16 * layer + _PURPOSE), low, high
            )
            _put(w0, centred, least, 4 * block, item)
            _put(w1, centred, least, 4 * block + 1, item)
            _put(w2, centred, least, 4 * block + 2, item)
            _put(w3, centred, least, 4 * block + 3, item)
        store(operands, numbers + index * row)
        store(operands + 8, centred)
        store(operands + 16, least)
        store(operands + 24, numbers + index * row)
        call(body, (width, constants, operands))


ADD: int = addressed(7)(_add)
