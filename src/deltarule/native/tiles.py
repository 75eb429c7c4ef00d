"""Register tiles: the innermost loops of the matrix products, printed as LLVM IR.

A tile of `height` rows by `width` vectors of C stays in registers while k runs over the depth:

    C[i, j] ← start[i, j] + Σ_k A[i, k] B[k, j],    k = 0, 1, ..., depth − 1

one multiply-add after the other, each rounded once where the processor can. For each k the tile loads `width` vectors
of row k of B, spreads `height` numbers of column k of A over separate vectors, and multiplies each with each. What
becomes of a number of C does not depend on the tile it falls into.

`transpose` turns a matrix into the panels that a tile reads, where B lies transposed.

The tiles for bfloat16 take A and B as words of 32 bits, each a pair of numbers that follow one another in k (see
`bfloat16`), so their depth is half as great. `round_rows` and `round_pairs` write such words, and their `transpose`
rounds what it reads. The sums are float32.

The functions for one type of number are assembled in 0.2 s and reached through a table of words, so that
what calls them is independent of types and processors. Its slots are the constants below.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from deltarule.native.bfloat16 import Pairs
from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import Processor, assemble, lasting, load, processor
from deltarule.native.tiling import FAR_BYTES, FAR_VECTORS, MOST_ROWS, WIDEST, Tiling, default_tiling

__all__ = [
    "BACKWARD",
    "BLOCK_DEPTH",
    "BLOCK_ROWS",
    "COPIED",
    "COPY",
    "FAR_APART",
    "HEIGHTS",
    "ITEM_BYTES",
    "LANES",
    "LANES_LOG",
    "PACKED",
    "PAIRS",
    "PANEL_DEPTH",
    "PANEL_WIDTH",
    "ROUNDED",
    "ROUND_LAST",
    "ROUND_PAIRS",
    "ROUND_ROWS",
    "TILE",
    "TRANSPOSE",
    "TRANSPOSE_PART",
    "UNCUT_DEPTH",
    "VECTOR_BYTES",
    "WIDTHS",
    "WORDS",
    "ZEROS",
    "Tiles",
    "machine_code",
    "tiles",
]

# Slots of the table.
ITEM_BYTES, VECTOR_BYTES, LANES = 0, 1, 2
ZEROS = 3  # address of a row of zeros, as wide as the widest tile
TRANSPOSE, TRANSPOSE_PART = 4, 5  # addresses of functions
ROUNDED = 6  # address of the table of bfloat16's tiles, 0 where operands are not rounded
ROUND_ROWS, ROUND_PAIRS, ROUND_LAST = 7, 8, 9  # addresses of functions, in that table
BLOCK_ROWS, BLOCK_DEPTH, UNCUT_DEPTH, PANEL_WIDTH, PANEL_DEPTH = range(10, 15)  # fields of the `Tiling`
COPY = 15  # address of a function
HEIGHTS = 16  # + width: the greatest height of a tile so wide
PACKED = 25  # a field of the `Tiling`
PAIRS = 26  # of numbers that one step of a tile along k takes; 1 but on a matrix unit
BACKWARD, WORDS = 27, 28  # addresses of tables: the one for A Bᵀ, and that of float32, which transposes words
COPIED = 29  # a field of the `Tiling`
LANES_LOG, FAR_APART = 30, 31  # the base 2 logarithm of the number of lanes; bytes from row to row
WIDTHS = 32  # + rows, at most 15: the greatest width to use for so many rows
TILE = 48  # + 16 * width + height: address of a function
_SLOTS = TILE + 16 * (WIDEST + 1)

_LINE_BYTES = 64  # of a cache
_TILE_PARAMETERS = ["count", "depth", "a", "a_row", "a_step", "b", "b_step", "c", "c_row", "start", "start_row"]


class _Tiles:
    """Writes the functions for numbers of some bits."""

    def __init__(self, bits: int, machine: Processor, *, rounded: bool = False) -> None:
        self._bits, self._machine, self._rounded = bits, machine, rounded
        self.functions: list[str] = []
        self._declared: set[str] = set()

    def module(self) -> str:
        """All that was written, as LLVM IR."""
        return "\n".join([*sorted(self._declared), *self.functions])

    def _begin(self) -> tuple[Text, Lanes]:
        text = Text()
        return text, Lanes(text, self._bits, 8 * self._machine.vector_bytes // self._bits, self._machine.fused)

    def _pairs(self, lanes: Lanes, *, multiplied: bool = True) -> Pairs:
        return Pairs(lanes, self._machine.bfloat16 and multiplied)

    def _end(self, text: Text, name: str, parameters: list[str]) -> None:
        self.functions.append(text.function(name, parameters))
        self._declared |= text.declared

    def tile(self, height: int, width: int, tiling: Tiling) -> None:
        """Write `tile`: `count` tiles below one another, over a depth of at least 1; strides and steps are in bytes."""
        text, lanes = self._begin()
        one, vector_bytes = lanes.alike(count=1), self._machine.vector_bytes
        cells = [(row, column) for row in range(height) for column in range(width)]
        # A pointer for every so many rows: an address may add a multiple of the stride to it.
        rows = 4 if tiling.addresses == "groups" else height
        multiples = {} if tiling.addresses == "groups" else _odd_multiples(text, "%a_row", height)
        ahead = text.integer("mul", "%b_step", str(tiling.prefetch)) if tiling.prefetch else ""
        pairs = self._pairs(lanes, multiplied=tiling.pairs == "instruction")

        def factors(vector: str) -> list[str]:
            return pairs.factors(vector) if self._rounded else [vector]

        def add(a: list[str], b: list[str], total: str) -> str:
            return pairs.add_products(a, b, total) if self._rounded else lanes.fma(a[0], b[0], total)

        def down(addresses: list[str]) -> list[str]:
            a, c, start = addresses
            sums = [lanes.load_at(_apart(text, _apart(text, start, "%start_row", row), vector_bytes, column))
                    for row, column in cells]  # fmt: skip
            groups = [_apart(text, a, "%a_row", row) for row in range(0, height, rows)]

            def along(values: list[str]) -> list[str]:
                row_of_b, *rest = values
                pointers, sums = rest[: len(groups)], rest[len(groups) :]
                if ahead:
                    for column in range(0, width * vector_bytes, _LINE_BYTES):
                        text.prefetch(text.pointer(_apart(text, text.integer("add", row_of_b, ahead), column)))
                vectors = [
                    factors(lanes.load_at(_apart(text, row_of_b, vector_bytes, column))) for column in range(width)
                ]
                for row in range(height):
                    number = one.load_at(_row_of(text, pointers[row // rows], "%a_row", row % rows, multiples))
                    spread = factors(lanes.everywhere(number))
                    for column in range(width):
                        cell = row * width + column
                        sums[cell] = add(spread, vectors[column], sums[cell])
                steps = [_apart(text, row_of_b, "%b_step"), *(_apart(text, each, "%a_step") for each in pointers)]
                return [*steps, *sums]

            carried = [*(("i64", address) for address in ("%b", *groups)), *((lanes.kind, first) for first in sums)]
            totals = text.repeat("%depth", carried, along)[1 + len(groups) :]
            for (row, column), total in zip(cells, totals, strict=True):
                lanes.store_at(total, _apart(text, _apart(text, c, "%c_row", row), vector_bytes, column))
            moved = ((a, "%a_row"), (c, "%c_row"), (start, "%start_row"))
            return [_apart(text, address, row, height) for address, row in moved]

        text.repeat("%count", [("i64", address) for address in ("%a", "%c", "%start")], down)
        self._end(text, f"tile_{height}_{width}", _TILE_PARAMETERS)

    def transpose(self, *, part: bool) -> None:
        """Write `transpose`: `count` square blocks, one vector wide and side by side, become blocks below one another.

        With `part`, of a block's rows only the first `rows` exist, and zeros replace the others. Where numbers are
        rounded, a block is two vectors wide, the second `apart` bytes after the first, and its columns become pairs.
        """
        text, lanes = self._begin()
        side = lanes.count
        distances = [text.integer("mul", "%source_row", str(row)) for row in range(side)]
        exists = "undef"
        if part:
            for lane, distance in enumerate(distances):
                here = text.result(f"icmp slt i64 {lane}, %rows")
                exists = text.result(f"insertelement {lanes.truths} {exists}, i1 {here}, i32 {lane}")
                # A row that does not exist may be outside memory: the first is read in its place.
                distances[lane] = text.result(f"select i1 {here}, i64 {distance}, i64 0")

        def along(addresses: list[str]) -> list[str]:
            source, target = addresses
            places = [text.integer("add", source, distance) for distance in distances]
            block = [lanes.load_at(place) for place in places]
            if self._rounded:
                pairs = self._pairs(lanes)
                block = [
                    pairs.neighbours(first, lanes.load_at(_apart(text, place, "%apart")))
                    for first, place in zip(block, places, strict=True)
                ]
            for row, vector in enumerate(_transposed(lanes, block)):
                present = lanes.select(exists, vector, lanes.real(0.0)) if part else vector
                lanes.store_at(present, _apart(text, target, "%target_row", row))
            block_bytes = self._machine.vector_bytes * (2 if self._rounded else 1)
            return [_apart(text, source, block_bytes), _apart(text, target, "%target_row", side)]

        text.repeat("%count", [("i64", "%source"), ("i64", "%target")], along)
        name = "transpose_part" if part else "transpose"
        parameters = ["count", "rows", "source", "source_row", "target", "target_row"]
        self._end(text, name, [*parameters, "apart"] if self._rounded else parameters)

    def copy(self) -> None:
        """Write `copy`: some numbers of each row, next to one another in memory or further apart than they were."""
        text = Text()
        ends = text.ends("%columns", (16, 8, 1))

        def along(row: str, _: list[str]) -> list[str]:
            source, target = (
                text.pointer(text.integer("add", base, text.integer("mul", row, stride)))
                for base, stride in (("%source", "%source_row"), ("%target", "%target_row"))
            )

            def one(size: int, column: str) -> None:
                lanes = Lanes(text, self._bits, size, self._machine.fused)
                lanes.store(lanes.load(source, column), target, column)

            text.chunks(ends, (16, 8, 1), one)
            return []

        text.loop("0", "%rows", 1, [], along)
        self._end(text, "copy", ["rows", "columns", "source", "source_row", "target", "target_row"])

    def round_rows(self) -> None:
        """Write `round_rows`: pairs of neighbours in each row; `columns` is a multiple of 16 numbers."""
        text = Text()
        ends = text.ends("%columns", (32, 16))

        def along(row: str, _: list[str]) -> list[str]:
            source, target = (
                text.pointer(text.integer("add", base, text.integer("mul", row, stride)))
                for base, stride in (("%source", "%source_row"), ("%target", "%target_row"))
            )

            def one(size: int, column: str) -> None:
                lanes = Lanes(text, 32, size // 2, self._machine.fused)
                first = lanes.load(source, column)
                second = lanes.load(source, text.integer("add", column, str(size // 2)))
                lanes.store(self._pairs(lanes).neighbours(first, second), target, text.integer("lshr", column, "1"))

            text.chunks(ends, (32, 16), one)
            return []

        text.loop("0", "%rows", 1, [], along)
        self._end(text, "round_rows", ["rows", "columns", "source", "source_row", "target", "target_row"])

    def round_pairs(self, *, last: bool) -> None:
        """Write `round_pairs`: each two rows become one of pairs. `round_last` pairs a single row with zeros."""
        text = Text()
        ends = text.ends("%columns", (16, 8, 1))

        def along(pair: str, _: list[str]) -> list[str]:
            first = text.integer("add", "%source", text.integer("mul", text.integer("shl", pair, "1"), "%source_row"))
            place = text.integer("add", "%target", text.integer("mul", pair, "%target_row"))
            even, odd, target = map(text.pointer, (first, _apart(text, first, "%source_row"), place))

            def one(size: int, column: str) -> None:
                lanes = Lanes(text, 32, size, self._machine.fused)
                second = lanes.real(0.0) if last else lanes.load(odd, column)
                lanes.store(self._pairs(lanes).joined(lanes.load(even, column), second), target, column)

            text.chunks(ends, (16, 8, 1), one)
            return []

        text.loop("0", "%pairs", 1, [], along)
        name = "round_last" if last else "round_pairs"
        self._end(text, name, ["pairs", "columns", "source", "source_row", "target", "target_row"])


def _apart(text: Text, address: str, stride: str | int, times: int = 1) -> str:
    """Address + times × stride, the stride being a number or in a register."""
    if times == 0 or stride == 0:
        return address
    if isinstance(stride, int):
        return text.integer("add", address, str(stride * times))
    return text.integer("add", address, stride if times == 1 else text.integer("mul", stride, str(times)))


def _odd_part(times: int) -> int:
    """`times` without the powers of 2 that an address may scale a register by: 1, 2, 4 or 8."""
    scale = min(times & -times, 8)
    return times // scale


def _odd_multiples(text: Text, stride: str, rows: int) -> dict[int, str]:
    """Registers of the stride's multiples from which an address reaches each of so many rows.

    LLVM, knowing how they are related, would calculate one from another between multiply-adds, by instructions that
    compete with these: other instructions that change nothing hide the relation.
    """
    found = {}
    for times in sorted({_odd_part(row) for row in range(1, rows)}):
        product = _apart(text, "0", stride, times)
        found[times] = text.result(f'call i64 asm "", "=r,0"(i64 {product})')
    return found


def _row_of(text: Text, address: str, stride: str, row: int, multiples: dict[int, str]) -> str:
    """The address of a row; with `multiples`, one register and a scaled one."""
    if not multiples or not row:
        return _apart(text, address, stride, row)
    odd = _odd_part(row)
    scaled = text.integer("shl", multiples[odd], str((row // odd).bit_length() - 1))
    return text.integer("add", address, scaled)


def _transposed(lanes: Lanes, block: list[str]) -> list[str]:
    """A square block's columns, from its rows: quadrants change places, then quadrants of each, down to numbers."""
    count, side = lanes.count, lanes.count // 2
    while side:
        upper = [lane if not lane & side else count + lane - side for lane in range(count)]
        lower = [lane + side if not lane & side else count + lane for lane in range(count)]
        rows = list(block)
        for row in (row for row in range(count) if not row & side):
            rows[row] = lanes.shuffle(block[row], block[row + side], upper)
            rows[row + side] = lanes.shuffle(block[row], block[row + side], lower)
        block, side = rows, side // 2
    return block


