"""Writes the programs that threads follow: one for a training step, one for evaluating a block of a part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deltarule.engines.compiled.formulas import Formulas
from deltarule.engines.compiled.instructions import Operation
from deltarule.engines.compiled.layout import Block, Layout, Share, padded, share
from deltarule.engines.compiled.lines import Line, line
from deltarule.engines.compiled.memory import Matrix, Passage
from deltarule.engines.compiled.source import Source

__all__ = ["SCRATCH_ROWS", "Writer", "apply", "forward"]

_WHOLE = Share(0, 0)
# Numbers of gradient taken before the optimizer steps over them: a slice that stays in the nearest cache.
_SLICE = 4096
SCRATCH_ROWS = 96
"""Rows of a block for which a thread needs room, at the most."""


@dataclass(frozen=True, eq=False)
class Writer:
    """Writes what one thread of `layout.threads` does.

    parameters : address of the padded parameters; `apart` bytes further lies each slot.
    one : address of a 1, for the biases' gradient.
    """

    layout: Layout
    formulas: Formulas
    thread: int
    parameters: int
    apart: int
    one: int
    scratch: int

    def step(self, source: Source, passage: Passage, record: str | None) -> Iterator[Line]:
        """One training step: forwards, the loss, backwards, and the update; threads meet where one needs another's."""
        yield from self.formulas.prepared(self.thread, source)
        yield from self._batch(source, passage, self._rows())
        last = len(self.layout.blocks) - 1
        for layer in range(last + 1):
            yield from self._dropped(layer, passage)
            yield from self._forward(layer, passage, self._shares(layer))
            if layer < last or self._owns_columns(layer):
                yield from self._meet()
        yield from self.formulas.loss(passage, source, self._rows(), self.thread, training=True)
        yield from self._meet()
        if self.thread == 0:
            if record == "batch":
                yield line(Operation.RECORD, losses=passage.losses, batch_weights=source.batch_weights(passage))
            yield source.add(passage)
        for layer in range(last, 0, -1):
            yield from self._backward(layer, passage)
            yield from self._meet()
        for layer in range(last, -1, -1):
            for each in self._shares(layer):
                yield from self._update(self.layout.block(layer, each.first), each, passage)
        yield from self._meet()
        if record == "batch_after":
            yield from self._after(source, passage)

    def evaluation(self, source: Source, passage: Passage) -> Iterator[Line]:
        """The sums over a block of samples, by this thread alone."""
        yield from self._batch(source, passage, _WHOLE)
        for layer, blocks in enumerate(self.layout.blocks):
            yield from self._forward(layer, passage, [Share(block.first, block.width) for block in blocks])
        yield from self.formulas.loss(passage, source, _WHOLE, self.thread, training=False)
        yield source.add(passage)

    def _after(self, source: Source, passage: Passage) -> Iterator[Line]:
        """The batch's loss once more, after the update and without dropout."""
        if self.formulas.rates[0]:
            yield from self._batch(source, passage, self._rows())
        for layer in range(len(self.layout.blocks)):
            yield from self._forward(layer, passage, self._shares(layer))
            yield from self._meet()
        yield from self.formulas.loss(passage, source, self._rows(), self.thread, training=False)
        yield from self._meet()
        if self.thread == 0:
            yield line(Operation.RECORD, losses=passage.losses, batch_weights=source.batch_weights(passage))
        # The next batch's weights must not be written while these are read.
        yield from self._meet()

    def _batch(self, source: Source, passage: Passage, rows: Share) -> Iterator[Line]:
        yield source.gather(passage.x, rows)
        if source.shuffled:
            yield source.prefetch(rows)
        yield source.target(passage, rows)
        if rows.parts > 1:
            yield from self._meet()

    def _forward(self, layer: int, passage: Passage, shares: list[Share]) -> Iterator[Line]:
        """Weighted sums, and what the layer makes of them."""
        a, z = passage.inputs(layer), passage.z[layer]
        for each in shares:
            block = self.layout.block(layer, each.first)
            yield forward(block, self._address(block), a, z, each)
            if layer < len(passage.a):
                yield apply(self.formulas.values[layer], (z, passage.a[layer]), each)

    def _dropped(self, layer: int, passage: Passage) -> Iterator[Line]:
        """Dropout of a layer's inputs, whole rows at a time."""
        if self.formulas.rates[layer]:
            yield self.formulas.draw(layer, passage, self._rows())
            yield from self._meet()

    def _backward(self, layer: int, passage: Passage) -> Iterator[Line]:
        """The errors of the layer below."""
        d, below = passage.d[layer], passage.d[layer - 1]
        units = self.layout.sizes[layer]
        outputs = self.layout.sizes[layer + 1]
        dropped = bool(self.formulas.rates[layer])
        shares = self._shares(layer - 1)
        for each in shares:
            for block in self.layout.blocks[layer]:
                yield line(
                    Operation.BACKWARD,
                    d=d.column(block.first),
                    d_row=d.row,
                    depth=min(block.width, outputs - block.first),
                    w=self._address(block) + each.first * block.stride * d.item_bytes,
                    w_row=block.stride * d.item_bytes,
                    target=below.column(each.first),
                    target_row=below.row,
                    columns=min(each.width, units - each.first),
                    first=block.first == 0,
                    part=each.part,
                    parts=each.parts,
                )
            if not dropped:
                yield self._slope(layer, passage, each)
        if dropped:
            rows = self._rows()
            yield from self._meet()
            yield self.formulas.repeat(layer, passage, rows)
            yield self._slope(layer, passage, Share(0, padded(units), rows.part, rows.parts))

    def _slope(self, layer: int, passage: Passage, each: Share) -> Line:
        below = passage.d[layer - 1]
        matrices = (below, passage.z[layer - 1], passage.a[layer - 1], below)
        return apply(self.formulas.slopes[layer - 1], matrices, each)

    def _update(self, block: Block, each: Share, passage: Passage) -> Iterator[Line]:
        """The gradient of a share of a block, and the step; the biases' too, by whoever has the last rows."""
        a, d = passage.inputs(block.layer), passage.d[block.layer]
        begin, end = each.rows(block.fan_in)
        row = block.stride * d.item_bytes
        common: dict[str, Any] = {
            "d": d.column(block.first),
            "d_row": d.row,
            "w_row": row,
            "width": block.width,
            "slots": self.formulas.slots,
            "apart": self.apart,
            "scratch": self.scratch,
        }
        if end > begin:
            body, constants = self.formulas.weight_update(self.thread)
            yield line(
                Operation.UPDATE,
                a=a.column(begin),
                a_item=a.item_bytes,
                a_row=a.row,
                w=self._address(block) + begin * row,
                rows=end - begin,
                body=body,
                constants=constants,
                slice=slice_rows(block),
                **common,
            )
        if each.part == each.parts - 1:
            body, constants = self.formulas.bias_update(self.thread)
            yield line(
                Operation.UPDATE,
                a=self.one,
                a_item=0,
                a_row=0,
                w=self._address(block) + block.fan_in * row,
                rows=1,
                body=body,
                constants=constants,
                slice=1,
                **common,
            )

    def _meet(self) -> Iterator[Line]:
        if self.layout.threads > 1:
            yield line(Operation.MEET)

    def _rows(self) -> Share:
        """The thread's part of the batch's rows."""
        return Share(0, 0, self.thread, self.layout.threads)

    def _shares(self, layer: int) -> list[Share]:
        return list(share(padded(self.layout.sizes[layer + 1]), self.thread, self.layout.threads))

    def _owns_columns(self, layer: int) -> bool:
        """Whether a layer's columns are divided, so that its rows are whole only when all threads have done theirs."""
        return any(each.parts == 1 for each in self._shares(layer))

    def _address(self, block: Block) -> int:
        return self.parameters + block.offset * self.formulas.item_bytes


