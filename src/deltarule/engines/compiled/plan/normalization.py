"""Instructions for normalised layers. Sums are made here; the formulas are kernels.

Statistics are of columns (over the batch) or of rows (over the units); sums are taken in float64, in order. A kernel's
operands are rows: of the batch, and of what all of its rows share, as γ. What is one number a row is broadcast over it.

x is the weighted sums before and the normalised ones after; `state` is γ's row, which β's and the kept statistics'
follow, `state_row` bytes apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.plan.instruction import Array, Instruction, Work, number, put
from deltarule.engines.compiled.plan.tables import KernelCall, Rows, Thread
from deltarule.native.memory import call, load_float32, load_float64, store
from deltarule.native.structs import Address, Count, Stride, Struct

__all__ = [
    "BatchColumns", "CollectState", "GradientByColumns", "GradientByRows", "KeptColumns", "NormalizeByColumns",
    "NormalizeByKept", "NormalizeByRows", "StateGradient",
]  # fmt: skip


@dataclass(frozen=True)
class BatchColumns(Struct):
    """Some columns of a layer: the weighted sums x, what becomes of them h, and what the layer has learnt."""

    x: Address
    h: Address
    row: Stride
    width: Count
    state: Address
    state_row: Stride

    def define(self, work: Work, kernel: KernelCall, rows: slice, m: Array, v: Array) -> None:
        """Normalise some rows in place, x, and write h, from means and variances."""
        x, h = (work.batch(each, self.row, self.width)[rows] for each in (self.x, self.h))
        x[:], h[:] = work.kernel(kernel, x, m, v, *self.states(work, 2))

    def states(self, work: Work, many: int) -> Array:
        """γ, β, and the kept mean and variance, or the first of them: (many, width)."""
        return work.matrix(self.state, self.state_row, many, self.width)


@dataclass(frozen=True)
class KeptColumns(Struct):
    """What keeps the statistics for prediction: a prologue, a kernel, and bytes to a second copy, or 0."""

    prologue: Address
    scalars: Address
    kernel: KernelCall
    copy: Stride


def _column_sums(a: int, b: int, row: int, rows: int, width: int, into: int, item: int) -> None:
    """Σ a b of each column, or Σ a where b is 0, row by row: (width,) float64. A product has the numbers' precision."""
    for column in range(width):
        store(into + 8 * column, 0.0)
    for index in range(rows):
        here, there = a + index * row, b + index * row
        if b and item == 4:
            for column in range(width):
                product = load_float32(here + 4 * column) * load_float32(there + 4 * column)
                store(into + 8 * column, load_float64(into + 8 * column) + product)
        elif b:
            for column in range(width):
                wide = load_float64(here + 8 * column) * load_float64(there + 8 * column)
                store(into + 8 * column, load_float64(into + 8 * column) + wide)
        else:
            for column in range(width):
                store(into + 8 * column, load_float64(into + 8 * column) + number(here, column, item))


def _column_squares(a: int, row: int, rows: int, width: int, mean: int, into: int, item: int) -> None:
    """Σ (a − mean)² of each column."""
    for column in range(width):
        store(into + 8 * column, 0.0)
    for index in range(rows):
        here = a + index * row
        for column in range(width):
            distance = number(here, column, item) - load_float64(mean + 8 * column)
            store(into + 8 * column, load_float64(into + 8 * column) + distance * distance)


def _normalize(
    kernel: KernelCall, width: int, x: int, h: int, m: int, v: int, state: int, state_row: int, operands: int
) -> None:
    """Call the kernel that normalises a row in place, x, and writes h, from the mean m and the variance v."""
    store(operands, x)
    store(operands + 8, m)
    store(operands + 16, v)
    store(operands + 24, state)
    store(operands + 32, state + state_row)
    store(operands + 40, x)
    store(operands + 48, h)
    call(kernel.body, width, kernel.constants, operands)


