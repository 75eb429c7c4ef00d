"""Batch building: chosen rows of the raw data become scaled rows of the batch, in one pass, from any real type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.kernels import compiled
from deltarule.native.ir import Lanes, Text
from deltarule.native.products import GROUP
from deltarule.recipes import Affine

__all__ = ["Gatherer", "gatherable", "gatherer"]

_LINE = 64  # bytes of a cache
_ROWS_AHEAD, _NUMBERS_AHEAD = 8, 128
"""How far ahead raw rows are fetched, which come from the third cache or from memory, and lines that are written."""

_PARAMETERS = ["rows", "order", "source", "source_row", "target", "target_row", "columns", "shift", "factor"]


@dataclass(frozen=True, eq=False)
class Gatherer:
    """A compiled function:

    call(address, rows, order, source, source_row, target, target_row, columns, shift, factor)

    Row r of the target is row order[r] of the source, less shift, times factor. `order` is an array of int64; rows are
    `source_row` and `target_row` bytes apart; shift and factor are arrays (columns,), or one number each. The source's
    numbers are of type `source`, and are scaled as numbers `within`.
    """

    address: int
    source: np.dtype[Any]
    shift: npt.NDArray[Any]
    factor: npt.NDArray[Any]

    @property
    def within(self) -> np.dtype[Any]:
        """The precision in which numbers are scaled."""
        return self.shift.dtype


def gatherable(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return rows that can be read in place, contiguous and of a native real type: x itself, or a copy."""
    readable = x.dtype.kind in "iub" or x.dtype.str[1:] in ("f4", "f8")
    if not readable or not x.dtype.isnative:
        x = x.astype(np.float64 if x.dtype.itemsize > 4 else np.float32)
    whole_rows = x.shape[1] <= 1 or x.strides[1] == x.itemsize
    return x if whole_rows and x.strides[0] >= 0 else np.ascontiguousarray(x)


def gatherer(source: npt.DTypeLike, target: npt.DTypeLike, scaling: Affine) -> Gatherer:
    """Return the function that builds batches of `target` numbers from rows of `source` numbers under a fitted scaling.

    Scaling is done in float64 where the target is, or where a float32 could not hold the source's numbers.
    """
    source, target = np.dtype(source), np.dtype(target)
    wide = target.itemsize == 8 or source.itemsize == 8 or (source.kind in "iu" and source.itemsize == 4)
    within = np.dtype(np.float64 if wide else np.float32)
    single = scaling.shift.ndim == 0 and scaling.factor.ndim == 0
    shift = np.atleast_1d(scaling.shift).astype(within)
    factor = np.atleast_1d(scaling.factor).astype(within)
    if not single:
        shift, factor = np.broadcast_arrays(shift, factor)
        shift, factor = np.ascontiguousarray(shift), np.ascontiguousarray(factor)
    code = compiled(_function(source, target, within, single=single))
    return Gatherer(code.address("gather"), source, shift, factor)


def _function(source: np.dtype[Any], target: np.dtype[Any], within: np.dtype[Any], *, single: bool) -> str:
    text = Text()
    raw, shift, factor, batch = (text.pointer(f"%{name}") for name in ("source", "shift", "factor", "target"))
    ends = text.ends("%columns", (GROUP, 1))

    def following(number: str) -> None:
        """Fetch the raw row that is wanted some rows later; in the last rows, one that is there already."""
        later = text.integer("add", number, str(_ROWS_AHEAD))
        inside = text.result(f"icmp slt i64 {later}, %rows")
        row = text.result(f"select i1 {inside}, i64 {later}, i64 {number}")
        chosen = text.result(f"load i64, ptr {text.address(text.pointer('%order'), 'i64', row)}")
        read = text.address(raw, "i8", text.integer("mul", chosen, "%source_row"))

        def line(byte: str, _: list[str]) -> list[str]:
            text.prefetch(text.address(read, "i8", byte))
            return []

        text.loop("0", text.integer("mul", "%columns", str(source.itemsize)), _LINE, [], line)

    def row(number: str, _: list[str]) -> list[str]:
        chosen = text.result(f"load i64, ptr {text.address(text.pointer('%order'), 'i64', number)}")
        read = text.address(raw, "i8", text.integer("mul", chosen, "%source_row"))
        write = text.address(batch, "i8", text.integer("mul", number, "%target_row"))
        following(number)

        def scale(count: int, column: str) -> None:
            middle = Lanes(text, 8 * within.itemsize, count, fused=False)
            less, times = (
                middle.everywhere(middle.alike(count=1).load(base, "0")) if single else middle.load(base, column)
                for base in (shift, factor)
            )
            place = text.address(read, _kind(source, 1), column)
            loaded = text.result(f"load {_kind(source, count)}, ptr {place}, align {source.itemsize}")
            x = _cast(text, source, within, count, loaded)
            if count > 1:
                # Stores wait for one line after the other; lines that are fetched ahead come together.
                ahead = text.integer("add", column, str(_NUMBERS_AHEAD))
                text.prefetch(text.address(write, _kind(target, 1), ahead), written=True)
            scaled = middle.multiply(middle.subtract(x, less), times)
            made = middle.alike(bits=8 * target.itemsize)
            made.store(_cast(text, within, target, count, scaled), write, column)

        text.chunks(ends, (GROUP, 1), scale)
        return []

    text.loop("0", "%rows", 1, [], row)
    return text.function("gather", _PARAMETERS)


def _kind(number: np.dtype[Any], count: int) -> str:
    one = {4: "float", 8: "double"}[number.itemsize] if number.kind == "f" else f"i{8 * number.itemsize}"
    return one if count == 1 else f"<{count} x {one}>"


def _cast(text: Text, source: np.dtype[Any], target: np.dtype[Any], count: int, value: str) -> str:
    if source == target:
        return value
    how = {"i": "sitofp", "u": "uitofp", "b": "uitofp"}.get(source.kind)
    how = how or ("fpext" if target.itemsize > source.itemsize else "fptrunc")
    return text.result(f"{how} {_kind(source, count)} {value} to {_kind(target, count)}")
