"""The layout of the parameters in memory, and the thread that owns each part.

A layer's weights are cut by columns: each thread owns a block of whole vectors, so that the weights it multiplies,
differentiates and updates stay in its own cache; what is left over is one more block, whose rows the threads share.
Where a layer has few weights beside its inputs and outputs, all its columns are such a block: a thread takes its rows
of the batch through the layer, and only weights move from cache to cache (see `by_rows`).

Each block is a separate matrix, (rows, stride): the weights' rows, the biases, and where the layer has them α of its
activation, γ, β and the running statistics. Columns are padded to whole groups of 16. What is trained before the first
layer is in separate blocks, whose columns are the inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, pairwise, takewhile
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layers import Wait
from deltarule.engines.compiled.plan.printing import Named
from deltarule.engines.compiled.plan.tables import ALL_ROWS, MatrixAt, Rows
from deltarule.engines.parameters import Shape
from deltarule.native.products import GROUP, padded, row_stride
from deltarule.native.rounded_products import LEAST_KEPT
from deltarule.native.structs import Address, Count, Stride

__all__ = ["EMBEDDING", "FACTORS", "SCALE", "Block", "Division", "Layout", "Share", "by_rows", "is_kept", "share"]

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
    """Some of a layer's `columns`: `offset` numbers into the parameters, rows of `stride`.

    `sections` are the names of its parts and their rows: W, b, α, γ, β, mean, variance; or s; or those of an
    embedding; or r, s and c of members. All but the last, which are kept as they are or run along, are the optimizer's:
    `trained` rows. Of several members, the last layer has a block for each: its rows of a batch are every `members`th
    from `member` on.
    """

    layer: int
    columns: int
    first: int
    width: int
    offset: int
    stride: int
    sections: tuple[tuple[str, int], ...]
    member: int = 0
    members: int = 1

    @property
    def place(self) -> int:
        """The first column in the matrix of the layer's outputs, where each member has separate rows."""
        return self.first if self.members == 1 else 0

    @property
    def real(self) -> int:
        """The columns without padding."""
        return min(self.width, self.columns - self.first)

    @property
    def fan_in(self) -> int:
        """The number of rows of weights."""
        return dict(self.sections).get("W", 0)

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(rows for _, rows in self.sections)

    @property
    def trained(self) -> int:
        """The rows that are trained."""
        return sum(rows for name, rows in self.sections if not is_kept(name))

    @property
    def items(self) -> int:
        """Numbers in the block, padding included."""
        return self.rows * self.stride

    def row(self, section: str) -> int:
        """The first row of a section."""
        names = [name for name, _ in self.sections]
        return sum(rows for _, rows in self.sections[: names.index(section)])


_RUNNING, _FITTED = ("mean", "variance"), "fitted."


def is_kept(section: str) -> bool:
    """Whether a section is not trained: running statistics, and what was fitted to the training set."""
    return section in _RUNNING or section.startswith(_FITTED)


_NO_BIASES = "zeros"
SCALE, EMBEDDING, FACTORS = -1, -2, -(2**20)
"""What stands for a layer's number in blocks of the inputs' factors, and of an embedding of numbers.

Tables of categories have the numbers below. The members' factors of a layer's inputs have `FACTORS` − layer.
"""


def _is_whole(layer: int) -> bool:
    """Whether what stands for a layer is one block."""
    return FACTORS < layer < SCALE


