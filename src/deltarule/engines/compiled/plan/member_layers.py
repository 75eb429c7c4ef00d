"""Writes what several members add to the layers: factors of inputs and sums, losses, and the mean prediction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deltarule.engines.compiled.codegen import formula_kernels
from deltarule.engines.compiled.plan.activations import HiddenActivation
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layout import FACTORS, Block, Division, Share
from deltarule.engines.compiled.plan.members import (
    FactorGradients,
    MeanLosses,
    MeanPrediction,
    MemberInputs,
    MemberRows,
    MemberSlopes,
    MemberSums,
    MemberTargets,
    SampleRows,
    SumMembers,
)
from deltarule.engines.compiled.plan.memory import Arena, Matrix, Passage
from deltarule.engines.compiled.plan.printing import SCRATCH
from deltarule.engines.compiled.plan.source import Source
from deltarule.engines.compiled.plan.tables import Rows
from deltarule.engines.parameters import Shape
from deltarule.formulas import Activation
from deltarule.native.products import padded
from deltarule.native.structs import Address, Count

__all__ = ["MeanOfMembers", "MemberActivation", "MemberLayers", "in_member_rows", "in_rows", "joined"]


def in_member_rows(to: Division, instructions: Iterable[Instruction]) -> Iterator[Instruction]:
    """Instructions that work on a row for each member of each sample, where there are several members."""
    members = Count(to.layout.shape.members)
    if members == 1:
        yield from instructions
        return
    found = list(instructions)
    if found:
        yield MemberRows(members)
        yield from found
        yield SampleRows(members)


def in_rows(to: Division, layer: int, instructions: Iterable[Instruction]) -> Iterator[Instruction]:
    """Instructions that work on a layer's products: those of the last layer have the rows of one member each."""
    yield from instructions if to.layout.of_members(layer) else in_member_rows(to, instructions)


def joined(instructions: Iterable[Instruction]) -> Iterator[Instruction]:
    """Leave out returns to rows of samples that are followed by rows of members."""
    held: Instruction | None = None
    for each in instructions:
        if isinstance(held, SampleRows) and isinstance(each, MemberRows):
            held = None
            continue
        if held is not None:
            yield held
        held = each
    if held is not None:
        yield held


class MemberLayers:
    """The members' factors of layers' inputs: kernels, and the instructions that call them."""

    def __init__(self, arena: Arena, shape: Shape) -> None:
        self._members = Count(shape.members)
        self._product = arena.constants(formula_kernels.product(arena.dtype))
        self._backwards = arena.constants(formula_kernels.member_factors(arena.dtype))
        self._sum = arena.constants(formula_kernels.added(arena.dtype))

    def inputs(self, to: Division, layer: int, passage: Passage, rows: Rows) -> Iterator[Instruction]:
        """Rows of a layer's inputs with the factors, where it has any."""
        return in_member_rows(to, self._inputs(to, layer, passage, rows))

    def _inputs(self, to: Division, layer: int, passage: Passage, rows: Rows) -> Iterator[Instruction]:
        x, target = self._factored(layer, passage), passage.inputs(layer)
        for block in self._blocks(to, layer):
            yield MemberInputs(
                kernel=self._product,
                x=x.part(block.first),
                r=to.matrix(block),
                target=target.part(block.first),
                width=Count(block.width),
                members=self._members,
                each=self._each(layer),
                rows=rows,
            )

    def gradients(self, to: Division, layer: int, passage: Passage, region: int) -> Iterator[Instruction]:
        """The gradients of the thread's own factors into a region of memory, and ∂C/∂ of what they multiply."""
        return in_member_rows(to, self._gradients(to, layer, passage, region))

    def _gradients(self, to: Division, layer: int, passage: Passage, region: int) -> Iterator[Instruction]:
        d, x = passage.errors_below(layer), self._factored(layer, passage)
        for each in to.columns(FACTORS - layer):
            block = to.block(FACTORS - layer, each)
            yield FactorGradients(
                kernel=self._backwards,
                d=d.part(each.first),
                x=x.part(each.first),
                r=to.matrix(block),
                gradient=to.matrix(block, 0, region),
                width=Count(each.width),
                members=self._members,
                each=self._each(layer),
            )

    def summed(self, passage: Passage, rows: Rows) -> Instruction:
        """∂C/∂ of rows of the first layer's inputs before the factors, of those of the members."""
        d, target = passage.member_back, passage.back
        return SumMembers(self._sum, d.part(), target.part(), target.columns, self._members, rows)

    def targets(self, to: Division, passage: Passage, source: Source, rows: Rows) -> Iterator[Instruction]:
        """Targets and weights for each member."""
        yield from in_member_rows(
            to,
            [
                MemberTargets(
                    y=passage.y.part(),
                    target=passage.member_y.part(),
                    outputs=Count(source.outputs),
                    order=source.order,
                    weights=source.weights,
                    batch_weights=passage.weights,
                    member_weights=passage.member_weights,
                    members=self._members,
                    rows=rows,
                )
            ],
        )

    def has_factors(self, to: Division, layer: int) -> bool:
        """Whether a layer's inputs have factors."""
        return bool(self._blocks(to, layer))

    def _blocks(self, to: Division, layer: int) -> list[Block]:
        return to.layout.before.get(FACTORS - layer, [])

    def _factored(self, layer: int, passage: Passage) -> Matrix:
        """What the factors multiply."""
        return passage.first if layer == 0 else passage.a[layer - 1]

    def _each(self, layer: int) -> Count:
        """Rows of the batch that have one row of these."""
        return self._members if layer == 0 else Count(1)