@dataclass(frozen=True)
class NormalizeByColumns(Instruction):
    """Normalise some columns over the batch, and keep what predictions will be made with.

    `room` holds four numbers of each column: sums, the mean and the variance in float64; the latter two as the kernels
    take them, where the way back finds the variance.
    """

    columns: BatchColumns
    room: Address
    kernel: KernelCall
    keep: KeptColumns

    def equation(self) -> str:
        x, h = (f"{{columns.{name}:,columns.width}}" for name in "xh")
        return f"{x}, {h} = {{kernel}}({x}) over the batch"

    def execute(self, thread: Thread) -> None:
        of, item, operands, size = self.columns, thread.run.item_bytes, thread.operands, thread.size
        width = of.width
        sums, mean, m, v = self.room, self.room + 8 * width, self.room + 16 * width, self.room + 24 * width
        _column_sums(of.x, 0, of.row, size, width, mean, item)
        for column in range(width):
            store(mean + 8 * column, load_float64(mean + 8 * column) / size)
        _column_squares(of.x, of.row, size, width, mean, sums, item)
        for column in range(width):
            put(m, column, item, load_float64(mean + 8 * column))
            put(v, column, item, load_float64(sums + 8 * column) / size)
        for index in range(size):
            x, h = of.x + index * of.row, of.h + index * of.row
            _normalize(self.kernel, width, x, h, m, v, of.state, of.state_row, operands)
        if self.keep.kernel.body:
            self.keep_statistics(m, v, size, item, operands)

    def keep_statistics(self, m: int, v: int, size: int, item: int, operands: int) -> None:
        """Let the batch's mean and variance into the kept ones."""
        keep, of = self.keep, self.columns
        mean, variance = of.state + 2 * of.state_row, of.state + 3 * of.state_row
        store(keep.scalars, float(size))
        call(keep.prologue, keep.scalars, keep.kernel.constants)
        store(operands, mean)
        store(operands + 8, variance)
        store(operands + 16, m)
        store(operands + 24, v)
        store(operands + 32, mean)
        store(operands + 40, variance)
        call(keep.kernel.body, of.width, keep.kernel.constants, operands)
        if keep.copy:
            for column in range(of.width):
                put(mean + keep.copy, column, item, number(mean, column, item))
                put(variance + keep.copy, column, item, number(variance, column, item))

    def define(self, work: Work) -> None:
        of, keep = self.columns, self.keep
        z = work.batch(of.x, of.row, of.width)
        m, v = z.mean(axis=0), z.var(axis=0)
        work.vector(self.room + 24 * of.width, of.width)[:] = v
        of.define(work, self.kernel, slice(None), m, v)
        if keep.kernel.body:
            work.vector(keep.scalars, 1, np.float64)[0] = work.size
            work.prepare(keep.kernel.constants, keep.scalars)
            kept = of.states(work, 4)[2:]
            kept[:] = work.kernel(keep.kernel, *kept, m, v)
            work.matrix(of.state + 2 * of.state_row + keep.copy, of.state_row, 2, of.width)[:] = kept


@dataclass(frozen=True)
class NormalizeByKept(Instruction):
    """Normalise rows of some columns by the statistics that were kept."""

    columns: BatchColumns
    kernel: KernelCall
    rows: Rows

    def equation(self) -> str:
        return "{columns.x:rows,columns.width}, {columns.h:rows,columns.width} = {kernel} by kept statistics"

    def execute(self, thread: Thread) -> None:
        of, begin = self.columns, self.rows.first(thread.size)
        m, v = of.state + 2 * of.state_row, of.state + 3 * of.state_row
        for index in range(begin, begin + self.rows.count(thread.size)):
            x, h = of.x + index * of.row, of.h + index * of.row
            _normalize(self.kernel, of.width, x, h, m, v, of.state, of.state_row, thread.operands)

    def define(self, work: Work) -> None:
        m, v = self.columns.states(work, 4)[2:]
        self.columns.define(work, self.kernel, work.rows(self.rows), m, v)


@dataclass(frozen=True)
class CollectState(Instruction):
    """Copy γ and β of a block's columns to where those of all columns are beside each other."""

    state: Address
    state_row: Stride
    width: Count
    target: Address
    target_row: Stride

    def equation(self) -> str:
        return "{target:,width} = {state:,width} and the row below"

    def execute(self, thread: Thread) -> None:
        item = thread.run.item_bytes
        for row in range(2):
            source, target = self.state + row * self.state_row, self.target + row * self.target_row
            for column in range(self.width):
                put(target, column, item, number(source, column, item))

    def define(self, work: Work) -> None:
        source = work.matrix(self.state, self.state_row, 2, self.width)
        work.matrix(self.target, self.target_row, 2, self.width)[:] = source


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
        begin = self.rows.first(thread.size)
        m, v = self.room, self.room + 8 * width
        for index in range(begin, begin + self.rows.count(thread.size)):
            here = of.x + index * of.row
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
            h = of.h + index * of.row
            _normalize(self.kernel, width, here, h, m, v, of.state, of.state_row, thread.operands)
            store(self.statistics + 8 * index, variance)

    def define(self, work: Work) -> None:
        of, rows = self.columns, work.rows(self.rows)
        z = work.batch(of.x, of.row, self.units)[rows]
        m, v = z.mean(axis=1, keepdims=True, dtype=np.float64), z.var(axis=1, keepdims=True, dtype=np.float64)
        work.batch(self.statistics, 8, 1, np.float64)[rows] = v
        of.define(work, self.kernel, rows, m, v)


