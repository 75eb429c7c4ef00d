"""Writes the plans that threads follow: one for a training step, one for evaluating a block of a set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from deltarule.engines.compiled.plan.activations import by_columns
from deltarule.engines.compiled.plan.formulas import Formulas, Predicting
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layers import Backward
from deltarule.engines.compiled.plan.layout import SCALE, Division, Share
from deltarule.engines.compiled.plan.lists import Lists, cut, renewed
from deltarule.engines.compiled.plan.member_layers import MemberLayers, in_member_rows, in_rows
from deltarule.engines.compiled.plan.memory import Passage, forward
from deltarule.engines.compiled.plan.source import Source
from deltarule.engines.compiled.plan.tables import ALL_ROWS, Rows
from deltarule.engines.compiled.plan.update_step import Updates
from deltarule.native.products import padded
from deltarule.native.structs import Address, Count

__all__ = ["Writer", "inputs_predicted", "predicted"]


@dataclass(frozen=True, eq=False)
class Writer:
    """Writes what one thread does; `phase` tells the lists of a step's passes apart."""

    to: Division
    formulas: Formulas
    updates: Updates
    lists: Lists
    phase: str = ""

    def step(self, source: Source, passage: Passage, record: str | None) -> Iterator[Instruction]:
        """One training step: forwards, the loss, backwards, and the update; threads wait where one needs another's."""
        if not self.formulas.updates.whole:
            yield from self.formulas.updates.prepared(self.to.thread)
        updates, perturbation, there_and_back = (
            list(each)
            for each in (
                self.updates.instructions(passage),
                self._perturbation(source, passage),
                self._there_and_back(source, passage),
            )
        )
        yield from renewed(updates)
        yield from self._batch(source, passage, self.to.rows())
        yield from perturbation
        yield from there_and_back
        yield from self.to.wait()
        if self.to.thread == 0:
            if record == "batch":
                yield source.record(passage)
            yield source.add(passage)
        yield from renewed([*perturbation, *there_and_back])
        yield from self._backward_to_inputs(passage)
        yield from updates
        yield from self.to.wait()
        if record == "batch_after":
            yield from self._after(source, passage)

    def _there_and_back(self, source: Source, passage: Passage) -> Iterator[Instruction]:
        """Forwards, the loss, and backwards to the outputs of the first layer."""
        yield from self._first_inputs(passage)
        last = len(self.to.layout.blocks) - 1
        yield from self._member_targets(source, passage)
        for layer in range(last + 1):
            if layer > 0:
                yield from in_member_rows(self.to, self._drawn(layer, passage))
            yield from self._member_inputs(layer, passage)
            yield from self._forward(layer, passage)
            if not self._by_rows(layer) or (layer < last and not self._by_rows(layer + 1)):
                yield from self.to.wait()
        yield from self._losses(source, passage)
        for layer in range(last, 0, -1):
            if not self._by_rows(layer):
                yield from self.to.wait()
            yield from self._backward(layer, passage)

    def _perturbation(self, source: Source, passage: Passage) -> Iterator[Instruction]:
        """The inputs along the gradient of the loss, which a pass without noise and dropout computes."""
        if self.formulas.perturbation is None:
            return
        to, rows, scale = self.to, self.to.rows(), self.formulas.scale
        first = replace(self, formulas=self.formulas.before_perturbation(), phase="perturbation, ")
        yield from first._there_and_back(source, passage)
        yield from to.wait()
        for each in to.shares(SCALE):
            yield from self._errors(0, passage, each)
        yield from to.wait()
        if scale is not None:
            yield from scale.backward(to, passage, rows)
        yield self.formulas.perturbation.perturb(passage, to.layout.sizes[0], rows)
        yield from to.wait()

    def evaluation(self, source: Source, passage: Passage, to: Division) -> Iterator[Instruction]:
        """The sums over a block of samples, by this thread alone, from the parameters that `to` points at."""
        yield from self._batch(source, passage, ALL_ROWS)
        yield from inputs_predicted(self.formulas, to, passage, ALL_ROWS)
        for layer, blocks in enumerate(to.layout.blocks):
            shares = [Share(block.first, block.width) for block in blocks]
            if self.formulas.members is not None:
                yield from self.formulas.members.inputs(to, layer, passage, ALL_ROWS)
            yield from predicted(self.formulas, to, layer, passage, shares, ALL_ROWS, self.updates.scratch)
        if self.formulas.mean is not None:
            yield self.formulas.mean.prediction(passage, ALL_ROWS)
        yield from self.formulas.loss(passage, source, ALL_ROWS, to.thread, training=False)
        yield source.add(passage)

    def _after(self, source: Source, passage: Passage) -> Iterator[Instruction]:
        """The batch's loss once more, after the update and as the network predicts."""
        rows, thread = self.to.rows(), self.to.thread
        if self.formulas.rates[0] or self.formulas.deviations[0] or self.formulas.perturbation is not None:
            yield from self._batch(source, passage, rows)
        if self.formulas.trained_before:
            yield from inputs_predicted(self.formulas, self.to, passage, rows)
            yield from self.to.wait()
        for layer in range(len(self.to.layout.blocks)):
            shares = self.to.shares(layer)
            yield from self._member_inputs(layer, passage)
            yield from predicted(self.formulas, self.to, layer, passage, shares, rows, self.updates.scratch)
            yield from self.to.wait()
        if self.formulas.mean is None:
            yield from self.formulas.loss(passage, source, rows, thread, training=False)
        else:
            yield from self._member_losses(source, passage)
            yield self.formulas.mean.losses(passage, rows)
        yield from self.to.wait()
        if thread == 0:
            yield source.record(passage)
        # The next batch's weights must not be written while these are read.
        yield from self.to.wait()

    def _losses(self, source: Source, passage: Passage) -> Iterator[Instruction]:
        """Losses, errors and dz; of several members, the mean of their losses and the error of their mean."""
        rows, thread, mean = self.to.rows(), self.to.thread, self.formulas.mean
        if mean is None:
            yield from self.formulas.loss(passage, source, rows, thread, training=True)
            return
        yield from self._member_losses(source, passage)
        yield mean.prediction(passage, rows)
        yield from self.formulas.loss(passage, source, rows, thread, training=False)
        yield mean.losses(passage, rows)

    def _member_losses(self, source: Source, passage: Passage) -> Iterator[Instruction]:
        """Losses and dz of all members."""
        loss = self.formulas.member_loss(passage, source, self.to.rows(), self.to.thread)
        yield from in_member_rows(self.to, [loss])
        yield from self.to.wait()

    def _member_targets(self, source: Source, passage: Passage) -> Iterator[Instruction]:
        if self.formulas.members is not None:
            yield from self.formulas.members.targets(self.to, passage, source, self.to.rows())

    def _member_inputs(self, layer: int, passage: Passage) -> Iterator[Instruction]:
        """A layer's inputs with the members' factors, whole rows at a time."""
        members = self.formulas.members
        if members is not None and members.has_factors(self.to, layer):
            yield from members.inputs(self.to, layer, passage, self.to.rows())
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
        if self._in_pieces(layer, layer):
            phase = f"{self.phase}forward {layer + 1}"
            yield from self.lists.take(self.to, phase, lambda to: self._sums(to, layer, passage))
            return
        yield from in_rows(
            self.to, layer, _weighted_sums(self.formulas, self.to, layer, passage, self.to.shares(layer))
        )
        normalization = self.formulas.normalizations[layer]
        if normalization is not None:
            activation, copy = self.formulas.activations[layer], self.formulas.updates.averaged * self.to.apart
            yield from normalization.training(self.to, layer, passage, activation, self.updates.scratch, copy)

    def _sums(self, to: Division, layer: int, passage: Passage) -> list[list[Instruction]]:
        """Pieces of a layer's weighted sums and activations."""
        depth, batch = to.layout.sizes[layer], to.layout.batch
        shares = chain.from_iterable(cut(each, depth, batch, by_rows=True) for each in to.shares(layer))
        return [list(_weighted_sums(self.formulas, to, layer, passage, [each])) for each in shares]

    def _in_pieces(self, layer: int, hidden: int) -> bool:
        """Whether threads may take pieces of a layer's product, whose result is, or belongs to, some hidden layer."""
        formulas = self.formulas
        alone = hidden < len(formulas.activations) and formulas.activations[hidden].columnwise
        return (
            self.lists.of_products
            and self.to.layout.threads > 1
            and formulas.members is None
            and not self._by_rows(layer)
            and not alone
            and formulas.normalizations[hidden] is None
        )

    def _drawn(self, layer: int, passage: Passage) -> Iterator[Instruction]:
        """Noise and dropout of a layer's inputs, whole rows at a time."""
        if self.formulas.deviations[layer]:
            yield self.formulas.noise(layer, passage, self.to.rows(), self.updates.scratch)
            if layer > 0 and self.formulas.noise_before_activation:
                whole = Share(0, padded(self.to.layout.sizes[layer]), self.to.rows())
                yield from self.formulas.activations[layer - 1].forward(self.to, layer - 1, passage, whole)
        if self.formulas.rates[layer]:
            yield self.formulas.drop(layer, passage, self.to.rows())
        if self.formulas.deviations[layer] or self.formulas.rates[layer]:
            yield from self.to.wait()

    def _backward(self, layer: int, passage: Passage) -> Iterator[Instruction]:
        """The errors of the layer below."""
        activation, region = self.formulas.activations[layer - 1], self.formulas.updates.regions
        dropped = bool(self.formulas.rates[layer])

        def slope(each: Share) -> Iterator[Instruction]:
            yield from in_member_rows(self.to, activation.backward(self.to, layer - 1, passage, each, region))

        whole = Share(0, padded(self.to.layout.sizes[layer]), self.to.rows())
        shares = [whole] if self._by_rows(layer) else self.to.shares(layer - 1)
        elementwise = not activation.columnwise
        if self._in_pieces(layer, layer - 1) and not dropped:
            phase = f"{self.phase}backward {layer}"
            yield from self.lists.take(self.to, phase, lambda to: self._below(to, layer, passage, slope))
            return
        for each in shares:
            yield from in_rows(self.to, layer, self._errors(layer, passage, each))
            if elementwise and not dropped and self.formulas.members is None:
                yield from slope(each)
        if self.formulas.members is not None:
            yield from self._factors_back(self.formulas.members, layer, passage)
            if elementwise and not dropped:
                yield from chain.from_iterable(map(slope, shares))
        if dropped:
            if shares != [whole] and self.formulas.members is None:
                yield from self.to.wait()
            yield from in_member_rows(self.to, [self.formulas.drop_again(layer, passage, whole.rows)])
            if elementwise:
                yield from slope(whole)
        yield from self._columns_back(layer, passage, slope, waits=dropped or shares == [whole])

    def _below(
        self, to: Division, layer: int, passage: Passage, slope: Callable[[Share], Iterator[Instruction]]
    ) -> list[list[Instruction]]:
        """Pieces of the errors of the layer below."""
        depth, batch = to.layout.sizes[layer + 1], to.layout.batch
        shares = chain.from_iterable(cut(each, depth, batch, by_rows=False) for each in to.shares(layer - 1))
        return [[*self._errors(layer, passage, each), *slope(each)] for each in shares]

    def _columns_back(
        self, layer: int, passage: Passage, slope: Callable[[Share], Iterator[Instruction]], *, waits: bool
    ) -> Iterator[Instruction]:
        """What takes whole columns of the errors of the layer below; `waits` where other threads have rows of them."""
        columnwise, normalization = (
            self.formulas.activations[layer - 1].columnwise,
            self.formulas.normalizations[layer - 1],
        )
        if waits and (columnwise or normalization is not None):
            yield from self.to.wait()
        if columnwise:
            yield from by_columns(self.to, layer - 1, slope)
        if normalization is not None:
            room, region = self.updates.scratch, self.formulas.updates.regions
            yield from normalization.back(self.to, layer - 1, passage, room, region)

    def _factors_back(self, members: MemberLayers, layer: int, passage: Passage) -> Iterator[Instruction]:
        """Through the members' factors of a layer's inputs, once the errors of all rows and columns are there."""
        yield from self.to.wait()
        if members.has_factors(self.to, layer):
            yield from members.gradients(self.to, layer, passage, self.formulas.updates.regions)
            yield from self.to.wait()

    def _backward_to_inputs(self, passage: Passage) -> Iterator[Instruction]:
        """The errors of the first layer's inputs, and the gradients of what is trained before it."""
        members = self.formulas.members
        if not self.formulas.trained_before and members is None:
            return
        to, rows, stage, scale = self.to, self.to.rows(), self.formulas.stage, self.formulas.scale
        room, region = self.updates.scratch, self.formulas.updates.regions
        for each in to.shares(SCALE):
            yield from in_member_rows(to, self._errors(0, passage, each))
        # Columns may be left over, and other threads still read the weights that the update changes.
        if members is None:
            yield from to.wait()
        else:
            yield from self._factors_back(members, 0, passage)
            if self.formulas.trained_before:
                yield members.summed(passage, rows)
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
        d, below, units = passage.d[layer], passage.errors_below(layer), self.to.layout.sizes[layer]
        for block in self.to.layout.blocks[layer]:
            yield Backward(
                d=d.rows_of(block, block.place),
                depth=Count(block.real),
                w=self.to.matrix(block, each.first),
                target=below.rows_of(block, each.first),
                columns=Count(min(each.width, units - each.first)),
                first=block.place == 0,
                rows=each.rows,
            )


