"""The machine: a loop that runs epochs without the interpreter, each thread following its own program.

Programs are written once a run (see `program`), so nothing here knows of layers, formulas or element types: formulas
and tiles are called by address.
"""

from __future__ import annotations

import numpy as np

from deltarule.engines.compiled.instructions import LINE_BYTES, Operation, Own, Setting, Shared, Total, Weights
from deltarule.engines.compiled.operations import (
    add,
    apply,
    ask,
    backward,
    count,
    draw,
    forward,
    gather,
    loss,
    prepare,
    record,
    repeat,
    target,
    update,
    word,
)
from deltarule.engines.compiled.pointers import barrier, call, load, store
from deltarule.engines.compiled.processor import addressed, inner
from deltarule.engines.problem import Figure
from deltarule.formulas import random
from deltarule.recipes import stopping

__all__ = ["EXECUTE", "RUN"]

_rounds = inner(random.rounds)
_improves = inner(stopping.improves)
_LOW, _HALF = random.LOW, random.HALF
_PURPOSE = np.uint64(int(random.Purpose.ORDER))


def _run(settings: int, thread: int) -> None:
    """Train until the budget of steps is spent, an epoch to stop before is reached, or training has finished.

    Where `FOLLOWED` asks for it, take so many rows through the thread's program once, and do nothing else.
    """
    followed = word(settings, Setting.FOLLOWED)
    if followed:
        alone = word(settings, Setting.OWN) + 8 * Own.COUNT * thread
        program, lines = word(alone, Own.PROGRAM), word(alone, Own.LINES)
        call(word(settings, Setting.EXECUTE), (program, lines, settings, alone, 0, followed, 0, 0, 0))
        return
    threads, meeting = word(settings, Setting.THREADS), word(settings, Setting.BARRIER)
    shared, totals = word(settings, Setting.SHARED), word(settings, Setting.TOTALS)
    own = word(settings, Setting.OWN) + 8 * Own.COUNT * thread
    starts = word(settings, Setting.STARTS)
    epoch, batch, step = word(shared, Shared.EPOCH), word(shared, Shared.BATCH), word(shared, Shared.STEP)
    budget, recorded = word(shared, Shared.BUDGET), word(shared, Shared.RECORDED)
    while True:
        first_batch, last_batch = _batches(settings, epoch)
        if batch == first_batch:
            if thread == 0:
                _begin(settings, epoch)
            barrier(meeting, threads)
        if thread >= word(settings, Setting.STEPPERS):
            taken = min(last_batch - batch, budget)
            batch, step, budget, recorded = batch + taken, step + taken, budget - taken, recorded + taken
        while batch < last_batch and budget > 0:
            first = word(starts, batch)
            size = word(starts, batch + 1) - first
            step += 1
            call(
                word(settings, Setting.EXECUTE),
                (word(own, Own.PROGRAM), word(own, Own.LINES), settings, own, first, size, step, totals, recorded),
            )
            batch += 1
            budget -= 1
            recorded += 1
        if batch < last_batch:
            break
        # Threads that took no steps have waited here for those that did.
        barrier(meeting, threads)
        _evaluate_parts(settings, own, thread)
        barrier(meeting, threads)
        epoch += 1
        if word(settings, Setting.SHUFFLED):
            batch = 0
        if thread == 0:
            _finish(settings, epoch)
        barrier(meeting, threads)
        if word(shared, Shared.FINISHED) or epoch == word(shared, Shared.UNTIL) or budget <= 0:
            break
    barrier(meeting, threads)
    if thread == 0:
        store(shared + 8 * Shared.EPOCH, epoch)
        store(shared + 8 * Shared.BATCH, batch)
        store(shared + 8 * Shared.STEP, step)
        store(shared + 8 * Shared.RECORDED, recorded)


def _execute(  # noqa: C901  (a branch for each operation)
    program: int, lines: int, settings: int, own: int, first: int, size: int, step: int, into: int, place: int
) -> None:
    """Follow a program for the `size` samples from place `first` of the order.

    into : address of the three numbers that are added to.
    place : which of this call's steps it is: where its rate stands, and where its loss is recorded.
    """
    for number in range(lines):
        line = program + number * LINE_BYTES
        operation = word(line, 0)
        if operation == Operation.FORWARD:
            forward(line, settings, size)
        elif operation == Operation.APPLY:
            apply(line, own, size)
        elif operation == Operation.BACKWARD:
            backward(line, settings, own, size)
        elif operation == Operation.UPDATE:
            update(line, settings, own, size)
        elif operation == Operation.MEET:
            barrier(word(settings, Setting.BARRIER), word(settings, Setting.THREADS))
        elif operation == Operation.GATHER:
            gather(line, settings, first, size)
        elif operation == Operation.PREFETCH:
            ask(line, settings, first, size)
        elif operation == Operation.TARGET:
            target(line, settings, first, size)
        elif operation == Operation.LOSS:
            loss(line, settings, own, first, size)
        elif operation == Operation.COUNT:
            count(line, settings, first, size)
        elif operation == Operation.PREPARE:
            prepare(line, settings, first, size, step, place)
        elif operation == Operation.ADD:
            add(line, settings, size, into)
        elif operation == Operation.DRAW:
            draw(line, settings, size, step)
        elif operation == Operation.REPEAT:
            repeat(line, size)
        elif operation == Operation.RECORD:
            record(line, settings, size, place)
        elif operation == Operation.CALL:
            call(word(line, 1), (line, settings, own, first, size, step, place))


