"""Writes LLVM IR on vectors of numbers. One wider than the processor's is kept by LLVM in several registers.

So one printed operation works on as many registers as are wanted in flight, and no bit depends on how wide they are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

__all__ = ["Lanes", "Text"]

Carried = Sequence[tuple[str, str]]
Round = Callable[[str, list[str]], list[str]]


@dataclass
class Text:
    """The instructions of one function, and the names they have used."""

    lines: list[str] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    functions: dict[str, str] = field(default_factory=dict)
    names: int = 0
    block: str = "entry"

    def fresh(self, prefix: str = "v") -> str:
        """A name that was not used before."""
        self.names += 1
        return f"%{prefix}{self.names}"

    def result(self, instruction: str) -> str:
        """Write an instruction; the name of its result."""
        name = self.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def write(self, instruction: str) -> None:
        """Write an instruction that has no result."""
        self.lines.append(f"  {instruction}")

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")
        self.block = name

    def branch(self, condition: str, yes: str, no: str) -> None:
        """End the block by a choice between two."""
        self.write(f"br i1 {condition}, label %{yes}, label %{no}")

    def jump(self, to: str) -> None:
        """End the block by going on at another."""
        self.write(f"br label %{to}")

    def loop(self, start: str, stop: str, step: int, carried: Carried, body: Round) -> list[str]:
        """Repeat `body` for the words from `start` to below `stop`.

        `carried` are the type and the first value of what one round hands to the next. `body(index, values)` writes one
        round and gives the new values; the last are returned.
        """
        head, inside, after = (self.fresh(name)[1:] for name in ("head", "inside", "after"))
        before = self.block
        self.jump(head)
        self.label(head)
        place = len(self.lines)
        index, *values = (self.fresh() for _ in range(1 + len(carried)))
        self.branch(self.result(f"icmp slt i64 {index}, {stop}"), inside, after)
        self.label(inside)
        renewed = body(index, values)
        following = self.integer("add", index, str(step))
        words = [("i64", start), *carried]
        self.lines[place:place] = [
            f"  {name} = phi {kind} [ {first}, %{before} ], [ {again}, %{self.block} ]"
            for name, (kind, first), again in zip((index, *values), words, (following, *renewed), strict=True)
        ]
        self.jump(head)
        self.label(after)
        return values

    def ends(self, stop: str, sizes: Sequence[int]) -> list[str]:
        """Where the chunks of each size end for `chunks`; written before any outer loop."""
        whole = [self.integer("and", stop, str(-size)) for size in (sizes[:-1] or sizes)]
        return whole if len(whole) == len(sizes) else [*whole, stop]

    def chunks(
        self,
        ends: Sequence[str],
        sizes: Sequence[int],
        body: Callable[[int, str], None],
        prepare: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Go through the words from 0 on, in chunks of each size up to where these end.

        `body(size, index)` writes one chunk, `prepare(size)` what is done once before those of a size. Sizes are powers
        of 2 that become smaller; the last of several divides the number of words.
        """
        start = "0"
        for size, end in zip(sizes, ends, strict=True):
            prepare(size)

            def one(index: str, _: list[str], size: int = size) -> list[str]:
                body(size, index)
                return []

            self.loop(start, end, size, [], one)
            start = end

    def repeat(self, count: str, carried: Carried, body: Callable[[list[str]], list[str]]) -> list[str]:
        """Repeat `body` `count` times, at least once; values are handed on and returned as in `loop`.

        The test is at the end of a round, which is one jump less where no pass of LLVM rewrites loops.
        """
        inside, after = (self.fresh(name)[1:] for name in ("round", "after"))
        before = self.block
        self.jump(inside)
        self.label(inside)
        place = len(self.lines)
        left, *values = (self.fresh() for _ in range(1 + len(carried)))
        renewed = body(values)
        remaining = self.integer("sub", left, "1")
        numbers = [("i64", count), *carried]
        self.lines[place:place] = [
            f"  {name} = phi {kind} [ {first}, %{before} ], [ {again}, %{self.block} ]"
            for name, (kind, first), again in zip((left, *values), numbers, (remaining, *renewed), strict=True)
        ]
        self.branch(self.result(f"icmp sgt i64 {remaining}, 0"), inside, after)
        self.label(after)
        return renewed

    def function(self, name: str, parameters: Sequence[str]) -> str:
        """All that was written, as a function of words that gives nothing back."""
        self.write("ret void")
        words = ", ".join(f"i64 %{parameter}" for parameter in parameters)
        return "\n".join([f"define void @{name}({words}) {{", "entry:", *self.lines, "}", ""])

    def address(self, base: str, kind: str, index: str) -> str:
        """Where number `index` of the `kind`s from `base` on lies."""
        return self.result(f"getelementptr {kind}, ptr {base}, i64 {index}")

    def pointer(self, address: str) -> str:
        """An address, given as an integer, as a pointer."""
        return self.result(f"inttoptr i64 {address} to ptr")

    def prefetch(self, pointer: str, *, written: bool = False) -> None:
        """Fetch a cache line, which need not be mapped, into the first cache, to be read or `written`."""
        self.declared.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.write(f"call void @llvm.prefetch.p0(ptr {pointer}, i32 {int(written)}, i32 3, i32 1)")

    def integer(self, operation: str, a: str, b: str) -> str:
        """An operation on two words."""
        return self.result(f"{operation} i64 {a}, {b}")


