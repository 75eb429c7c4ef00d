"""Where everything lies in memory, and which thread looks after which part of it.

A layer's weights are cut by columns: each thread owns a block of whole vectors, so that the weights it multiplies,
differentiates and updates stay in its own cache; what is left over is one more block, whose rows the threads share.
A block is a matrix of its own, (fan_in + 1, stride), its last row the biases. Columns are padded to whole groups of 16.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.kernels import GROUP
from deltarule.engines.compiled.products import row_stride
from deltarule.engines.parameters import count, layers

__all__ = ["Block", "Layout", "Share", "padded", "share"]


def padded(units: int) -> int:
    """Columns, filled up to whole groups.

    >>> padded(10), padded(16), padded(100)
    (16, 16, 112)
    """
    return -(-units // GROUP) * GROUP


@dataclass(frozen=True)
class Share:
    """A rectangle of work: columns from `first`, `width` of them, and the part `part` of `parts` of the rows."""

    first: int
    width: int
    part: int = 0
    parts: int = 1

    def rows(self, total: int) -> tuple[int, int]:
        """The rows, of `total`, that belong to this share."""
        return total * self.part // self.parts, total * (self.part + 1) // self.parts


def share(columns: int, thread: int, threads: int) -> Iterator[Share]:
    """A thread's share of a matrix whose columns are padded: its own vectors, and its rows of those left over.

    >>> list(share(112, 1, 2))
    [Share(first=48, width=48, part=0, parts=1), Share(first=96, width=16, part=1, parts=2)]
    """
    own = columns // GROUP // threads * GROUP
    if own:
        yield Share(thread * own, own)
    if columns > own * threads:
        yield Share(threads * own, columns - own * threads, thread, threads)


@dataclass(frozen=True)
class Block:
    """Some columns of a layer's weights: `offset` numbers into the parameters, (fan_in + 1) rows of `stride`."""

    layer: int
    first: int
    width: int
    fan_in: int
    offset: int
    stride: int

    @property
    def items(self) -> int:
        """Numbers in the block, padding and biases included."""
        return (self.fan_in + 1) * self.stride


class Layout:
    """The blocks of all layers, for a number of threads; θ into them and back."""

    def __init__(self, sizes: Sequence[int], threads: int, item_bytes: int) -> None:
        self.sizes, self.threads = tuple(sizes), threads
        self.blocks: list[list[Block]] = []
        offset = 0
        for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            columns = padded(fan_out)
            firsts = dict.fromkeys(
                (each.first, each.width) for thread in range(threads) for each in share(columns, thread, threads)
            )
            of_layer = []
            for first, width in sorted(firsts):
                block = Block(layer, first, width, fan_in, offset, row_stride(width, item_bytes, period=2048))
                of_layer.append(block)
                offset += block.items
            self.blocks.append(of_layer)
        self.items = offset

    def block(self, layer: int, first: int) -> Block:
        """The block of a layer that begins at a column."""
        return next(block for block in self.blocks[layer] if block.first == first)

    def pack(self, theta: npt.NDArray[Any], parameters: npt.NDArray[Any]) -> None:
        """Write θ into padded parameters (items,)."""
        for (weights, biases), blocks in zip(layers(theta, self.sizes), self.blocks, strict=True):
            for block, real, view in self._views(parameters, blocks, len(biases)):
                view[:-1, :real] = weights[:, block.first : block.first + real]
                view[-1, :real] = biases[block.first : block.first + real]

    def unpack(self, parameters: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """θ, flat and unpadded, of the parameters' own type."""
        theta = np.zeros(count(self.sizes), parameters.dtype)
        for (weights, biases), blocks in zip(layers(theta, self.sizes), self.blocks, strict=True):
            for block, real, view in self._views(parameters, blocks, len(biases)):
                weights[:, block.first : block.first + real] = view[:-1, :real]
                biases[block.first : block.first + real] = view[-1, :real]
        return theta

    @staticmethod
    def _views(
        parameters: npt.NDArray[Any], blocks: Sequence[Block], units: int
    ) -> Iterator[tuple[Block, int, npt.NDArray[Any]]]:
        for block in blocks:
            real = max(0, min(block.width, units - block.first))
            view = parameters[block.offset : block.offset + block.items].reshape(block.fan_in + 1, block.stride)
            yield block, real, view
