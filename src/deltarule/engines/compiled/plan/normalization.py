"""Instructions for normalised layers. Sums are made here; the formulas are kernels.

Statistics are of columns (over the batch) or of rows (over the units); sums are taken in float64, in order. A kernel's
operands are rows: of the batch, and of what all of its rows share, as γ. What is one number a row is broadcast over it.

x is the weighted sums before and the normalised ones after; `state` is γ's row, followed by those of β and of the kept
mean and variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.plan.instruction import (
    Array,
    Instruction,
    Work,
    column_squares,
    column_sums,
    number,
    put,
    run_kernel,
)  # fmt: skip
from deltarule.engines.compiled.plan.tables import KernelCall, MatrixAt, PreparedKernel, Rows, Thread
from deltarule.native.memory import load_float64, store
from deltarule.native.structs import Address, Count, Stride, Struct

__all__ = [
    "BatchColumns", "CollectState", "GradientByColumns", "GradientByRows", "NormalizeByColumns", "NormalizeByKept",
    "NormalizeByRows", "StateGradient",
]  # fmt: skip


@dataclass(frozen=True)
class BatchColumns(Struct):
    """Some columns of a layer: the weighted sums x, the normalized values h, and the trained γ and β."""

    x: MatrixAt
    h: MatrixAt
    width: Count
    state: MatrixAt

    def normalize(self, kernel: KernelCall, row: int, m: int, v: int, operands: int) -> None:
        """Normalise a row in place, x, and write h, from the mean m and the variance v."""
        x, gamma, beta = self.x.at(row), self.state.address, self.state.at(1)
        run_kernel(kernel, self.width, operands, (x, m, v, gamma, beta, x, self.h.at(row)))

    def define(self, work: Work, kernel: KernelCall, rows: slice, m: Array, v: Array) -> None:
        """Normalise some rows in place, x, and write h, from means and variances."""
        x, h = (work.batch(each, self.width)[rows] for each in (self.x, self.h))
        x[:], h[:] = work.kernel(kernel, x, m, v, *work.matrix(self.state, 2, self.width))


@dataclass(frozen=True)
class NormalizeByColumns(Instruction):
    """Normalise some columns over the batch, and keep what predictions will be made with.

    `room` holds four numbers of each column: sums, the mean and the variance in float64; the latter two as the kernels
    take them, where the way back finds the variance. `keep` is the kernel of the kept statistics, which are copied to
    `copy` bytes behind them, if that is not 0.
    """

    columns: BatchColumns
    room: Address
    kernel: KernelCall
    keep: PreparedKernel
    copy: Stride

    def equation(self) -> str:
        x, h = (f"{{columns.{name}:,columns.width}}" for name in "xh")
        return f"{x}, {h} = {{kernel}}({x}) over the batch"

    def execute(self, thread: Thread) -> None:
        of, item, operands, size = self.columns, thread.run.item_bytes, thread.operands, thread.size
        width = of.width
        sums, mean, m, v = self.room, self.room + 8 * width, self.room + 16 * width, self.room + 24 * width
        column_sums(of.x.address, 0, of.x.row, size, width, mean, item)
        for column in range(width):
            store(mean + 8 * column, load_float64(mean + 8 * column) / size)
        column_squares(of.x.address, mean, of.x.row, size, width, sums, item)
        for column in range(width):
            put(m, column, item, load_float64(mean + 8 * column))
            put(v, column, item, load_float64(sums + 8 * column) / size)
        for index in range(size):
            of.normalize(self.kernel, index, m, v, operands)
        if self.keep.kernel.body:
            self.keep_statistics(m, v, size, item, operands)

    def keep_statistics(self, m: int, v: int, size: int, item: int, operands: int) -> None:
        """Let the batch's mean and variance into the kept ones."""
        keep, width = self.keep, self.columns.width
        mean, variance = self.columns.state.at(2), self.columns.state.at(3)
        store(keep.scalars, float(size))
        keep.prepare()
        run_kernel(keep.kernel, width, operands, (mean, variance, m, v, mean, variance))
        if self.copy:
            for column in range(width):
                put(mean + self.copy, column, item, number(mean, column, item))
                put(variance + self.copy, column, item, number(variance, column, item))

    def define(self, work: Work) -> None:
        of, keep = self.columns, self.keep
        z = work.batch(of.x, of.width)
        m, v = z.mean(axis=0), z.var(axis=0)
        work.vector(self.room + 24 * of.width, of.width)[:] = v
        of.define(work, self.kernel, slice(None), m, v)
        if keep.kernel.body:
            work.vector(keep.scalars, 1, np.float64)[0] = work.size
            work.prepare(keep)
            kept, copy = (MatrixAt(Address(of.state.at(2) + apart), of.state.row) for apart in (0, self.copy))
            statistics = work.matrix(kept, 2, of.width)
            statistics[:] = work.kernel(keep.kernel, *statistics, m, v)
            work.matrix(copy, 2, of.width)[:] = statistics


