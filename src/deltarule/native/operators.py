"""What operators and built-in functions of the compiled part of Python become: see `compiler`."""

from __future__ import annotations

import ast
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

import numpy as np
from llvmlite import binding

from deltarule.native import memory
from deltarule.native.ir import Text
from deltarule.native.structs import is_struct

__all__ = [
    "INT",
    "VOID",
    "Kind",
    "Value",
    "arithmetic",
    "comparison",
    "converted",
    "instruction",
    "kind_of",
    "llvm",
    "negative",
]

INT, UINT, FLOAT, SINGLE, INT32, BOOL, VOID = "i64", "u64", "double", "float", "i32", "i1", "void"
Kind = Any
"""One of the names above, a class of structs, which are given by their addresses, or a tuple of kinds."""

_KINDS: dict[Any, Kind] = {
    int: INT, float: FLOAT, bool: BOOL, None: VOID, np.uint64: UINT, np.int64: INT, np.int32: INT32,
    np.float32: SINGLE, np.float64: FLOAT,
}  # fmt: skip
_REAL = (FLOAT, SINGLE)


def kind_of(annotation: Any) -> Kind:
    """The kind of a parameter."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    annotation = getattr(annotation, "__supertype__", annotation)
    return annotation if is_struct(annotation) else _KINDS[annotation]


def llvm(kind: Kind) -> str:
    """The LLVM type of a kind."""
    if isinstance(kind, tuple):
        return "{ " + ", ".join(map(llvm, kind)) + " }"
    return INT if kind == UINT or is_struct(kind) else str(kind)


@dataclass(frozen=True)
class Value:
    """A value: an LLVM name or constant, or for a tuple its parts. A type, as an argument, has no text.

    terms : of a sum of two integers, which may be an address and an offset.
    """

    kind: Kind
    text: str
    parts: tuple[Value, ...] = ()
    terms: tuple[str, str] | None = None

    @classmethod
    def tuple(cls, parts: Sequence[Value]) -> Value:
        """Several values together."""
        return cls(tuple(part.kind for part in parts), "", tuple(parts))

    @classmethod
    def constant(cls, known: Any) -> Value:
        """A number that is known, or a class of structs."""
        if is_struct(known):
            return cls(known, "")
        if isinstance(known, tuple):
            return cls.tuple([cls.constant(each) for each in known])
        if isinstance(known, bool | np.bool_):
            return cls(BOOL, str(bool(known)).lower())
        if isinstance(known, float | np.floating):
            kind = SINGLE if isinstance(known, np.float32) else FLOAT
            return cls(kind, f"0x{struct.unpack('<Q', struct.pack('<d', float(known)))[0]:016X}")
        if isinstance(known, int | np.integer):
            kind = UINT if isinstance(known, np.uint64) else INT32 if isinstance(known, np.int32) else INT
            return cls(kind, str(int(known)))
        raise TypeError(f"cannot compile the constant {known!r}")

    def packed(self, text: Text) -> str:
        """One LLVM value, also of a tuple."""
        if not isinstance(self.kind, tuple):
            return self.text
        made = "undef"
        for place, part in enumerate(self.parts):
            given = f"{llvm(part.kind)} {part.packed(text)}"
            made = text.result(f"insertvalue {llvm(self.kind)} {made}, {given}, {place}")
        return made

    def unpacked(self, text: Text) -> Value:
        """A tuple that a function returned, in its parts."""
        if not isinstance(self.kind, tuple):
            return self
        parts = [
            Value(kind, text.result(f"extractvalue {llvm(self.kind)} {self.text}, {place}"))
            for place, kind in enumerate(self.kind)
        ]
        return Value.tuple(parts)


def converted(text: Text, value: Value, kind: Kind) -> Value:
    """A number as one of another kind, as Python's and NumPy's types convert it."""
    if value.kind == kind or llvm(value.kind) == llvm(kind):
        return Value(kind, value.text)
    given, made = f"{llvm(value.kind)} {value.text}", llvm(kind)
    if kind == BOOL:
        zero = "fcmp une" if value.kind in _REAL else "icmp ne"
        return Value(kind, text.result(f"{zero} {given}, {'0.0' if value.kind in _REAL else '0'}"))
    if kind in _REAL and value.kind in _REAL:
        return Value(kind, text.result(f"{'fpext' if kind == FLOAT else 'fptrunc'} {given} to {made}"))
    if kind in _REAL:
        return Value(kind, text.result(f"{'uitofp' if value.kind in (UINT, BOOL) else 'sitofp'} {given} to {made}"))
    if value.kind in _REAL:
        return Value(kind, text.result(f"fptosi {given} to {made}"))
    if value.kind == BOOL:
        return Value(kind, text.result(f"zext {given} to {made}"))
    return Value(kind, text.result(f"{'sext' if value.kind == INT32 else 'trunc'} {given} to {made}"))


def _common(text: Text, left: Value, right: Value) -> tuple[Value, Value]:
    """Two numbers of one kind: the wider of both."""
    order = (BOOL, INT32, INT, UINT, SINGLE, FLOAT)
    kinds = [INT if is_struct(value.kind) else value.kind for value in (left, right)]
    kind = max(kinds, key=order.index)
    if kind == BOOL:
        kind = INT
    return converted(text, left, kind), converted(text, right, kind)


_INTEGER = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor",
            ast.LShift: "shl"}  # fmt: skip
_NUMBER = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}


def arithmetic(text: Text, operator: ast.operator, left: Value, right: Value) -> Value | None:
    """An operator on two numbers; None where it has no meaning here."""
    if isinstance(operator, ast.Div) and left.kind not in _REAL and right.kind not in _REAL:
        left = converted(text, left, FLOAT)
    left, right = _common(text, left, right)
    kind, operands = left.kind, f"{llvm(left.kind)} {left.text}, {right.text}"
    if kind in _REAL:
        name = _NUMBER.get(type(operator))
    elif isinstance(operator, ast.FloorDiv | ast.Mod):
        return _floored(text, operator, left, right)
    elif isinstance(operator, ast.RShift):
        name = "lshr" if kind == UINT else "ashr"
    else:
        name = _INTEGER.get(type(operator))
    terms = (left.text, right.text) if name == "add" and kind == INT else None
    return None if name is None else Value(kind, text.result(f"{name} {operands}"), terms=terms)


def _floored(text: Text, operator: ast.operator, left: Value, right: Value) -> Value:
    """Division towards minus infinity, and its remainder, which has the divisor's sign."""
    operands = f"i64 {left.text}, {right.text}"
    quotient, remainder = (text.result(f"{name} {operands}") for name in ("sdiv", "srem"))
    signs = text.result(f"xor i64 {remainder}, {right.text}")
    left_over = text.result(f"icmp ne i64 {remainder}, 0")
    off = text.result(f"and i1 {left_over}, {text.result(f'icmp slt i64 {signs}, 0')}")
    if isinstance(operator, ast.Mod):
        return Value(INT, text.integer("add", remainder, text.result(f"select i1 {off}, i64 {right.text}, i64 0")))
    return Value(INT, text.integer("sub", quotient, text.result(f"zext i1 {off} to i64")))


