"""The processor that Numba compiles for, and how this engine has code compiled for it.

Loops are Numba functions (`kernel`). What must own its registers is printed as LLVM IR and assembled here
(`assemble`, `load`), for the same processor: `NUMBA_CPU_NAME` and `NUMBA_CPU_FEATURES` change both alike.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite import binding as llvm
from llvmlite.binding import ffi
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from deltarule.engines.compiled.cache import cache_folder, remembered

__all__ = ["MachineCode", "Processor", "addressed", "assemble", "inner", "kernel", "load", "processor"]

Function = TypeVar("Function", bound=Callable[..., Any])


_njit: Any = partial(numba.njit, nogil=True, error_model="numpy", no_cfunc_wrapper=True)


def inner(function: Function) -> Function:
    """Have Numba compile a function that only other compiled functions call."""
    return cast("Function", _njit(no_cpython_wrapper=True)(function))


def kernel(function: Function) -> Function:
    """Have Numba compile a function that Python calls, and keep the code in the engine's own folder."""
    folder = cache_folder()
    with _kept_in(folder):
        return cast("Function", _njit(cache=folder is not None)(function))


def addressed(arguments: int) -> Callable[[Callable[..., None]], int]:
    """Have Numba compile a function of so many words for callers that go by its address, which is what this gives.

    Whoever calls it by address does not have it compiled into themselves, once for every call.
    """

    def compiled(function: Callable[..., None]) -> int:
        folder = cache_folder()
        signature = numba.types.void(*[numba.types.intp] * arguments)
        with _kept_in(folder):
            made = cast("Any", numba).cfunc(signature, cache=folder is not None, error_model="numpy")(function)
        _ADDRESSED.append(made)
        return cast("int", made.address)

    return compiled


_ADDRESSED: list[Any] = []


@contextmanager
def _kept_in(folder: Path | None) -> Iterator[None]:
    """Numba asks where to keep code when a function is declared; other packages' functions are not to be moved."""
    settings = vars(config)
    elsewhere, settings["CACHE_DIR"] = settings["CACHE_DIR"], str(folder or "")
    try:
        yield
    finally:
        settings["CACHE_DIR"] = elsewhere


@dataclass(frozen=True)
class Processor:
    """What a register tile has to know of the processor.

    `vector_bytes`: of the widest vector register; `registers`: how many there are;
    `fused`: whether a multiplication and an addition can be rounded once, as one instruction.
    """

    name: str
    features: str
    vector_bytes: int
    registers: int
    fused: bool


# Sixteen fused multiply-adds: the instructions chosen for them show what the processor has.
_PROBE = """
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
define <16 x float> @probe(<16 x float> %a, <16 x float> %b, <16 x float> %c) {
  %d = call <16 x float> @llvm.fma.v16f32(<16 x float> %a, <16 x float> %b, <16 x float> %c)
  ret <16 x float> %d
}
"""


@functools.cache
def processor() -> Processor:
    """The processor compiled for, found by asking the compiler: names of features differ between architectures."""
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    assembly = _target_machine().emit_assembly(llvm.parse_assembly(_PROBE))
    vector_bytes = 64 if "zmm" in assembly else 32 if "ymm" in assembly else 16
    many = "zmm" in assembly or not triple.startswith(("x86", "i686", "i386"))
    # Without the instruction, each of the sixteen becomes a call of the C library's fmaf, a hundred times slower.
    return Processor(name, features, vector_bytes, 32 if many else 16, "fmaf" not in assembly)


@functools.cache
def _target_machine() -> Any:
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=name,
        features=features,
        opt=3,
        reloc="static" if triple.startswith("x86") else "default",
        codemodel="jitdefault",
        jit=True,
    )


def assemble(intermediate: str) -> bytes:
    """Turn LLVM IR into an object file's bytes, which another process on the same processor may load as well.

    Instructions are selected, scheduled and given registers; no pass rewrites the IR, so it should be written as it is
    meant.
    """
    target = " ".join(cpu_target.target_context.codegen().magic_tuple())
    return remembered(f"{target}\n{intermediate}", lambda: _assembled(intermediate))


def _assembled(intermediate: str) -> bytes:
    module = llvm.parse_assembly(intermediate)
    module.verify()
    return cast("bytes", _target_machine().emit_object(module))


class MachineCode:
    """Functions in memory, for as long as this object lives."""

    def __init__(self, object_file: bytes) -> None:
        # The engine takes its target machine with it, so it gets one of its own.
        machine = llvm.Target.from_default_triple().create_target_machine(jit=True, codemodel="jitdefault")
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(object_file))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Where the function `name` begins, or 0 if there is none."""
        return cast("int", self._engine.get_function_address(name))


def load(object_file: bytes) -> MachineCode:
    """Bring what `assemble` made into memory."""
    return MachineCode(object_file)


# A process is not forked while another thread compiles: the child would wait for locks that nobody releases.
_COMPILERS: list[Any] = [global_compiler_lock, ffi.lib._lock]


def _acquire() -> None:
    for lock in _COMPILERS:
        lock.__enter__()


def _release() -> None:
    for lock in reversed(_COMPILERS):
        lock.__exit__(None, None, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_acquire, after_in_parent=_release, after_in_child=_release)