def forward(block: Block, address: int, a: Matrix, z: Matrix, each: Share) -> Line:
    """Some rows of z = b + a W, for the columns of a block of weights that lies at `address`."""
    return line(
        Operation.FORWARD,
        a=a.address,
        a_row=a.row,
        depth=block.fan_in,
        w=address,
        w_row=block.stride * z.item_bytes,
        width=block.width,
        z=z.column(block.first),
        z_row=z.row,
        part=each.part,
        parts=each.parts,
    )


def apply(kernel: tuple[int, int], matrices: tuple[Matrix, ...], each: Share) -> Line:
    """A kernel of elements, its body and its constants, over a share of some matrices."""
    first = matrices[0]
    addresses = [matrix.column(each.first) for matrix in matrices] + [0] * (4 - len(matrices))
    # Whole rows are taken with their padding, in one call for all.
    width = first.stride if each.first == 0 and each.width == first.columns else each.width
    return line(
        Operation.APPLY,
        body=kernel[0],
        constants=kernel[1],
        **dict(zip(("one", "two", "three", "four"), addresses, strict=True)),
        many=len(matrices),
        row=first.row,
        width=width,
        part=each.part,
        parts=each.parts,
        item_bytes=first.item_bytes,
    )


def slice_rows(block: Block) -> int:
    """Rows of a block whose gradient is taken at once: whole tiles, some 16 KB."""
    return min(SCRATCH_ROWS, max(24, _SLICE // block.stride // 24 * 24))
