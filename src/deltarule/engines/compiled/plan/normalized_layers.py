"""Writes what normalised layers do, forwards and backwards."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Self

from deltarule.engines.compiled.codegen import formula_kernels
from deltarule.engines.compiled.plan.activations import HiddenActivation, by_columns
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layout import Division, Share
from deltarule.engines.compiled.plan.memory import Arena, Passage
from deltarule.engines.compiled.plan.normalization import (
    BatchColumns,
    CollectState,
    GradientByColumns,
    GradientByRows,
    NormalizeByColumns,
    NormalizeByKept,
    NormalizeByRows,
    StateGradient,
)  # fmt: skip
from deltarule.engines.compiled.plan.tables import NOT_PREPARED, Rows
from deltarule.formulas import Normalization
from deltarule.native.products import padded
from deltarule.native.structs import Address, Count, Stride

__all__ = ["Normalizations"]


class Normalizations:
    """The kernels of the hidden layers' normalisation, and the instructions that call them.

    Statistics over the batch (axis 0) need all rows of a column, so a thread takes whole columns; those over the units
    (axis 1) need whole rows, and γ and β of all columns beside each other.
    """

    def __init__(self, arena: Arena, formula: Normalization, threads: int) -> None:
        dtype = arena.dtype
        self._by_rows, self._keeps = formula.axis == 1, formula.keeps
        self._forwards = arena.constants(formula_kernels.normalized(formula, dtype))
        self._backwards = arena.constants(formula_kernels.normalized_back(formula, dtype))
        self._keep = [
            arena.prepared(formula_kernels.statistics_kept(formula, dtype)) if formula.keeps else NOT_PREPARED
            for _ in range(threads)
        ]

    def without_keeping(self) -> Self:
        """The same kernels, which leave the running statistics as they are."""
        made = copy.copy(self)
        made._keep = [NOT_PREPARED] * len(self._keep)
        return made

    def training(
        self, to: Division, layer: int, passage: Passage, activation: HiddenActivation, room: Address, copy: int
    ) -> Iterator[Instruction]:
        """Weighted sums into z and a, by the batch's own statistics.

        `room` : memory of the thread for three numbers of each column. copy : bytes to a
        second copy of the running statistics, or 0.
        """
        if self._by_rows:
            yield from self._rows(to, layer, passage, to.rows(), activation, room)
            return

        def normalize(each: Share) -> Iterator[Instruction]:
            columns, room = self._columns(to, layer, passage, each), Address(passage.rooms[layer] + 32 * each.first)
            yield NormalizeByColumns(columns, room, self._forwards, self._keep[to.thread], Stride(copy))
            yield from activation.forward(to, layer, passage, each)

        yield from by_columns(to, layer, normalize)

    def predicting(
        self,
        to: Division,
        layer: int,
        passage: Passage,
        shares: list[Share],
        rows: Rows,
        activation: HiddenActivation,
        room: Address,
    ) -> Iterator[Instruction]:
        """Weighted sums into z and a, by the statistics that are kept, where there are any."""
        if not self._keeps:
            yield from self._rows(to, layer, passage, rows, activation, room)
            return
        for each in shares:
            yield NormalizeByKept(self._columns(to, layer, passage, each), self._forwards, each.rows)
            yield from activation.forward(to, layer, passage, each)

    def back(self, to: Division, layer: int, passage: Passage, room: Address, region: int) -> Iterator[Instruction]:
        """∂C/∂h into ∂C/∂z of a layer, and the gradients of γ and β into a region of the parameters' memory."""
        d, x = passage.d[layer], passage.normalized[layer]

        def differentiate(each: Share) -> Iterator[Instruction]:
            block = to.block(layer, each)
            columns = d.part(each.first), x.part(each.first), Count(each.width)
            state, gradient = (to.matrix(block, block.row("γ"), place) for place in (0, region))
            of_columns = Address(passage.rooms[layer] + 32 * each.first)
            yield StateGradient(*columns, gradient, of_columns)
            if not self._by_rows:
                yield GradientByColumns(*columns, state.address, gradient, of_columns, self._backwards)

        if not self._by_rows:
            yield from by_columns(to, layer, differentiate)
            return
        yield from to.wait()
        for each in to.columns(layer):
            yield from differentiate(each)
        yield from to.wait()
        yield GradientByRows(
            d=d.part(),
            x=x.part(),
            units=Count(to.layout.sizes[layer + 1]),
            width=d.columns,
            state=passage.trained[layer].address,
            room=room,
            kernel=self._backwards,
            rows=to.rows(),
            statistics=passage.statistics[layer],
        )

    def _rows(
        self, to: Division, layer: int, passage: Passage, rows: Rows, activation: HiddenActivation, room: Address
    ) -> Iterator[Instruction]:
        """Whole rows, by the statistics of each."""
        x, z, trained = passage.normalized[layer], passage.z[layer], passage.trained[layer]
        several = rows.parts > 1
        for block in to.layout.blocks[layer]:
            each = Share(block.first, block.width)
            if not several or each in to.columns(layer):
                state = to.matrix(block, block.row("γ"))
                yield CollectState(state, Count(block.width), trained.part(block.first))
        if several:
            yield from to.wait()
        yield NormalizeByRows(
            columns=BatchColumns(x.part(), z.part(), x.columns, trained.part()),
            units=Count(to.layout.sizes[layer + 1]),
            room=room,
            kernel=self._forwards,
            rows=rows,
            statistics=passage.statistics[layer],
        )
        whole = Share(0, padded(to.layout.sizes[layer + 1]), rows)
        yield from activation.forward(to, layer, passage, whole)

    def _columns(self, to: Division, layer: int, passage: Passage, each: Share) -> BatchColumns:
        """Some columns of the weighted sums and of z, and what the layer learns and keeps for them."""
        block = to.block(layer, each)
        x, h = (matrices[layer].part(each.first) for matrices in (passage.normalized, passage.z))
        return BatchColumns(x, h, Count(each.width), to.matrix(block, block.row("γ")))
