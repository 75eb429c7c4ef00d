"""Memory by address, for Numba functions: load and store, call, prefetch, count atomically, meet at a barrier.

An address is an `intp`, as of `array.ctypes.data`; nothing is checked.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from deltarule.engines.compiled.processor import kernel

__all__ = [
    "add_atomically",
    "barrier",
    "barrier_block",
    "call",
    "load",
    "load_atomically",
    "pause",
    "prefetch",
    "store",
    "store_atomically",
]

Codegen = Callable[[Any, Any, Any, Any], Any]
_WORD = ir.IntType(64)


def _primitive(function: Callable[..., tuple[Any, Codegen]]) -> Callable[..., Any]:
    """Make a Numba intrinsic of what tells, from the arguments' types, the signature and how to print it as LLVM IR."""
    made: Callable[..., Any] = intrinsic(function)
    return made


def _pointer(builder: Any, address: Any, to: Any) -> Any:
    return builder.inttoptr(address, to.as_pointer())


@_primitive
def load(_context: Any, _address: Any, like: Any) -> tuple[Any, Codegen]:
    """The number at an address, of the type of `like`."""

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = context.get_data_type(like)
        return builder.load(_pointer(builder, arguments[0], kind))

    return like(types.intp, like), codegen


@_primitive
def store(_context: Any, _address: Any, value: Any) -> tuple[Any, Codegen]:
    """Put `value` at an address."""

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store(arguments[1], _pointer(builder, arguments[0], arguments[1].type))
        return context.get_dummy_value()

    return types.void(types.intp, value), codegen


@_primitive
def call(_context: Any, _function: Any, arguments: Any) -> tuple[Any, Codegen]:
    """Call the function at an address with a tuple of words; it returns nothing."""

    def codegen(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        words = [builder.extract_value(values[1], index) for index in range(len(arguments))]
        kind = ir.FunctionType(ir.VoidType(), [_WORD] * len(words))
        builder.call(_pointer(builder, values[0], kind), words)
        return context.get_dummy_value()

    return types.void(types.intp, arguments), codegen


@_primitive
def prefetch(_context: Any, _address: Any) -> tuple[Any, Codegen]:
    """Ask for the cache line at an address, which need not be mapped."""

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        byte, integer = ir.IntType(8).as_pointer(), ir.IntType(32)
        name = f"llvm.prefetch.{byte.intrinsic_name}"
        function = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, integer, integer, integer]), name
        )
        # To be read (0), into the second cache (2), data (1).
        builder.call(function, [builder.inttoptr(arguments[0], byte), integer(0), integer(2), integer(1)])
        return context.get_dummy_value()

    return types.void(types.intp), codegen


@_primitive
def add_atomically(_context: Any, _address: Any, _number: Any) -> tuple[Any, Codegen]:
    """Add a number to the word at an address; the word as it was before."""

    def codegen(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.atomic_rmw("add", _pointer(builder, arguments[0], _WORD), arguments[1], "acq_rel")

    return types.intp(types.intp, types.intp), codegen


@_primitive
def load_atomically(_context: Any, _address: Any) -> tuple[Any, Codegen]:
    """The word at an address; what its writer had written before it is seen too."""

    def codegen(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_pointer(builder, arguments[0], _WORD), "acquire", _WORD.width // 8)

    return types.intp(types.intp), codegen


@_primitive
def store_atomically(_context: Any, _address: Any, _number: Any) -> tuple[Any, Codegen]:
    """Put a word at an address, after all that was written before."""

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[1], _pointer(builder, arguments[0], _WORD), "release", _WORD.width // 8)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), codegen


@_primitive
def pause(_context: Any) -> tuple[Any, Codegen]:
    """Tell the processor that this thread is spinning."""

    def codegen(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        name, integers = _spin_hint(builder.module.triple)
        if name:
            kind = ir.FunctionType(ir.VoidType(), [number.type for number in integers])
            builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), integers)
        return context.get_dummy_value()

    return types.void(), codegen


def _spin_hint(triple: str) -> tuple[str, list[Any]]:
    """LLVM's name, and the arguments, of the instruction that says a loop is waiting; no name where none is known."""
    if triple.startswith(("x86_64", "i686", "i386")):
        return "llvm.x86.sse2.pause", []
    if triple.startswith(("aarch64", "arm64")):
        return "llvm.aarch64.hint", [ir.IntType(32)(1)]
    return "", []


# A barrier's block of words. The two that threads write lie in cache lines of their own.
_ARRIVED, _ROUND, _GIVE_WAY, _BLOCK = 0, 16 * 8, 32 * 8, 48
_SPINS = 4096  # some 50 µs: longer than a layer of a small network takes, shorter than a time slice


def barrier_block() -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The memory of one barrier, for `barrier(block.ctypes.data, threads)`; keep it while threads use it."""
    block = np.zeros(_BLOCK, np.intp)
    if sys.platform == "win32":
        function = ctypes.windll.kernel32.SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    block[_GIVE_WAY // 8] = ctypes.cast(function, ctypes.c_void_p).value or 0
    return block


@kernel
def barrier(block: int, threads: int) -> None:
    """Wait until `threads` threads have called this; what any of them wrote before, all see after.

    A waiting thread spins a bounded number of times and then, at each further look, offers its core to others,
    so threads may outnumber cores.
    """
    if threads <= 1:
        return
    current = load_atomically(block + _ROUND)
    if add_atomically(block + _ARRIVED, 1) == threads - 1:
        store_atomically(block + _ARRIVED, 0)
        store_atomically(block + _ROUND, current + 1)
        return
    spins = 0
    while load_atomically(block + _ROUND) == current:
        if spins < _SPINS:
            spins += 1
            pause()
        else:
            call(load(block + _GIVE_WAY, 0), ())
