"""Register tiles: the innermost loops of the matrix products, printed as LLVM IR.

A tile of `height` rows by `width` vectors of C stays in registers while k runs over the depth:

    C[i, j] ← start[i, j] + Σ_k A[i, k] B[k, j],    k = 0, 1, ..., depth − 1

one multiply-add after the other, each rounded once where the processor can. For each k the tile loads `width` vectors
of row k of B, spreads `height` numbers of column k of A over vectors of their own, and multiplies each with each. What
becomes of a number of C does not depend on the tile it falls into.

`transpose` turns a matrix into the panels that a tile reads, where B lies transposed.

The functions for one type of number are assembled in 0.2 s and reached through a table of words, so that the Numba
functions that call them know nothing of types and processors. Its slots are the constants below.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from deltarule.engines.compiled.processor import Processor, assemble, load, processor

__all__ = [
    "HEIGHTS",
    "ITEM_BYTES",
    "LANES",
    "TILE",
    "TRANSPOSE",
    "TRANSPOSE_PART",
    "VECTOR_BYTES",
    "WIDTHS",
    "ZEROS",
    "Tiles",
    "machine_code",
    "tiles",
]

# Slots of the table.
ITEM_BYTES, VECTOR_BYTES, LANES = 0, 1, 2
ZEROS = 3  # address of a row of zeros, as wide as the widest tile
TRANSPOSE, TRANSPOSE_PART = 4, 5  # addresses of functions
HEIGHTS = 16  # + width: the greatest height of a tile so wide
WIDTHS = 32  # + rows, at most 15: the greatest width to use for so many rows
TILE = 48  # + 16 * width + height: address of a function
_WIDEST, _MOST_ROWS = 8, 15
_SLOTS = TILE + 16 * (_WIDEST + 1)

_WORD = ir.IntType(64)


def _heights(registers: int) -> tuple[int, ...]:
    """The greatest height for each width from 0 to 8.

    Sums, a row's vectors and a spread number must fit the registers.
    """
    return (0, 12, 12, 8, 6, 1, 1, 1, 1) if registers == 32 else (0, 6, 6, 3, 2, 1, 1, 1, 1)


def _widths(registers: int) -> tuple[int, ...]:
    """The greatest width for each number of rows from 0 to 15.

    Eight sums or more hide an addition's latency, so few rows want wide tiles.
    """
    return (1, 8) + (4,) * 14 if registers == 32 else (1, 8, 4, 3) + (2,) * 12


class _Emitter:
    """Adds functions of word arguments and no result to an LLVM module."""

    def __init__(self, element: Any, item_bytes: int, machine: Processor) -> None:
        self.module = ir.Module("tiles")
        self.element, self.item_bytes = element, item_bytes
        self.vector_bytes, self.fused = machine.vector_bytes, machine.fused
        self.lanes = self.vector_bytes // item_bytes
        self.vector = ir.VectorType(element, self.lanes)

    def begin(self, name: str, *arguments: str) -> tuple[Any, ...]:
        """Open a function; its arguments, by the names given."""
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), [_WORD] * len(arguments)), name)
        function.attributes.add("nounwind")
        for argument, called in zip(function.args, arguments, strict=True):
            argument.name = called
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        return tuple(function.args)

    def end(self) -> None:
        self.builder.ret_void()

    def load(self, address: Any, kind: Any) -> Any:
        # The alignment of a number is all that is promised; a vector that has its own loads just as fast.
        return self.builder.load(self.builder.inttoptr(address, kind.as_pointer()), align=self.item_bytes)

    def store(self, value: Any, address: Any) -> None:
        self.builder.store(value, self.builder.inttoptr(address, value.type.as_pointer()), align=self.item_bytes)

    def advance(self, address: Any, stride: Any, times: int = 1) -> Any:
        """Address + times × stride, the stride being a number or a word in a register."""
        if times == 0 or stride == 0:
            return address
        distance = _WORD(stride * times) if isinstance(stride, int) else stride
        if times != 1 and not isinstance(stride, int):
            distance = self.builder.mul(stride, _WORD(times))
        return self.builder.add(address, distance)

    def spread(self, number: Any) -> Any:
        """A vector that holds `number` in every lane."""
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(nothing, number, ir.IntType(32)(0))
        return self.shuffle(first, first, [0] * self.lanes)

    def shuffle(self, low: Any, high: Any, lanes: list[int]) -> Any:
        kind = ir.VectorType(ir.IntType(32), len(lanes))
        return self.builder.shuffle_vector(low, high, ir.Constant(kind, lanes))

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """Returns a b + c."""
        if not self.fused:
            return self.builder.fadd(self.builder.fmul(a, b), c)
        name = f"llvm.fma.v{self.lanes}f{8 * self.item_bytes}"
        function = self.module.globals.get(name)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(self.vector, [self.vector] * 3), name)
        return self.builder.call(function, [a, b, c])

    def loop(self, count: Any, carried: Iterable[Any]) -> Generator[list[Any], list[Any], None]:
        """Repeat `count` times, at least once, what is emitted between two steps of this generator.

        Yields the values carried from one round to the next as they are when it begins; is sent them as they are when
        it ends; yields those of the last round.
        """
        carried = list(carried)
        before, body = self.builder.block, self.builder.append_basic_block("round")
        self.builder.branch(body)
        self.builder.position_at_end(body)
        left = self.builder.phi(_WORD)
        inside = [self.builder.phi(value.type) for value in carried]
        outcome = yield inside
        remaining = self.builder.sub(left, _WORD(1))
        for phi, first, later in zip([left, *inside], [count, *carried], [remaining, *outcome], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, self.builder.block)
        after = self.builder.append_basic_block("after")
        self.builder.cbranch(self.builder.icmp_signed(">", remaining, _WORD(0)), body, after)
        self.builder.position_at_end(after)
        yield outcome

    def tile(self, height: int, width: int) -> None:
        """Emit `tile`: `count` tiles below one another, over a depth of at least 1; strides and steps are in bytes."""
        count, depth, a, a_row, a_step, b, b_step, c, c_row, start, start_row = self.begin(
            f"tile_{height}_{width}",
            *("count", "depth", "a", "a_row", "a_step", "b", "b_step", "c", "c_row", "start", "start_row"),
        )
        cells = [(row, column) for row in range(height) for column in range(width)]
        down = self.loop(count, [a, c, start])
        a, c, start = next(down)
        firsts = [self.advance(self.advance(start, start_row, row), self.vector_bytes, column) for row, column in cells]
        sums = [self.load(first, self.vector) for first in firsts]
        # A pointer for every four rows: an address may add a multiple of the stride to it at no cost.
        groups = [self.advance(a, a_row, row) for row in range(0, height, 4)]
        along = self.loop(depth, [b, *groups, *sums])
        row_of_b, *rest = next(along)
        pointers, sums = rest[: len(groups)], rest[len(groups) :]
        vectors = [self.load(self.advance(row_of_b, self.vector_bytes, column), self.vector) for column in range(width)]
        for row in range(height):
            number = self.spread(self.load(self.advance(pointers[row // 4], a_row, row % 4), self.element))
            for column in range(width):
                cell = row * width + column
                sums[cell] = self.multiply_add(number, vectors[column], sums[cell])
        steps = [self.advance(row_of_b, b_step), *(self.advance(pointer, a_step) for pointer in pointers)]
        _, *rest = along.send([*steps, *sums])
        for (row, column), total in zip(cells, rest[len(groups) :], strict=True):
            self.store(total, self.advance(self.advance(c, c_row, row), self.vector_bytes, column))
        down.send([self.advance(address, row, height) for address, row in ((a, a_row), (c, c_row), (start, start_row))])
        self.end()

    def transpose(self, part: bool) -> None:
        """Emit `transpose`: `count` square blocks, one vector wide and side by side, become blocks below one another.

        With `part`, of a block's rows only the first `rows` exist, and zeros stand for the others.
        """
        name = "transpose_part" if part else "transpose"
        count, rows, source, source_row, target, target_row = self.begin(
            name, "count", "rows", "source", "source_row", "target", "target_row"
        )
        distances = [self.builder.mul(source_row, _WORD(row)) for row in range(self.lanes)]
        exists = ir.Constant(ir.VectorType(ir.IntType(1), self.lanes), ir.Undefined)
        if part:
            for lane, distance in enumerate(distances):
                here = self.builder.icmp_signed("<", _WORD(lane), rows)
                exists = self.builder.insert_element(exists, here, ir.IntType(32)(lane))
                # A row that does not exist may lie outside memory: the first is read in its place.
                distances[lane] = self.builder.select(here, distance, _WORD(0))
        along = self.loop(count, [source, target])
        source, target = next(along)
        block = [self.load(self.builder.add(source, distance), self.vector) for distance in distances]
        for row, vector in enumerate(self.transposed(block)):
            present = self.builder.select(exists, vector, ir.Constant(self.vector, None)) if part else vector
            self.store(present, self.advance(target, target_row, row))
        along.send([self.advance(source, self.vector_bytes), self.advance(target, target_row, self.lanes)])
        self.end()

    def transposed(self, block: list[Any]) -> list[Any]:
        """A square block's columns, from its rows: quadrants change places, then quadrants of each, down to numbers."""
        side = self.lanes // 2
        while side:
            upper = [lane if not lane & side else self.lanes + lane - side for lane in range(self.lanes)]
            lower = [lane + side if not lane & side else self.lanes + lane for lane in range(self.lanes)]
            rows = list(block)
            for row in (row for row in range(self.lanes) if not row & side):
                rows[row] = self.shuffle(block[row], block[row + side], upper)
                rows[row + side] = self.shuffle(block[row], block[row + side], lower)
            block, side = rows, side // 2
        return block


