"""Writes what hidden layers' activations do, forwards and backwards: plain ones, and those with a trained α."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from deltarule.engines.compiled.codegen import formula_kernels
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layout import Block, Division, Share
from deltarule.engines.compiled.plan.memory import Arena, Passage, apply
from deltarule.engines.compiled.plan.parametric import ApplyParametric, ParametricSlope
from deltarule.engines.compiled.plan.tables import NO_KERNEL, NO_MATRIX
from deltarule.formulas import Activation
from deltarule.native.structs import Count

__all__ = ["HiddenActivation", "ParametricActivation", "by_columns"]


class HiddenActivation:
    """The kernels of a hidden layer's activation, and the instructions that call them.

    columnwise : whether a thread must have all rows of its columns on the way back.
    """

    columnwise = False

    def __init__(self, arena: Arena, formula: Activation) -> None:
        self._values = arena.constants(formula_kernels.activation_value(formula, arena.dtype))
        self._slopes = NO_KERNEL

    def differentiate(self, arena: Arena, formula: Activation, *, from_z: bool) -> None:
        """Make the kernel of the slope; `from_z` where the layer's output is changed after the activation."""
        self._slopes = arena.constants(formula_kernels.activation_slope(formula, arena.dtype, from_z=from_z))

    def forward(self, to: Division, layer: int, passage: Passage, each: Share) -> Iterator[Instruction]:
        """Write the outputs of a layer, of a share of its columns or of whole rows."""
        del to
        yield apply(self._values, (passage.z[layer], passage.a[layer]), each)

    def backward(self, to: Division, layer: int, passage: Passage, each: Share, region: int) -> Iterator[Instruction]:
        """∂C/∂a into ∂C/∂z of a layer; gradients of what is trained go into a region of the parameters' memory."""
        del to, region
        d = passage.d[layer]
        yield apply(self._slopes, (d, passage.z[layer], passage.a[layer], d), each)


class ParametricActivation(HiddenActivation):
    """The same with a trained α for each unit."""

    columnwise = True

    def __init__(self, arena: Arena, formula: Activation) -> None:
        self._values = arena.constants(formula_kernels.parametric_value(formula, arena.dtype))
        self._kept = self._slopes = NO_KERNEL

    def differentiate(self, arena: Arena, formula: Activation, *, from_z: bool) -> None:
        """Make the kernels of training: the slope is made of z and σ(z), which is kept."""
        del from_z
        self._kept = arena.constants(formula_kernels.parametric_value(formula, arena.dtype, kept=True))
        self._slopes = arena.constants(formula_kernels.parametric_slope(formula, arena.dtype))

    def forward(self, to: Division, layer: int, passage: Passage, each: Share) -> Iterator[Instruction]:
        """Write the outputs of a layer, block by block, as α is."""
        z, a = passage.z[layer], passage.a[layer]
        for block in _blocks(to, layer, each):
            v = passage.activated[layer].part(block.first) if passage.activated else NO_MATRIX
            yield ApplyParametric(
                kernel=self._kept if passage.activated else self._values,
                z=z.part(block.first),
                alpha=to.matrix(block, block.row("α")).address,
                v=v,
                a=a.part(block.first),
                width=Count(block.width),
                rows=each.rows,
            )

    def backward(self, to: Division, layer: int, passage: Passage, each: Share, region: int) -> Iterator[Instruction]:
        """∂C/∂a into ∂C/∂z of all rows of some columns, and the gradient of their α."""
        d, z, v = (matrices[layer].part(each.first) for matrices in (passage.d, passage.z, passage.activated))
        block = to.block(layer, each)
        alpha, gradient = (to.matrix(block, block.row("α"), place).address for place in (0, region))
        yield ParametricSlope(self._slopes, d, z, v, alpha, gradient, Count(each.width))


def _blocks(to: Division, layer: int, each: Share) -> list[Block]:
    """The blocks that a share of a layer covers: one, or all where it has whole rows."""
    blocks = to.layout.of(layer)
    return [block for block in blocks if each.first <= block.first < each.first + each.width]


def by_columns(to: Division, layer: int, work: Callable[[Share], Iterator[Instruction]]) -> Iterator[Instruction]:
    """The thread's work on whole columns: on its own at once, on those left over when all threads have done their rows.

    Where columns are left over every thread waits once.
    """
    waits = to.leaves_columns(layer)
    for each in to.columns(layer):
        if waits and each not in to.shares(layer):
            yield from to.wait()
            waits = False
        yield from work(each)
    if waits:
        yield from to.wait()
