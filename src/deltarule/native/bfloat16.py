"""Numbers of 16 bits, bfloat16, in pairs: rounding to them, and multiplying them, printed as LLVM IR.

A bfloat16 is the upper half of a float32. Two of them, neighbours in the depth k of a product, are one word of 32 bits,
the one of even k in its lower half; vectors of such words are loaded as vectors of float32. Of each pair the number of
odd k is multiplied and added first, each multiply-add rounded once to float32:

    sum ← fma(a[odd], b[odd], sum), then sum ← fma(a[even], b[even], sum)

x86's `vdpbf16ps` is defined so (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2); elsewhere two
multiply-adds take its place, with the same bits where the processor fuses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.native.ir import Lanes

__all__ = ["Pairs", "multiply_in_blocks", "multiply_in_pairs", "paired", "rounded"]

_UPPER, _QUIET, _SMALLEST = -65536, 0x400000, float.fromhex("0x1p-126")
_VECTOR = 16


@dataclass(frozen=True)
class Pairs:
    """Operations on vectors of pairs; `instructions` says whether the processor has them for 64 bytes."""

    lanes: Lanes
    instructions: bool

    @property
    def _whole(self) -> bool:
        return self.instructions and self.lanes.count == _VECTOR

    def joined(self, even: str, odd: str) -> str:
        """Pairs of two vectors of float32, rounded: lane by lane, one from each."""
        if self.instructions and 1 < self.lanes.count < _VECTOR:
            return self._filled_up(even, odd)
        if not self._whole:
            upper = self.lanes.integer("and", self._rounded(odd), self._word(_UPPER))
            lower = self.lanes.integer("lshr", self._rounded(even), self._word(16))
            return self.lanes.from_bits(self.lanes.integer("or", lower, upper))
        both = self._convert(odd, even)
        order = ", ".join(f"i32 {lane + half}" for lane in range(_VECTOR) for half in (0, _VECTOR))
        mask = f"<{2 * _VECTOR} x i32> <{order}>"
        return self._as_floats(self.lanes.text.result(f"shufflevector {_HALVES} {both}, {_HALVES} undef, {mask}"))

    def neighbours(self, first: str, second: str) -> str:
        """Pairs of the numbers in two vectors of float32 one after the other, rounded."""
        if self._whole:
            return self._as_floats(self._convert(second, first))
        even, odd = (self.lanes.shuffle(first, second, range(start, 2 * self.lanes.count, 2)) for start in (0, 1))
        return self.joined(even, odd)

    def factors(self, pairs: str) -> list[str]:
        """What `add_products` takes of a vector of pairs."""
        if self._whole:
            return [self.lanes.text.result(f"bitcast {self.lanes.kind} {pairs} to {_HALVES}")]
        bits = self.lanes.to_bits(pairs)
        parts = self.lanes.integer("and", bits, self._word(_UPPER)), self.lanes.integer("shl", bits, self._word(16))
        return [self.lanes.from_bits(part) for part in parts]

    def add_products(self, a: list[str], b: list[str], total: str) -> str:
        """The total after both products of each pair: of odd k, then of even k."""
        if not self._whole:
            for one, other in zip(a, b, strict=True):
                total = self.lanes.fma(one, other, total)
            return total
        text, kind = self.lanes.text, self.lanes.kind
        text.declared.add(f"declare {kind} {_MULTIPLY}({kind}, {_HALVES}, {_HALVES})")
        return text.result(f"call {kind} {_MULTIPLY}({kind} {total}, {_HALVES} {a[0]}, {_HALVES} {b[0]})")

    def _filled_up(self, even: str, odd: str) -> str:
        """`joined` of fewer numbers than the instruction takes: of the first lanes of whole vectors."""
        count = self.lanes.count
        whole = Pairs(self.lanes.alike(count=_VECTOR), self.instructions)
        places = [lane % count for lane in range(_VECTOR)]
        pairs = whole.joined(*(self.lanes.shuffle(each, each, places) for each in (even, odd)))
        return whole.lanes.shuffle(pairs, pairs, range(count))

    def _convert(self, upper: str, lower: str) -> str:
        text, kind = self.lanes.text, self.lanes.kind
        text.declared.add(f"declare {_HALVES} {_CONVERT}({kind}, {kind})")
        return text.result(f"call {_HALVES} {_CONVERT}({kind} {upper}, {kind} {lower})")

    def _as_floats(self, halves: str) -> str:
        return self.lanes.text.result(f"bitcast {_HALVES} {halves} to {self.lanes.kind}")

    def _word(self, value: int) -> str:
        return self.lanes.word(value)

    def _rounded(self, x: str) -> str:
        """The bits of numbers rounded as `rounded` does, in the upper halves; the lower halves mean nothing."""
        to = self.lanes
        bits = to.to_bits(x)
        even = to.integer("and", to.integer("lshr", bits, self._word(16)), self._word(1))
        nearest = to.from_bits(to.integer("add", bits, to.integer("add", even, self._word(0x7FFF))))
        quiet = to.from_bits(to.integer("or", bits, self._word(_QUIET)))
        number = to.select(to.compare("uno", x, x), quiet, nearest)
        tiny = to.compare("olt", to.absolute(x), to.real(_SMALLEST))
        return to.to_bits(to.select(tiny, to.copysign(to.real(0.0), x), number))


_HALVES = f"<{2 * _VECTOR} x bfloat>"
_CONVERT = "@llvm.x86.avx512bf16.cvtne2ps2bf16.512"
_MULTIPLY = "@llvm.x86.avx512bf16.dpbf16ps.512"


def rounded(x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Numbers rounded to bfloat16, as float32: to nearest, of two as near the even one; subnormal numbers are 0.

    >>> rounded(np.array([1.00390625, 1.01171875, 3.14159265, 1e-40])).tolist()
    [1.0, 1.015625, 3.140625, 0.0]
    """
    given = np.asarray(x, np.float32)
    bits = given.view(np.uint32)
    nearest = bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))
    chosen = np.where(np.isnan(given), bits | np.uint32(_QUIET), nearest) & np.uint32(_UPPER & 0xFFFFFFFF)
    tiny = np.abs(given) < np.float32(_SMALLEST)
    return np.where(tiny, np.copysign(np.float32(0), given), chosen.astype(np.uint32).view(np.float32))


