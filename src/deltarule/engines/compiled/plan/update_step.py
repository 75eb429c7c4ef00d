"""Writes the update: gradients of weights and the optimizer's steps, in one pass or over the gradient as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby
from operator import itemgetter

from deltarule.engines.compiled.plan.formulas import UpdateKernels
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layout import EMBEDDING, FACTORS, SCALE, Block, Division, is_kept
from deltarule.engines.compiled.plan.lists import Lists, enough, parts_of
from deltarule.engines.compiled.plan.member_layers import in_rows
from deltarule.engines.compiled.plan.memory import Passage
from deltarule.engines.compiled.plan.tables import NO_KERNEL, KernelCall, MatrixAt
from deltarule.engines.compiled.plan.updates import (
    Bound,
    CallFormula,
    Clip,
    Gradient,
    Product,
    Squares,
    Step,
    Update,
)  # fmt: skip
from deltarule.native.structs import Address, Count, Stride

__all__ = ["SCRATCH_ROWS", "Updates"]

# Numbers of gradient taken before the optimizer steps over them: a slice that stays in the nearest cache.
_SLICE = 4096
_DEEP = 256  # rows of a batch
SCRATCH_ROWS = 96
"""Largest number of rows of a block for which a thread needs memory."""


@dataclass(frozen=True)
class _Part:
    """Rows of a block whose gradient is a product, the kernel of their step, and how many are taken at once."""

    block: Block
    rows: range
    product: Product
    kernel: KernelCall
    slice: Count

    def pieces(self, to: Division) -> Iterator[Product]:
        """Cut the product into pieces of whole slices."""
        of, size = self.product, int(self.product.rows)
        if to.layout.threads > 1 and to.layout.shape.members == 1:
            slices = -(-of.rows // self.slice)
            size = self.slice * -(-slices // parts_of(to.layout.batch * of.rows * of.width, slices))
        for first in range(0, of.rows, size):
            a, w = (
                replace(at, address=Address(at.at(0) + first * by)) for at, by in ((of.a, of.a_item), (of.w, of.w.row))
            )
            pairs = Address(of.pairs and of.pairs + first // 2 * of.w.row)
            yield replace(of, a=a, w=w, pairs=pairs, rows=Count(min(size, of.rows - first)))


@dataclass(frozen=True, eq=False)
class Updates:
    """Writes one thread's part of the update.

    idle : whether the biases of hidden layers stay as they are. one : address of a 1, for the biases' gradient.
    scratch : the thread's memory for a slice of gradient. squares : all threads' memory for a float64 of each column.
    bounded : whether the weights into hidden units are held within a norm.
    formula : address of what steps where the gradient is handed over, or 0.
    """

    to: Division
    lists: Lists
    kernels: UpdateKernels
    idle: bool
    bounded: bool
    one: Address
    scratch: Address
    squares: Address
    formula: Address

    def instructions(self, passage: Passage) -> Iterator[Instruction]:
        """From dz of all layers to the parameters after the step."""
        if self.kernels.whole:
            yield from self._at_once(passage)
        else:
            yield from self._in_one_pass(passage)
        if self.bounded or self.kernels.apart:
            yield from self.to.wait()
            for layer in (*range(self._layers), *self.to.layout.before):
                yield from self._afterwards(layer)

    def _in_one_pass(self, passage: Passage) -> Iterator[Instruction]:
        """Gradient and step of weights and biases, from the last layer on; then the steps of what else is trained."""
        layers = range(self._layers - 1, -1, -1)
        if self.to.layout.shape.members == 1:
            yield from self.lists.take(
                self.to,
                "update",
                lambda to: self._pieces(chain(*(self._updates(layer, passage, to) for layer in layers))),
            )
        else:
            for layer in layers:
                yield from in_rows(self.to, layer, self._updates(layer, passage, self.to))
        for layer in (*layers, *self.to.layout.before):
            yield from self._written_steps(layer)

    def _pieces(self, updates: Iterable[Update]) -> list[list[Update]]:
        """Updates one after the other, until they are enough for a piece."""
        pieces: list[list[Update]] = [[]]
        products = 0
        for each in updates:
            if enough(products):
                pieces.append([])
                products = 0
            pieces[-1].append(each)
            products += self.to.layout.batch * each.product.rows * each.product.width
        return pieces

    def _updates(self, layer: int, passage: Passage, to: Division) -> Iterator[Update]:
        """A thread's part of a layer's weights and biases, gradient and step in one, cut into pieces."""
        slots, apart = Count(self.kernels.slots), Stride(to.apart)
        for part in self._parts(layer, passage, to):
            for product in part.pieces(to):
                yield Update(product, part.kernel, slots, apart, self.scratch, part.slice)

    @property
    def _layers(self) -> int:
        return len(self.to.layout.blocks)

    @property
    def _gradient(self) -> int:
        """The region of memory where the gradient is written down."""
        return self.kernels.regions

    def _squares(self, block: Block) -> Address:
        """Where the sums of squares of a block's columns are: threads may be in different layers."""
        return Address(self.squares + 8 * self.to.layout.columns_before(block))

    def _parts(self, layer: int, passage: Passage, to: Division) -> Iterator[_Part]:
        """A thread's parts of a layer's blocks; the biases of a block belong to whoever has its last rows."""
        a, thread = passage.inputs(layer), self.to.thread
        for each in to.shares(layer):
            block = to.block(layer, each)
            d, width, fan_in = passage.d[layer].rows_of(block, block.place), Count(block.width), block.fan_in
            begin, end = each.rows.first(fan_in), each.rows.stop(fan_in)
            if end > begin:
                w, pairs, whole = to.matrix(block, begin), to.pairs_of(block, begin), Count(end - begin)
                product = Product(d, a.rows_of(block, begin), a.item_bytes, w, pairs, whole, width, whole)
                kernel = self.kernels.step("weights", layer, thread)
                rows = _slice_rows(block, whole, to.layout.batch)
                yield _Part(block, range(begin, end), product, kernel, rows)
            if each.rows.part == each.rows.parts - 1 and not (self.idle and layer < self._layers - 1):
                w, one = to.matrix(block, fan_in), MatrixAt(self.one, Stride(0))
                product = Product(d, one, Stride(0), w, Address(0), Count(1), width, Count(1))
                yield _Part(
                    block, range(fan_in, fan_in + 1), product, self.kernels.step("biases", layer, thread), Count(1)
                )

    def _written_steps(self, layer: int) -> Iterator[Instruction]:
        """The steps of what has its gradient written down in any case: γ and β, α, and the inputs' factors."""
        for each in self.to.columns(layer):
            block = self.to.block(layer, each)
            for group, rows in _written(block):
                of = layer if group == "biases" else 0
                yield self._step(block, rows, self.kernels.step(group, of, self.to.thread))

    def _step(self, block: Block, rows: range, kernel: KernelCall) -> Step:
        return Step(
            w=self.to.matrix(block, rows.start).address,
            gradient=self.to.matrix(block, rows.start, self._gradient).address,
            items=Count(len(rows) * block.stride),
            kernel=kernel,
            slots=Count(self.kernels.slots),
            apart=Stride(self.to.apart),
        )

    def _at_once(self, passage: Passage) -> Iterator[Instruction]:
        """Write the whole gradient down, take its norm, and then step."""
        yield from self.kernels.prepared_gradients(self.to.thread)
        yield from self.gradients(passage)
        if self.kernels.handed_over:
            if self.to.thread == 0:
                yield CallFormula(self.formula)
            yield from self.to.wait()
            yield from self.kernels.prepared(self.to.thread)
            return
        for layer in (*range(self._layers), *self.to.layout.before):
            for each in self.to.columns(layer):
                block = self.to.block(layer, each)
                matrix = self.to.matrix(block, 0, self._gradient)
                yield Squares(matrix, Count(block.trained), Count(block.width), self._squares(block))
        yield from self.to.wait()
        columns = Count(self.to.layout.columns)
        for scalars in self.kernels.scalars(self.to.thread):
            yield Clip(self.squares, columns, self.kernels.clip, scalars)
        yield from self.kernels.prepared(self.to.thread)
        for layer in range(self._layers):
            for part in self._parts(layer, passage, self.to):
                yield self._step(part.block, part.rows, part.kernel)
            yield from self._written_steps(layer)
        for layer in self.to.layout.before:
            yield from self._written_steps(layer)

    def gradients(self, passage: Passage) -> Iterator[Instruction]:
        """Write the objective's gradient down; what `_written_steps` step by is there already."""
        for layer in range(self._layers):
            yield from in_rows(self.to, layer, self._gradients(layer, passage))
        yield from self.to.wait()

    def _gradients(self, layer: int, passage: Passage) -> Iterator[Instruction]:
        """The thread's part of the gradient of a layer's weights and biases."""
        for part in self._parts(layer, passage, self.to):
            weights = part.rows.start < part.block.fan_in
            kernel = self.kernels.penalty_gradient(layer, self.to.thread) if weights else NO_KERNEL
            gradient = self.to.matrix(part.block, part.rows.start, self._gradient).address
            yield Gradient(part.product, gradient, kernel)

    def _afterwards(self, layer: int) -> Iterator[Instruction]:
        """Hold the weights into hidden units within their norm; then take the mean of all parameters."""
        for each in self.to.columns(layer):
            block = self.to.block(layer, each)
            if self.bounded and 0 <= layer < self._layers - 1:
                rows, width = Count(block.fan_in), Count(block.width)
                yield Bound(self.to.matrix(block), rows, width, self._squares(block), self.kernels.bound)
            if self.kernels.apart:
                step = self._step(block, range(block.trained), self.kernels.average(self.to.thread))
                yield replace(step, slots=Count(1), apart=Stride(self.kernels.averaged * self.to.apart))