@dataclass(frozen=True)
class StateGradient(Instruction):
    """The gradients of γ, Σ dh x, and of β, Σ dh, of some columns, `state_row` bytes apart."""

    d: Address
    x: Address
    row: Stride
    width: Count
    gradient: Address
    state_row: Stride
    room: Address

    def equation(self) -> str:
        return "{gradient:,width} and the row below = Σ {d:,width} · {x:,width}, Σ {d:,width}"

    def execute(self, thread: Thread) -> None:
        item, room = thread.run.item_bytes, self.room
        _column_sums(self.d, self.x, self.row, thread.size, self.width, room, item)
        for column in range(self.width):
            put(self.gradient, column, item, load_float64(room + 8 * column))
        _column_sums(self.d, 0, self.row, thread.size, self.width, room, item)
        for column in range(self.width):
            put(self.gradient + self.state_row, column, item, load_float64(room + 8 * column))

    def define(self, work: Work) -> None:
        dh, x = (work.batch(each, self.row, self.width) for each in (self.d, self.x))
        gradient = work.matrix(self.gradient, self.state_row, 2, self.width)
        gradient[:] = (dh * x).sum(axis=0), dh.sum(axis=0)


def _backward(
    kernel: KernelCall, width: int, d: int, x: int, v: int, state: int, mean_d: int, mean_dx: int, operands: int
) -> None:
    """Call the kernel that turns a row of ∂C/∂h into ∂C/∂z."""
    store(operands, d)
    store(operands + 8, x)
    store(operands + 16, v)
    store(operands + 24, state)
    store(operands + 32, mean_d)
    store(operands + 40, mean_dx)
    store(operands + 48, d)
    call(kernel.body, width, kernel.constants, operands)


@dataclass(frozen=True)
class GradientByColumns(Instruction):
    """∂C/∂h into ∂C/∂z over the batch, for some columns; the gradients of γ and β are there already."""

    d: Address
    x: Address
    row: Stride
    width: Count
    state: Address
    gradient: Address
    state_row: Stride
    room: Address
    kernel: KernelCall

    def equation(self) -> str:
        return "{d:,width} = {kernel}({d:,width}, {x:,width}) over the batch"

    def execute(self, thread: Thread) -> None:
        item, size, width, room = thread.run.item_bytes, thread.size, self.width, self.room
        mean_d, mean_dx, v = room, room + 8 * width, room + 24 * width
        for column in range(width):
            share = number(self.state, column, item) / size
            put(mean_d, column, item, share * number(self.gradient + self.state_row, column, item))
            put(mean_dx, column, item, share * number(self.gradient, column, item))
        for index in range(size):
            d, x = self.d + index * self.row, self.x + index * self.row
            _backward(self.kernel, width, d, x, v, self.state, mean_d, mean_dx, thread.operands)

    def define(self, work: Work) -> None:
        d, x = (work.batch(each, self.row, self.width) for each in (self.d, self.x))
        v, gamma = work.vector(self.room + 24 * self.width, self.width), work.vector(self.state, self.width)
        along, total = work.matrix(self.gradient, self.state_row, 2, self.width)
        share = gamma / work.size
        (d[:],) = work.kernel(self.kernel, d, x, v, gamma, share * total, share * along)


@dataclass(frozen=True)
class GradientByRows(Instruction):
    """∂C/∂h into ∂C/∂z over the units, for some samples. `room` holds three numbers of each column."""

    d: Address
    x: Address
    row: Stride
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
        begin = self.rows.first(thread.size)
        mean_d, mean_dx, v = room, room + 8 * width, room + 16 * width
        for index in range(begin, begin + self.rows.count(thread.size)):
            d, x = self.d + index * self.row, self.x + index * self.row
            total, along = 0.0, 0.0
            for unit in range(units):
                scaled = number(d, unit, item) * number(self.state, unit, item)
                total += scaled
                along += scaled * number(x, unit, item)
            _broadcast(total / units, width, mean_d, item)
            _broadcast(along / units, width, mean_dx, item)
            _broadcast(load_float64(self.statistics + 8 * index), width, v, item)
            _backward(self.kernel, width, d, x, v, self.state, mean_d, mean_dx, thread.operands)
            for column in range(units, width):
                put(d, column, item, 0.0)

    def define(self, work: Work) -> None:
        rows, units = work.rows(self.rows), self.units
        d, x = (work.batch(each, self.row, units)[rows] for each in (self.d, self.x))
        gamma, v = work.vector(self.state, units), work.batch(self.statistics, 8, 1, np.float64)[rows]
        mean_d, mean_dx = ((d * gamma * each).mean(axis=1, keepdims=True) for each in (1.0, x))
        (d[:],) = work.kernel(self.kernel, d, x, v, gamma, mean_d, mean_dx)
        work.batch(self.d, self.row, self.width)[rows, units:] = 0.0