@functools.cache
def machine_code(dtype: str, tiling: Tiling) -> bytes:
    """The functions for "float32", "float64" or "bfloat16" as an object file for this processor."""
    rounded = dtype == "bfloat16"
    written = _Tiles(64 if dtype == "float64" else 32, processor(), rounded=rounded)
    for height, width in tiling.shapes:
        written.tile(height, width, tiling)
    written.transpose(part=False)
    written.transpose(part=True)
    written.copy()
    if rounded:
        written.round_rows()
        written.round_pairs(last=False)
        written.round_pairs(last=True)
    return assemble(written.module())


@dataclass(frozen=True, eq=False)
class Tiles:
    """One type's functions in memory; `address`, that of their table, is good while this object lives."""

    dtype: str
    tiling: Tiling
    address: int
    table: np.ndarray[tuple[int], np.dtype[np.int64]]
    owned: tuple[object, ...]


@lasting
def tiles(dtype: str, tiling: Tiling | None = None) -> Tiles:
    """The functions for "float32", "float64", or "bfloat16", which are float32's with a table of rounding ones.

    They stay for the life of the process.

    tiling : by default the one that needs no measurement.

    >>> int(tiles("float64").table[ITEM_BYTES])
    8
    """
    tiling = tiling or default_tiling(processor().registers, processor().fused)
    if dtype != "bfloat16":
        return _made(dtype, tiling)
    plain, rounding = tiles("float32", tiling), _made("bfloat16", tiling)
    table = plain.table.copy()
    table[ROUNDED] = rounding.address
    return Tiles(dtype, tiling, table.ctypes.data, table, (plain, rounding))


