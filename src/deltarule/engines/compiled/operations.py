"""What each line of a program does, with its arguments read from the line: see `instructions.ARGUMENTS`."""

from __future__ import annotations

import numpy as np

from deltarule.engines.compiled import products
from deltarule.engines.compiled.instructions import Own, Setting
from deltarule.engines.compiled.pointers import call, load, prefetch, store
from deltarule.engines.compiled.processor import inner

__all__ = ["word"]


@inner
def word(address: int, index: int) -> int:
    """The word at a place of a table."""
    found: int = load(address + 8 * index, 0)
    return found


@inner
def number(address: int, index: int, item_bytes: int) -> float:
    """A number of an array of float32 or float64."""
    found: float = (
        load(address + 8 * index, 0.0) if item_bytes == 8 else float(load(address + 4 * index, np.float32(0)))
    )
    return found


@inner
def put(address: int, index: int, item_bytes: int, value: float) -> None:
    """Write a number into an array of float32 or float64."""
    if item_bytes == 4:
        store(address + 4 * index, np.float32(value))
    else:
        store(address + 8 * index, value)


@inner
def first_row(line: int, place: int, size: int) -> int:
    """The first of the batch's rows that a line is about: `part` stands at a place of the line, `parts` after it."""
    return size * word(line, place) // word(line, place + 1)


@inner
def row_count(line: int, place: int, size: int) -> int:
    """How many of the batch's rows a line is about."""
    part, parts = word(line, place), word(line, place + 1)
    return size * (part + 1) // parts - size * part // parts


@inner
def order_of(line: int, place: int, settings: int) -> int:
    """The address of the order that a line means: 1 is the run's own, 0 none, samples being taken as they lie."""
    order = word(line, place)
    return word(settings, Setting.ORDER) if order == 1 else order


@inner
def sample(order: int, first: int, row: int) -> int:
    """Which sample is a batch's row."""
    return word(order, first + row) if order else first + row


@inner
def batch_weight(order: int, weights: int, first: int, size: int) -> float:
    """What the weights of a batch add up to; its samples where there are none."""
    if not weights:
        return float(size)
    total = 0.0
    for row in range(size):
        total += load(weights + 8 * sample(order, first, row), 0.0)
    return total


@inner
def _inverse(weight: float) -> float:
    """1 / Σ weights of a batch; 0 where they are all 0, so that the batch adds nothing to the gradient."""
    return 1.0 / weight if weight > 0.0 else 0.0


@inner
def prepare(line: int, settings: int, first: int, size: int, step: int, place: int) -> None:
    """Have a prologue turn its scalars into constants: the step, the schedule's factor for it, and others."""
    scalars = word(line, 2)
    store(scalars, float(step))
    store(scalars + 8, load(word(settings, Setting.RATES) + 8 * place, 0.0))
    if word(line, 4):
        order, weights = word(settings, Setting.ORDER), word(settings, Setting.SAMPLE_WEIGHTS)
        store(scalars + 24, _inverse(batch_weight(order, weights, first, size)))
    call(word(line, 1), (scalars, word(line, 3)))


@inner
def gather(line: int, settings: int, first: int, size: int) -> None:
    """Build rows of a batch."""
    order, source, source_row = order_of(line, 2, settings), word(line, 3), word(line, 4)
    begin = first_row(line, 10, size)
    rows = row_count(line, 10, size)
    if rows == 0:
        return
    if order:
        order += 8 * (first + begin)
    else:
        order = word(settings, Setting.ASCENDING)
        source += (first + begin) * source_row
    place = word(line, 5) + begin * word(line, 6)
    call(
        word(line, 1),
        (rows, order, source, source_row, place, word(line, 6), word(line, 7), word(line, 8), word(line, 9)),
    )


@inner
def ask(line: int, settings: int, first: int, size: int) -> None:
    """Ask for the raw rows of the next batch, to have them near when it is built."""
    order, source, source_row, length = order_of(line, 1, settings), word(line, 2), word(line, 3), word(line, 4)
    following = first + size
    many = min(size, word(settings, Setting.LISTED) - following)
    begin = following + first_row(line, 5, many)
    for place in range(begin, begin + row_count(line, 5, many)):
        row = source + sample(order, place, 0) * source_row
        for offset in range(0, length, 64):
            prefetch(row + offset)