def inputs_predicted(formulas: Predicting, to: Division, passage: Passage, rows: Rows) -> Iterator[Instruction]:
    """The first layer's inputs, as the network predicts."""
    if formulas.stage is not None:
        yield from formulas.stage.forward(to, passage, rows)
    if formulas.scale is not None:
        yield from formulas.scale.forward(to, passage, rows)


def predicted(
    formulas: Predicting,
    to: Division,
    layer: int,
    passage: Passage,
    shares: list[Share],
    rows: Rows,
    room: Address,
    *,
    summed: bool = False,
) -> Iterator[Instruction]:
    """A layer's weighted sums and what it makes of them, as the network predicts; `summed` where they exist already."""
    yield from in_rows(to, layer, _weighted_sums(formulas, to, layer, passage, shares, summed=summed))
    normalization = formulas.normalizations[layer]
    if normalization is not None:
        yield from normalization.predicting(to, layer, passage, shares, rows, formulas.activations[layer], room)


def _weighted_sums(
    formulas: Predicting, to: Division, layer: int, passage: Passage, shares: list[Share], *, summed: bool = False
) -> Iterator[Instruction]:
    """Weighted sums, and of a hidden layer without normalisation its activations."""
    for each in shares:
        block = to.block(layer, each)
        if not summed:
            w, pairs = to.matrix(block, column=each.first - block.first), to.pairs_of(block)
            yield forward(block, w, pairs, passage.inputs(layer), passage.sums(layer), each)
        if layer < len(passage.a) and formulas.normalizations[layer] is None:
            yield from formulas.activations[layer].forward(to, layer, passage, each)