class Layout:
    """The blocks of all layers, for a number of threads; a network's vector into them and back.

    batch : rows of a batch, to choose how layers are divided; the first layer's columns are divided in any case, as
        are those of layers of which a thread must have whole columns: they have more than weights and biases.
    """

    def __init__(self, shape: Shape, threads: int, item_bytes: int, batch: int = 0) -> None:
        self.shape, self.sizes, self.threads, self.batch = shape, shape.sizes, threads, batch
        self.items = 0
        parts = self._parts(np.zeros(shape.total))
        self._by_rows = {
            layer
            for layer, (fan_in, fan_out) in enumerate(pairwise(self.sizes))
            if layer > 0 and list(parts[layer]) == ["W", "b"] and not self.of_members(layer)
            if by_rows(fan_in, fan_out, batch, threads)
        }
        self.blocks = [self._divided(layer, parts[layer], item_bytes) for layer in range(len(self.sizes) - 1)]
        self.before = {layer: self._divided(layer, parts[layer], item_bytes) for layer in parts if layer < 0}

    @property
    def every(self) -> Iterator[Block]:
        """All blocks."""
        return chain(*self.blocks, *self.before.values())

    @property
    def columns(self) -> int:
        """The columns of all blocks, side by side."""
        return sum(block.width for block in self.every)

    def columns_before(self, block: Block) -> int:
        """The columns of the blocks before one, side by side."""
        return sum(each.width for each in takewhile(lambda each: each != block, self.every))

    def keeps_pairs(self, block: Block) -> bool:
        """Whether pairs of a block's weights may be kept: there are enough, and each thread's rows begin at a pair."""
        shares = chain.from_iterable(self.shares(block.layer, thread) for thread in range(self.threads))
        firsts = [each.rows.first(block.fan_in) for each in shares if each.first == block.first]
        return block.fan_in >= LEAST_KEPT and not any(first % 2 for first in firsts)

    def of_members(self, layer: int) -> bool:
        """Whether each member has separate weights in a layer."""
        return self.shape.members > 1 and layer == len(self.sizes) - 2

    def of(self, layer: int) -> list[Block]:
        """The blocks of a layer, or of what is before the first."""
        return self.before[layer] if layer < 0 else self.blocks[layer]

    def _divided(self, layer: int, parts: Mapping[str, npt.NDArray[Any]], item_bytes: int) -> list[Block]:
        """Cut a layer's columns into blocks, next in memory; those of an embedding stay together."""
        sections = tuple((name, len(part)) for name, part in parts.items())
        (columns,) = {part.shape[1] for part in parts.values()}
        shares = [each for thread in range(self.threads) for each in self.shares(layer, thread)]
        firsts = {(0, padded(columns))} if _is_whole(layer) else {(each.first, each.width) for each in shares}
        blocks: list[Block] = []
        for first, width in sorted(firsts):
            stride = row_stride(width, item_bytes, period=2048)
            block = Block(layer, columns, first, width, self.items, stride, sections)
            if self.of_members(layer):
                members, end = self.shape.members, first + self.shape.outputs
                block = replace(block, columns=end, member=len(blocks), members=members)
            blocks.append(block)
            self.items += blocks[-1].items
        return blocks

    def shares(self, layer: int, thread: int) -> list[Share]:
        """A thread's share of a layer's columns; with all columns left over, its rows of these."""
        if _is_whole(layer):
            return []
        if self.of_members(layer):
            own, width = range(thread, self.shape.members, self.threads), padded(self.shape.outputs)
            return [Share(member * self.shape.outputs, width) for member in own]
        columns = padded(self.sizes[layer + 1 if layer > FACTORS else FACTORS - layer])
        if layer in self._by_rows:
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
        for block in self.every:
            row = block.stride * item_bytes
            begin = address + block.offset * item_bytes
            layer = "" if block.layer < 0 else block.layer + 1
            for name, rows in block.sections:
                yield Named(f"{prefix}{name}{layer}", begin, rows, block.columns, row, item_bytes, block.first)
                begin += rows * row

    def _pairs(
        self, vector: npt.NDArray[Any], parameters: npt.NDArray[Any]
    ) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        """Each part of the vector beside its place in the blocks, as views."""
        parts = self._parts(vector)
        for block in self.every:
            view = parameters[block.offset : block.offset + block.items].reshape(block.rows, block.stride)
            row = 0
            for part in parts[block.layer].values():
                real = part[:, block.first : block.first + block.real]
                yield real, view[row : row + len(part), : real.shape[1]]
                row += len(part)

    def _parts(self, vector: npt.NDArray[Any]) -> dict[int, dict[str, npt.NDArray[Any]]]:
        """The sections of each layer, (rows, columns) each, as views of the vector."""
        parts = {layer: {"W": W, "b": b[None]} for layer, (W, b) in enumerate(self.shape.layers(vector))}
        for layer, alpha in enumerate(self.shape.slopes_of(vector)):
            parts[layer]["α"] = alpha[None]
        for layer, state in enumerate(self.shape.states(vector)):
            named = zip(("γ", "β", *_RUNNING), state, strict=True)
            parts[layer] |= {name: part[None] for name, part in named if part.size}
        factors = self.shape.scale(vector)
        if factors is not None:
            parts[SCALE] = {"s": factors[None]}
        self._add_adapters(parts, self.shape.adapters(vector))
        tables = EMBEDDING
        for name, part in self.shape.stage_parts(vector).items():
            if name.startswith("category."):
                tables -= 1
                parts[tables] = {name: part}
            elif part.size:
                parts.setdefault(EMBEDDING, {})[f"embedding.{name}"] = part.reshape(len(part), -1).T
        for name, part in self.shape.stage_fitted(vector).items():
            if part.size:
                parts[EMBEDDING][f"{_FITTED}{name}"] = part.reshape(len(part), -1).T
        return parts

    def _add_adapters(
        self, parts: dict[int, dict[str, npt.NDArray[Any]]], adapters: Mapping[str, npt.NDArray[Any]]
    ) -> None:
        """Add what each member has: r in separate blocks, s and c in the layer's, with zeros in place of biases."""
        for name, part in adapters.items():
            number, _, kind = name.partition(".")
            layer = int(number)
            if kind == "r":
                parts[FACTORS - layer] = {f"r{layer + 1}": part}
                continue
            if _NO_BIASES not in parts[layer]:
                W, b = parts[layer]["W"], parts[layer]["b"]
                parts[layer] = {"W": W, _NO_BIASES: np.zeros_like(b)} | ({"b": b} | parts[layer])
            parts[layer][f"members.{kind}"] = part


