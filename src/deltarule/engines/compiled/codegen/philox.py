"""Philox-4x32-10 on vectors of counters, printed as LLVM IR: the same words as `formulas.random.words` draws.

Each counter gives four words, for four units in a row. A product of 32 by 32 bits fills a lane of 64, so the words of
the state are kept in such lanes, with whatever is above their 32 bits ignored until they are used.
"""

from __future__ import annotations

from deltarule.formulas.random import KEY_STEPS, MULTIPLIERS, ROUNDS
from deltarule.native.ir import Text

__all__ = ["philox_keys", "philox_words"]

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
