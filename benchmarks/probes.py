"""How fast this processor can go, measured by loops of vectors that are written here as LLVM IR.

They are independent of the engine: llvmlite assembles them for the processor found, and ctypes calls them, which
lets go of the interpreter's lock, so that all cores are probed at once.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding as llvm

__all__ = ["Probes", "aligned"]

_LANES = 16
_ACCUMULATORS, _UNROLLED = 12, 4
_SLICE = 4096  # numbers of gradient that stay in the nearest cache

# Each loop's body as w ← …, from the parameter %w, its slots %s0 and %s1, and the gradient %g.
_UPDATES = {
    "sgd": ("w = fma(mrate, g, w)",),
    "momentum": ("t = fmul(keep, s0)", "s0 = fma(mrate, g, t)", "w = fadd(w, s0)"),
    "adagrad": ("s0 = fma(g, g, s0)", "t = fmul(mrate, g)", "r = sqrt(s0)", "r = fadd(r, eps)", "t = fdiv(t, r)",
                "w = fadd(w, t)"),
    "rmsprop": ("t = fmul(keep, s0)", "q = fmul(rest, g)", "s0 = fma(q, g, t)", "t = fmul(mrate, g)", "r = sqrt(s0)",
                "r = fadd(r, eps)", "t = fdiv(t, r)", "w = fadd(w, t)"),
    "adam": ("t = fmul(keep, s0)", "s0 = fma(rest, g, t)", "t = fmul(keep, s1)", "q = fmul(rest, g)",
             "s1 = fma(q, g, t)", "r = sqrt(s1)", "r = fma(scale, r, eps)", "t = fmul(mrate, s0)", "t = fdiv(t, r)",
             "w = fadd(w, t)"),
    "decayed": ("g = fma(rest, w, g)", "w = fma(mrate, g, w)"),
}  # fmt: skip
_CONSTANTS = {"mrate": -1e-3, "keep": 0.9375, "rest": 0.0625, "eps": 1e-6, "scale": 1.25}


def aligned(items: int, dtype: Any) -> Any:
    """Zeros that begin at a cache line."""
    raw = np.zeros(items * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + items * np.dtype(dtype).itemsize].view(dtype)


def _constant(value: float, lanes: int) -> str:
    exact = float(np.float32(value))
    word = f"float 0x{np.float64(exact).view(np.uint64):016X}"
    return f"<{', '.join([word] * lanes)}>"


def _peak(lanes: int) -> str:
    """Twelve chains of multiply-adds, which hide each other's latency, and nothing else."""
    vector = f"<{lanes} x float>"
    half, quarter = _constant(0.5, lanes), _constant(0.25, lanes)
    phis, body, stores = [], [], []
    for chain in range(_ACCUMULATORS):
        last = f"%c{chain}_{_UNROLLED - 1}"
        phis.append(f"  %c{chain} = phi {vector} [{quarter}, %entry], [{last}, %round]")
        for turn in range(_UNROLLED):
            before = f"%c{chain}" if turn == 0 else f"%c{chain}_{turn - 1}"
            arguments = f"{vector} {before}, {vector} {half}, {vector} {quarter}"
            body.append(f"  %c{chain}_{turn} = call {vector} @llvm.fma.v{lanes}f32({arguments})")
        stores.append(f"  %p{chain} = getelementptr {vector}, ptr %out, i64 {chain}")
        stores.append(f"  store {vector} {last}, ptr %p{chain}, align 64")
    lines = "\n".join
    return f"""
declare {vector} @llvm.fma.v{lanes}f32({vector}, {vector}, {vector})
define void @peak(i64 %rounds, ptr %out) {{
entry:
  br label %round
round:
  %i = phi i64 [0, %entry], [%i1, %round]
{lines(phis)}
{lines(body)}
  %i1 = add i64 %i, 1
  %more = icmp slt i64 %i1, %rounds
  br i1 %more, label %round, label %done
done:
{lines(stores)}
  ret void
}}
"""


