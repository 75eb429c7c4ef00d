"""Products of bfloat16 numbers on the matrix unit of some x86 processors, AMX, whose instructions work on tiles.

A tile register holds up to 16 rows of 64 bytes: of A 16 rows of 16 pairs, of B 16 rows of pairs for 16 columns. The
instruction `tdpbf16ps` multiplies them, 32 k at once. Its order of sums is not that of `vdpbf16ps` (Intel 64 and IA-32
Architectures Software Developer's Manual, volume 2, TDPBF16PS): of the 32 numbers in k the products of even k are added
up from 0, one fused multiply-add after the other, and those of odd k likewise; the sum of both is added to C.
`multiply_in_blocks` says the same in NumPy. So results differ in the last bits from those of processors without the
unit; for any number of threads they are the same. Where threads divide k, in the backward pass, they do so at
multiples of 16, and a tile takes 16 k.

The unit needs the kernel's permission, once for a process. Then `state` compares products of several sizes, with
special numbers among them, with their definition; where a bit differs the unit is not used.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.native import rounded_products
from deltarule.native import tiles as plain
from deltarule.native.bfloat16 import multiply_in_blocks
from deltarule.native.ir import Text
from deltarule.native.processor import MachineCode, assemble, lasting, load, processor
from deltarule.native.products import GROUP, padded
from deltarule.native.tiling import Tiling

__all__ = ["BLOCKS", "IN_USE", "differing", "made", "printed", "state", "tiles"]

BLOCKS = 32, 16
"""Numbers in k that a tile takes: usually, and in the backward pass."""
IN_USE, _ABSENT, _REFUSED = "in use", "none", "not permitted by the system"
_DIFFERENT = "not used: its results differ from their definition"

_HEIGHT, _WIDTH, _BYTES, _FLOATS = 16, 3, 64, 16
_B, _A = 3, 7  # the first tile register of B, and that of A; those of C come first
_PARAMETERS = ["count", "depth", "a", "a_row", "a_step", "b", "b_step", "c", "c_row", "start", "start_row"]
_FEATURES = "+amx-tile", "+amx-bf16"
# Of Linux on x86-64: arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA).
_ARCH_PRCTL, _REQUEST, _TILE_DATA = 158, 0x1023, 18


@lasting
def state() -> str:
    """Return whether the unit is in use in this process, or why not."""
    if not set(_FEATURES) <= set(processor().features.split(",")) or processor().vector_bytes != _BYTES:
        return _ABSENT
    if not _permitted():
        return _REFUSED
    return _DIFFERENT if differing(made(plain.tiles("bfloat16"))) else IN_USE


def _permitted() -> bool:
    """Ask the kernel for the registers of tiles, for all threads of this process."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    return bool(ctypes.CDLL(None).syscall(_ARCH_PRCTL, _REQUEST, _TILE_DATA) == 0)


@lasting
def tiles(tiling: Tiling | None = None) -> plain.Tiles:
    """Return `tiles("bfloat16")` with the unit's in place of those of vectors."""
    return made(plain.tiles("bfloat16", tiling))


def made(of_vectors: plain.Tiles, code: Callable[[int], MachineCode] | None = None) -> plain.Tiles:
    """Return a table whose tiles are the functions of `code`, by default those that are `printed`."""
    table, (words, rounding) = of_vectors.table.copy(), of_vectors.owned
    owned: list[object] = [of_vectors]
    assert isinstance(words, plain.Tiles)
    assert isinstance(rounding, plain.Tiles)
    backward = 0
    for block in reversed(BLOCKS):
        functions = load(assemble(printed(block))) if code is None else code(block)
        of_unit = rounding.table.copy()
        of_unit[[plain.PAIRS, plain.WORDS]] = block // 2, words.address
        backward = backward or of_unit.ctypes.data
        of_unit[plain.BACKWARD] = backward
        of_unit[plain.HEIGHTS : plain.HEIGHTS + _WIDTH + 1] = _HEIGHT
        of_unit[plain.WIDTHS : plain.WIDTHS + 16] = _WIDTH
        for height, width in _shapes():
            of_unit[plain.TILE + 16 * width + height] = functions.address(f"tile_{height}_{width}")
        owned += [functions, of_unit]
    table[plain.ROUNDED] = of_unit.ctypes.data
    return plain.Tiles("bfloat16", of_vectors.tiling, table.ctypes.data, table, tuple(owned))


def _shapes() -> list[tuple[int, int]]:
    return [(height, width) for width in range(1, _WIDTH + 1) for height in range(1, _HEIGHT + 1)]


