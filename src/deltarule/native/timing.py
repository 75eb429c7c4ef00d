"""What a core reaches at best, and how fast it updates weights with and without estimates: loops that are timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.native import estimates
from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import MachineCode, assemble, load, processor

__all__ = ["fastest", "matrix", "peak_gflops", "update_rates"]

_ALIGNED = 64  # bytes

_PEAK_SUMS, _PEAK_ROUNDS = 12, 20_000
# Weights of an update, which the nearest cache holds with their gradient and slots; operations for each; how often they
# are updated in a call, so that the call itself takes little of the time.
_WEIGHTS, _TOGETHER, _OPERATIONS, _TIMES = 1024, 64, 12, 64


def matrix(rows: int, stride: int, dtype: str) -> npt.NDArray[Any]:
    """Return a matrix of zeros that begins with a cache line."""
    size = rows * stride * np.dtype(dtype).itemsize
    whole = np.zeros(size + _ALIGNED, np.uint8)
    first = -whole.ctypes.data % _ALIGNED
    return whole[first : first + size].view(dtype).reshape(rows, stride)


def fastest(calls: Sequence[Sequence[Callable[[], None]]], seconds: float, parts: int) -> npt.NDArray[np.float64]:
    """Return the shortest times (parts, candidates, calls) of calls in turn, for each part of the rounds."""
    found = np.full((parts, len(calls), len(calls[0])), np.inf)
    rounds, end = 0, time.perf_counter() + seconds
    while rounds < parts or time.perf_counter() < end:
        for place, of_one in enumerate(calls):
            for number, call in enumerate(of_one):
                began = time.perf_counter()
                call()
                elapsed = time.perf_counter() - began
                found[rounds % parts, place, number] = min(found[rounds % parts, place, number], elapsed)
        rounds += 1
    return found


def update_rates(tried: Sequence[Sequence[str]], seconds: float, parts: int) -> npt.NDArray[np.float64]:
    """Return GFLOP/s (parts, candidates) of Adam's update where these operations begin from estimates."""
    generator = np.random.default_rng(0)
    arrays = matrix(4, _WEIGHTS, "float32")
    arrays[:] = generator.random(arrays.shape) + 0.5
    address, codes = arrays.ctypes.data, [_update(operations) for operations in tried]
    functions = [code.function("update", 2) for code in codes]
    calls = [[lambda function=function: function(_TIMES, address)] for function in functions]
    operations = _TIMES * _WEIGHTS * _OPERATIONS
    rates: npt.NDArray[np.float64] = operations / fastest(calls, seconds, parts)[:, :, 0] / 1e9
    return rates


def _update(operations: Sequence[str]) -> MachineCode:
    """Compile `count` updates by Adam of weights w, which m, v and the gradient follow in memory.

    m ← m + 0.1 (g − m), v ← v + 0.001 (g² − v), w ← w − 0.001 m / (√v + 10⁻⁸).
    """
    text = Text()
    to = Lanes(text, 32, _TOGETHER, processor().fused)
    root = estimates.root if "sqrt" in operations else Lanes.sqrt
    divide = estimates.quotient if "divide" in operations else Lanes.divide

    def some(index: str, _: list[str]) -> list[str]:
        places = [text.integer("add", index, str(number * _WEIGHTS)) for number in range(4)]
        w, m, v, g = (to.load(base, place) for place in places)
        m = to.fma(to.real(0.1), to.subtract(g, m), m)
        v = to.fma(to.real(0.001), to.subtract(to.multiply(g, g), v), v)
        step = divide(to, m, to.add(root(to, v), to.real(1e-8)))
        for value, place in zip((to.fma(to.real(-0.001), step, w), m, v), places[:3], strict=True):
            to.store(value, base, place)
        return []

    base = text.pointer("%arrays")
    text.repeat("%count", [], lambda _: (text.loop("0", str(_WEIGHTS), _TOGETHER, [], some), [])[1])
    function = text.function("update", ["count", "arrays"])
    return load(assemble("\n".join([*sorted(text.declared), function])))


def peak_gflops(dtype: str) -> float:
    """Estimate a core's peak in GFLOP/s: multiply-adds on registers alone, the fastest of a hundred rounds."""
    machine, bits = processor(), 8 * np.dtype(dtype).itemsize
    text = Text()
    lanes = Lanes(text, bits, 8 * machine.vector_bytes // bits, machine.fused)
    # Read from memory, or LLVM would know the results.
    factor = lanes.load_at("%memory")

    def multiplied(sums: list[str]) -> list[str]:
        return [lanes.fma(factor, factor, each) for each in sums]

    sums = text.repeat("%count", [(lanes.kind, factor)] * _PEAK_SUMS, multiplied)
    for each in sums:
        lanes.store_at(each, "%memory")
    function = text.function("peak", ["count", "memory"])
    code = load(assemble("\n".join([*sorted(text.declared), function])))
    call, memory = code.function("peak", 2), matrix(1, machine.vector_bytes, "uint8")
    seconds = []
    for _ in range(100):
        began = time.perf_counter()
        call(_PEAK_ROUNDS, memory.ctypes.data)
        seconds.append(time.perf_counter() - began)
        memory[:] = 0
    return 2 * lanes.count * _PEAK_SUMS * _PEAK_ROUNDS / min(seconds) / 1e9