@dataclass(frozen=True)
class NormalizeByKept(Instruction):
    """Normalise rows of some columns by the statistics that were kept."""

    columns: BatchColumns
    kernel: KernelCall
    rows: Rows

    def equation(self) -> str:
        return "{columns.x:rows,columns.width}, {columns.h:rows,columns.width} = {kernel} by kept statistics"

    def execute(self, thread: Thread) -> None:
        state = self.columns.state
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            self.columns.normalize(self.kernel, index, state.at(2), state.at(3), thread.operands)

    def define(self, work: Work) -> None:
        m, v = work.matrix(self.columns.state, 4, self.columns.width)[2:]
        self.columns.define(work, self.kernel, work.rows(self.rows), m, v)


@dataclass(frozen=True)
class CollectState(Instruction):
    """Copy γ and β of a block's columns to where those of all columns are beside each other."""

    state: MatrixAt
    width: Count
    target: MatrixAt

    def equation(self) -> str:
        return "{target:,width} = {state:,width} and the row below"

    def execute(self, thread: Thread) -> None:
        item = thread.run.item_bytes
        for row in range(2):
            for column in range(self.width):
                put(self.target.at(row), column, item, number(self.state.at(row), column, item))

    def define(self, work: Work) -> None:
        work.matrix(self.target, 2, self.width)[:] = work.matrix(self.state, 2, self.width)


def _broadcast(value: float, width: int, into: int, item: int) -> None:
    for column in range(width):
        put(into, column, item, value)


@dataclass(frozen=True)
class NormalizeByRows(Instruction):
    """Normalise some samples over the units of a layer; a row's variance goes to `statistics` for the way back.

    `room` holds two numbers of each column.
    """

    columns: BatchColumns
    units: Count
    room: Address
    kernel: KernelCall
    rows: Rows
    statistics: Address

    def equation(self) -> str:
        return "{columns.x:rows}, {columns.h:rows}, {statistics:rows} = {kernel}({columns.x:rows}) over the units"

    def execute(self, thread: Thread) -> None:
        of, item, units, width = self.columns, thread.run.item_bytes, self.units, self.columns.width
        m, v = self.room, self.room + 8 * width
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            here = of.x.at(index)
            mean, variance = 0.0, 0.0
            for unit in range(units):
                mean += number(here, unit, item)
            mean /= units
            for unit in range(units):
                distance = number(here, unit, item) - mean
                variance += distance * distance
            variance /= units
            _broadcast(mean, width, m, item)
            _broadcast(variance, width, v, item)
            of.normalize(self.kernel, index, m, v, thread.operands)
            store(self.statistics + 8 * index, variance)

    def define(self, work: Work) -> None:
        rows = work.rows(self.rows)
        z = work.batch(self.columns.x, self.units)[rows]
        m, v = z.mean(axis=1, keepdims=True, dtype=np.float64), z.var(axis=1, keepdims=True, dtype=np.float64)
        work.vector(self.statistics, work.size, np.float64)[rows] = v[:, 0]
        self.columns.define(work, self.kernel, rows, m, v)