def printed(block: int) -> str:
    """Return LLVM IR of tiles for every height and width, as `tiles` has them; `depth` counts blocks of k."""
    declared = {
        "declare void @llvm.x86.ldtilecfg(ptr)",
        "declare void @llvm.x86.tilerelease()",
        "declare void @llvm.x86.tileloadd64(i8 immarg, ptr, i64)",
        "declare void @llvm.x86.tilestored64(i8 immarg, ptr, i64)",
        "declare void @llvm.x86.tdpbf16ps(i8 immarg, i8 immarg, i8 immarg)",
    }
    shapes = [_shape(height, block // 2) for height in range(1, _HEIGHT + 1)]
    functions = [_function(height, width, block // 2) for height, width in _shapes()]
    attributes = f'attributes #0 = {{ "target-features"="{",".join(_FEATURES)}" }}'
    return "\n".join([*sorted(declared), *shapes, *functions, attributes])


def _shape(height: int, pairs: int) -> str:
    """The sizes of tile registers: of C `height` rows, of B `pairs` rows, of A `height` rows of so many pairs."""
    size = np.zeros(_BYTES, np.uint8)
    size[0] = 1  # the only palette
    bytes_of_row, rows = size[16:32].view(np.uint16), size[48:56]
    bytes_of_row[:], rows[:] = _BYTES, height
    rows[_B:_A], bytes_of_row[_A] = pairs, 4 * pairs
    return f"@shape_{height} = private constant [{_BYTES} x i8] [{', '.join(f'i8 {each}' for each in size)}]"


def _function(height: int, width: int, pairs: int) -> str:
    text = Text()

    def unit(instruction: str, *operands: str) -> None:
        text.write(f"call void @llvm.x86.{instruction}({', '.join(operands)})")

    def place(address: str, column: int = 0) -> str:
        return f"ptr {text.pointer(text.integer('add', address, str(_BYTES * column)))}"

    def down(addresses: list[str]) -> list[str]:
        a, c, start = addresses
        for column in range(width):
            unit("tileloadd64", f"i8 {column}", place(start, column), "i64 %start_row")

        def along(values: list[str]) -> list[str]:
            unit("tileloadd64", f"i8 {_A}", place(values[0]), "i64 %a_row")
            for column in range(width):
                unit("tileloadd64", f"i8 {_B + column}", place(values[1], column), "i64 %b_step")
                unit("tdpbf16ps", f"i8 {column}", f"i8 {_A}", f"i8 {_B + column}")
            step = text.integer("mul", "%b_step", str(pairs))
            return [text.integer("add", values[0], str(4 * pairs)), text.integer("add", values[1], step)]

        text.repeat("%depth", [("i64", a), ("i64", "%b")], along)
        for column in range(width):
            unit("tilestored64", f"i8 {column}", place(c, column), "i64 %c_row")
        moved = ((a, "%a_row"), (c, "%c_row"), (start, "%start_row"))
        return [text.integer("add", each, text.integer("mul", row, str(height))) for each, row in moved]

    unit("ldtilecfg", f"ptr @shape_{height}")
    text.repeat("%count", [("i64", address) for address in ("%a", "%c", "%start")], down)
    unit("tilerelease")
    return text.function(f"tile_{height}_{width}", _PARAMETERS).replace(") {\n", ") #0 {\n", 1)


_SIZES = (16, 32, 48), (1, 1, 1), (37, 70, 130), (70, 1101, 18), (5, 31, 33)
_SPECIAL = 0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-38, 3e38, 2.0**-70, -(2.0**-70)


def differing(of_unit: plain.Tiles) -> list[str]:
    """Return the products, and their sizes, of which a bit differs from the definition; NaNs are all the same."""
    forward, backward, gradient = rounded_products.entry_points()
    found, generator = [], np.random.default_rng(0)
    for (batch, inputs, outputs), special in ((sizes, special) for sizes in _SIZES for special in (False, True)):
        x, w, dz, bias = (
            _drawn(generator, *sizes, special=special)
            for sizes in ((batch, inputs), (inputs, outputs), (batch, outputs), (1, outputs))
        )
        z, dx, dw = (_empty(*sizes) for sizes in ((batch, outputs), (batch, inputs), (inputs, outputs)))
        room = np.full(rounded_products.workspace_bytes(of_unit.address, batch, outputs), 255, np.uint8)
        at, space, sizes = of_unit.address, room.ctypes.data, (batch, inputs, outputs)
        forward(at, *_place(z), bias.ctypes.data, *_place(x), *_place(w), *sizes, space, 0)
        backward(at, *_place(dx), *_place(dz), *_place(w), *sizes, space, 0)
        gradient(at, *_place(dw), *_place(x), *_place(dz), *sizes, space, 0, inputs)
        x, w, dz, bias = x[:, :inputs], w[:, :outputs], dz[:, :outputs], bias[:, :outputs]
        for name, got, expected in (
            ("forward", z, multiply_in_blocks(x, w, bias, BLOCKS[0])),
            ("backward", dx, multiply_in_blocks(dz, w.T, 0.0, BLOCKS[1])),
            ("gradient", dw, multiply_in_blocks(x.T, dz, 0.0, BLOCKS[0])),
        ):
            if not _equal(got[:, : expected.shape[1]], expected):
                found.append(f"{name} {batch} × {inputs} × {outputs}{' with special numbers' if special else ''}")
    return found


def _empty(rows: int, columns: int) -> npt.NDArray[np.float32]:
    return np.zeros((rows, padded(columns) + GROUP), np.float32)


def _drawn(generator: np.random.Generator, rows: int, columns: int, *, special: bool) -> npt.NDArray[np.float32]:
    matrix = _empty(rows, columns)
    matrix[:, : padded(columns)] = 1.0  # what padding holds is finite, and changes nothing
    matrix[:, :columns] = generator.normal(size=(rows, columns))
    if special:
        chosen = generator.random((rows, columns)) < 0.2
        matrix[:, :columns][chosen] = generator.choice(_SPECIAL, int(chosen.sum()))
    return matrix


def _place(matrix: npt.NDArray[Any]) -> tuple[int, int]:
    return matrix.ctypes.data, matrix.strides[0]


def _equal(got: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> bool:
    same = (got.view(np.uint32) == expected.view(np.uint32)) | (np.isnan(got) & np.isnan(expected))
    return bool(same.all())