@dataclass(frozen=True)
class Lanes:
    """Operations on `count` numbers of `bits` bits at once, written into `text`; plain numbers where `count` is 1.

    Values are LLVM's names or constants. `fused` says whether the processor multiplies and adds with one rounding:
    where it does not, LLVM would call a library for each lane.
    """

    text: Text
    bits: int
    count: int
    fused: bool

    @property
    def number(self) -> str:
        """The type of one lane."""
        return "float" if self.bits == 32 else "double"

    @property
    def kind(self) -> str:
        """The type of all lanes together."""
        return self._of(self.number)

    @property
    def words(self) -> str:
        """The type of integers as many and as wide."""
        return self._of(f"i{self.bits}")

    @property
    def truths(self) -> str:
        """The type of comparisons' results."""
        return self._of("i1")

    def _of(self, lane: str) -> str:
        return lane if self.count == 1 else f"<{self.count} x {lane}>"

    def alike(self, **changes: int) -> Lanes:
        """Lanes of another width or number, written into the same text."""
        return Lanes(self.text, changes.get("bits", self.bits), changes.get("count", self.count), self.fused)

    # Constants

    def real(self, value: float) -> str:
        """A number, rounded to this precision, in every lane."""
        if self.bits == 32:
            value = _single(value)
        # LLVM writes numbers of 32 bits, too, by the 64 bits of the equal double.
        return self._everywhere(self.number, f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}")

    def word(self, value: int) -> str:
        """An integer in every lane."""
        return self._everywhere(f"i{self.bits}", str(value))

    def truth(self, value: str) -> str:
        """A truth, "true" or "false", in every lane."""
        return self._everywhere("i1", value)

    def _everywhere(self, lane: str, value: str) -> str:
        if self.count == 1:
            return value
        return f"splat ({lane} {value})"

    # Arithmetic

    def _binary(self, operation: str, a: str, b: str) -> str:
        return self.text.result(f"{operation} {self.kind} {a}, {b}")

    def add(self, a: str, b: str) -> str:
        """The sum."""
        return self._binary("fadd", a, b)

    def subtract(self, a: str, b: str) -> str:
        """The difference."""
        return self._binary("fsub", a, b)

    def multiply(self, a: str, b: str) -> str:
        """The product."""
        return self._binary("fmul", a, b)

    def divide(self, a: str, b: str) -> str:
        """The quotient, rounded as IEEE 754 says."""
        return self._binary("fdiv", a, b)

    def negative(self, a: str) -> str:
        """The number with the other sign."""
        return self.text.result(f"fneg {self.kind} {a}")

    def intrinsic(self, name: str, *arguments: str) -> str:
        """LLVM's own function `name`, which must be instructions on every processor and not a library's function."""
        vector = f"v{self.count}" if self.count > 1 else ""
        function = f"@llvm.{name}.{vector}f{self.bits}"
        kinds = ", ".join([self.kind] * len(arguments))
        self.text.declared.add(f"declare {self.kind} {function}({kinds})")
        values = ", ".join(f"{self.kind} {argument}" for argument in arguments)
        return self.text.result(f"call {self.kind} {function}({values})")

    def absolute(self, a: str) -> str:
        """The number without its sign."""
        return self.intrinsic("fabs", a)

    def sqrt(self, a: str) -> str:
        """The root, rounded as IEEE 754 says."""
        return self.intrinsic("sqrt", a)

    def copysign(self, size: str, sign: str) -> str:
        """|size| with the sign of `sign`."""
        return self.intrinsic("copysign", size, sign)

    def fma(self, a: str, b: str, c: str) -> str:
        """The value a b + c, rounded once where the processor can, else twice."""
        return self.intrinsic("fma", a, b, c) if self.fused else self.add(self.multiply(a, b), c)

    def polynomial(self, x: str, coefficients: Sequence[float]) -> str:
        """Σ coefficients[i] xⁱ, by Horner's rule."""
        *rest, value = map(self.real, coefficients)
        for coefficient in reversed(rest):
            value = self.fma(value, x, coefficient)
        return value

    # Comparison and choice

    def compare(self, predicate: str, a: str, b: str) -> str:
        """A comparison by LLVM's name: "olt" is false, "ult" true where one is not a number."""
        return self.text.result(f"fcmp {predicate} {self.kind} {a}, {b}")

    def select(self, condition: str, a: str, b: str) -> str:
        """`a` where the condition holds, else `b`."""
        return self.text.result(f"select {self.truths} {condition}, {self.kind} {a}, {self.kind} {b}")

    def logic(self, operation: str, a: str, b: str) -> str:
        """Two comparisons' results joined by "and", "or" or "xor"."""
        return self.text.result(f"{operation} {self.truths} {a}, {b}")

    def at_most(self, a: str, b: str) -> str:
        """The smaller of `a` and `b`, where `b` is a number; what is not a number stays so."""
        return self.select(self.compare("ogt", a, b), b, a)

    def at_least(self, a: str, b: str) -> str:
        """The larger of `a` and `b`, where `b` is a number; what is not a number stays so."""
        return self.select(self.compare("olt", a, b), b, a)

    def maximum(self, a: str, b: str) -> str:
        """The larger; not a number where either is not."""
        return self.select(self.compare("uno", a, a), a, self.select(self.compare("oge", a, b), a, b))

    def minimum(self, a: str, b: str) -> str:
        """The smaller; not a number where either is not."""
        return self.select(self.compare("uno", a, a), a, self.select(self.compare("ole", a, b), a, b))

    # Bits

    def to_bits(self, a: str) -> str:
        """The numbers' bits, as integers."""
        return self.text.result(f"bitcast {self.kind} {a} to {self.words}")

    def from_bits(self, a: str) -> str:
        """The numbers that have these bits."""
        return self.text.result(f"bitcast {self.words} {a} to {self.kind}")

    def integer(self, operation: str, a: str, b: str) -> str:
        """An operation on integers: "add", "and", "shl", "ashr", …"""
        return self.text.result(f"{operation} {self.words} {a}, {b}")

    # Memory and other lanes

    def load(self, base: str, index: str) -> str:
        """The numbers from `base[index]` on, which need not be aligned to a vector."""
        place = self.text.address(base, self.number, index)
        return self.text.result(f"load {self.kind}, ptr {place}, align {self.bits // 8}")

    def store(self, value: str, base: str, index: str) -> None:
        """Put the numbers at `base[index]` and after."""
        place = self.text.address(base, self.number, index)
        self.text.write(f"store {self.kind} {value}, ptr {place}, align {self.bits // 8}")

    def load_at(self, address: str) -> str:
        """The numbers at an address."""
        return self.text.result(f"load {self.kind}, ptr {self.text.pointer(address)}, align {self.bits // 8}")

    def store_at(self, value: str, address: str) -> None:
        """Put the numbers at an address."""
        self.text.write(f"store {self.kind} {value}, ptr {self.text.pointer(address)}, align {self.bits // 8}")

    def shuffle(self, low: str, high: str, lanes: Sequence[int]) -> str:
        """Chosen lanes of two vectors, those of `high` being numbered after those of `low`."""
        mask = ", ".join(f"i32 {lane}" for lane in lanes)
        return self.text.result(f"shufflevector {self.kind} {low}, {self.kind} {high}, <{len(lanes)} x i32> <{mask}>")

    def everywhere(self, number: str) -> str:
        """One number, in every lane."""
        return number if self.count == 1 else self._broadcast(self.number, self.kind, number)

    def every_word(self, word: str) -> str:
        """One integer of as many bits, in every lane."""
        return self._broadcast(f"i{self.bits}", self.words, word)

    def lanes(self) -> str:
        """The integers 0, 1, 2, …, one for each lane."""
        return "<" + ", ".join(f"i{self.bits} {lane}" for lane in range(self.count)) + ">"

    def _broadcast(self, lane: str, kind: str, value: str) -> str:
        first = self.text.result(f"insertelement {kind} undef, {lane} {value}, i32 0")
        mask = f"<{self.count} x i32> zeroinitializer"
        return self.text.result(f"shufflevector {kind} {first}, {kind} undef, {mask}")

    def slice(self, value: str, start: int, count: int) -> str:
        """The lanes from `start` on, `count` of them, as a vector of `alike(count=count)`."""
        return self.shuffle(value, "undef", range(start, start + count))

    def widened(self, value: str) -> str:
        """Numbers of 32 bits as numbers of 64."""
        return self.text.result(f"fpext {self.kind} {value} to {self.alike(bits=64).kind}")

    def narrowed(self, value: str) -> str:
        """Numbers of 64 bits, rounded to 32."""
        return self.text.result(f"fptrunc {self.kind} {value} to {self.alike(bits=32).kind}")


def _single(value: float) -> float:
    """The nearest number of 32 bits; an infinity beyond the largest."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