@dataclass(frozen=True)
class StateGradient(Instruction):
    """The gradients of γ, Σ dh x, and of β, Σ dh, of some columns, in two rows."""

    d: MatrixAt
    x: MatrixAt
    width: Count
    gradient: MatrixAt
    room: Address

    def equation(self) -> str:
        return "{gradient:,width} and the row below = Σ {d:,width} · {x:,width}, Σ {d:,width}"

    def execute(self, thread: Thread) -> None:
        item, room = thread.run.item_bytes, self.room
        for factor, target in ((self.x.address, self.gradient.address), (0, self.gradient.at(1))):
            column_sums(self.d.address, factor, self.d.row, thread.size, self.width, room, item)
            for column in range(self.width):
                put(target, column, item, load_float64(room + 8 * column))

    def define(self, work: Work) -> None:
        dh, x = (work.batch(each, self.width) for each in (self.d, self.x))
        work.matrix(self.gradient, 2, self.width)[:] = (dh * x).sum(axis=0), dh.sum(axis=0)


@dataclass(frozen=True)
class GradientByColumns(Instruction):
    """∂C/∂h into ∂C/∂z over the batch, for some columns; the gradients of γ and β are there already."""

    d: MatrixAt
    x: MatrixAt
    width: Count
    state: Address
    gradient: MatrixAt
    room: Address
    kernel: KernelCall

    def equation(self) -> str:
        return "{d:,width} = {kernel}({d:,width}, {x:,width}) over the batch"

    def execute(self, thread: Thread) -> None:
        item, size, width, room = thread.run.item_bytes, thread.size, self.width, self.room
        mean_d, mean_dx, v = room, room + 8 * width, room + 24 * width
        for column in range(width):
            share = number(self.state, column, item) / size
            put(mean_d, column, item, share * number(self.gradient.at(1), column, item))
            put(mean_dx, column, item, share * number(self.gradient.address, column, item))
        for index in range(size):
            d, x = self.d.at(index), self.x.at(index)
            run_kernel(self.kernel, width, thread.operands, (d, x, v, self.state, mean_d, mean_dx, d))

    def define(self, work: Work) -> None:
        d, x = (work.batch(each, self.width) for each in (self.d, self.x))
        v, gamma = work.vector(self.room + 24 * self.width, self.width), work.vector(self.state, self.width)
        along, total = work.matrix(self.gradient, 2, self.width)
        share = gamma / work.size
        (d[:],) = work.kernel(self.kernel, d, x, v, gamma, share * total, share * along)


@dataclass(frozen=True)
class GradientByRows(Instruction):
    """∂C/∂h into ∂C/∂z over the units, for some samples. `room` holds three numbers of each column."""

    d: MatrixAt
    x: MatrixAt
    units: Count
    width: Count
    state: Address
    room: Address
    kernel: KernelCall
    rows: Rows
    statistics: Address

    def equation(self) -> str:
        return "{d:rows} = {kernel}({d:rows}, {x:rows}) over the units"

    def execute(self, thread: Thread) -> None:
        item, units, width, room = thread.run.item_bytes, self.units, self.width, self.room
        mean_d, mean_dx, v = room, room + 8 * width, room + 16 * width
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            d, x = self.d.at(index), self.x.at(index)
            total, along = 0.0, 0.0
            for unit in range(units):
                scaled = number(d, unit, item) * number(self.state, unit, item)
                total += scaled
                along += scaled * number(x, unit, item)
            _broadcast(total / units, width, mean_d, item)
            _broadcast(along / units, width, mean_dx, item)
            _broadcast(load_float64(self.statistics + 8 * index), width, v, item)
            run_kernel(self.kernel, width, thread.operands, (d, x, v, self.state, mean_d, mean_dx, d))
            for column in range(units, width):
                put(d, column, item, 0.0)

    def define(self, work: Work) -> None:
        rows, units = work.rows(self.rows), self.units
        d, x = (work.batch(each, units)[rows] for each in (self.d, self.x))
        gamma, v = work.vector(self.state, units), work.vector(self.statistics, work.size, np.float64)[rows, None]
        mean_d, mean_dx = ((d * gamma * each).mean(axis=1, keepdims=True) for each in (1.0, x))
        (d[:],) = work.kernel(self.kernel, d, x, v, gamma, mean_d, mean_dx)
        work.batch(self.d, self.width)[rows, units:] = 0.0