@dataclass(frozen=True, eq=False)
class Division:
    """The part of a thread among `layout.threads`.

    parameters : address of the padded parameters; `apart` bytes further lies each slot, then their mean where they are
        averaged, then the gradient where it is written down.
    pairs : address of the weights rounded to bfloat16, in pairs of rows, laid out as the parameters; 0 where they are
        not kept.
    """

    layout: Layout
    thread: int
    parameters: int
    apart: int
    item_bytes: int
    pairs: int = 0

    def rows(self) -> Rows:
        """The thread's part of the batch's rows."""
        return Rows(Count(self.thread), Count(self.layout.threads))

    def shares(self, layer: int) -> list[Share]:
        """The thread's own columns of a layer, and its rows of those left over."""
        return self.layout.shares(layer, self.thread)

    def columns(self, layer: int) -> list[Share]:
        """Columns of which the thread has all rows: its own, and where it is its turn, those left over."""
        turn = layer % self.layout.threads == self.thread
        if _is_whole(layer):
            return [Share(block.first, block.width) for block in self.layout.of(layer) if turn]
        return [Share(each.first, each.width) for each in self.shares(layer) if each.rows.parts == 1 or turn]

    def leaves_columns(self, layer: int) -> bool:
        """Whether there are columns left over, whose rows the threads share."""
        return any(each.rows.parts > 1 for each in self.shares(layer))

    def owns_columns(self, layer: int) -> bool:
        """Whether a layer's columns are divided, so that a row is whole only when all threads have done theirs."""
        return self.layout.of_members(layer) or any(each.rows.parts == 1 for each in self.shares(layer))

    def block(self, layer: int, each: Share) -> Block:
        """The block of weights that a share of columns belongs to."""
        return [block for block in self.layout.of(layer) if block.first <= each.first][-1]

    def matrix(self, block: Block, row: int = 0, region: int = 0, column: int = 0) -> MatrixAt:
        """The rows of a block from one on, and its columns: of the parameters, or in another region."""
        offset = region * self.apart + (block.offset + row * block.stride + column) * self.item_bytes
        return MatrixAt(Address(self.parameters + offset), Stride(block.stride * self.item_bytes))

    def pairs_of(self, block: Block, row: int = 0) -> Address:
        """Where the pairs of a block's weights are, from an even row on; 0 where they are not kept."""
        if not (self.pairs and self.layout.keeps_pairs(block)):
            return Address(0)
        return Address(self.pairs + (block.offset + row // 2 * block.stride) * self.item_bytes)

    def wait(self) -> Iterator[Instruction]:
        """Wait for the other threads, where there are any."""
        if self.layout.threads > 1:
            yield Wait()
