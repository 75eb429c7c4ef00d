"""Batch building: chosen rows of the raw data become scaled rows of the batch, in one pass, from any real type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.kernels import compiled
from deltarule.recipes import Affine

__all__ = ["Gatherer", "gatherable", "gatherer"]

_GROUP = 16


@dataclass(frozen=True, eq=False)
class Gatherer:
    """A compiled function, for `pointers.call`:

    call(address, (rows, order, source, source_row, target, target_row, columns, shift, factor))

    Row r of the target is row order[r] of the source, less shift, times factor. `order` is an array of int64; rows are
    `source_row` and `target_row` bytes apart; shift and factor are arrays (columns,), or one number each.
    """

    address: int
    shift: npt.NDArray[Any]
    factor: npt.NDArray[Any]
    code: object


def gatherable(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows that can be read in place, contiguous and of a native real type: x itself, or where it is not so a copy."""
    readable = x.dtype.kind in "iub" or x.dtype.str[1:] in ("f4", "f8")
    if not readable or not x.dtype.isnative:
        x = x.astype(np.float64 if x.dtype.itemsize > 4 else np.float32)
    whole_rows = x.shape[1] <= 1 or x.strides[1] == x.itemsize
    return x if whole_rows and x.strides[0] >= 0 else np.ascontiguousarray(x)


def gatherer(source: npt.DTypeLike, target: npt.DTypeLike, scaling: Affine) -> Gatherer:
    """The function that builds batches of `target` numbers from rows of `source` numbers under a learnt scaling.

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
    code = compiled(_module(source, target, within, single=single))
    return Gatherer(code.address("gather"), shift, factor, code)


def _module(source: np.dtype[Any], target: np.dtype[Any], within: np.dtype[Any], *, single: bool) -> str:
    vectors = _convert("v", source, target, within, _GROUP, single=single)
    numbers = _convert("s", source, target, within, 1, single=single)
    return f"""
define void @gather(i64 %rows, i64 %order, i64 %source, i64 %source_row, i64 %target, i64 %target_row,
                    i64 %columns, i64 %shift, i64 %factor) {{
entry:
  %any = icmp sgt i64 %rows, 0
  %whole = and i64 %columns, -{_GROUP}
  br i1 %any, label %row, label %done
row:
  %r = phi i64 [0, %entry], [%r1, %row_end]
  %at = phi i64 [%target, %entry], [%at1, %row_end]
  %slot_offset = shl i64 %r, 3
  %slot = add i64 %order, %slot_offset
  %slot_pointer = inttoptr i64 %slot to ptr
  %chosen = load i64, ptr %slot_pointer
  %distance = mul i64 %chosen, %source_row
  %from = add i64 %source, %distance
  %wide = icmp sgt i64 %whole, 0
  br i1 %wide, label %vectors, label %narrow
vectors:
  %jv = phi i64 [0, %row], [%jv1, %vectors]
{vectors}
  %jv1 = add i64 %jv, {_GROUP}
  %more = icmp slt i64 %jv1, %whole
  br i1 %more, label %vectors, label %narrow
narrow:
  %rest = icmp slt i64 %whole, %columns
  br i1 %rest, label %numbers, label %row_end
numbers:
  %js = phi i64 [%whole, %narrow], [%js1, %numbers]
{numbers}
  %js1 = add i64 %js, 1
  %left = icmp slt i64 %js1, %columns
  br i1 %left, label %numbers, label %row_end
row_end:
  %r1 = add i64 %r, 1
  %at1 = add i64 %at, %target_row
  %again = icmp slt i64 %r1, %rows
  br i1 %again, label %row, label %done
done:
  ret void
}}
"""


def _convert(
    tag: str, source: np.dtype[Any], target: np.dtype[Any], within: np.dtype[Any], count: int, *, single: bool
) -> str:
    """Load `count` numbers from column %j on, scale them and store them."""
    given, middle, made = (_type(kind, count) for kind in (source, within, target))
    zeros = f"<{count} x i32> zeroinitializer"
    lines = [
        _pointer(tag, "in", "from", source.itemsize),
        f"  %x_{tag} = load {given}, ptr %in_pointer_{tag}, align {source.itemsize}",
        f"  %a_{tag} = {_cast(source, within, given, middle, f'%x_{tag}')}",
    ]
    for name in ("shift", "factor"):
        if single:
            number = _type(within, 1)
            lines += [
                f"  %{name}_pointer_{tag} = inttoptr i64 %{name} to ptr",
                f"  %{name}_one_{tag} = load {number}, ptr %{name}_pointer_{tag}",
            ]
            if count == 1:
                lines.append(f"  %{name}_{tag} = bitcast {number} %{name}_one_{tag} to {number}")
            else:
                lines += [
                    f"  %{name}_first_{tag} = insertelement {middle} undef, {number} %{name}_one_{tag}, i32 0",
                    f"  %{name}_{tag} = shufflevector {middle} %{name}_first_{tag}, {middle} undef, {zeros}",
                ]
        else:
            lines += [
                _pointer(tag, name, name, within.itemsize),
                f"  %{name}_{tag} = load {middle}, ptr %{name}_pointer_{tag}, align {within.itemsize}",
            ]
    lines += [
        f"  %b_{tag} = fsub {middle} %a_{tag}, %shift_{tag}",
        f"  %c_{tag} = fmul {middle} %b_{tag}, %factor_{tag}",
        f"  %d_{tag} = {_cast(within, target, middle, made, f'%c_{tag}')}",
        _pointer(tag, "out", "at", target.itemsize),
        f"  store {made} %d_{tag}, ptr %out_pointer_{tag}, align {target.itemsize}",
    ]
    return "\n".join(lines)


def _pointer(tag: str, name: str, base: str, itemsize: int) -> str:
    return (
        f"  %{name}_offset_{tag} = mul i64 %j{tag}, {itemsize}\n"
        f"  %{name}_word_{tag} = add i64 %{base}, %{name}_offset_{tag}\n"
        f"  %{name}_pointer_{tag} = inttoptr i64 %{name}_word_{tag} to ptr"
    )


def _type(kind: np.dtype[Any], count: int) -> str:
    one = {4: "float", 8: "double"}[kind.itemsize] if kind.kind == "f" else f"i{8 * kind.itemsize}"
    return one if count == 1 else f"<{count} x {one}>"


def _cast(source: np.dtype[Any], target: np.dtype[Any], given: str, made: str, value: str) -> str:
    if source.kind == "i":
        return f"sitofp {given} {value} to {made}"
    if source.kind in "ub":
        return f"uitofp {given} {value} to {made}"
    if source.itemsize == target.itemsize:
        return f"bitcast {given} {value} to {made}"
    return f"{'fpext' if target.itemsize > source.itemsize else 'fptrunc'} {given} {value} to {made}"