@inner
def target(line: int, settings: int, first: int, size: int) -> None:
    """Write rows of y: one-hot, 0 or 1 for a single output, or numbers; and the rows' weights."""
    item = word(settings, Setting.ITEM_BYTES)
    order, codes, numbers, weights = order_of(line, 1, settings), word(line, 2), word(line, 3), word(line, 4)
    y, y_row, outputs, batch_weights = word(line, 5), word(line, 6), word(line, 7), word(line, 8)
    begin = first_row(line, 9, size)
    for row in range(begin, begin + row_count(line, 9, size)):
        chosen = sample(order, first, row)
        place = y + row * y_row
        if numbers:
            for output in range(outputs):
                put(place, output, item, load(numbers + 8 * (chosen * outputs + output), 0.0))
        elif outputs == 1:
            put(place, 0, item, float(word(codes, chosen)))
        else:
            for output in range(outputs):
                put(place, output, item, 0.0)
            put(place, word(codes, chosen), item, 1.0)
        if weights:
            put(batch_weights, row, item, load(weights + 8 * chosen, 0.0))


@inner
def forward(line: int, settings: int, size: int) -> None:
    """Multiply some rows of a batch by a block of weights, whose biases are the row after the last."""
    a, a_row, depth, w, w_row, width, z, z_row = (
        word(line, 1), word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7),
        word(line, 8),
    )  # fmt: skip
    begin = first_row(line, 9, size)
    rows = row_count(line, 9, size)
    if rows > 0:
        products.forward(
            word(settings, Setting.TABLE), z + begin * z_row, z_row, w + depth * w_row, a + begin * a_row, a_row,
            w, w_row, rows, depth, width,
        )  # fmt: skip


@inner
def backward(line: int, settings: int, own: int, size: int) -> None:
    """Send errors back through a block of weights."""
    d, d_row, depth, w, w_row, place, place_row, columns = (
        word(line, 1), word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7),
        word(line, 8),
    )  # fmt: skip
    begin = first_row(line, 10, size)
    rows = row_count(line, 10, size)
    if rows > 0:
        products.backward(
            word(settings, Setting.TABLE), place + begin * place_row, place_row, d + begin * d_row, d_row, w, w_row,
            rows, columns, depth, word(own, Own.WORKSPACE), 1 - word(line, 9),
        )  # fmt: skip


@inner
def update(line: int, settings: int, own: int, size: int) -> None:
    """Take the gradient of rows of a block of weights, a slice at a time, and step while the slice is at hand."""
    d, d_row, a, a_item, a_row, w, w_row, rows, width = (
        word(line, 1), word(line, 2), word(line, 3), word(line, 4), word(line, 5), word(line, 6), word(line, 7),
        word(line, 8), word(line, 9),
    )  # fmt: skip
    body, constants, slots, apart, scratch, most = (
        word(line, 10), word(line, 11), word(line, 12), word(line, 13), word(line, 14), word(line, 15),
    )  # fmt: skip
    table, operands = word(settings, Setting.TABLE), word(own, Own.OPERANDS)
    stride = w_row // word(settings, Setting.ITEM_BYTES)
    # Inputs are w, g and the slots; outputs are w and the slots, in place.
    outputs = operands + 8 * (2 + slots)
    store(operands + 8, scratch)
    row = 0
    while row < rows:
        many = min(most, rows - row)
        products.gradient(
            table, scratch, w_row, a + row * a_item, a_row, d, d_row, size, many, width
        )  # fmt: skip
        place = w + row * w_row
        store(operands, place)
        store(outputs, place)
        for slot in range(1, slots + 1):
            store(operands + 8 * (1 + slot), place + slot * apart)
            store(outputs + 8 * slot, place + slot * apart)
        call(body, (many * stride, constants, operands))
        row += many


@inner
def apply(line: int, own: int, size: int) -> None:
    """Call a kernel of elements on some rows and columns."""
    body, constants, many, stride, width = (
        word(line, 1), word(line, 2), word(line, 7), word(line, 8), word(line, 9),
    )  # fmt: skip
    operands = word(own, Own.OPERANDS)
    begin = first_row(line, 10, size)
    rows = row_count(line, 10, size)
    row_bytes, item_bytes = stride, word(line, 12)
    if rows == 0:
        return
    whole = width * item_bytes == row_bytes
    runs, length = (1, rows * width) if whole else (rows, width)
    for run in range(runs):
        for operand in range(many):
            store(operands + 8 * operand, word(line, 3 + operand) + (begin + run) * row_bytes)
        call(body, (length, constants, operands))


@inner
def draw(line: int, settings: int, size: int, step: int) -> None:
    """Draw dropout's mask for some rows and multiply it in."""
    begin = first_row(line, 10, size)
    call(
        word(line, 1),
        (
            begin, row_count(line, 10, size), word(line, 4), step, word(line, 5), word(settings, Setting.SEED_LOW),
            word(settings, Setting.SEED_HIGH), word(line, 6), word(line, 7), word(line, 2) + begin * word(line, 3),
            word(line, 8) + begin * word(line, 9),
        ),
    )  # fmt: skip


