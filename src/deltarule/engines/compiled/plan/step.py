"""Writes the plans that threads follow: one for a training step, one for evaluating a block of a set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from deltarule.engines.compiled.plan.formulas import Formulas, Predicting
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layers import Backward
from deltarule.engines.compiled.plan.layout import Division, Share
from deltarule.engines.compiled.plan.memory import Passage, apply, forward
from deltarule.engines.compiled.plan.source import Source
from deltarule.engines.compiled.plan.tables import ALL_ROWS, Rows
from deltarule.engines.compiled.plan.update_step import Updates
from deltarule.native.products import padded
from deltarule.native.structs import Address, Count

__all__ = ["Writer", "predicted"]


@dataclass(frozen=True, eq=False)
class Writer:
    """Writes what one thread does."""

    to: Division
    formulas: Formulas
    updates: Updates

    def step(self, source: Source, passage: Passage, record: str | None) -> Iterator[Instruction]:
        """One training step: forwards, the loss, backwards, and the update; threads wait where one needs another's."""
        if not self.formulas.updates.whole:
            yield from self.formulas.updates.prepared(self.to.thread)
        yield from self._batch(source, passage, self.to.rows())
        last = len(self.to.layout.blocks) - 1
        for layer in range(last + 1):
            yield from self._drawn(layer, passage)
            yield from self._forward(layer, passage)
            if not self._by_rows(layer) or (layer < last and not self._by_rows(layer + 1)):
                yield from self.to.wait()
        yield from self.formulas.loss(passage, source, self.to.rows(), self.to.thread, training=True)
        for layer in range(last, 0, -1):
            if not self._by_rows(layer):
                yield from self.to.wait()
            yield from self._backward(layer, passage)
        yield from self.to.wait()
        if self.to.thread == 0:
            if record == "batch":
                yield source.record(passage)
            yield source.add(passage)
        yield from self.updates.instructions(passage)
        yield from self.to.wait()
        if record == "batch_after":
            yield from self._after(source, passage)

    def evaluation(self, source: Source, passage: Passage, to: Division) -> Iterator[Instruction]:
        """The sums over a block of samples, by this thread alone, from the parameters that `to` points at."""
        yield from self._batch(source, passage, ALL_ROWS)
        for layer, blocks in enumerate(to.layout.blocks):
            shares = [Share(block.first, block.width) for block in blocks]
            yield from predicted(self.formulas, to, layer, passage, shares, ALL_ROWS, self.updates.scratch)
        yield from self.formulas.loss(passage, source, ALL_ROWS, to.thread, training=False)
        yield source.add(passage)

    def _after(self, source: Source, passage: Passage) -> Iterator[Instruction]:
        """The batch's loss once more, after the update and as the network predicts."""
        rows, thread = self.to.rows(), self.to.thread
        if self.formulas.rates[0] or self.formulas.deviations[0]:
            yield from self._batch(source, passage, rows)
        for layer in range(len(self.to.layout.blocks)):
            shares = self.to.shares(layer)
            yield from predicted(self.formulas, self.to, layer, passage, shares, rows, self.updates.scratch)
            yield from self.to.wait()
        yield from self.formulas.loss(passage, source, rows, thread, training=False)
        yield from self.to.wait()
        if thread == 0:
            yield source.record(passage)
        # The next batch's weights must not be written while these are read.
        yield from self.to.wait()

    def _by_rows(self, layer: int) -> bool:
        """Whether a thread has its rows of a layer's outputs, and of their derivatives, to itself."""
        return not self.to.owns_columns(layer) and self.formulas.normalizations[layer] is None

    def _batch(self, source: Source, passage: Passage, rows: Rows) -> Iterator[Instruction]:
        inputs = ALL_ROWS if passage.own_inputs else rows
        yield source.gather(passage, inputs)
        if source.shuffled:
            yield source.prefetch(inputs)
        yield source.target(passage, rows)
        if inputs.parts > 1:
            yield from self.to.wait()
        if source.mixed:
            yield source.mix(passage, rows)
            yield from self.to.wait()

    def _forward(self, layer: int, passage: Passage) -> Iterator[Instruction]:
        """Weighted sums, and what the layer makes of them."""
        yield from _weighted_sums(self.formulas, self.to, layer, passage, self.to.shares(layer))
        normalization = self.formulas.normalizations[layer]
        if normalization is not None:
            values, copy = self.formulas.values[layer], self.formulas.updates.averaged * self.to.apart
            yield from normalization.training(self.to, layer, passage, values, self.updates.scratch, copy)

    def _drawn(self, layer: int, passage: Passage) -> Iterator[Instruction]:
        """Noise and dropout of a layer's inputs, whole rows at a time."""
        if self.formulas.deviations[layer]:
            yield self.formulas.noise(layer, passage, self.to.rows(), self.updates.scratch)
        if self.formulas.rates[layer]:
            yield self.formulas.drop(layer, passage, self.to.rows())
        if self.formulas.deviations[layer] or self.formulas.rates[layer]:
            yield from self.to.wait()

    def _backward(self, layer: int, passage: Passage) -> Iterator[Instruction]:
        """The errors of the layer below."""
        d, below = passage.d[layer], passage.d[layer - 1]
        units = self.to.layout.sizes[layer]
        outputs = self.to.layout.sizes[layer + 1]
        dropped = bool(self.formulas.rates[layer])
        whole = Share(0, padded(units), self.to.rows())
        shares = [whole] if self._by_rows(layer) else self.to.shares(layer - 1)
        for each in shares:
            for block in self.to.layout.blocks[layer]:
                yield Backward(
                    d=d.part(block.first),
                    depth=Count(min(block.width, outputs - block.first)),
                    w=self.to.matrix(block, each.first),
                    target=below.part(each.first),
                    columns=Count(min(each.width, units - each.first)),
                    first=block.first == 0,
                    rows=each.rows,
                )
            if not dropped:
                yield self._slope(layer, passage, each)
        if dropped:
            if shares != [whole]:
                yield from self.to.wait()
            yield self.formulas.drop_again(layer, passage, whole.rows)
            yield self._slope(layer, passage, whole)
        normalization = self.formulas.normalizations[layer - 1]
        if normalization is not None:
            if dropped or shares == [whole]:
                yield from self.to.wait()
            room, region = self.updates.scratch, self.formulas.updates.regions
            yield from normalization.back(self.to, layer - 1, passage, room, region)

    def _slope(self, layer: int, passage: Passage, each: Share) -> Instruction:
        below = passage.d[layer - 1]
        matrices = (below, passage.z[layer - 1], passage.a[layer - 1], below)
        return apply(self.formulas.slopes[layer - 1], matrices, each)


def predicted(
    formulas: Predicting, to: Division, layer: int, passage: Passage, shares: list[Share], rows: Rows, room: Address
) -> Iterator[Instruction]:
    """A layer's weighted sums and what it makes of them, as the network predicts."""
    yield from _weighted_sums(formulas, to, layer, passage, shares)
    normalization = formulas.normalizations[layer]
    if normalization is not None:
        yield from normalization.predicting(to, layer, passage, shares, rows, formulas.values[layer], room)


def _weighted_sums(
    formulas: Predicting, to: Division, layer: int, passage: Passage, shares: list[Share]
) -> Iterator[Instruction]:
    """Weighted sums, and of a hidden layer without normalisation its activations."""
    for each in shares:
        block = to.block(layer, each)
        yield forward(block, to.matrix(block), passage.inputs(layer), passage.sums(layer), each)
        if layer < len(passage.a) and formulas.normalizations[layer] is None:
            yield apply(formulas.values[layer], (passage.z[layer], passage.a[layer]), each)
