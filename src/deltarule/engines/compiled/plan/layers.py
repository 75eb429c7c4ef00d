"""Instructions for the way of a batch through the layers and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.plan.instruction import Instruction, Work, batch_weight, inverse, number, order_of, put
from deltarule.engines.compiled.plan.tables import RUN_ORDER, KernelCall, MatrixAt, PreparedKernel, Rows, Thread
from deltarule.native import rounded_products
from deltarule.native.memory import call, load_float64, load_int64, store
from deltarule.native.products import padded
from deltarule.native.structs import Address, Count, Stride
from deltarule.native.threads import wait

__all__ = ["Apply", "Backward", "Forward", "Loss", "PrepareConstants", "Wait"]


@dataclass(frozen=True)
class Wait(Instruction):
    """Wait for the other threads; the workspace then has no copy that a product could use again."""

    vectorized = False

    def equation(self) -> str:
        return "for the other threads"

    def execute(self, thread: Thread) -> None:
        thread.copied = 0
        wait(thread.run.barrier, thread.run.threads)

    def define(self, work: Work) -> None:
        """Nothing: threads are defined one after the other, from one wait to the next."""


@dataclass(frozen=True)
class PrepareConstants(Instruction):
    """A kernel's prologue: scalars that change from step to step, with others, into the constants of its body.

    The first scalars are the step, the schedule's factor for it, and where `weighted` the fourth is 1 / Σ weights of
    the batch.
    """

    vectorized = False

    prepared: PreparedKernel
    weighted: bool

    def equation(self) -> str:
        return "constants of {prepared.kernel}, for the step and its learning rate"

    def execute(self, thread: Thread) -> None:
        run, scalars = thread.run, self.prepared.scalars
        store(scalars, float(thread.step))
        store(scalars + 8, load_float64(run.rates + 8 * thread.place))
        if self.weighted:
            weight = batch_weight(run.order, run.sample_weights, thread.first, thread.size)
            store(scalars + 24, inverse(weight))
        self.prepared.prepare()

    def define(self, work: Work) -> None:
        place = work.thread["place"]
        scalars = work.vector(self.prepared.scalars, 4 if self.weighted else 2, np.float64)
        scalars[:2] = work.step, work.vector(work.run["rates"], place + 1, np.float64)[place]
        if self.weighted:
            scalars[3] = inverse(work.weights(RUN_ORDER, work.run["sample_weights"]).sum())
        work.prepare(self.prepared)


@dataclass(frozen=True)
class Forward(Instruction):
    """z = b + a W for some columns, over a block of weights whose biases are the row after the last.

    pairs : of W rounded to bfloat16, where they are kept; or 0.
    """

    vectorized = False

    a: MatrixAt
    depth: Count
    w: MatrixAt
    pairs: Address
    width: Count
    z: MatrixAt
    rows: Rows

    @property
    def b(self) -> Address:
        """The biases."""
        return Address(self.w.at(self.depth))

    def equation(self) -> str:
        return "{z:rows,width} = {b:,width} + {a:rows,depth} {w:depth,width}"

    def execute(self, thread: Thread) -> None:
        begin, rows = self.rows.first(thread.size), self.rows.count(thread.size)
        if rows > 0:
            rounded_products.forward(
                thread.run.tiles, self.z.at(begin), self.z.row, self.w.at(self.depth), self.a.at(begin), self.a.row,
                self.w.address, self.w.row, rows, self.depth, self.width, thread.workspace, self.pairs,
            )  # fmt: skip

    def define(self, work: Work) -> None:
        rows, block = work.rows(self.rows), work.matrix(self.w, self.depth + 1, self.width)
        w, b = block[:-1], block[-1]
        work.batch(self.z, self.width)[rows] = work.product(work.batch(self.a, self.depth)[rows], w, b)


@dataclass(frozen=True)
class Backward(Instruction):
    """da += dz Wᵀ for some columns of da, over a block of W's columns; over the `first` block, da = dz Wᵀ."""

    vectorized = False

    d: MatrixAt
    depth: Count
    w: MatrixAt
    target: MatrixAt
    columns: Count
    first: bool
    rows: Rows

    def equation(self) -> str:
        return "{target:rows,columns} " + ("=" if self.first else "+=") + " {d:rows,depth} {w:columns,depth}ᵀ"

    def execute(self, thread: Thread) -> None:
        begin, rows = self.rows.first(thread.size), self.rows.count(thread.size)
        if rows > 0:
            rounded_products.backward(
                thread.run.tiles, self.target.at(begin), self.target.row, self.d.at(begin), self.d.row, self.w.address,
                self.w.row, rows, self.columns, self.depth, thread.workspace, not self.first,
            )  # fmt: skip

    def define(self, work: Work) -> None:
        rows, columns = work.rows(self.rows), self.columns
        d, w = work.batch(self.d, self.depth), work.matrix(self.w, columns, self.depth)
        da = work.batch(self.target, padded(columns))
        if self.first:
            da[rows] = 0.0
        da[rows, :columns] = work.product(d[rows], w.T, da[rows, :columns], backward=True)


