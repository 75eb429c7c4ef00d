"""Instructions for parametric activations, a = z + α (σ(z) − z): a row of α for each layer."""

from __future__ import annotations

from dataclasses import dataclass

from deltarule.engines.compiled.plan.instruction import Array, Instruction, Work, put, run_kernel
from deltarule.engines.compiled.plan.tables import KernelCall, MatrixAt, Rows, Thread
from deltarule.native.structs import Address, Count

__all__ = ["ApplyParametric", "ParametricSlope"]


@dataclass(frozen=True)
class ApplyParametric(Instruction):
    """Write a of some rows and columns, and in training v = σ(z) for the way back; `alpha` begins at the columns."""

    kernel: KernelCall
    z: MatrixAt
    alpha: Address
    v: MatrixAt
    a: MatrixAt
    width: Count
    rows: Rows

    def equation(self) -> str:
        return "{a:rows,width}, {v:rows,width} = {kernel}({z:rows,width}, {alpha:,width})"

    def execute(self, thread: Thread) -> None:
        operands, width = thread.operands, self.width
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            z, a = self.z.at(index), self.a.at(index)
            if self.v.address:
                run_kernel(self.kernel, width, operands, (z, self.alpha, a, self.v.at(index)))
            else:
                run_kernel(self.kernel, width, operands, (z, self.alpha, a))

    def define(self, work: Work) -> None:
        rows = work.rows(self.rows)
        made = work.kernel(self.kernel, work.batch(self.z, self.width)[rows], work.vector(self.alpha, self.width))
        written = (self.a, self.v) if self.v.address else (self.a,)
        for matrix, values in zip(written, made, strict=True):
            work.batch(matrix, self.width)[rows] = values


@dataclass(frozen=True)
class ParametricSlope(Instruction):
    """∂C/∂a into ∂C/∂z of some columns, and the gradient of α: Σ ∂C/∂a (σ(z) − z) over the batch, row by row."""

    kernel: KernelCall
    d: MatrixAt
    z: MatrixAt
    v: MatrixAt
    alpha: Address
    gradient: Address
    width: Count

    def equation(self) -> str:
        operands = "{d:,width}, {z:,width}, {v:,width}, {alpha:,width}"
        return "{d:,width}, {gradient:,width} = {kernel}(" + operands + ")"

    def execute(self, thread: Thread) -> None:
        operands, width, total = thread.operands, self.width, self.gradient
        for column in range(width):
            put(total, column, thread.run.item_bytes, 0.0)
        for index in range(thread.size):
            d, z, v = self.d.at(index), self.z.at(index), self.v.at(index)
            run_kernel(self.kernel, width, operands, (d, z, v, self.alpha, total, d, total))

    def define(self, work: Work) -> None:
        d, z, v = (work.batch(each, self.width) for each in (self.d, self.z, self.v))
        alpha, nothing = work.vector(self.alpha, self.width), 0.0 * z
        terms: Array
        dz, terms = work.kernel(self.kernel, d, z, v, alpha, nothing)
        d[:] = dz
        work.vector(self.gradient, self.width)[:] = terms.sum(axis=0)
