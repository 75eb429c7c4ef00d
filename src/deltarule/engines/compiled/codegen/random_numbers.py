"""Random numbers, printed as LLVM IR: words, dropout's masks, and numbers for the pixels of an image.

The words are those of `formulas.random.words`, by Philox-4x32-10 on vectors of counters. Each counter gives four words,
for four units in a row. A product of 32 by 32 bits fills a lane of 64, so the words of the state are kept in such
lanes, with whatever is above their 32 bits ignored until they are used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.kernels import compiled
from deltarule.formulas.random import KEY_STEPS, MULTIPLIERS, ROUNDS, Purpose
from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import processor
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


def philox_words(text: Text, units: int, counter: tuple[str, str, str, str], keys: list[tuple[str, str]]) -> str:
    """The random words of `units` units, <units x i32>; `counter` begins with the first unit, not with its block."""
    count = units // 4
    to = Lanes(text, 64, count, fused=False)
    low, half = to.word(_LOW), to.word(32)
    c0 = to.integer("add", to.every_word(text.integer("lshr", counter[0], "2")), to.lanes())
    c1, c2, c3 = (to.every_word(word) for word in counter[1:])
    for key0, key1 in keys:
        p0 = to.integer("mul", to.integer("and", c0, low), to.word(_MULTIPLIERS[0]))
        p1 = to.integer("mul", to.integer("and", c2, low), to.word(_MULTIPLIERS[1]))
        c0 = to.integer("xor", to.integer("xor", to.integer("lshr", p1, half), c1), to.every_word(key0))
        c2 = to.integer("xor", to.integer("xor", to.integer("lshr", p0, half), c3), to.every_word(key1))
        c1, c3 = p1, p0
    pairs = [
        to.integer("or", to.integer("and", first, low), to.integer("shl", second, half))
        for first, second in ((c0, c1), (c2, c3))
    ]
    # A block's first pair, then its second, then the next block's: the units' order.
    order = ", ".join(f"i32 {place}" for lane in range(count) for place in (lane, count + lane))
    kind = to.words
    mixed = text.result(f"shufflevector {kind} {pairs[0]}, {kind} {pairs[1]}, <{2 * count} x i32> <{order}>")
    return text.result(f"bitcast <{2 * count} x i64> {mixed} to <{units} x i32>")


_TOGETHER = 64, GROUP
_DRAWN = ["row", "count", "step", "place", "seed_low", "seed_high", "numbers"]
_PARAMETERS = [
    "row", "rows", "stride", "step", "layer", "seed_low", "seed_high", "threshold", "scale", "numbers", "mask",
]  # fmt: skip


@dataclass(frozen=True)
class Dropout:
    """Addresses of two functions for `memory.call`, which multiply numbers in place.

    call(draw, (row, rows, stride, step, layer, seed_low, seed_high, threshold, scale, numbers, mask))
        numbers (rows, stride) become number · scale where a unit is kept, else 0. They are the batch's rows from `row`
        on; `mask` (rows, stride / 16) of uint16 is written, one bit for each number.
    call(repeat, (count, scale, numbers, mask))
        the same for `count` numbers under a mask that was drawn: what goes backwards.

    stride and count are multiples of 16. `threshold` is `random.dropped_below(rate)`, `seed_low` and `seed_high` the
    seed's lower 32 bits and the 32 above. `scale` is the address of one number, 1 / (1 − rate).
    """

    draw: int
    repeat: int


def dropout(dtype: npt.DTypeLike) -> Dropout:
    """The functions for numbers of this precision."""
    bits = 8 * np.dtype(dtype).itemsize
    code = compiled("\n".join([_draw(bits), _repeat(bits)]))
    return Dropout(code.address("draw"), code.address("repeat"))


def _draw(bits: int) -> str:
    text = Text()
    one = Lanes(text, bits, 1, processor().fused)
    numbers, mask = text.pointer("%numbers"), text.pointer("%mask")
    scale = one.load(text.pointer("%scale"), "0")
    keys = philox_keys(text)
    purpose = text.integer("or", text.integer("shl", "%layer", "4"), str(int(Purpose.DROPOUT)))
    threshold = text.result("trunc i64 %threshold to i32")
    ends = text.ends("%stride", _TOGETHER)

    def one_row(row: str, _: list[str]) -> list[str]:
        start = text.integer("mul", row, "%stride")
        counter = text.integer("add", row, "%row")

        def some_units(together: int, unit: str) -> None:
            words = philox_words(text, together, (unit, counter, "%step", purpose), keys)
            of_words = one.alike(bits=32, count=together)
            kept = text.result(f"icmp uge {of_words.words} {words}, {of_words.every_word(threshold)}")
            place = text.integer("add", start, unit)
            drawn = text.result(f"bitcast {of_words.truths} {kept} to i{together}")
            text.write(f"store i{together} {drawn}, ptr {_bits_place(text, mask, place)}, align 2")
            _scale(one.alike(count=together), kept, scale, numbers, place)

        text.chunks(ends, _TOGETHER, some_units)
        return []

    text.loop("0", "%rows", 1, [], one_row)
    return text.function("draw", _PARAMETERS)


def _repeat(bits: int) -> str:
    text = Text()
    one = Lanes(text, bits, 1, processor().fused)
    numbers, mask = text.pointer("%numbers"), text.pointer("%mask")
    scale = one.load(text.pointer("%scale"), "0")

    def some_numbers(together: int, index: str) -> None:
        lanes = one.alike(count=together)
        drawn = text.result(f"load i{together}, ptr {_bits_place(text, mask, index)}, align 2")
        _scale(lanes, text.result(f"bitcast i{together} {drawn} to {lanes.truths}"), scale, numbers, index)

    text.chunks(text.ends("%count", _TOGETHER), _TOGETHER, some_numbers)
    return text.function("repeat", ["count", "scale", "numbers", "mask"])


def _scale(lanes: Lanes, kept: str, scale: str, numbers: str, place: str) -> None:
    product = lanes.multiply(lanes.load(numbers, place), lanes.everywhere(scale))
    lanes.store(lanes.select(kept, product, lanes.real(0.0)), numbers, place)


def _bits_place(text: Text, mask: str, index: str) -> str:
    return text.address(mask, "i8", text.integer("lshr", index, "3"))


@dataclass(frozen=True)
class Randoms:
    """Addresses of two functions for `memory.call`, of random numbers for the pixels of the batch's row `row`.

    call(uniforms, (row, count, step, place, seed_low, seed_high, numbers))
        `count` numbers between 0 and 1: ((word >> 9) + ½) / 2²³.
    call(displacements, (row, count, step, place, seed_low, seed_high, numbers))
        two fields of `count` numbers, one behind the other, between −1 and 1: (2 · half + 1) / 2¹⁶ − 1 of each word's
        lower and upper half.

    count is a multiple of 16. `place` is the augmentation's place in the recipe's list.
    """

    uniforms: int
    displacements: int


def randoms(dtype: npt.DTypeLike) -> Randoms:
    """The functions for numbers of this precision."""
    bits = 8 * np.dtype(dtype).itemsize
    code = compiled("\n".join([_drawn("uniforms", bits), _drawn("displacements", bits)]))
    return Randoms(code.address("uniforms"), code.address("displacements"))


def _drawn(name: str, bits: int) -> str:
    text = Text()
    one = Lanes(text, bits, 1, processor().fused)
    numbers = text.pointer("%numbers")
    keys = philox_keys(text)
    purpose = text.integer("or", text.integer("shl", "%place", "4"), str(int(Purpose.PIXELS)))

    def some(together: int, unit: str) -> None:
        lanes, integers = one.alike(count=together), one.alike(bits=32, count=together)
        words = philox_words(text, together, (unit, "%row", "%step", purpose), keys)

        def integer(operation: str, a: str, number: int) -> str:
            return integers.integer(operation, a, integers.word(number))

        def real(a: str) -> str:
            return text.result(f"sitofp {integers.words} {a} to {lanes.kind}")

        if name == "uniforms":
            half = lanes.add(real(integer("lshr", words, 9)), lanes.real(0.5))
            lanes.store(lanes.multiply(half, lanes.real(2.0**-23)), numbers, unit)
            return
        behind = text.integer("add", unit, "%count")
        for half, place in ((integer("and", words, 0xFFFF), unit), (integer("lshr", words, 16), behind)):
            odd = integer("add", integer("shl", half, 1), 1 - 2**16)
            lanes.store(lanes.multiply(real(odd), lanes.real(2.0**-16)), numbers, place)

    text.chunks(text.ends("%count", _TOGETHER), _TOGETHER, some)
    return text.function(name, _DRAWN)
