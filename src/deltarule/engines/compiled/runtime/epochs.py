"""The loop over epochs and batches without the interpreter: what each thread runs, compiled.

Threads follow their plans and know nothing of layers or formulas. The first thread also shuffles, adds up the figures
of an epoch, and decides whether it was the best and the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.plan.batches import Gather
from deltarule.engines.compiled.plan.instruction import Instruction, follow, number
from deltarule.engines.compiled.plan.memory import Arena, aligned
from deltarule.engines.compiled.plan.printing import SCRATCH
from deltarule.engines.compiled.plan.tables import KernelCall, MatrixAt, Plan, Run, Thread
from deltarule.engines.problem import Figure
from deltarule.formulas import random
from deltarule.native import memory
from deltarule.native.memory import call, load_float64, load_int64, store, struct_at
from deltarule.native.processor import MachineCode, compile_functions, lasting
from deltarule.native.products import GROUP, WORKSPACE_BYTES
from deltarule.native.structs import Address, Count, Record, Struct, fields_of, size_of
from deltarule.native.threads import wait
from deltarule.native.tuning import tuned_tiles
from deltarule.recipes.stopping import improves

__all__ = ["SingleThread", "WeightBlock", "entry_points"]

_ORDER = np.uint64(int(random.Purpose.ORDER))


@dataclass
class WeightBlock(Struct):
    """A block of weights; the first block of a layer says how many the layer has."""

    blocks: Count
    rows: Count
    weights: MatrixAt
    groups: Count
    penalty: KernelCall


@lasting
def entry_points() -> MachineCode:
    """`train(run, thread)` and `follow_once(run, rows)`, compiled."""
    return compile_functions({"train": (train, Run, int), "follow_once": (follow_once, Run, int)})


class SingleThread:
    """A plan that the caller's own thread follows, for the first samples of an order or of storage.

    instructions : the first that is a `Gather`, if any, is `gather`, whose source may be changed between calls.
    values : of the `Run` and of the `Thread`, where they matter to the instructions.
    """

    def __init__(self, arena: Arena, instructions: Sequence[Instruction], **values: float) -> None:
        self.plan = list(instructions)
        plan, words = arena.plan(self.plan)
        workspace = arena.keep(aligned(WORKSPACE_BYTES, np.uint8), SCRATCH)
        self._thread = Record(Thread, operands=arena.words(arena.operands), workspace=workspace)
        self._thread.put("training", plan)
        self._run = Record(Run, table=self._thread.address, item_bytes=arena.dtype.itemsize)
        self._thread.set(run=self._run.address)
        self.set(tiles=arena.hold(tuned_tiles(arena.dtype.name)).address, **values)
        self._follow = entry_points().function("follow_once", 2)
        first = words[1 : 1 + size_of(Gather) // 8] if isinstance(self.plan[0], Gather) else np.zeros(0, np.int64)
        self.gather = Record(Gather, at=first)

    @property
    def run(self) -> Address:
        """The address of the run's table."""
        return self._run.address

    def set(self, **values: float) -> None:
        """Change values of the run and of the thread."""
        of_run = {name: value for name, value in values.items() if name in fields_of(Run)}
        self._run.set(**of_run)
        self._thread.set(**{name: value for name, value in values.items() if name not in of_run})

    def __call__(self, rows: int) -> None:
        """Follow the plan for so many samples."""
        self._follow(self._run.address, rows)


def follow_once(run: Run, rows: int) -> None:
    """Follow the first thread's plan for `rows` samples in stored order."""
    thread = struct_at(Thread, run.table)
    thread.first, thread.size = 0, rows
    mode = memory.flush_subnormals()
    follow(thread.training, thread)
    memory.restore_float_mode(mode)


