"""Writes the plans that threads follow: one for a training step, one for evaluating a block of a set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from deltarule.engines.compiled.plan.activations import by_columns
from deltarule.engines.compiled.plan.formulas import Formulas, Predicting
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layers import Backward
from deltarule.engines.compiled.plan.layout import SCALE, Division, Share
from deltarule.engines.compiled.plan.memory import Passage, forward
from deltarule.engines.compiled.plan.source import Source
from deltarule.engines.compiled.plan.tables import ALL_ROWS, Rows
from deltarule.engines.compiled.plan.update_step import Updates
from deltarule.native.products import padded
from deltarule.native.structs import Address, Count

__all__ = ["Writer", "inputs_predicted", "predicted"]


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
        yield from self._first_inputs(passage)
        last = len(self.to.layout.blocks) - 1
        for layer in range(last + 1):
            if layer > 0:
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
        yield from self._backward_to_inputs(passage)
        yield from self.updates.instructions(passage)
        yield from self.to.wait()
        if record == "batch_after":
            yield from self._after(source, passage)

    def evaluation(self, source: Source, passage: Passage, to: Division) -> Iterator[Instruction]:
        """The sums over a block of samples, by this thread alone, from the parameters that `to` points at."""
        yield from self._batch(source, passage, ALL_ROWS)
        yield from inputs_predicted(self.formulas, to, passage, ALL_ROWS)
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
        if self.formulas.trained_before:
            yield from inputs_predicted(self.formulas, self.to, passage, rows)
            yield from self.to.wait()
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
        formulas = self.formulas
        columnwise = layer < len(formulas.activations) and formulas.activations[layer].columnwise
        return not (self.to.owns_columns(layer) or columnwise or formulas.normalizations[layer] is not None)

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

    def _first_inputs(self, passage: Passage) -> Iterator[Instruction]:
        """The first layer's inputs: the stage before it, then noise and dropout, and then the inputs' factors."""
        rows, stage, scale = self.to.rows(), self.formulas.stage, self.formulas.scale
        if stage is not None:
            yield from stage.forward(self.to, passage, rows)
        yield from self._drawn(0, passage)
        if scale is not None:
            yield from scale.forward(self.to, passage, rows)
        if self.formulas.trained_before:
            yield from self.to.wait()

    def _forward(self, layer: int, passage: Passage) -> Iterator[Instruction]:
        """Weighted sums, and what the layer makes of them."""
        yield from _weighted_sums(self.formulas, self.to, layer, passage, self.to.shares(layer))
        normalization = self.formulas.normalizations[layer]
        if normalization is not None:
            activation, copy = self.formulas.activations[layer], self.formulas.updates.averaged * self.to.apart
            yield from normalization.training(self.to, layer, passage, activation, self.updates.scratch, copy)

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
        activation, region = self.formulas.activations[layer - 1], self.formulas.updates.regions
        dropped = bool(self.formulas.rates[layer])

        def slope(each: Share) -> Iterator[Instruction]:
            yield from activation.backward(self.to, layer - 1, passage, each, region)

        whole = Share(0, padded(self.to.layout.sizes[layer]), self.to.rows())
        shares = [whole] if self._by_rows(layer) else self.to.shares(layer - 1)
        for each in shares:
            yield from self._errors(layer, passage, each)
            if not dropped and not activation.columnwise:
                yield from slope(each)
        if dropped:
            if shares != [whole]:
                yield from self.to.wait()
            yield self.formulas.drop_again(layer, passage, whole.rows)
            if not activation.columnwise:
                yield from slope(whole)
        normalization = self.formulas.normalizations[layer - 1]
        if (dropped or shares == [whole]) and (activation.columnwise or normalization is not None):
            yield from self.to.wait()  # for columns whose rows other threads have
        if activation.columnwise:
            yield from by_columns(self.to, layer - 1, slope)
        if normalization is not None:
            yield from normalization.back(self.to, layer - 1, passage, self.updates.scratch, region)

    def _backward_to_inputs(self, passage: Passage) -> Iterator[Instruction]:
        """The errors of the first layer's inputs, and the gradients of what is trained before it."""
        if not self.formulas.trained_before:
            return
        to, rows, stage, scale = self.to, self.to.rows(), self.formulas.stage, self.formulas.scale
        room, region = self.updates.scratch, self.formulas.updates.regions
        for each in to.shares(SCALE):
            yield from self._errors(0, passage, each)
        # Columns may be left over, and other threads still read the weights that the update changes.
        yield from to.wait()
        if scale is not None:
            yield from scale.gradient(to, passage, room, region)
        if stage is None:
            return
        if scale is not None:
            yield from to.wait()
            yield from scale.backward(to, passage, rows)
        if self.formulas.rates[0]:
            yield self.formulas.drop_again(0, passage, rows)
        yield from stage.spread(to, passage, rows)
        yield from to.wait()
        yield from stage.gradients(to, passage, room, region)
        yield from to.wait()

    def _errors(self, layer: int, passage: Passage, each: Share) -> Iterator[Instruction]:
        """A share of ∂C/∂ of a layer's inputs, over all blocks of the layer."""
        d, below = passage.d[layer], passage.below(layer)
        units, outputs = self.to.layout.sizes[layer : layer + 2]
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


def inputs_predicted(formulas: Predicting, to: Division, passage: Passage, rows: Rows) -> Iterator[Instruction]:
    """The first layer's inputs, as the network predicts."""
    if formulas.stage is not None:
        yield from formulas.stage.forward(to, passage, rows)
    if formulas.scale is not None:
        yield from formulas.scale.forward(to, passage, rows)


def predicted(
    formulas: Predicting, to: Division, layer: int, passage: Passage, shares: list[Share], rows: Rows, room: Address
) -> Iterator[Instruction]:
    """A layer's weighted sums and what it makes of them, as the network predicts."""
    yield from _weighted_sums(formulas, to, layer, passage, shares)
    normalization = formulas.normalizations[layer]
    if normalization is not None:
        yield from normalization.predicting(to, layer, passage, shares, rows, formulas.activations[layer], room)


def _weighted_sums(
    formulas: Predicting, to: Division, layer: int, passage: Passage, shares: list[Share]
) -> Iterator[Instruction]:
    """Weighted sums, and of a hidden layer without normalisation its activations."""
    for each in shares:
        block = to.block(layer, each)
        yield forward(block, to.matrix(block), passage.inputs(layer), passage.sums(layer), each)
        if layer < len(passage.a) and formulas.normalizations[layer] is None:
            yield from formulas.activations[layer].forward(to, layer, passage, each)
