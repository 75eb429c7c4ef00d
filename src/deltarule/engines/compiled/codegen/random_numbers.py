"""Random numbers, printed as LLVM IR: words, dropout's masks, and numbers for the pixels of an image.

The words are those of `formulas.random.words`, by Philox-4x32-10 on vectors of counters. Each counter gives four words,
for four units in a row. A product of 32 by 32 bits fills a lane of 64, so the words of the state are kept in such
lanes, with whatever is above their 32 bits ignored until they are used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.kernels import compiled
from deltarule.formulas.random import KEY_STEPS, MULTIPLIERS, ROUNDS, Purpose
from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import MachineCode, processor
from deltarule.native.products import GROUP

__all__ = ["Dropout", "Randoms", "dropout", "philox_keys", "philox_words", "randoms"]


_LOW = 0xFFFFFFFF
_MULTIPLIERS, _KEY_STEPS = [int(word) for word in MULTIPLIERS], [int(word) for word in KEY_STEPS]


def philox_keys(text: Text) -> list[tuple[str, str]]:
    """The two words of the key in each round."""
    keys = [("%seed_low", "%seed_high")]
    for _ in range(ROUNDS - 1):
        grown = [text.integer("add", key, str(step)) for key, step in zip(keys[-1], _KEY_STEPS, strict=True)]
        keys.append((text.integer("and", grown[0], str(_LOW)), text.integer("and", grown[1], str(_LOW))))
    return keys


class _Words:
    """Operations on lanes of 64 bits, `count` of them; integers and words mean the same in every lane."""

    def __init__(self, text: Text, count: int) -> None:
        self.text, self.count, self.kind = text, count, f"<{count} x i64>"

    def everywhere(self, word: str) -> str:
        first = self.text.result(f"insertelement {self.kind} undef, i64 {word}, i32 0")
        mask = f"<{self.count} x i32> zeroinitializer"
        return self.text.result(f"shufflevector {self.kind} {first}, {self.kind} undef, {mask}")

    def of(self, operation: str, a: str, b: str | int) -> str:
        second = "<" + ", ".join([f"i64 {b}"] * self.count) + ">" if isinstance(b, int) else b
        return self.text.result(f"{operation} {self.kind} {a}, {second}")


def philox_words(text: Text, units: int, counter: tuple[str, str, str, str], keys: list[tuple[str, str]]) -> str:
    """The random words of `units` units, <units x i32>; `counter` begins with the first unit, not with its block."""
    count = units // 4
    to = _Words(text, count)
    first = to.everywhere(text.integer("lshr", counter[0], "2"))
    lanes = "<" + ", ".join(f"i64 {lane}" for lane in range(count)) + ">"
    c0 = text.result(f"add {to.kind} {first}, {lanes}")
    c1, c2, c3 = (to.everywhere(word) for word in counter[1:])
    for key0, key1 in keys:
        p0 = to.of("mul", to.of("and", c0, _LOW), _MULTIPLIERS[0])
        p1 = to.of("mul", to.of("and", c2, _LOW), _MULTIPLIERS[1])
        c0 = to.of("xor", to.of("xor", to.of("lshr", p1, 32), c1), to.everywhere(key0))
        c2 = to.of("xor", to.of("xor", to.of("lshr", p0, 32), c3), to.everywhere(key1))
        c1, c3 = p1, p0
    pairs = [to.of("or", to.of("and", low, _LOW), to.of("shl", high, 32)) for low, high in ((c0, c1), (c2, c3))]
    # A block's first pair, then its second, then the next block's: the units' order.
    order = ", ".join(f"i32 {place}" for lane in range(count) for place in (lane, count + lane))
    mixed = text.result(f"shufflevector {to.kind} {pairs[0]}, {to.kind} {pairs[1]}, <{2 * count} x i32> <{order}>")
    return text.result(f"bitcast <{2 * count} x i64> {mixed} to <{units} x i32>")


_TOGETHER = 64
_DRAWN = ["row", "count", "step", "place", "seed_low", "seed_high", "numbers"]
_PARAMETERS = [
    "row", "rows", "stride", "step", "layer", "seed_low", "seed_high", "threshold", "scale", "numbers", "mask",
]  # fmt: skip


@dataclass(frozen=True)
class Dropout:
    """Addresses of two functions for `pointers.call`, which multiply numbers in place.

    call(draw, (row, rows, stride, step, layer, seed_low, seed_high, threshold, scale, numbers, mask))
        numbers (rows, stride) become number · scale where a unit is kept, else 0. They are the batch's rows from `row`
        on; `mask` (rows, stride / 16) of uint16 is written, one bit for each number.
    call(repeat, (count, scale, numbers, mask))
        the same for `count` numbers under a mask that was drawn: what goes backwards.

    stride and count are multiples of 16. `threshold` is `random.dropped_below(rate)`, `seed_low` and `seed_high` the
    seed's lower 32 bits and the 32 above. `scale` is the address of one number of `dtype`, 1 / (1 − rate).
    """

    dtype: np.dtype[np.floating]
    draw: int
    repeat: int
    code: MachineCode = field(repr=False, compare=False)


def dropout(dtype: npt.DTypeLike) -> Dropout:
    """The functions for numbers of this precision."""
    kind: np.dtype[Any] = np.dtype(dtype)
    code = compiled("\n".join([_draw(8 * kind.itemsize), _repeat(8 * kind.itemsize)]))
    return Dropout(kind, code.address("draw"), code.address("repeat"), code)


def _draw(bits: int) -> str:
    text = Text()
    one = Lanes(text, bits, 1, processor().fused)
    numbers, mask = text.pointer("%numbers"), text.pointer("%mask")
    scale = one.load(text.pointer("%scale"), "0")
    keys = philox_keys(text)
    purpose = text.integer("or", text.integer("shl", "%layer", "4"), str(int(Purpose.DROPOUT)))
    threshold = text.result("trunc i64 %threshold to i32")
    whole = text.integer("and", "%stride", str(-_TOGETHER))

    def one_row(row: str, _: list[str]) -> list[str]:
        start = text.integer("mul", row, "%stride")
        counter = text.integer("add", row, "%row")

        def part(together: int, first: str, stop: str) -> None:
            def some_units(unit: str, _: list[str]) -> list[str]:
                words = philox_words(text, together, (unit, counter, "%step", purpose), keys)
                kept = _compared(text, together, words, threshold)
                place = text.integer("add", start, unit)
                _store_bits(text, together, kept, mask, place)
                _scale(one.alike(count=together), kept, scale, numbers, place)
                return []

            text.loop(first, stop, together, [], some_units)

        part(_TOGETHER, "0", whole)
        part(GROUP, whole, "%stride")
        return []

    text.loop("0", "%rows", 1, [], one_row)
    return text.function("draw", _PARAMETERS)


def _repeat(bits: int) -> str:
    text = Text()
    one = Lanes(text, bits, 1, processor().fused)
    numbers, mask = text.pointer("%numbers"), text.pointer("%mask")
    scale = one.load(text.pointer("%scale"), "0")
    whole = text.integer("and", "%count", str(-_TOGETHER))

    def part(together: int, first: str, stop: str) -> None:
        def some_numbers(index: str, _: list[str]) -> list[str]:
            drawn = f"i{together}"
            place = _bits_place(text, mask, index)
            bits_ = text.result(f"load {drawn}, ptr {place}, align 2")
            kept = text.result(f"bitcast {drawn} {bits_} to <{together} x i1>")
            _scale(one.alike(count=together), kept, scale, numbers, index)
            return []

        text.loop(first, stop, together, [], some_numbers)

    part(_TOGETHER, "0", whole)
    part(GROUP, whole, "%count")
    return text.function("repeat", ["count", "scale", "numbers", "mask"])


def _scale(lanes: Lanes, kept: str, scale: str, numbers: str, place: str) -> None:
    product = lanes.multiply(lanes.load(numbers, place), lanes.everywhere(scale))
    lanes.store(lanes.select(kept, product, lanes.real(0.0)), numbers, place)


def _compared(text: Text, units: int, words: str, threshold: str) -> str:
    """Which units are kept: those whose word is not below the threshold."""
    kind = f"<{units} x i32>"
    first = text.result(f"insertelement {kind} undef, i32 {threshold}, i32 0")
    least = text.result(f"shufflevector {kind} {first}, {kind} undef, {kind} zeroinitializer")
    return text.result(f"icmp uge {kind} {words}, {least}")


def _bits_place(text: Text, mask: str, index: str) -> str:
    return text.address(mask, "i8", text.integer("lshr", index, "3"))


def _store_bits(text: Text, units: int, kept: str, mask: str, index: str) -> None:
    bits = text.result(f"bitcast <{units} x i1> {kept} to i{units}")
    text.write(f"store i{units} {bits}, ptr {_bits_place(text, mask, index)}, align 2")


@dataclass(frozen=True)
class Randoms:
    """Addresses of two functions for `pointers.call`, of random numbers for the pixels of the batch's row `row`.

    call(uniforms, (row, count, step, place, seed_low, seed_high, numbers))
        `count` numbers between 0 and 1: ((word >> 9) + ½) / 2²³.
    call(displacements, (row, count, step, place, seed_low, seed_high, numbers))
        two fields of `count` numbers, one behind the other, between −1 and 1: (2 · half + 1) / 2¹⁶ − 1 of each word's
        lower and upper half.

    count is a multiple of 16. `place` is the augmentation's place in the recipe's list.
    """

    uniforms: int
    displacements: int
    code: MachineCode = field(repr=False, compare=False)


def randoms(dtype: npt.DTypeLike) -> Randoms:
    """The functions for numbers of this precision."""
    bits = 8 * np.dtype(dtype).itemsize
    code = compiled("\n".join([_drawn("uniforms", bits), _drawn("displacements", bits)]))
    return Randoms(code.address("uniforms"), code.address("displacements"), code)


def _drawn(name: str, bits: int) -> str:
    text = Text()
    one = Lanes(text, bits, 1, processor().fused)
    numbers = text.pointer("%numbers")
    keys = philox_keys(text)
    purpose = text.integer("or", text.integer("shl", "%place", "4"), str(int(Purpose.PIXELS)))
    whole = text.integer("and", "%count", str(-_TOGETHER))

    def part(together: int, first: str, stop: str) -> None:
        lanes = one.alike(count=together)
        integers = f"<{together} x i32>"

        def integer(operation: str, a: str, number: int) -> str:
            constant = "<" + ", ".join([f"i32 {number}"] * together) + ">"
            return text.result(f"{operation} {integers} {a}, {constant}")

        def real(a: str) -> str:
            return text.result(f"sitofp {integers} {a} to {lanes.kind}")

        def some(unit: str, _: list[str]) -> list[str]:
            words = philox_words(text, together, (unit, "%row", "%step", purpose), keys)
            if name == "uniforms":
                half = lanes.add(real(integer("lshr", words, 9)), lanes.real(0.5))
                lanes.store(lanes.multiply(half, lanes.real(2.0**-23)), numbers, unit)
                return []
            behind = text.integer("add", unit, "%count")
            for half, place in ((integer("and", words, 0xFFFF), unit), (integer("lshr", words, 16), behind)):
                odd = integer("add", integer("shl", half, 1), 1 - 2**16)
                lanes.store(lanes.multiply(real(odd), lanes.real(2.0**-16)), numbers, place)
            return []

        text.loop(first, stop, together, [], some)

    part(_TOGETHER, "0", whole)
    part(GROUP, whole, "%count")
    return text.function(name, _DRAWN)
