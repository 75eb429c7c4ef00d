"""The processor that Numba compiles for, and how this engine has code compiled for it.

Loops are Numba functions (`kernel`). What must own its registers is printed as LLVM IR and assembled here
(`assemble`, `load`), for the same processor: `NUMBA_CPU_NAME` and `NUMBA_CPU_FEATURES` change both alike.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from llvmlite import binding as llvm
from numba import types
from numba.core.caching import NullCache
from numba.core.ccallback import CFunc
from numba.core.compiler import CompileResult
from numba.core.registry import CPUDispatcher, cpu_target
from numba.core.serialize import dumps

from deltarule.engines.compiled.cache import load_code, store_code

__all__ = ["MachineCode", "Processor", "addressed", "assemble", "inner", "kernel", "load", "processor"]

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS = {"nopython": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "boundscheck": None}
_rebuild: Any = CompileResult._rebuild
_dumps: Any = dumps


class _VerifiedCache(NullCache):
    """Numba's compiled functions in the engine's own cache, in place of Numba's, which unpickles whatever it finds."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__}.{function.__qualname__}"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the function compiled for a signature, or None if it has to be compiled."""
        target_context.refresh()
        code = load_code(self._key(sig, target_context.codegen()))
        # The hash of these bytes has been checked: they are what `save_overload` pickled.
        return None if code is None else _rebuild(target_context, *pickle.loads(code))  # noqa: S301

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store a compiled function, unless this process's addresses are compiled into it."""
        if not data.library.has_dynamic_globals:
            store_code(self._key(sig, data.codegen), _dumps(data._reduce()))

    def _key(self, signature: Any, codegen: Any) -> str:
        return f"{self._name}\n{signature}\n{codegen.magic_tuple()}"


def _compiled(function: Callable[..., Any], **options: bool) -> Any:
    """Have Numba compile a function even where `NUMBA_DISABLE_JIT` is set, which is meant for the user's functions.

    Numba's decorators would leave it as it is, and a function that works on addresses cannot be interpreted.
    """
    return CPUDispatcher(function, targetoptions={**_OPTIONS, **options})


def inner(function: Function) -> Function:
    """Have Numba compile a function that only other compiled functions call."""
    return cast("Function", _compiled(function, no_cpython_wrapper=True))


def kernel(function: Function) -> Function:
    """Have Numba compile a function that Python calls, and keep the code in the engine's own folder."""
    dispatcher = _compiled(function)
    dispatcher._cache = _VerifiedCache(function)
    return cast("Function", dispatcher)


def addressed(arguments: int) -> Callable[[Callable[..., None]], int]:
    """Have Numba compile a function of so many words for callers that go by its address, which is what this gives.

    Whoever calls it by address does not have it compiled into themselves, once for every call.
    """

    def compiled(function: Callable[..., None]) -> int:
        signature = ((types.intp,) * arguments, types.void)
        made: Any = CFunc(function, signature, locals={}, options={"error_model": "numpy"})
        made._cache = _VerifiedCache(function)
        made.compile()
        _ADDRESSED.append(made)
        return cast("int", made.address)

    return compiled


_ADDRESSED: list[Any] = []


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
    key = f"{target}\n{intermediate}"
    code = load_code(key)
    if code is None:
        module = llvm.parse_assembly(intermediate)
        module.verify()
        code = cast("bytes", _target_machine().emit_object(module))
        store_code(key, code)
    return code


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
