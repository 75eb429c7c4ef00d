"""The processor that code is made for, and the way from LLVM IR to functions in memory.

`DELTARULE_CPU` and `DELTARULE_CPU_FEATURES` name another processor in LLVM's words, for example "haswell" and
"-avx512f", one whose code this machine can run.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from llvmlite import binding as llvm
from llvmlite.binding import ffi

from deltarule.native.cache import cache_folder, load_code, store_code

if TYPE_CHECKING:
    from deltarule.native.compiler import EntryPoint

__all__ = ["MachineCode", "Processor", "assemble", "compile_functions", "lasting", "load", "processor"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Processor:
    """What a register tile has to know of the processor.

    `vector_bytes`: of the widest vector register; `registers`: how many there are;
    `fused`: whether a multiplication and an addition can be rounded once, as one instruction;
    `bfloat16`: whether 64 bytes of bfloat16 numbers can be rounded, and multiplied in pairs, by one instruction each.
    """

    name: str
    features: str
    vector_bytes: int
    registers: int
    fused: bool
    bfloat16: bool


# Sixteen fused multiply-adds, and sixteen numbers rounded: the instructions chosen for them show what there is.
_PROBE = """
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
define <16 x float> @probe(<16 x float> %a, <16 x float> %b, <16 x float> %c) {
  %d = call <16 x float> @llvm.fma.v16f32(<16 x float> %a, <16 x float> %b, <16 x float> %c)
  ret <16 x float> %d
}
define <16 x bfloat> @probe_bfloat16(<16 x float> %a) {
  %b = fptrunc <16 x float> %a to <16 x bfloat>
  ret <16 x bfloat> %b
}
"""


def lasting(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let a function make one result for the same arguments, which all callers get and which is never freed.

    `functools.cache` returns one result to each of several threads that ask for it at once, and keeps the last. Of
    machine code and tables often only the address is passed on, which must stay valid.

    >>> made = lasting(lambda name: [name])
    >>> made("a") is made("a")
    True
    """
    results: dict[tuple[object, ...], Result] = {}

    @functools.wraps(function)
    def kept(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        key = (*arguments, *named.items())
        if key not in results:
            results.setdefault(key, function(*arguments, **named))
        return results[key]

    return kept


@functools.cache
def processor() -> Processor:
    """Return what this processor has, found by asking the compiler: names of features differ between architectures."""
    triple, name, features = _target()
    assembly = _target_machine().emit_assembly(llvm.parse_assembly(_PROBE))
    vector_bytes = 64 if "zmm" in assembly else 32 if "ymm" in assembly else 16
    many = "zmm" in assembly or not triple.startswith(("x86", "i686", "i386"))
    # Without the instruction, each of the sixteen becomes a call of the C library's fmaf, a hundred times slower.
    rounds = "vcvtneps2bf16" in assembly and vector_bytes == 64  # x86's instructions; narrower ones cannot multiply
    return Processor(name, features, vector_bytes, 32 if many else 16, "fmaf" not in assembly, rounds)


@functools.cache
def _target() -> tuple[str, str, str]:
    """LLVM's words for the machine: its triple, the processor's name, and its features."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    name = os.environ.get("DELTARULE_CPU") or llvm.get_host_cpu_name()
    features = os.environ.get("DELTARULE_CPU_FEATURES")
    if features is None:
        features = "" if "DELTARULE_CPU" in os.environ else llvm.get_host_cpu_features().flatten()
    return llvm.get_process_triple(), name, features


@functools.cache
def _target_machine() -> Any:
    triple, name, features = _target()
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
    return _kept(intermediate, lambda: _parsed(intermediate))


def compile_functions(functions: Mapping[str, EntryPoint], *, vectorized: bool = True) -> MachineCode:
    """Compile functions in the compiled part of Python (see `compiler`), which LLVM optimizes.

    vectorized : whether the functions get LLVM's full pipeline, which vectorizes and unrolls loops over numbers.
        Without, compiling takes half the time, and code that leaves such loops to kernels and tiles is as fast.

    The cache is one for each state of the package's sources, on which all else depends that is compiled in. The code
    stays for the life of the process: two threads may compile the same functions, and use both.
    """
    named = [f"{name} {each.__module__}.{each.__qualname__} {types}" for name, (each, *types) in functions.items()]
    codes = [each.__code__.co_code + repr(each.__code__.co_consts).encode() for each, *_ in functions.values()]
    key = "\n".join([*named, f"vectorized {vectorized}", sha256(b"".join(codes)).hexdigest()])

    def optimized() -> Any:
        from deltarule.native.compiler import module

        often = "in each process, as no cache is used" if cache_folder() is None else "once on this machine"
        logging.getLogger("deltarule").info("Compiling the engine, %s; this takes a second or two.", often)
        made = _parsed(module(functions))
        _optimize(made, functions, vectorized=vectorized)
        return made

    code = load(_kept(key, optimized))
    _FOREVER.append(code)
    return code


_FOREVER: list[MachineCode] = []


def _optimize(module: Any, exported: Collection[str], *, vectorized: bool) -> None:
    """Run LLVM's full pipeline on a module; or a few passes, and on its exported functions those for single ones."""
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    builder = llvm.create_pass_builder(_target_machine(), options)
    if vectorized:
        builder.getModulePassManager().run(module, builder)
        return
    few = llvm.create_new_module_pass_manager()
    few.add_always_inliner_pass()
    few.add_sroa_pass()
    few.add_simplify_cfg_pass()
    few.add_instruction_combine_pass()
    few.add_new_gvn_pass()
    few.run(module, builder)
    single = builder.getFunctionPassManager()
    for name in exported:
        single.run(module.get_function(name), builder)


def _parsed(intermediate: str) -> Any:
    module = llvm.parse_assembly(intermediate)
    module.verify()
    return module


def _kept(key: str, make: Callable[[], Any]) -> bytes:
    """The object file of a module, from the cache if it was made before."""
    key = f"{' '.join(_target())}\n{key}"
    code = load_code(key)
    if code is None:
        code = cast("bytes", _target_machine().emit_object(make()))
        store_code(key, code)
    return code


class MachineCode:
    """Functions in memory, for as long as this object lives."""

    def __init__(self, object_file: bytes) -> None:
        # The engine owns its target machine, so each gets a new one.
        machine = llvm.Target.from_default_triple().create_target_machine(jit=True, codemodel="jitdefault")
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(object_file))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Return where the function `name` begins, or 0 if there is none."""
        return cast("int", self._engine.get_function_address(name))

    def function(self, name: str, arguments: int) -> Callable[..., None]:
        """Return a function of so many integers and addresses, and without a result, for Python to call."""
        return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * arguments)(self.address(name))


def load(object_file: bytes) -> MachineCode:
    """Bring what `assemble` made into memory."""
    return MachineCode(object_file)


# A process is not forked while another thread compiles: the child would wait for a lock that is never released.
if hasattr(os, "register_at_fork"):
    _COMPILER: Any = ffi.lib._lock
    os.register_at_fork(
        before=_COMPILER.__enter__,
        after_in_parent=lambda: _COMPILER.__exit__(None, None, None),
        after_in_child=lambda: _COMPILER.__exit__(None, None, None),
    )