@inner
def _batches(settings: int, epoch: int) -> tuple[int, int]:
    """The first batch of an epoch, and the first that is no longer its."""
    if word(settings, Setting.SHUFFLED):
        samples, size = word(settings, Setting.SAMPLES), word(settings, Setting.BATCH_SIZE)
        return 0, (samples + size - 1) // size
    given = word(settings, Setting.EPOCH_STARTS)
    return word(given, epoch), word(given, epoch + 1)


@inner
def _begin(settings: int, epoch: int) -> None:
    """Forget the last epoch's sums, and draw the order of this one."""
    totals = word(settings, Setting.TOTALS)
    for index in range(3):
        store(totals + 8 * index, 0.0)
    if word(settings, Setting.SHUFFLED):
        _shuffle(settings, epoch)


@inner
def _shuffle(settings: int, epoch: int) -> None:
    """Fisher and Yates's shuffle from the end, as `formulas.random.permutation` draws it."""
    order, samples = word(settings, Setting.ORDER), word(settings, Setting.SAMPLES)
    rows = word(settings, Setting.ROWS)
    low, high = np.uint64(word(settings, Setting.SEED_LOW)), np.uint64(word(settings, Setting.SEED_HIGH))
    for i in range(samples):
        store(order + 8 * i, word(rows, i) if rows else i)
    nothing = np.uint64(0)
    w0, w1, w2, w3 = nothing, nothing, nothing, nothing
    block = -1
    for back in range(samples - 1):
        i = samples - 1 - back
        if i >> 2 != block:
            block = i >> 2
            w0, w1, w2, w3 = _rounds(np.uint64(block), nothing, np.uint64(epoch), _PURPOSE, low, high)
        part = i & 3
        drawn = w0 if part == 0 else w1 if part == 1 else w2 if part == 2 else w3
        j = int(drawn * np.uint64(i + 1) >> _HALF)
        here, there = word(order, i), word(order, j)
        store(order + 8 * i, there)
        store(order + 8 * j, here)


@inner
def _evaluate_parts(settings: int, own: int, thread: int) -> None:
    """A thread's blocks of the parts that are evaluated whole, sums block by block."""
    partial, samples = word(settings, Setting.PARTIAL), word(settings, Setting.SAMPLES)
    if word(settings, Setting.EVALUATED):
        partial = _evaluate(settings, own, thread, Own.TRAIN_PROGRAM, samples, partial)
    if word(settings, Setting.VALIDATED):
        held = word(settings, Setting.VALIDATION_SAMPLES)
        _evaluate(settings, own, thread, Own.VALIDATION_PROGRAM, held, partial)


@inner
def _evaluate(settings: int, own: int, thread: int, which: int, samples: int, partial: int) -> int:
    """Every so many blocks of a part; the address after all blocks' sums."""
    rows, threads = word(settings, Setting.BLOCK), word(settings, Setting.THREADS)
    blocks = (samples + rows - 1) // rows
    for block in range(thread, blocks, threads):
        into = partial + 24 * block
        for index in range(3):
            store(into + 8 * index, 0.0)
        first = block * rows
        size = min(rows, samples - first)
        program, lines = word(own, which), word(own, which + 1)
        call(word(settings, Setting.EXECUTE), (program, lines, settings, own, first, size, 0, into, 0))
    return partial + 24 * blocks


@inner
def _collected(partial: int, samples: int, rows: int, figure: int) -> int:
    """Add the blocks' sums in order into three numbers; the address after them."""
    blocks = (samples + rows - 1) // rows
    for index in range(3):
        total = 0.0
        for block in range(blocks):
            total += load(partial + 24 * block + 8 * index, 0.0)
        store(figure + 8 * index, total)
    return partial + 24 * blocks


