"""Instructions for the way of a batch through the layers and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deltarule.engines.compiled.codegen.memory import call, load_float64, load_int32, load_int64, store
from deltarule.engines.compiled.codegen.structs import Address, Count, Stride
from deltarule.engines.compiled.plan import products
from deltarule.engines.compiled.plan.instruction import (
    RUN_ORDER,
    Instruction,
    KernelCall,
    Rows,
    Thread,
    batch_weight,
    order_of,
    put,
    wait,
)
from deltarule.formulas import random

if TYPE_CHECKING:
    from deltarule.engines.compiled.plan.definition import Work

__all__ = ["Apply", "Backward", "Dropout", "DropoutAgain", "Forward", "Loss", "Noise", "PrepareConstants", "Wait"]


@dataclass(frozen=True)
class Wait(Instruction):
    """Wait for the other threads."""

    def execute(self, thread: Thread) -> None:
        wait(thread.run.barrier, thread.run.threads)

    def define(self, work: Work) -> None:
        """Nothing: threads are defined one after the other, from one wait to the next."""


@dataclass(frozen=True)
class PrepareConstants(Instruction):
    """A kernel's prologue: scalars that change from step to step, with others, into the constants of its body.

    The first scalars are the step, the schedule's factor for it, and where `weighted` the fourth is 1 / Σ weights of
    the batch.
    """

    prologue: Address
    scalars: Address
    constants: Address
    weighted: bool

    def execute(self, thread: Thread) -> None:
        run, scalars = thread.run, self.scalars
        store(scalars, float(thread.step))
        store(scalars + 8, load_float64(run.rates + 8 * thread.place))
        if self.weighted:
            store(scalars + 24, 1.0 / batch_weight(run.order, run.sample_weights, thread.first, thread.size))
        call(self.prologue, scalars, self.constants)

    def define(self, work: Work) -> None:
        place, scalars = work.thread["place"], work.vector(self.scalars, 4 if self.weighted else 2, np.float64)
        scalars[:2] = work.step, work.vector(work.run["rates"], place + 1, np.float64)[place]
        if self.weighted:
            scalars[3] = 1.0 / work.weights(RUN_ORDER, work.run["sample_weights"]).sum()
        work.prepare(self.constants, self.scalars)


@dataclass(frozen=True)
class Forward(Instruction):
    """z = b + a W for some columns, over a block of weights whose biases are the row after the last."""

    a: Address
    a_row: Stride
    depth: Count
    w: Address
    w_row: Stride
    width: Count
    z: Address
    z_row: Stride
    rows: Rows

    def execute(self, thread: Thread) -> None:
        begin, rows = self.rows.first(thread.size), self.rows.count(thread.size)
        if rows > 0:
            products.forward(
                thread.run.tiles, self.z + begin * self.z_row, self.z_row, self.w + self.depth * self.w_row,
                self.a + begin * self.a_row, self.a_row, self.w, self.w_row, rows, self.depth, self.width,
            )  # fmt: skip

    def define(self, work: Work) -> None:
        rows = work.rows(self.rows)
        block = work.matrix(self.w, self.w_row, self.depth + 1, self.width)
        w, b = block[:-1], block[-1]
        a, z = work.batch(self.a, self.a_row, self.depth), work.batch(self.z, self.z_row, self.width)
        z[rows] = b + a[rows] @ w


@dataclass(frozen=True)
class Backward(Instruction):
    """da += dz Wᵀ for some columns of da, over a block of W's columns; over the `first` block, da = dz Wᵀ."""

    d: Address
    d_row: Stride
    depth: Count
    w: Address
    w_row: Stride
    target: Address
    target_row: Stride
    columns: Count
    first: bool
    rows: Rows

    def execute(self, thread: Thread) -> None:
        begin, rows = self.rows.first(thread.size), self.rows.count(thread.size)
        if rows > 0:
            products.backward(
                thread.run.tiles, self.target + begin * self.target_row, self.target_row,
                self.d + begin * self.d_row, self.d_row, self.w, self.w_row, rows, self.columns, self.depth,
                thread.workspace, not self.first,
            )  # fmt: skip

    def define(self, work: Work) -> None:
        rows, columns = work.rows(self.rows), self.columns
        d, w = work.batch(self.d, self.d_row, self.depth), work.matrix(self.w, self.w_row, columns, self.depth)
        da = work.batch(self.target, self.target_row, -(-columns // products.COLUMNS) * products.COLUMNS)
        if self.first:
            da[rows] = 0.0
        da[rows, :columns] += d[rows] @ w.T


@dataclass(frozen=True)
class Apply(Instruction):
    """A kernel of elements over some columns of `many` matrices, at most four, whose rows are `row` bytes apart."""

    kernel: KernelCall
    one: Address
    two: Address
    three: Address
    four: Address
    many: Count
    row: Stride
    width: Count
    item_bytes: Stride
    rows: Rows

    def execute(self, thread: Thread) -> None:
        operands, row = thread.operands, self.row
        begin, rows = self.rows.first(thread.size), self.rows.count(thread.size)
        if rows == 0:
            return
        # Whole rows are one array.
        whole = self.width * self.item_bytes == row
        runs, length = (1, rows * self.width) if whole else (rows, int(self.width))
        for index in range(runs):
            place = (begin + index) * row
            store(operands, self.one + place)
            store(operands + 8, self.two + place)
            if self.many > 2:
                store(operands + 16, self.three + place)
                store(operands + 24, self.four + place)
            call(self.kernel.body, length, self.kernel.constants, operands)

    def define(self, work: Work) -> None:
        rows, addresses = work.rows(self.rows), (self.one, self.two, self.three, self.four)[: self.many]
        *inputs, output = [work.batch(address, self.row, self.width)[rows] for address in addresses]
        (output[:],) = work.kernel(self.kernel, *inputs)


@dataclass(frozen=True)
class Dropout(Instruction):
    """Draw dropout's mask for rows of a layer's inputs, keep it, and multiply it in; see `codegen.dropout`."""

    draw: Address
    numbers: Address
    row: Stride
    columns: Count
    layer: Count
    threshold: int
    scale: Address
    mask: Address
    mask_row: Stride
    rows: Rows

    def execute(self, thread: Thread) -> None:
        run, begin = thread.run, self.rows.first(thread.size)
        call(
            self.draw, begin, self.rows.count(thread.size), self.columns, thread.step, self.layer, run.seed_low,
            run.seed_high, self.threshold, self.scale, self.numbers + begin * self.row,
            self.mask + begin * self.mask_row,
        )  # fmt: skip

    def define(self, work: Work) -> None:
        rows, shape = work.rows(self.rows), (work.size, self.columns)
        kept = random.words(work.seed, random.Purpose.DROPOUT, shape, self.layer, work.step)[rows] >= self.threshold
        mask = work.batch(self.mask, self.mask_row, self.columns // 8, np.uint8)
        mask[rows] = np.packbits(kept, axis=1, bitorder="little")
        work.batch(self.numbers, self.row, self.columns)[rows] *= kept * work.vector(self.scale, 1)


@dataclass(frozen=True)
class DropoutAgain(Instruction):
    """Multiply dropout's mask into what goes back."""

    repeat: Address
    numbers: Address
    row: Stride
    columns: Count
    scale: Address
    mask: Address
    mask_row: Stride
    rows: Rows

    def execute(self, thread: Thread) -> None:
        begin = self.rows.first(thread.size)
        call(
            self.repeat, self.rows.count(thread.size) * self.columns, self.scale, self.numbers + begin * self.row,
            self.mask + begin * self.mask_row,
        )  # fmt: skip

    def define(self, work: Work) -> None:
        rows, mask = work.rows(self.rows), work.batch(self.mask, self.mask_row, self.columns // 8, np.uint8)
        kept = np.unpackbits(mask[rows], axis=1, bitorder="little")
        work.batch(self.numbers, self.row, self.columns)[rows] *= kept * work.vector(self.scale, 1)


_NOISE = int(random.Purpose.NOISE)


def _uniform_parts(word: np.uint64, centred: int, least: int, unit: int, item: int) -> None:
    """A uniform number p as p − ½ and as the lesser of p and 1 − p."""
    p = (float(word) + 0.5) / 4294967296.0
    put(centred, unit, item, p - 0.5)
    put(least, unit, item, min(p, 1.0 - p))


@dataclass(frozen=True)
class Noise(Instruction):
    """Add normal noise to rows of a layer's inputs: the same numbers as `formulas.random.normal` draws.

    `room` holds two numbers of each column.
    """

    numbers: Address
    row: Stride
    width: Count
    layer: Count
    kernel: KernelCall
    room: Address
    rows: Rows

    def execute(self, thread: Thread) -> None:
        run, operands, width = thread.run, thread.operands, self.width
        low, high = np.uint64(run.seed_low), np.uint64(run.seed_high)
        purpose = np.uint64(16 * self.layer + _NOISE)
        centred, least = self.room, self.room + 8 * width
        begin = self.rows.first(thread.size)
        for index in range(begin, begin + self.rows.count(thread.size)):
            for block in range(width // 4):
                w0, w1, w2, w3 = random.rounds(
                    np.uint64(block), np.uint64(index), np.uint64(thread.step), purpose, low, high
                )
                _uniform_parts(w0, centred, least, 4 * block, run.item_bytes)
                _uniform_parts(w1, centred, least, 4 * block + 1, run.item_bytes)
                _uniform_parts(w2, centred, least, 4 * block + 2, run.item_bytes)
                _uniform_parts(w3, centred, least, 4 * block + 3, run.item_bytes)
            store(operands, self.numbers + index * self.row)
            store(operands + 8, centred)
            store(operands + 16, least)
            store(operands + 24, self.numbers + index * self.row)
            call(self.kernel.body, width, self.kernel.constants, operands)

    def define(self, work: Work) -> None:
        rows, shape = work.rows(self.rows), (work.size, self.width)
        p = random.uniform(work.seed, random.Purpose.NOISE, shape, self.layer, work.step)[rows]
        a = work.batch(self.numbers, self.row, self.width)[rows]
        (a[:],) = work.kernel(self.kernel, a, p - 0.5, np.minimum(p, 1.0 - p))


@dataclass(frozen=True)
class Loss(Instruction):
    """Losses, errors and dz of some rows; the kernel's first scalar is 1 / Σ weights of the whole batch.

    z, y and dz are matrices whose rows have `columns` numbers, `width` of them real; batch_weights, losses and errors
    have one number a row. An address of 0 is left out. With `scratch` there is one output: its column, a number in
    each row, is first brought together there, so that vectors are full. `order` is that of the samples, see `Gather`.
    """

    prologue: Address
    scalars: Address
    kernel: KernelCall
    z: Address
    y: Address
    batch_weights: Address
    dz: Address
    losses: Address
    errors: Address
    width: Count
    columns: Count
    order: Address
    weights: Address
    rows: Rows
    scratch: Address

    def execute(self, thread: Thread) -> None:
        begin, rows = self.rows.first(thread.size), self.rows.count(thread.size)
        if rows == 0:
            return
        run = thread.run
        order = order_of(self.order, run.order)
        store(self.scalars, 1.0 / batch_weight(order, self.weights, thread.first, thread.size))
        call(self.prologue, self.scalars, self.kernel.constants)
        item, operands = run.item_bytes, thread.operands
        row, padded = self.columns * item, (rows + 15) // 16 * 16
        place, room = int(operands), int(self.scratch)
        for argument, stride, read in (
            (self.z, row, True), (self.y, row, True), (self.batch_weights, item, True),
            (self.dz, row, False), (self.losses, item, False), (self.errors, item, False),
        ):  # fmt: skip
            if argument:
                address = argument + begin * stride
                if room:
                    if read:
                        _copy_column(address, stride, room, item, rows, item)
                    address = room
                    room += padded * item
                store(place, address)
                place += 8
        if self.scratch:
            call(self.kernel.body, padded, self.kernel.constants, operands)
            self.spread_results(begin, rows, operands, item)
        else:
            call(self.kernel.body, rows, self.width, self.columns, self.kernel.constants, operands)

    def spread_results(self, begin: int, rows: int, operands: int, item: int) -> None:
        """Copy what a single output's kernel made of neighbouring numbers to the rows where it belongs."""
        place = operands + 16 + (8 if self.batch_weights else 0)
        for address, stride in ((self.dz, self.columns * item), (self.losses, item), (self.errors, item)):
            if address:
                _copy_column(load_int64(place), item, address + begin * stride, stride, rows, item)
                place += 8

    def define(self, work: Work) -> None:
        rows, row, item = work.rows(self.rows), self.columns * work.item_bytes, work.item_bytes
        if rows.start == rows.stop:
            return
        work.vector(self.scalars, 1, np.float64)[0] = 1.0 / work.weights(self.order, self.weights).sum()
        work.prepare(self.kernel.constants, self.scalars)
        inputs = (self.z, row, self.width), (self.y, row, self.width), (self.batch_weights, item, 1)
        outputs = (self.dz, row, self.width), (self.losses, item, 1), (self.errors, item, 1)
        given, made = ([work.batch(*each)[rows] for each in several if each[0]] for several in (inputs, outputs))
        for output, result in zip(made, work.kernel(self.kernel, *given), strict=True):
            output[:] = result


def _copy_column(source: int, source_row: int, target: int, target_row: int, rows: int, item: int) -> None:
    """Copy the first number of each row."""
    for row in range(rows):
        if item == 4:
            store(target + row * target_row, load_int32(source + row * source_row))
        else:
            store(target + row * target_row, load_int64(source + row * source_row))