_GROUPS = {
    "W": "", "b": "", "zeros": "", "γ": "normalization", "β": "normalization", "α": "slopes", "members.s": "members",
    "members.c": "biases",
}  # fmt: skip


def _written(block: Block) -> Iterator[tuple[str, range]]:
    """The groups of a block whose gradients are written down in any case, and their rows."""
    usual = {SCALE: "scale", EMBEDDING: "embeddings"}.get(block.layer, "categories")
    usual = "members" if block.layer <= FACTORS else usual
    groups = [("" if is_kept(name) else _GROUPS.get(name, usual), rows) for name, rows in block.sections]
    start = 0
    for group, alike in groupby(groups, key=itemgetter(0)):
        stop = start + sum(rows for _, rows in alike)
        if group:
            yield group, range(start, stop)
        start = stop


def _slice_rows(block: Block, rows: int, batch: int) -> Count:
    """Rows of a block whose gradient is taken at once: whole tiles, some 16 KB; few rows in slices of one even size.

    The deeper the product, the less it matters whether the optimizer finds its slice in the nearest cache, and the more
    that dz is read seldom.
    """
    most = SCRATCH_ROWS // 2 if batch >= _DEEP else min(SCRATCH_ROWS, max(24, _SLICE // block.stride // 24 * 24))
    if rows >= 8 * most:
        return Count(most)
    slices = max(1, round(rows / most), -(-rows // SCRATCH_ROWS))
    return Count(-(-rows // (2 * slices)) * 2 if slices > 1 else rows)