def train(run: Run, number: int) -> None:
    """Train until the budget of steps is spent, an epoch to stop before is reached, or training has finished.

    Meanwhile subnormal numbers are flushed to 0; the thread's floating-point mode is afterwards what it was.
    """
    mode = memory.flush_subnormals()
    thread, progress = struct_at(Thread, run.table + size_of(Thread) * number), run.progress
    threads, barrier, first_thread = run.threads, run.barrier, number == 0
    epoch, batch, step = progress.epoch, progress.batch, progress.step
    budget, recorded = progress.budget, progress.recorded
    while True:
        first_batch, last_batch = _batches(run, epoch)
        if batch == first_batch:
            if first_thread:
                _begin(run, epoch)
            wait(barrier, threads)
        if number >= run.steppers:
            taken = min(last_batch - batch, budget)
            batch, step, budget, recorded = batch + taken, step + taken, budget - taken, recorded + taken
        while batch < last_batch and budget > 0:
            step += 1
            _take_step(run, thread, batch, step, recorded)
            batch += 1
            budget -= 1
            recorded += 1
        if batch < last_batch:
            break
        epoch += 1
        if run.shuffled:
            batch = 0
        _end_epoch(run, thread, number, epoch)
        if progress.finished or epoch == progress.until or budget <= 0:
            break
    wait(barrier, threads)
    if first_thread:
        progress.epoch, progress.batch, progress.step, progress.recorded = epoch, batch, step, recorded
    memory.restore_float_mode(mode)


def _end_epoch(run: Run, thread: Thread, number: int, epoch: int) -> None:
    """Evaluate once all threads are here, also those that took no steps; the first thread decides what is next."""
    wait(run.barrier, run.threads)
    _evaluate_sets(run, thread, number)
    wait(run.barrier, run.threads)
    if number == 0:
        _finish(run, epoch)
    wait(run.barrier, run.threads)


def _take_step(run: Run, thread: Thread, batch: int, step: int, place: int) -> None:
    """Follow the plan of a training step for one batch."""
    thread.first = load_int64(run.starts + 8 * batch)
    thread.size = load_int64(run.starts + 8 * batch + 8) - thread.first
    thread.step, thread.place = step, place
    follow(thread.training, thread)


def _batches(run: Run, epoch: int) -> tuple[int, int]:
    """The first batch of an epoch, and the first after it."""
    if run.shuffled:
        return 0, run.batches
    return load_int64(run.epoch_starts + 8 * epoch), load_int64(run.epoch_starts + 8 * epoch + 8)


def _begin(run: Run, epoch: int) -> None:
    """Set the epoch's sums to 0, and draw its order."""
    run.progress.weight, run.progress.loss, run.progress.error = 0.0, 0.0, 0.0
    if run.shuffled:
        _shuffle(run, epoch)


def _shuffle(run: Run, epoch: int) -> None:
    """Fisher and Yates's shuffle from the end, as `formulas.random.permutation` draws it."""
    order, samples, rows = run.order, run.samples, run.rows
    low, high = np.uint64(run.seed_low), np.uint64(run.seed_high)
    for i in range(samples):
        store(order + 8 * i, load_int64(rows + 8 * i) if rows else i)
    zero = np.uint64(0)
    w0, w1, w2, w3 = zero, zero, zero, zero
    block = -1
    for back in range(samples - 1):
        i = samples - 1 - back
        if i >> 2 != block:
            block = i >> 2
            w0, w1, w2, w3 = random.rounds(np.uint64(block), zero, np.uint64(epoch), _ORDER, low, high)
        part = i & 3
        drawn = w0 if part == 0 else w1 if part == 1 else w2 if part == 2 else w3
        j = int(drawn * np.uint64(i + 1) >> random.HALF)
        here, there = load_int64(order + 8 * i), load_int64(order + 8 * j)
        store(order + 8 * i, there)
        store(order + 8 * j, here)


def _evaluate_sets(run: Run, thread: Thread, number: int) -> None:
    """A thread's blocks of the sets that are evaluated, sums block by block."""
    partial = int(run.partial)
    if run.evaluated:
        partial = _evaluate(run, thread, number, thread.train_evaluation, run.samples, partial)
    if run.validated:
        _evaluate(run, thread, number, thread.validation, run.validation_samples, partial)