def _made(dtype: str, tiling: Tiling) -> Tiles:
    """A table of what `machine_code` made."""
    machine, code = processor(), load(machine_code(dtype, tiling))
    item_bytes = 8 if dtype == "float64" else 4
    zeros = np.zeros((WIDEST + 1) * machine.vector_bytes, np.uint8)
    table = np.zeros(_SLOTS, np.int64)
    table[[ITEM_BYTES, VECTOR_BYTES, LANES]] = item_bytes, machine.vector_bytes, machine.vector_bytes // item_bytes
    table[LANES_LOG] = (machine.vector_bytes // item_bytes).bit_length() - 1
    table[FAR_APART] = max(FAR_VECTORS * machine.vector_bytes, FAR_BYTES)
    table[ZEROS] = zeros.ctypes.data + -zeros.ctypes.data % machine.vector_bytes
    table[[TRANSPOSE, TRANSPOSE_PART]] = code.address("transpose"), code.address("transpose_part")
    table[[COPY, PACKED, PAIRS, BACKWARD]] = code.address("copy"), tiling.packed, 1, table.ctypes.data
    if dtype == "bfloat16":
        functions = {ROUND_ROWS: "round_rows", ROUND_PAIRS: "round_pairs", ROUND_LAST: "round_last"}
        table[list(functions)] = [code.address(name) for name in functions.values()]
    table[[BLOCK_ROWS, BLOCK_DEPTH, UNCUT_DEPTH]] = tiling.block_rows, tiling.block_depth, tiling.uncut_depth
    table[[PANEL_WIDTH, PANEL_DEPTH, COPIED]] = tiling.panel_width, tiling.panel_depth, tiling.copied
    table[HEIGHTS : HEIGHTS + WIDEST + 1] = tiling.heights
    table[WIDTHS : WIDTHS + MOST_ROWS + 1] = tiling.widths
    for height, width in tiling.shapes:
        table[TILE + 16 * width + height] = code.address(f"tile_{height}_{width}")
    return Tiles(dtype, tiling, table.ctypes.data, table, (code, zeros))