def _update(name: str, body: tuple[str, ...], slots: int) -> str:
    """Read and write a parameter and its slots, vector by vector, with the optimizer's own arithmetic."""
    vector = f"<{_LANES} x float>"
    arrays = ["w", *(f"s{slot}" for slot in range(slots))]
    now = {array: f"%{array}_in" for array in [*arrays, "g"]}
    now |= {constant: _constant(value, _LANES) for constant, value in _CONSTANTS.items()}
    lines = []
    for array in [*arrays, "g"]:
        place = "%cached" if array == "g" else "%i"
        lines.append(f"  %{array}_at = getelementptr float, ptr %{array}, i64 {place}")
        lines.append(f"  %{array}_in = load {vector}, ptr %{array}_at, align 64")
    for number, line in enumerate(body):
        target, _, call = line.partition(" = ")
        operation, _, rest = call.rstrip(")").partition("(")
        values = [now[each] for each in rest.split(", ")]
        made = f"%v{number}"
        if operation in ("fma", "sqrt"):
            arguments = ", ".join(f"{vector} {value}" for value in values)
            lines.append(f"  {made} = call {vector} @llvm.{operation}.v{_LANES}f32({arguments})")
        else:
            lines.append(f"  {made} = {operation} {vector} {', '.join(values)}")
        now[target] = made
    lines += [f"  store {vector} {now[array]}, ptr %{array}_at, align 64" for array in arrays]
    text = "\n".join(lines)
    return f"""
define void @update_{name}(i64 %times, i64 %count, ptr %g, ptr %w, ptr %s0, ptr %s1) {{
entry:
  br label %time
time:
  %t = phi i64 [0, %entry], [%t1, %time_end]
  br label %round
round:
  %i = phi i64 [0, %time], [%i1, %round]
  %cached = and i64 %i, {_SLICE - 1}
{text}
  %i1 = add i64 %i, {_LANES}
  %more = icmp slt i64 %i1, %count
  br i1 %more, label %round, label %time_end
time_end:
  %t1 = add i64 %t, 1
  %again = icmp slt i64 %t1, %times
  br i1 %again, label %time, label %done
done:
  ret void
}}
"""


def _gather(name: str, kind: str, item_bytes: int) -> str:
    """Chosen rows into rows of float32, which begin anew every %batch rows."""
    vector, scale = f"<{_LANES} x float>", _constant(1 / 255, _LANES)
    source = f"<{_LANES} x {kind}>"
    convert = f"%f = uitofp {source} %x to {vector}" if kind == "i8" else f"%f = bitcast {source} %x to {vector}"
    return f"""
define void @gather_{name}(i64 %rows, ptr %order, ptr %from, ptr %to, i64 %columns, i64 %batch) {{
entry:
  br label %row
row:
  %r = phi i64 [0, %entry], [%r1, %row_end]
  %slot = getelementptr i64, ptr %order, i64 %r
  %chosen = load i64, ptr %slot
  %first = mul i64 %chosen, %columns
  %in = getelementptr {kind}, ptr %from, i64 %first
  %line = urem i64 %r, %batch
  %place = mul i64 %line, %columns
  %out = getelementptr float, ptr %to, i64 %place
  br label %round
round:
  %i = phi i64 [0, %row], [%i1, %round]
  %x_at = getelementptr {kind}, ptr %in, i64 %i
  %x = load {source}, ptr %x_at, align {item_bytes}
  {convert}
  %scaled = fmul {vector} %f, {scale}
  %y_at = getelementptr float, ptr %out, i64 %i
  store {vector} %scaled, ptr %y_at, align 64
  %i1 = add i64 %i, {_LANES}
  %more = icmp slt i64 %i1, %columns
  br i1 %more, label %round, label %row_end
row_end:
  %r1 = add i64 %r, 1
  %again = icmp slt i64 %r1, %rows
  br i1 %again, label %row, label %done
done:
  ret void
}}
"""


