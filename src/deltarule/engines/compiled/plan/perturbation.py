"""The adversarial perturbation of a batch's inputs: an instruction, and the kernel that it calls."""

from __future__ import annotations

from dataclasses import dataclass

from deltarule.engines.compiled.codegen import formula_kernels
from deltarule.engines.compiled.plan.instruction import Instruction, Work
from deltarule.engines.compiled.plan.memory import Arena, Passage
from deltarule.engines.compiled.plan.tables import KernelCall, MatrixAt, Rows, Thread
from deltarule.formulas import Perturbation
from deltarule.native.memory import call, store
from deltarule.native.structs import Count

__all__ = ["InputPerturbation", "Perturb"]


@dataclass(frozen=True)
class Perturb(Instruction):
    """Change rows of the inputs by their gradient; of a row's `stride` numbers `width` are real, and the others 0."""

    kernel: KernelCall
    x: MatrixAt
    g: MatrixAt
    width: Count
    stride: Count
    rows: Rows

    def equation(self) -> str:
        return "{x:rows,width} = {kernel}({x:rows,width}, {g:rows,width})"

    def execute(self, thread: Thread) -> None:
        begin, rows = self.rows.first(thread.size), self.rows.count(thread.size)
        if rows == 0:
            return
        operands, x = thread.operands, self.x.at(begin)
        store(operands, x)
        store(operands + 8, self.g.at(begin))
        store(operands + 16, x)
        call(self.kernel.body, rows, self.width, self.stride, self.kernel.constants, operands)

    def define(self, work: Work) -> None:
        rows = work.rows(self.rows)
        x, g = (work.batch(each, self.width)[rows] for each in (self.x, self.g))
        if len(x):
            (x[:],) = work.kernel(self.kernel, x, g)
        work.batch(self.x, self.stride)[rows, self.width :] = 0.0


class InputPerturbation:
    """The kernel of a perturbation, and the instruction that calls it."""

    def __init__(self, arena: Arena, formula: Perturbation) -> None:
        self._kernel = arena.constants(formula_kernels.perturbed(formula, arena.dtype))

    def perturb(self, passage: Passage, inputs: int, rows: Rows) -> Instruction:
        """Change rows of the scaled inputs, of which ∂C/∂x is there."""
        x, g = passage.x, passage.back
        assert x.stride == g.stride
        return Perturb(self._kernel, x.part(), g.part(), Count(inputs), x.stride, rows)