@inner
def _finish(settings: int, epoch: int) -> None:
    """Write an epoch's figures, and decide whether it was the best and the last. Epochs count from 1 here."""
    shared, totals = word(settings, Setting.SHARED), word(settings, Setting.TOTALS)
    rows, partial = word(settings, Setting.BLOCK), word(settings, Setting.PARTIAL)
    done = word(shared, Shared.DONE)
    figure = word(settings, Setting.FIGURES) + 8 * Figure.COUNT * done
    store(shared + 8 * Shared.DONE, done + 1)
    if word(settings, Setting.EVALUATED):
        partial = _collected(partial, word(settings, Setting.SAMPLES), rows, figure)
    else:
        for index in range(3):
            store(figure + 8 * index, load(totals + 8 * index, 0.0))
    if word(settings, Setting.VALIDATED):
        _collected(partial, word(settings, Setting.VALIDATION_SAMPLES), rows, figure + 8 * Figure.VALIDATION_WEIGHT)
    _penalty(settings, figure + 8 * Figure.PENALTY)
    train_loss = load(figure + 8, 0.0)
    finite = train_loss - train_loss == 0.0 and _all_finite(settings)
    if word(settings, Setting.WATCHED):
        _watch(settings, figure + 8 * Figure.VALIDATION_WEIGHT, epoch)
    elif finite:
        _keep(settings)
    if not finite or epoch >= word(settings, Setting.LAST_EPOCH):
        store(shared + 8 * Shared.FINISHED, 1)


@inner
def _watch(settings: int, held: int, epoch: int) -> None:
    """Early stopping's rule."""
    shared, totals = word(settings, Setting.SHARED), word(settings, Setting.TOTALS)
    by_score = word(settings, Setting.BY_SCORE) != 0
    weight, loss_sum, error_sum = load(held, 0.0), load(held + 8, 0.0), load(held + 16, 0.0)
    figure = -error_sum / weight if by_score else loss_sum / weight
    least = load(word(settings, Setting.MIN_IMPROVEMENT), 0.0)
    if _improves(figure, load(totals + 8 * Total.BEST, 0.0), least, by_score):
        store(totals + 8 * Total.BEST, figure)
        store(shared + 8 * Shared.BEST_EPOCH, epoch)
        _keep(settings)
    if epoch - word(shared, Shared.BEST_EPOCH) >= word(settings, Setting.PATIENCE):
        store(shared + 8 * Shared.FINISHED, 1)


@inner
def _keep(settings: int) -> None:
    """Copy the parameters to where the best ones are kept."""
    source, kept = word(settings, Setting.PARAMETERS), word(settings, Setting.BEST)
    for index in range(word(settings, Setting.ITEMS) * word(settings, Setting.ITEM_BYTES) // 8):
        store(kept + 8 * index, load(source + 8 * index, 0))


@inner
def _all_finite(settings: int) -> bool:
    """Whether no parameter is infinite or NaN: their exponents are all ones."""
    parameters, items = word(settings, Setting.PARAMETERS), word(settings, Setting.ITEMS)
    wrong = 0
    if word(settings, Setting.ITEM_BYTES) == 4:
        narrow = np.int32(0x7F800000)
        for index in range(items):
            wrong += load(parameters + 4 * index, np.int32(0)) & narrow == narrow
    else:
        wide = 0x7FF0000000000000
        for index in range(items):
            wrong += load(parameters + 8 * index, 0) & wide == wide
    return wrong == 0


@inner
def _penalty(settings: int, into: int) -> None:
    """The penalties' sum over all weights, 16 of a row at a time: in one order, however the columns are divided."""
    total, operands = 0.0, word(word(settings, Setting.OWN), Own.OPERANDS)
    group = 16 * word(settings, Setting.ITEM_BYTES)
    store(operands + 8, into)
    block = word(settings, Setting.WEIGHTS)
    for _ in range(word(settings, Setting.LAYERS)):
        blocks, rows, body = word(block, Weights.BLOCKS), word(block, Weights.ROWS), word(block, Weights.PENALTY)
        for row in range(rows if body else 0):
            for number in range(blocks):
                each = block + 8 * Weights.COUNT * number
                place = word(each, Weights.ADDRESS) + row * word(each, Weights.ROW)
                for _ in range(word(each, Weights.GROUPS)):
                    store(operands, place)
                    call(body, (16, word(each, Weights.PENALTY_CONSTANTS), operands))
                    total += load(into, 0.0)
                    place += group
        block += 8 * Weights.COUNT * blocks
    store(into, total)


EXECUTE: int = addressed(9)(_execute)
"""The address of what follows a program."""
RUN: int = addressed(2)(_run)
"""The address of the loop: a function of the settings' address and a thread's number."""