class Probes:
    """The loops in memory; each method gives a rate that `threads` cores reach together, in numbers a second."""

    def __init__(self, threads: int) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        features = llvm.get_host_cpu_features()
        lanes = 16 if features.get("avx512f") else 8 if features.get("avx") else 4
        source = _peak(lanes)
        if lanes != _LANES:
            vector = f"<{_LANES} x float>"
            source += f"declare {vector} @llvm.fma.v{_LANES}f32({vector}, {vector}, {vector})\n"
        source += f"declare <{_LANES} x float> @llvm.sqrt.v{_LANES}f32(<{_LANES} x float>)\n"
        for name, body in _UPDATES.items():
            source += _update(name, body, {"sgd": 0, "decayed": 0, "adam": 2}.get(name, 1))
        source += _gather("bytes", "i8", 1) + _gather("floats", "float", 4)
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=3, jit=True, codemodel="jitdefault"
        )
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(source), machine)
        self._engine.finalize_object()
        self.threads, self.lanes = threads, lanes

    def peak(self) -> float:
        """Multiply-adds count as two operations."""
        rounds, flops = 20_000, 2 * _ACCUMULATORS * _UNROLLED * self.lanes
        outs = [aligned(_ACCUMULATORS * _LANES, np.float32) for _ in range(self.threads)]
        function = self._function("peak", 2)
        return self._rate(lambda thread: function(rounds, outs[thread].ctypes.data), rounds * flops)

    def update(self, optimizer: str, numbers: int) -> float:
        """Parameters a second that an optimizer steps over, each core over its share of so many."""
        share = -(-numbers // self.threads // _LANES) * _LANES
        gradient = aligned(_SLICE, np.float32)
        gradient[:] = np.random.default_rng(0).normal(size=_SLICE) * 1e-3
        arrays = [[aligned(share, np.float32) for _ in range(3)] for _ in range(self.threads)]
        for own in arrays:
            own[0][:] = 0.1
        function, times = self._function(f"update_{optimizer}", 6), max(1, 2_000_000 // share)

        def work(thread: int) -> None:
            function(times, share, gradient.ctypes.data, *(array.ctypes.data for array in arrays[thread]))

        return self._rate(work, share * times)

    def gather(self, x: Any, order: Any, batch: int) -> float:
        """Rows a second that are copied, in a given order, into a batch of float32; x is uint8 or float32."""
        rows, columns = len(order) // self.threads, x.shape[1]
        order = np.ascontiguousarray(order, np.int64)
        share = -(-batch // self.threads)
        targets = [aligned(share * columns, np.float32) for _ in range(self.threads)]
        function = self._function("gather_bytes" if x.dtype == np.uint8 else "gather_floats", 6)

        def work(thread: int) -> None:
            begin = order.ctypes.data + 8 * rows * thread
            function(rows, begin, x.ctypes.data, targets[thread].ctypes.data, columns, share)

        return self._rate(work, rows)

    def _function(self, name: str, arguments: int) -> Callable[..., None]:
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * arguments)
        return kind(self._engine.get_function_address(name))

    def _rate(self, work: Callable[[int], None], each: float, times: int = 5) -> float:
        """The best of a few tries of what all threads do at once, each by its own clock."""
        best = 0.0
        for _ in range(times):
            rates, start = [0.0] * self.threads, threading.Barrier(self.threads)

            def timed(thread: int, rates: list[float] = rates, start: threading.Barrier = start) -> None:
                start.wait()
                began = time.perf_counter()
                work(thread)
                rates[thread] = each / (time.perf_counter() - began)

            others = [threading.Thread(target=timed, args=(thread,)) for thread in range(1, self.threads)]
            for other in others:
                other.start()
            timed(0)
            for other in others:
                other.join()
            best = max(best, sum(rates))
        return best
