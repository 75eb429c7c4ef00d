"""The layout of the parameters in memory, and the thread that owns each part.

A layer's weights are cut by columns: each thread owns a block of whole vectors, so that the weights it multiplies,
differentiates and updates stay in its own cache; what is left over is one more block, whose rows the threads share.
Where a layer has few weights beside its inputs and outputs, all its columns are such a block: a thread takes its rows
of the batch through the layer, and only weights move from cache to cache (see `by_rows`).

Each block is a separate matrix, (rows, stride): the weights' rows, the biases, and where the layer is normalised γ, β
and the running statistics. Columns are padded to whole groups of 16.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layers import Wait
from deltarule.engines.compiled.plan.printing import Named
from deltarule.engines.compiled.plan.tables import ALL_ROWS, MatrixAt, Rows
from deltarule.engines.parameters import Shape
from deltarule.native.products import GROUP, padded, row_stride
from deltarule.native.structs import Address, Count, Stride

__all__ = ["Block", "Division", "Layout", "Share", "by_rows", "share"]

_FEWEST_ROWS = 8  # of a thread: fewer leave sums idle in a tile


@dataclass(frozen=True)
class Share:
    """A rectangle of work: columns from `first`, `width` of them, and a part of the rows."""

    first: int
    width: int
    rows: Rows = ALL_ROWS


def share(columns: int, thread: int, threads: int) -> Iterator[Share]:
    """A thread's share of a matrix whose columns are padded: its own vectors, and its rows of those left over.

    >>> [(each.first, each.width, str(each.rows)) for each in share(112, 1, 2)]
    [(48, 48, 'all'), (96, 16, '2/2')]
    """
    own = columns // GROUP // threads * GROUP
    if own:
        yield Share(thread * own, own)
    if columns > own * threads:
        yield Share(threads * own, columns - own * threads, Rows(Count(thread), Count(threads)))


def by_rows(fan_in: int, fan_out: int, batch: int, threads: int) -> bool:
    """Whether threads divide a layer by rows of the batch, and its update by rows of the weights.

    Divided by columns, a layer's inputs and the derivatives of its outputs move between cores, forwards, backwards
    and for the gradient; divided by rows, the weights do, before and after they change, and inputs and derivatives for
    the gradient alone.

    >>> by_rows(100, 100, 128, 2), by_rows(256, 128, 64, 2), by_rows(100, 100, 16, 4)
    (True, False, False)
    """
    enough = min(batch, fan_in) >= _FEWEST_ROWS * threads
    return threads > 1 and enough and 2 * fan_in * fan_out < batch * (fan_in + fan_out)


@dataclass(frozen=True)
class Block:
    """Some columns of a layer: `offset` numbers into the parameters, rows of `stride`.

    `trained` rows, of the weights, the biases and perhaps γ and β, are the optimizer's; `rows` includes the
    running statistics.
    """

    layer: int
    first: int
    width: int
    fan_in: int
    offset: int
    stride: int
    trained: int
    rows: int

    @property
    def items(self) -> int:
        """Numbers in the block, padding included."""
        return self.rows * self.stride


class Layout:
    """The blocks of all layers, for a number of threads; a network's vector into them and back.

    batch : rows of a batch, to choose how layers are divided; the first layer's columns are divided in any case, as
        are those of layers whose columns are normalised.
    """

    def __init__(self, shape: Shape, threads: int, item_bytes: int, batch: int = 0) -> None:
        self.shape, self.sizes, self.threads = shape, shape.sizes, threads
        self.batch, self._by_rows = batch, list[bool]()
        self.blocks: list[list[Block]] = []
        offset = 0
        hidden = len(self.sizes) - 2
        for layer, (fan_in, fan_out) in enumerate(pairwise(self.sizes)):
            normalized = shape.normalization is not None and layer < hidden
            rows_divided = layer > 0 and not normalized and by_rows(fan_in, fan_out, batch, threads)
            self._by_rows.append(rows_divided)
            firsts = dict.fromkeys(
                (each.first, each.width) for thread in range(threads) for each in self.shares(layer, thread)
            )
            keeps = shape.normalization is not None and shape.normalization.keeps
            trained = fan_in + (3 if normalized else 1)
            rows = trained + (2 if normalized and keeps else 0)
            self.blocks.append([])
            for first, width in sorted(firsts):
                stride = row_stride(width, item_bytes, period=2048)
                self.blocks[-1].append(Block(layer, first, width, fan_in, offset, stride, trained, rows))
                offset += rows * stride
        self.items = offset

    def shares(self, layer: int, thread: int) -> list[Share]:
        """A thread's share of a layer's columns; with all columns left over, its rows of these."""
        columns = padded(self.sizes[layer + 1])
        if self._by_rows[layer]:
            return [Share(0, columns, Rows(Count(thread), Count(self.threads)))]
        return list(share(columns, thread, self.threads))

    def pack(self, vector: npt.NDArray[Any], parameters: npt.NDArray[Any]) -> None:
        """Write a network's vector into padded parameters (items,)."""
        for given, held in self._pairs(vector, parameters):
            held[:] = given

    def unpack(self, parameters: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The vector, flat and unpadded, of the parameters' own type."""
        vector = np.zeros(self.shape.total, parameters.dtype)
        for given, held in self._pairs(vector, parameters):
            given[:] = held
        return vector

    def named(self, address: int, item_bytes: int, prefix: str = "") -> Iterator[Named]:
        """The names of all blocks' rows, in parameters that begin at an address."""
        for block in (block for blocks in self.blocks for block in blocks):
            row, units = block.stride * item_bytes, self.sizes[block.layer + 1]
            begin = address + block.offset * item_bytes
            for name, first, rows in _ROWS:
                place, many = (block.fan_in + first, 1) if rows else (0, block.fan_in)
                if place < block.rows:
                    called = f"{prefix}{name}{block.layer + 1}"
                    yield Named(called, begin + place * row, many, units, row, item_bytes, block.first)

    def _pairs(
        self, vector: npt.NDArray[Any], parameters: npt.NDArray[Any]
    ) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        """Each part of the vector beside its place in the blocks, as views."""
        states = self.shape.states(vector)
        for layer, (weights, biases) in enumerate(self.shape.layers(vector)):
            state = [part for part in states[layer] if part.size] if layer < len(states) else []
            for block in self.blocks[layer]:
                columns = slice(block.first, min(block.first + block.width, len(biases)))
                real = max(0, columns.stop - columns.start)
                view = parameters[block.offset : block.offset + block.items].reshape(block.rows, block.stride)
                yield weights[:, columns], view[: block.fan_in, :real]
                for row, part in enumerate([biases, *state], start=block.fan_in):
                    yield part[columns], view[row, :real]


_ROWS = ("W", 0, 0), ("b", 0, 1), ("γ", 1, 1), ("β", 2, 1), ("mean", 3, 1), ("variance", 4, 1)
"""What the rows of a block are: those of the weights, and single ones, counted from the biases."""


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

    def rows(self) -> Rows:
        """The thread's part of the batch's rows."""
        return Rows(Count(self.thread), Count(self.layout.threads))

    def shares(self, layer: int) -> list[Share]:
        """The thread's own columns of a layer, and its rows of those left over."""
        return self.layout.shares(layer, self.thread)

    def columns(self, layer: int) -> list[Share]:
        """Columns of which the thread has all rows: its own, and where it is its turn, those left over."""
        turn = layer % self.layout.threads == self.thread
        return [Share(each.first, each.width) for each in self.shares(layer) if each.rows.parts == 1 or turn]

    def leaves_columns(self, layer: int) -> bool:
        """Whether there are columns left over, whose rows the threads share."""
        return any(each.rows.parts > 1 for each in self.shares(layer))

    def owns_columns(self, layer: int) -> bool:
        """Whether a layer's columns are divided, so that a row is whole only when all threads have done theirs."""
        return any(each.rows.parts == 1 for each in self.shares(layer))

    def block(self, layer: int, each: Share) -> Block:
        """The block of weights that a share of columns belongs to."""
        return next(block for block in self.layout.blocks[layer] if block.first == each.first)

    def matrix(self, block: Block, row: int = 0, region: int = 0) -> MatrixAt:
        """The rows of a block from one on: of the parameters, or in another region."""
        offset = region * self.apart + (block.offset + row * block.stride) * self.item_bytes
        return MatrixAt(Address(self.parameters + offset), Stride(block.stride * self.item_bytes))

    def wait(self) -> Iterator[Instruction]:
        """Wait for the other threads, where there are any."""
        if self.layout.threads > 1:
            yield Wait()