@dataclass(frozen=True)
class Apply(Instruction):
    """A kernel of elements over some columns of `many` matrices, at most four, whose rows are `row` bytes apart."""

    vectorized = False

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

    def equation(self) -> str:
        *inputs, output = [f"{{{name}:rows,width}}" for name in ("one", "two", "three", "four")[: self.many]]
        return f"{output} = {{kernel}}({', '.join(inputs)})"

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
        *inputs, output = [work.batch(MatrixAt(address, self.row), self.width)[rows] for address in addresses]
        (output[:],) = work.kernel(self.kernel, *inputs)


@dataclass(frozen=True)
class Loss(Instruction):
    """Losses, errors and dz of some rows; the kernel's first scalar is 1 / Σ weights of the whole batch.

    z, y and dz are matrices whose rows have `columns` numbers, `width` of them real; batch_weights, losses and errors
    have one number a row. An address of 0 is left out. With `scratch` there is one output: its column, a number in
    each row, is first brought together there, so that vectors are full. `order` is that of the samples, see `Gather`.
    """

    vectorized = False

    prepared: PreparedKernel
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

    def equation(self) -> str:
        return "{dz:rows}, {losses:rows}, {errors:rows} = {prepared.kernel}({z:rows}, {y:rows}, {batch_weights:rows})"

    def execute(self, thread: Thread) -> None:
        begin, rows = self.rows.first(thread.size), self.rows.count(thread.size)
        if rows == 0:
            return
        run = thread.run
        order = order_of(self.order, run.order)
        store(self.prepared.scalars, inverse(batch_weight(order, self.weights, thread.first, thread.size)))
        self.prepared.prepare()
        kernel, item, operands = self.prepared.kernel, run.item_bytes, thread.operands
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
            call(kernel.body, padded, kernel.constants, operands)
            self.spread_results(begin, rows, operands, item)
        else:
            call(kernel.body, rows, self.width, self.columns, kernel.constants, operands)

    def spread_results(self, begin: int, rows: int, operands: int, item: int) -> None:
        """Copy what a single output's kernel made of neighbouring numbers to the rows where it belongs."""
        place = operands + 16 + (8 if self.batch_weights else 0)
        for address, stride in ((self.dz, self.columns * item), (self.losses, item), (self.errors, item)):
            if address:
                _copy_column(load_int64(place), item, address + begin * stride, stride, rows, item)
                place += 8

    def define(self, work: Work) -> None:
        rows = work.rows(self.rows)
        if rows.start == rows.stop:
            return
        work.vector(self.prepared.scalars, 1, np.float64)[0] = inverse(work.weights(self.order, self.weights).sum())
        work.prepare(self.prepared)
        row, item, width = Stride(self.columns * work.item_bytes), Stride(work.item_bytes), self.width
        inputs = (self.z, row, width), (self.y, row, width), (self.batch_weights, item, 1)
        outputs = (self.dz, row, width), (self.losses, item, 1), (self.errors, item, 1)
        given, made = (
            [work.batch(MatrixAt(each, stride), columns)[rows] for each, stride, columns in several if each]
            for several in (inputs, outputs)
        )
        for output, result in zip(made, work.kernel(self.prepared.kernel, *given), strict=True):
            output[:] = result


def _copy_column(source: int, source_row: int, target: int, target_row: int, rows: int, item: int) -> None:
    """Copy the first number of each row."""
    for row in range(rows):
        put(target + row * target_row, 0, item, number(source + row * source_row, 0, item))