def _evaluate(run: Run, thread: Thread, number: int, plan: Plan, samples: int, partial: int) -> int:
    """Every so many blocks of a set; the address after all blocks' sums."""
    blocks = (samples + run.block - 1) // run.block
    for block in range(number, blocks, run.threads):
        sums = partial + 24 * block
        for index in range(3):
            store(sums + 8 * index, 0.0)
        thread.first = block * run.block
        thread.size = min(run.block, samples - thread.first)
        thread.sums = sums
        follow(plan, thread)
    thread.sums = thread.training_sums
    return partial + 24 * blocks


def _collected(partial: int, samples: int, rows: int, figure: int) -> int:
    """Add the blocks' sums in order into three numbers; the address after them."""
    blocks = (samples + rows - 1) // rows
    for index in range(3):
        total = 0.0
        for block in range(blocks):
            total += load_float64(partial + 24 * block + 8 * index)
        store(figure + 8 * index, total)
    return partial + 24 * blocks


def _finish(run: Run, epoch: int) -> None:
    """Write an epoch's figures, and decide whether it was the best and the last. Epochs count from 1 here."""
    progress, partial = run.progress, int(run.partial)
    figure = run.figures + 8 * Figure.COUNT * progress.done
    validation = figure + 8 * Figure.VALIDATION_WEIGHT
    progress.done += 1
    if run.evaluated:
        partial = _collected(partial, run.samples, run.block, figure)
    else:
        store(figure, progress.weight)
        store(figure + 8, progress.loss)
        store(figure + 16, progress.error)
    if run.validated:
        _collected(partial, run.validation_samples, run.block, validation)
    _add_penalties(run, figure + 8 * Figure.PENALTY)
    train_loss = load_float64(figure + 8)
    finite = train_loss - train_loss == 0.0 and _all_finite(run)
    if run.watched:
        _watch(run, validation, epoch, finite)
    elif finite:
        _keep_parameters(run)
    if not finite or epoch >= run.last_epoch:
        progress.finished = True


def _watch(run: Run, validation: int, epoch: int, finite: bool) -> None:
    """Early stopping's rule; an epoch whose loss or parameters are not `finite` is never the best."""
    progress = run.progress
    weight, loss, error = load_float64(validation), load_float64(validation + 8), load_float64(validation + 16)
    figure = -error / weight if run.by_score else loss / weight
    tie = run.ties and figure == progress.best
    if finite and (tie or improves(figure, progress.best, run.min_improvement, run.by_score)):
        progress.best, progress.best_epoch = figure, epoch
        _keep_parameters(run)
    if epoch - progress.best_epoch >= run.patience:
        progress.finished = True


def _keep_parameters(run: Run) -> None:
    """Copy the parameters to where the best ones are kept."""
    source, kept = run.parameters, run.best
    for index in range(run.items * run.item_bytes // 8):
        store(kept + 8 * index, load_int64(source + 8 * index))


def _all_finite(run: Run) -> bool:
    """Whether no parameter is infinite or NaN, whose difference from itself is NaN."""
    finite = 0
    for index in range(run.items):
        parameter = number(run.parameters, index, run.item_bytes)
        finite += int(parameter - parameter == 0.0)
    return finite == run.items


def _add_penalties(run: Run, into: int) -> None:
    """The penalties' sum over all weights, 16 of a row at a time: in one order, however the columns are divided."""
    total, operands = 0.0, struct_at(Thread, run.table).operands
    group = GROUP * run.item_bytes
    store(operands + 8, into)
    address = int(run.weights)
    for _ in range(run.layers):
        first = struct_at(WeightBlock, address)
        for row in range(first.rows if first.penalty.body else 0):
            for index in range(first.blocks):
                block = struct_at(WeightBlock, address + size_of(WeightBlock) * index)
                place = block.weights.at(row)
                for _ in range(block.groups):
                    store(operands, place)
                    call(first.penalty.body, GROUP, block.penalty.constants, operands)
                    total += load_float64(into)
                    place += group
        address += size_of(WeightBlock) * first.blocks
    store(into, total)