_COMPARISONS = {ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne"}


def comparison(text: Text, operator: ast.cmpop, left: Value, right: Value) -> Value:
    """Whether a comparison of two numbers holds."""
    left, right = _common(text, left, right)
    name = _COMPARISONS[type(operator)]
    if left.kind in _REAL:
        how = f"fcmp {'une' if name == 'ne' else f'o{name}'}"
    else:
        sign = "" if name in ("eq", "ne") else "u" if left.kind == UINT else "s"
        how = f"icmp {sign}{name}"
    return Value(BOOL, text.result(f"{how} {llvm(left.kind)} {left.text}, {right.text}"))


def negative(text: Text, value: Value) -> Value:
    """−x."""
    if value.kind in _REAL:
        return Value(value.kind, text.result(f"fneg {value.kind} {value.text}"))
    known = value.text.lstrip("-").isdigit()
    return Value(value.kind, str(-int(value.text)) if known else text.integer("sub", "0", value.text))


# Functions

Emitter = Callable[[Text, Sequence[Value]], Value]


def _extremum(less: str) -> Emitter:
    def emit(text: Text, values: Sequence[Value]) -> Value:
        best = values[0]
        for value in values[1:]:
            best, value = _common(text, best, value)
            how = f"fcmp o{less}" if best.kind in _REAL else f"icmp s{less}"
            chosen = text.result(f"{how} {best.kind} {value.text}, {best.text}")
            best = Value(
                best.kind, text.result(f"select i1 {chosen}, {best.kind} {value.text}, {best.kind} {best.text}")
            )
        return best

    return emit


def _conversion(kind: Kind) -> Emitter:
    return lambda text, values: converted(text, values[0], kind)


def _pointer(text: Text, address: Value) -> str:
    """An address as a pointer: LLVM vectorizes loops over a pointer and an offset, not over integers."""
    if address.terms is None:
        return text.pointer(address.text)
    base, offset = address.terms
    return text.address(text.pointer(base), "i8", offset)


def _load(kind: Kind) -> Emitter:
    def emit(text: Text, values: Sequence[Value]) -> Value:
        return Value(kind, text.result(f"load {kind}, ptr {_pointer(text, values[0])}"))

    return emit


def _store(text: Text, values: Sequence[Value]) -> Value:
    place = _pointer(text, values[0])
    text.write(f"store {llvm(values[1].kind)} {values[1].text}, ptr {place}")
    return Value(VOID, "")


def _call(result: Kind) -> Emitter:
    def emit(text: Text, values: Sequence[Value]) -> Value:
        function, *arguments = values
        words = ", ".join(f"i64 {converted(text, each, INT).text}" for each in arguments)
        called = f"call {result} {text.pointer(function.text)}({words})"
        if result == VOID:
            text.write(called)
            return Value(VOID, "")
        return converted(text, Value(result, text.result(called)), INT)

    return emit


def _prefetch(text: Text, values: Sequence[Value]) -> Value:
    text.declared.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
    # To be read (0), into the second cache (2), data (1).
    text.write(f"call void @llvm.prefetch.p0(ptr {text.pointer(values[0].text)}, i32 0, i32 2, i32 1)")
    return Value(VOID, "")


def _add_atomically(text: Text, values: Sequence[Value]) -> Value:
    place = text.pointer(values[0].text)
    return Value(INT, text.result(f"atomicrmw add ptr {place}, i64 {values[1].text} acq_rel"))


def _load_atomically(text: Text, values: Sequence[Value]) -> Value:
    return Value(INT, text.result(f"load atomic i64, ptr {text.pointer(values[0].text)} acquire, align 8"))


def _store_atomically(text: Text, values: Sequence[Value]) -> Value:
    place = text.pointer(values[0].text)
    text.write(f"store atomic i64 {values[1].text}, ptr {place} release, align 8")
    return Value(VOID, "")


_TRIPLE = binding.get_default_triple()
_X86, _ARM = _TRIPLE.startswith(("x86_64", "i686", "i386")), _TRIPLE.startswith(("aarch64", "arm64"))


def _pause(text: Text, _values: Sequence[Value]) -> Value:
    if _X86:
        text.declared.add("declare void @llvm.x86.sse2.pause()")
        text.write("call void @llvm.x86.sse2.pause()")
    elif _ARM:
        text.declared.add("declare void @llvm.aarch64.hint(i32)")
        text.write("call void @llvm.aarch64.hint(i32 1)")
    return Value(VOID, "")


def _change_float_mode(text: Text, *, flush: bool) -> Value:
    """Flush subnormal numbers to 0 from here on, or calculate with them; the mode before. 0 on other processors.

    x86: MXCSR's bits FTZ (results) and DAZ (operands). ARM: FPCR's bit FZ (both).
    """
    if _X86:
        text.declared.add("declare void @llvm.x86.sse.stmxcsr(ptr)")
        place = text.result("alloca i32")
        text.write(f"call void @llvm.x86.sse.stmxcsr(ptr {place})")
        before, bits = text.result(f"zext i32 {text.result(f'load i32, ptr {place}')} to i64"), 1 << 15 | 1 << 6
    elif _ARM:
        text.declared.add("declare i64 @llvm.aarch64.get.fpcr()")
        before, bits = text.result("call i64 @llvm.aarch64.get.fpcr()"), 1 << 24
    else:
        return Value(INT, "0")
    mode = text.integer("or", before, str(bits)) if flush else text.integer("and", before, str(~bits))
    _restore_float_mode(text, [Value(INT, mode)])
    return Value(INT, before)


def _restore_float_mode(text: Text, values: Sequence[Value]) -> Value:
    mode = values[0].text
    if _X86:
        text.declared.add("declare void @llvm.x86.sse.ldmxcsr(ptr)")
        place = text.result("alloca i32")
        text.write(f"store i32 {text.result(f'trunc i64 {mode} to i32')}, ptr {place}")
        text.write(f"call void @llvm.x86.sse.ldmxcsr(ptr {place})")
    elif _ARM:
        text.declared.add("declare void @llvm.aarch64.set.fpcr(i64)")
        text.write(f"call void @llvm.aarch64.set.fpcr(i64 {mode})")
    return Value(VOID, "")


def _square_root(text: Text, values: Sequence[Value]) -> Value:
    text.declared.add("declare double @llvm.sqrt.f64(double)")
    return Value(FLOAT, text.result(f"call double @llvm.sqrt.f64(double {converted(text, values[0], FLOAT).text})"))


_INSTRUCTIONS: dict[Any, Emitter] = {
    **{kind: _conversion(made) for kind, made in _KINDS.items() if kind},
    min: _extremum("lt"),
    max: _extremum("gt"),
    memory.load_int64: _load(INT),
    memory.load_int32: _load(INT32),
    memory.load_float64: _load(FLOAT),
    memory.load_float32: _load(SINGLE),
    memory.store: _store,
    memory.struct_at: lambda _, values: Value(values[0].kind, values[1].text),
    memory.address_of: lambda _, values: Value(INT, values[0].text),
    memory.call: _call(VOID),
    memory.call_int32: _call(INT32),
    memory.call_int64: _call(INT),
    memory.prefetch: _prefetch,
    memory.add_atomically: _add_atomically,
    memory.load_atomically: _load_atomically,
    memory.store_atomically: _store_atomically,
    memory.pause: _pause,
    memory.flush_subnormals: lambda text, _: _change_float_mode(text, flush=True),
    memory.keep_subnormals: lambda text, _: _change_float_mode(text, flush=False),
    memory.restore_float_mode: _restore_float_mode,
    memory.square_root: _square_root,
}


def instruction(text: Text, function: Any, values: Sequence[Value]) -> Value | None:
    """A call of a function that is an instruction or two; None for any other."""
    emitter = _INSTRUCTIONS.get(function)
    return None if emitter is None else emitter(text, values)