def _shapes(registers: int) -> list[tuple[int, int]]:
    """Every tile's height and width."""
    return [(height, width) for width, most in enumerate(_heights(registers)) for height in range(1, most + 1)]


@functools.cache
def machine_code(dtype: str) -> bytes:
    """The functions for "float32" or "float64" as an object file for this processor."""
    element, item_bytes = (ir.FloatType(), 4) if dtype == "float32" else (ir.DoubleType(), 8)
    emitter = _Emitter(element, item_bytes, processor())
    for height, width in _shapes(processor().registers):
        emitter.tile(height, width)
    emitter.transpose(part=False)
    emitter.transpose(part=True)
    return assemble(str(emitter.module))


@dataclass(frozen=True, eq=False)
class Tiles:
    """One type's functions in memory; `address`, that of their table, is good while this object lives."""

    dtype: str
    address: int
    table: np.ndarray[tuple[int], np.dtype[np.int64]]
    owned: tuple[object, ...]


@functools.cache
def tiles(dtype: str) -> Tiles:
    """The functions for "float32" or "float64"; they stay for the life of the process.

    >>> int(tiles("float64").table[ITEM_BYTES])
    8
    """
    machine, code = processor(), load(machine_code(dtype))
    item_bytes = np.dtype(dtype).itemsize
    zeros = np.zeros((_WIDEST + 1) * machine.vector_bytes, np.uint8)
    table = np.zeros(_SLOTS, np.int64)
    table[[ITEM_BYTES, VECTOR_BYTES, LANES]] = item_bytes, machine.vector_bytes, machine.vector_bytes // item_bytes
    table[ZEROS] = zeros.ctypes.data + -zeros.ctypes.data % machine.vector_bytes
    table[[TRANSPOSE, TRANSPOSE_PART]] = code.address("transpose"), code.address("transpose_part")
    table[HEIGHTS : HEIGHTS + _WIDEST + 1] = _heights(machine.registers)
    table[WIDTHS : WIDTHS + _MOST_ROWS + 1] = _widths(machine.registers)
    for height, width in _shapes(machine.registers):
        table[TILE + 16 * width + height] = code.address(f"tile_{height}_{width}")
    return Tiles(dtype, table.ctypes.data, table, (code, zeros))