def paired(x: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """Return the pairs of each two rows of x, (rows / 2, columns), rounded; a last row alone is paired with zeros.

    >>> [f"{word:08x}" for word in paired(np.array([[1.0], [2.0], [3.0]]))[:, 0]]
    ['40003f80', '00004040']
    """
    bits = rounded(x).view(np.uint32)
    even, odd = bits[::2], np.zeros_like(bits[::2])
    odd[: len(bits) // 2] = bits[1::2]
    return odd | even >> np.uint32(16)


def multiply_in_pairs(
    a: npt.NDArray[Any], b: npt.NDArray[Any], start: npt.NDArray[Any] | float = 0.0
) -> npt.NDArray[np.float32]:
    """Return start + A B in float32, A (n, depth) and B (depth, m) rounded to bfloat16, in the order of the tiles.

    The product of two bfloat16 is exact in float64, and its sum with a float32 nearly always.

    >>> multiply_in_pairs(np.ones((1, 3)), np.array([[2.0], [3.0], [4.0]]), 1.0).tolist()
    [[10.0]]
    """
    a, b = rounded(a).astype(np.float64), rounded(b).astype(np.float64)
    total = np.broadcast_to(np.float32(start), (len(a), b.shape[1])).astype(np.float32)
    depth = a.shape[1]
    for k in range(0, depth, 2):
        for each in (k + 1, k):
            if each < depth:
                total = (a[:, each : each + 1] * b[each] + total).astype(np.float32)
    return total


def multiply_in_blocks(
    a: npt.NDArray[Any], b: npt.NDArray[Any], start: npt.NDArray[Any] | float = 0.0, block: int = 32
) -> npt.NDArray[np.float32]:
    """Return start + A B in float32, A (n, depth) and B (depth, m) rounded to bfloat16, in the order of a matrix unit.

    Of every `block` numbers in k the products of even and of odd k are added up separately, each from 0 and in order;
    the sum of both is added to the total. Every number below the smallest normal one is 0.

    >>> multiply_in_blocks(np.ones((1, 3)), np.array([[2.0], [3.0], [4.0]]), 1.0).tolist()
    [[10.0]]
    """
    a, b = rounded(a).astype(np.float64), rounded(b).astype(np.float64)
    total = _flushed(np.broadcast_to(np.float32(start), (len(a), b.shape[1])))
    depth = a.shape[1]
    with np.errstate(invalid="ignore", over="ignore"):
        for first in range(0, depth, block):
            sums = []
            for begin in (first, first + 1):
                part = np.zeros_like(total)
                for k in range(begin, min(first + block, depth), 2):
                    part = _flushed(a[:, k : k + 1] * b[k] + part)
                sums.append(part)
            total = _flushed(total + _flushed(sums[0] + sums[1]))
    return total


def _flushed(x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Numbers rounded to float32, those below the smallest normal one 0."""
    single = x.astype(np.float32)
    return np.where(np.abs(single) < np.float32(_SMALLEST), np.copysign(np.float32(0), single), single)