@inner
def repeat(line: int, size: int) -> None:
    """Multiply dropout's mask in again."""
    begin = first_row(line, 8, size)
    call(
        word(line, 1),
        (
            row_count(line, 8, size) * word(line, 4), word(line, 5), word(line, 2) + begin * word(line, 3),
            word(line, 6) + begin * word(line, 7),
        ),
    )  # fmt: skip


@inner
def loss(line: int, settings: int, own: int, first: int, size: int) -> None:
    """Losses, errors and dz of some rows; 1 / Σ weights is taken over the whole batch."""
    begin = first_row(line, 15, size)
    rows = row_count(line, 15, size)
    if rows == 0:
        return
    order, weights, scalars, constants = order_of(line, 13, settings), word(line, 14), word(line, 2), word(line, 3)
    store(scalars, _inverse(batch_weight(order, weights, first, size)))
    call(word(line, 1), (scalars, constants))
    item, operands, scratch = word(settings, Setting.ITEM_BYTES), word(own, Own.OPERANDS), word(line, 17)
    padded = (rows + 15) // 16 * 16
    place = operands
    for argument in range(5, 11):
        address = word(line, argument)
        if address:
            row_bytes = _row_bytes(line, argument, item)
            address += begin * row_bytes
            if scratch:
                if argument < 8:
                    _spread(address, row_bytes, scratch, item, rows, item)
                address = scratch
                scratch += padded * item
            store(place, address)
            place += 8
    if word(line, 17):
        call(word(line, 4), (padded, constants, operands))
        _bring_back(line, begin, rows, operands, item)
    else:
        call(word(line, 4), (rows, word(line, 11), word(line, 12), constants, operands))


@inner
def _row_bytes(line: int, argument: int, item: int) -> int:
    """Bytes from row to row of what a loss reads or writes: z, y and dz are matrices, the others one number a row."""
    matrix = argument == 5 or argument == 6 or argument == 8
    return word(line, 12) * item if matrix else item


@inner
def _spread(source: int, source_row: int, target: int, target_row: int, rows: int, item: int) -> None:
    """Copy the first number of each row."""
    for row in range(rows):
        if item == 4:
            store(target + row * target_row, load(source + row * source_row, np.int32(0)))
        else:
            store(target + row * target_row, load(source + row * source_row, 0))


@inner
def _bring_back(line: int, begin: int, rows: int, operands: int, item: int) -> None:
    """Copy what a single output's kernel made of neighbouring numbers to the rows where it belongs."""
    place = operands
    for argument in range(5, 11):
        address = word(line, argument)
        if address:
            if argument >= 8:
                row_bytes = _row_bytes(line, argument, item)
                _spread(word(place, 0), item, address + begin * row_bytes, row_bytes, rows, item)
            place += 8


@inner
def count(line: int, settings: int, first: int, size: int) -> None:
    """1 for each row whose largest output is another class's, the first of equal ones being taken; else 0."""
    item = word(settings, Setting.ITEM_BYTES)
    z, z_row, outputs, order, codes, errors = (
        word(line, 1), word(line, 2), word(line, 3), order_of(line, 4, settings), word(line, 5), word(line, 6),
    )  # fmt: skip
    begin = first_row(line, 7, size)
    for row in range(begin, begin + row_count(line, 7, size)):
        place = z + row * z_row
        largest, best = 0, number(place, 0, item)
        for output in range(1, outputs):
            value = number(place, output, item)
            if value > best:
                largest, best = output, value
        put(errors, row, item, 0.0 if largest == word(codes, sample(order, first, row)) else 1.0)


@inner
def add(line: int, settings: int, size: int, into: int) -> None:
    """Add a batch's weight, losses and errors to three numbers, row by row."""
    item = word(settings, Setting.ITEM_BYTES)
    losses, errors, batch_weights = word(line, 1), word(line, 2), word(line, 3)
    weight, total, wrong = load(into, 0.0), load(into + 8, 0.0), load(into + 16, 0.0)
    for row in range(size):
        w = number(batch_weights, row, item) if batch_weights else 1.0
        weight += w
        total += w * number(losses, row, item)
        wrong += w * number(errors, row, item)
    store(into, weight)
    store(into + 8, total)
    store(into + 16, wrong)


@inner
def record(line: int, settings: int, size: int, place: int) -> None:
    """Note a batch's mean loss."""
    item = word(settings, Setting.ITEM_BYTES)
    losses, batch_weights = word(line, 1), word(line, 2)
    weight, total = 0.0, 0.0
    for row in range(size):
        w = number(batch_weights, row, item) if batch_weights else 1.0
        weight += w
        total += w * number(losses, row, item)
    store(word(settings, Setting.RECORD) + 8 * place, total / weight)
