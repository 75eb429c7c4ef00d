"""Dropout's masks, drawn and multiplied in: the same as `formulas.random.kept` says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.kernels import compiled
from deltarule.engines.compiled.codegen.philox import philox_keys, philox_words
from deltarule.formulas.random import Purpose
from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import MachineCode, processor
from deltarule.native.products import GROUP

__all__ = ["Dropout", "dropout"]

_TOGETHER = 64
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