class MemberActivation(HiddenActivation):
    """A hidden layer's activation after its members' factors and biases."""

    columnwise = True

    def __init__(self, arena: Arena, inner: HiddenActivation) -> None:
        self._inner = inner
        self._forward = arena.constants(formula_kernels.member_sums(arena.dtype))
        self._backward = arena.constants(formula_kernels.member_slopes(arena.dtype))

    def differentiate(self, arena: Arena, formula: Activation, *, from_z: bool) -> None:
        """Make the kernel of the slope."""
        self._inner.differentiate(arena, formula, from_z=from_z)

    def forward(self, to: Division, layer: int, passage: Passage, each: Share) -> Iterator[Instruction]:
        """Write the outputs of a layer, of the columns of a block."""
        u, z, block = passage.sums(layer), passage.z[layer], to.block(layer, each)
        s, c = (to.matrix(block, block.row(f"members.{name}")) for name in "sc")
        width, members = Count(block.width), Count(passage.members)
        yield MemberSums(self._forward, u.part(block.first), s, c, z.part(block.first), width, members, each.rows)
        yield from self._inner.forward(to, layer, passage, each)

    def backward(self, to: Division, layer: int, passage: Passage, each: Share, region: int) -> Iterator[Instruction]:
        """∂C/∂a into ∂C/∂u of all rows of some columns, and the gradients of their factors and biases."""
        yield from self._inner.backward(to, layer, passage, each, region)
        d, u, block = passage.d[layer], passage.sums(layer), to.block(layer, each)
        rows = {name: block.row(f"members.{name}") for name in "sc"}
        s, ds = (to.matrix(block, rows["s"], place) for place in (0, region))
        dc, width, members = to.matrix(block, rows["c"], region), Count(each.width), Count(passage.members)
        yield MemberSlopes(self._backward, d.part(each.first), u.part(each.first), s, ds, dc, width, members)


class MeanOfMembers:
    """The mean of the members' losses, and of their predictions by an inverse link."""

    def __init__(self, arena: Arena, link: Activation, shape: Shape) -> None:
        split = formula_kernels.mean_terms(link)
        self._arena, self._members, self._outputs = arena, Count(shape.members), Count(shape.outputs)
        self._split, self._joined = arena.constants(split), arena.constants(formula_kernels.from_means(link))
        self._terms, self._by_rows = Count(len(split.outputs)), split.granularity == "rowwise"

    def losses(self, passage: Passage, rows: Rows) -> Instruction:
        """The mean losses of rows of samples."""
        return MeanLosses(passage.member_losses, passage.losses, self._members, rows)

    def prediction(self, passage: Passage, rows: Rows) -> Instruction:
        """The mean prediction for rows of samples, as raw outputs."""
        width = padded(self._outputs)
        room = self._arena.words(width * (self._members * (1 + self._terms) + self._terms + 1), SCRATCH)
        return MeanPrediction(
            split=self._split,
            joined=self._joined,
            z=passage.z[-1].part(),
            target=passage.outputs.part(),
            outputs=self._outputs,
            padded=Count(width),
            members=self._members,
            terms=self._terms,
            by_rows=self._by_rows,
            room=Address(room),
            rows=rows,
        )
