"""The trained factors of the first layer's inputs, x ⊙ s: instructions, and what writes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.codegen import formula_kernels
from deltarule.engines.compiled.plan.instruction import Instruction, Work, column_sums, put, run_kernel
from deltarule.engines.compiled.plan.layout import SCALE, Division
from deltarule.engines.compiled.plan.memory import Arena, Matrix, Passage
from deltarule.engines.compiled.plan.tables import KernelCall, MatrixAt, Rows, Thread
from deltarule.native.memory import load_float64
from deltarule.native.structs import Address, Count

__all__ = ["InputScale", "ScaleGradient", "ScaleInputs"]


@dataclass(frozen=True)
class ScaleInputs(Instruction):
    """Multiply some columns of rows by their factors."""

    kernel: KernelCall
    x: MatrixAt
    s: Address
    target: MatrixAt
    width: Count
    rows: Rows

    def equation(self) -> str:
        return "{target:rows,width} = {x:rows,width} · {s:,width}"

    def execute(self, thread: Thread) -> None:
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            addresses = (self.x.at(index), self.s, self.target.at(index))
            run_kernel(self.kernel, self.width, thread.operands, addresses)

    def define(self, work: Work) -> None:
        rows, s = work.rows(self.rows), work.vector(self.s, self.width)
        work.batch(self.target, self.width)[rows] = work.batch(self.x, self.width)[rows] * s


@dataclass(frozen=True)
class ScaleGradient(Instruction):
    """The gradient of some factors: Σ d x over the batch, d being ∂C/∂ of the scaled inputs.

    `room` is memory for a float64 of each column.
    """

    d: MatrixAt
    x: MatrixAt
    gradient: Address
    width: Count
    room: Address

    def equation(self) -> str:
        return "{gradient:,width} = Σ {d:,width} · {x:,width}"

    def execute(self, thread: Thread) -> None:
        item, room = thread.run.item_bytes, self.room
        column_sums(self.d.address, self.x.address, self.d.row, thread.size, self.width, room, item)
        for column in range(self.width):
            put(self.gradient, column, item, load_float64(room + 8 * column))

    def define(self, work: Work) -> None:
        d, x = (work.batch(each, self.width) for each in (self.d, self.x))
        work.vector(self.gradient, self.width)[:] = np.sum(d * x, axis=0)


class InputScale:
    """The kernel of the factors, and the instructions that call it."""

    def __init__(self, arena: Arena) -> None:
        self._product = arena.constants(formula_kernels.product(arena.dtype))

    def forward(self, to: Division, passage: Passage, rows: Rows) -> Iterator[Instruction]:
        """Write rows of the first layer's inputs."""
        yield from self._scaled(to, passage.unscaled, passage.first, rows)

    def gradient(self, to: Division, passage: Passage, room: Address, region: int) -> Iterator[Instruction]:
        """The gradients of the thread's own factors, into a region of the parameters' memory."""
        for each in to.columns(SCALE):
            block = to.block(SCALE, each)
            d, x = passage.back.part(each.first), passage.unscaled.part(each.first)
            yield ScaleGradient(d, x, to.matrix(block, 0, region).address, Count(each.width), room)

    def backward(self, to: Division, passage: Passage, rows: Rows) -> Iterator[Instruction]:
        """∂C/∂ of rows of the scaled inputs into that of the inputs before."""
        yield from self._scaled(to, passage.back, passage.back, rows)

    def _scaled(self, to: Division, x: Matrix, target: Matrix, rows: Rows) -> Iterator[Instruction]:
        for block in to.layout.of(SCALE):
            s, width = to.matrix(block).address, Count(block.width)
            yield ScaleInputs(self._product, x.part(block.first), s, target.part(block.first), width, rows)
