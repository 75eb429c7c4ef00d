"""Warped images, printed as LLVM IR for images of one size.

Lanes are neighbouring pixels of a row. An image is read from a plane: its rows with one pixel of background before them
and two behind, and as many rows above and below, so that no place needs a bounds check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.kernels import compiled
from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import processor
from deltarule.native.products import GROUP, padded

__all__ = ["BORDER", "Plane", "Warp", "warp"]

BORDER = 3
"""Pixels of background along each axis of a plane: one before the image, two behind."""


@dataclass(frozen=True)
class Plane:
    """Images of one size: height, width and channels, and how many numbers a padded row of a field has."""

    height: int
    width: int
    channels: int

    @property
    def columns(self) -> int:
        """Numbers of an image."""
        return self.height * self.width * self.channels

    @property
    def stride(self) -> int:
        """Numbers of a row of displacements: whole groups."""
        return padded(self.width)

    @property
    def shape(self) -> tuple[int, int]:
        """The plane with its border: rows, and numbers of a row."""
        return self.height + BORDER, (self.width + BORDER) * self.channels

    @property
    def room(self) -> int:
        """Numbers that a warp writes at most: the last row is also written in whole groups."""
        return self.columns + GROUP * self.channels


@dataclass(frozen=True)
class Warp:
    """Addresses of three functions for `memory.call`.

    call(spread, (image, plane))                        the numbers of an image into the middle of a plane
    call(copy, (plane, map, apart, image))              the image of a plane under a map of whole pixels
    call(read, (plane, map, apart, field, image))       the image of a plane under a map and a field of displacements

    `map` is six float64, `apart` bytes from one to the next: a place y, x of the new image is read at
    a (y + Δy) + b (x + Δx) + e, c (y + Δy) + d (x + Δx) + f, between four pixels. `field` is Δy and Δx,
    (2, height, stride). `image` is an array of `Plane.room` numbers. In a map of whole pixels b = c = 0, a = ±1, d = ±1
    (of several channels 1), and e and f are integers.
    """

    spread: int
    copy: int
    read: int


def warp(dtype: npt.DTypeLike, plane: Plane) -> Warp:
    """The functions for images of this size, and numbers of this precision."""
    kind: np.dtype[Any] = np.dtype(dtype)
    texts = Text(), Text(), Text()
    functions = [
        write(text, 8 * kind.itemsize, plane) for write, text in zip((_spread, _copy, _read), texts, strict=True)
    ]
    declared = set().union(*(text.declared for text in texts))
    code = compiled("\n".join([*sorted(declared), *functions]))
    return Warp(spread=code.address("spread"), copy=code.address("copy"), read=code.address("read"))


def _spread(text: Text, bits: int, plane: Plane) -> str:
    one = Lanes(text, bits, 1, processor().fused)
    group = one.alike(count=GROUP)
    image, target = (text.pointer(f"%{name}") for name in ("image", "plane"))
    length, (_, plane_row) = plane.width * plane.channels, plane.shape

    def row(number: str, _: list[str]) -> list[str]:
        source = text.integer("mul", number, str(length))
        to = text.integer("add", text.integer("mul", number, str(plane_row)), str(plane_row + plane.channels))

        def copy(lanes: Lanes, start: int) -> None:
            read, write = (text.integer("add", place, str(start)) for place in (source, to))
            lanes.store(lanes.load(image, read), target, write)

        if length < GROUP:
            for start in range(length):
                copy(one, start)
        else:
            # The last group overlaps the one before it, so that none leaves the row.
            for start in [*range(0, length - GROUP, GROUP), length - GROUP]:
                copy(group, start)
        return []

    text.loop("0", str(plane.height), 1, [], row)
    return text.function("spread", ["image", "plane"])


def _copy(text: Text, bits: int, plane: Plane) -> str:
    one = Lanes(text, bits, 1, processor().fused)
    lanes, places = one.alike(count=GROUP), one.alike(bits=32, count=GROUP)
    source, image = (text.pointer(f"%{name}") for name in ("plane", "image"))
    (_, plane_row), length = plane.shape, plane.width * plane.channels
    a, _, _, d, e, f = _map(text, 64)
    downwards, rightwards = (_integer(text, number, 1) for number in (a, d))
    top, left = _integer(text, e, 2 * plane.height), _integer(text, f, 2 * plane.width)
    forwards = text.result(f"icmp sgt i64 {rightwards}, 0")
    # Backwards, the first lane of a group is the last that is loaded.
    back = text.result(f"select i1 {forwards}, i64 0, i64 {1 - GROUP}")
    left = text.integer("add", text.integer("mul", left, str(plane.channels)), back)
    background = lanes.everywhere(one.load(source, "0"))

    def row(number: str, _: list[str]) -> list[str]:
        i = text.integer("add", text.integer("mul", number, downwards), top)
        inside = text.result(f"icmp ult i64 {i}, {plane.height}")
        end = places.every_word(text.result(f"select i1 {inside}, i32 {length}, i32 0"))
        start = text.integer("add", text.integer("mul", i, str(plane_row)), str(plane_row + plane.channels))
        target = text.integer("mul", number, str(length))

        def group(first: str, _: list[str]) -> list[str]:
            place = text.integer("add", text.integer("mul", first, rightwards), left)
            lane = places.integer("add", places.every_word(text.result(f"trunc i64 {place} to i32")), places.lanes())
            within = text.result(f"icmp ult {places.words} {lane}, {end}")
            pointer = text.address(source, lanes.number, text.integer("add", start, place))
            value = _loaded(lanes, pointer, within, background)
            if plane.channels == 1:
                mirrored = lanes.shuffle(value, "undef", range(GROUP)[::-1])
                value = text.result(f"select i1 {forwards}, {lanes.kind} {value}, {lanes.kind} {mirrored}")
            lanes.store(value, image, text.integer("add", target, first))
            return []

        text.loop("0", str(length), GROUP, [], group)
        return []

    text.loop("0", str(plane.height), 1, [], row)
    return text.function("copy", ["plane", "map", "apart", "image"])


def _integer(text: Text, number: str, most: int) -> str:
    """An integer from −`most` to `most` of a float64."""
    one = Lanes(text, 64, 1, processor().fused)
    held = one.at_least(one.at_most(number, one.real(float(most))), one.real(float(-most)))
    return text.result(f"fptosi double {held} to i64")


def _loaded(lanes: Lanes, pointer: str, condition: str, otherwise: str) -> str:
    """The numbers from a pointer on where a condition holds; the others are not read."""
    function = f"@llvm.masked.load.v{lanes.count}f{lanes.bits}.p0"
    lanes.text.declared.add(f"declare {lanes.kind} {function}(ptr, i32, {lanes.truths}, {lanes.kind})")
    given = f"ptr {pointer}, i32 {lanes.bits // 8}, {lanes.truths} {condition}, {lanes.kind} {otherwise}"
    return lanes.text.result(f"call {lanes.kind} {function}({given})")


def _read(text: Text, bits: int, plane: Plane) -> str:
    one = Lanes(text, bits, 1, processor().fused)
    lanes = one.alike(count=GROUP)
    source, field_, image = (text.pointer(f"%{name}") for name in ("plane", "field", "image"))
    a, b, c, d, e, f = (lanes.everywhere(number) for number in _map(text, bits))
    apart = plane.height * plane.stride

    def row(number: str, _: list[str]) -> list[str]:
        y = _counted(one, number)
        start = text.integer("mul", number, str(plane.stride))
        target = text.integer("mul", number, str(plane.width * plane.channels))

        def group(first: str, _: list[str]) -> list[str]:
            place = text.integer("add", start, first)
            down = lanes.add(lanes.everywhere(y), lanes.load(field_, place))
            right = lanes.load(field_, text.integer("add", place, str(apart)))
            right = lanes.add(lanes.add(lanes.everywhere(_counted(one, first)), _ascending(lanes)), right)
            i, down_part = _cell(lanes, _mapped(lanes, a, down, b, right, e), plane.height)
            j, right_part = _cell(lanes, _mapped(lanes, c, down, d, right, f), plane.width)
            corner = lanes.integer("mul", i, lanes.word(plane.shape[1]))
            corner = lanes.integer("add", corner, lanes.integer("mul", j, lanes.word(plane.channels)))
            to = text.integer("add", target, text.integer("mul", first, str(plane.channels)))
            for channel in range(plane.channels):
                value = _between(lanes, source, corner, channel, plane, (down_part, right_part))
                _put(lanes, value, image, to, channel, plane.channels)
            return []

        text.loop("0", str(plane.width), GROUP, [], group)
        return []

    text.loop("0", str(plane.height), 1, [], row)
    return text.function("read", ["plane", "map", "apart", "field", "image"])


def _map(text: Text, bits: int) -> list[str]:
    """The six numbers of the map."""
    wide = Lanes(text, 64, 1, processor().fused)
    numbers = []
    for place in range(6):
        word = text.integer("add", "%map", text.integer("mul", "%apart", str(place)))
        number = wide.load(text.pointer(word), "0")
        numbers.append(number if bits == 64 else wide.narrowed(number))
    return numbers


def _counted(one: Lanes, word: str) -> str:
    """An integer as a number."""
    return one.text.result(f"sitofp i64 {word} to {one.number}")


def _ascending(lanes: Lanes) -> str:
    """The numbers 0, 1, 2, …"""
    return lanes.text.result(f"sitofp {lanes.words} {lanes.lanes()} to {lanes.kind}")


def _mapped(lanes: Lanes, a: str, down: str, b: str, right: str, e: str) -> str:
    return lanes.add(lanes.add(lanes.multiply(a, down), lanes.multiply(b, right)), e)


def _cell(lanes: Lanes, place: str, side: int) -> tuple[str, str]:
    """The row (or column) of the plane before a place, and the fraction of the way to the next."""
    held = lanes.at_least(lanes.at_most(place, lanes.real(float(side))), lanes.real(-1.0))
    shifted = lanes.add(held, lanes.real(1.0))
    whole = lanes.text.result(f"fptosi {lanes.kind} {shifted} to {lanes.words}")
    return whole, lanes.subtract(shifted, lanes.text.result(f"sitofp {lanes.words} {whole} to {lanes.kind}"))


def _between(lanes: Lanes, source: str, corner: str, channel: int, plane: Plane, parts: tuple[str, str]) -> str:
    """One channel, interpolated between the four pixels at and after the corners."""

    def line(start: int) -> str:
        if plane.channels == 1 and lanes.bits == 32:
            here, after = _pair(lanes, source, corner, start)
        else:
            here, after = (
                _gathered(lanes, lanes.number, _places(lanes, source, corner, start + step))
                for step in (0, plane.channels)
            )
        return lanes.fma(parts[1], lanes.subtract(after, here), here)

    above, below = line(channel), line(plane.shape[1] + channel)
    return lanes.fma(parts[0], lanes.subtract(below, above), above)


def _pair(lanes: Lanes, source: str, corner: str, start: int) -> tuple[str, str]:
    """Two neighbouring numbers of 32 bits for each lane, read as one word: gathering takes half the time."""
    words = _gathered(lanes, "i64", _places(lanes, source, corner, start))
    both = lanes.alike(count=2 * lanes.count)
    numbers = lanes.text.result(f"bitcast <{lanes.count} x i64> {words} to {both.kind}")
    first, second = (
        lanes.text.result(f"shufflevector {both.kind} {numbers}, {both.kind} undef, <{lanes.count} x i32> <{mask}>")
        for mask in (", ".join(f"i32 {2 * lane + half}" for lane in range(lanes.count)) for half in (0, 1))
    )
    return first, second


def _gathered(lanes: Lanes, number: str, places: str) -> str:
    """The numbers, or words, at as many addresses as there are lanes."""
    text = lanes.text
    short = {"float": "f32", "double": "f64", "i64": "i64"}[number]
    kind, pointers = f"<{lanes.count} x {number}>", f"<{lanes.count} x ptr>"
    function = f"@llvm.masked.gather.v{lanes.count}{short}.v{lanes.count}p0"
    text.declared.add(f"declare {kind} {function}({pointers}, i32, {lanes.truths}, {kind})")
    given = f"{pointers} {places}, i32 {lanes.bits // 8}, {lanes.truths} {lanes.truth('true')}, {kind} undef"
    return text.result(f"call {kind} {function}({given})")


def _places(lanes: Lanes, base: str, index: str, offset: int) -> str:
    moved = lanes.text.address(base, lanes.number, str(offset))
    return lanes.text.result(f"getelementptr {lanes.number}, ptr {moved}, {lanes.words} {index}")


def _put(lanes: Lanes, value: str, image: str, to: str, channel: int, channels: int) -> None:
    """Write a channel of neighbouring pixels, of which the numbers lie side by side."""
    if channels == 1:
        lanes.store(value, image, to)
        return
    text = lanes.text
    for lane in range(lanes.count):
        number = text.result(f"extractelement {lanes.kind} {value}, i32 {lane}")
        lanes.alike(count=1).store(number, image, text.integer("add", to, str(lane * channels + channel)))
