"""One thread's part of the work: which columns and rows are its own, and where its blocks of weights lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from deltarule.engines.compiled.instructions import Operation
from deltarule.engines.compiled.layout import Block, Layout, Share, padded, share
from deltarule.engines.compiled.lines import Line, line

__all__ = ["WHOLE", "Division"]

WHOLE = Share(0, 0)
"""All rows, as one thread alone takes them."""


@dataclass(frozen=True, eq=False)
class Division:
    """The part of a thread among `layout.threads`.

    parameters : address of the padded parameters; `apart` bytes further lies each slot, then their mean where they are
        averaged, then the gradient where it is written down.
    """

    layout: Layout
    thread: int
    parameters: int
    apart: int
    item_bytes: int

    def rows(self) -> Share:
        """The thread's part of the batch's rows."""
        return Share(0, 0, self.thread, self.layout.threads)

    def shares(self, layer: int) -> list[Share]:
        """The thread's own columns of a layer, and its rows of those left over."""
        return list(share(padded(self.layout.sizes[layer + 1]), self.thread, self.layout.threads))

    def columns(self, layer: int) -> list[Share]:
        """Columns of which the thread has all rows: its own, and where it is its turn, those left over."""
        turn = layer % self.layout.threads == self.thread
        return [Share(each.first, each.width) for each in self.shares(layer) if each.parts == 1 or turn]

    def leaves_columns(self, layer: int) -> bool:
        """Whether there are columns left over, whose rows the threads share."""
        return any(each.parts > 1 for each in self.shares(layer))

    def owns_columns(self, layer: int) -> bool:
        """Whether a layer's columns are divided, so that its rows are whole only when all threads have done theirs."""
        return any(each.parts == 1 for each in self.shares(layer))

    def block(self, layer: int, each: Share) -> Block:
        """The block of weights that a share of columns belongs to."""
        return self.layout.block(layer, each.first)

    def address(self, block: Block, row: int = 0, region: int = 0) -> int:
        """Where a row of a block begins: of the parameters, or in another region."""
        return self.parameters + region * self.apart + (block.offset + row * block.stride) * self.item_bytes

    def row_bytes(self, block: Block) -> int:
        """From one row of a block to the next."""
        return block.stride * self.item_bytes

    def meet(self) -> Iterator[Line]:
        """Wait for the other threads, where there are any."""
        if self.layout.threads > 1:
            yield line(Operation.MEET)
