"""Choosing by measurements, on the machine at hand, how matrix products are cut into tiles and blocks.

The first process that multiplies measures for a quarter of a second for each precision, and keeps the choice with the
compiled code, under the processor's features. Where nothing can be kept, or with `DELTARULE_TUNE=0`, nothing is
measured and the default is used. Results do not depend on the choice.
"""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deltarule.native import products
from deltarule.native.cache import cache_folder, load_code, store_code
from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import assemble, compile_functions, load, processor
from deltarule.native.tiles import Tiles, tiles
from deltarule.native.tiling import Tiling, candidates, default_tiling

__all__ = ["Measurement", "chosen_tiling", "measure", "peak_gflops", "tune", "tuned_tiles"]

# Seconds for each question; how much faster than what is in use a candidate must be, in both halves of the rounds: no
# measurement is exact, and another process may have had the core in one half.
_SECONDS, _MARGIN = 0.05, 1.03
# Rows of the batch, inputs, outputs, for questions about tiles; and for those about what lies outside the first cache.
_SMALL, _LARGE = (64, 784, 256), (64, 1536, 512)
_ON_LARGE = ("prefetch", "blocks")
_LEAST_ROUNDS = 4
_ALIGNED = 64  # bytes


@dataclass(frozen=True)
class Measurement:
    """How fast the products were with a candidate, in GFLOP/s, beside what was in use until then.

    question : the name of the question. changes : the fields of the tiling that the candidate changes; none for what
    was in use. chosen : whether it was the answer.
    """

    question: str
    changes: Mapping[str, object]
    gflops: float
    chosen: bool


@functools.cache
def tuned_tiles(dtype: str) -> Tiles:
    """Return the functions for "float32" or "float64" in the form that was fastest on this machine."""
    return _tiles(dtype, chosen_tiling(dtype)[0])


def chosen_tiling(dtype: str) -> tuple[Tiling, str]:
    """Return the tiling in use, measured now where it was not before, and in a few words where it comes from."""
    default = default_tiling(processor().registers)
    if os.environ.get("DELTARULE_TUNE") == "0":
        return default, "default, DELTARULE_TUNE=0"
    if cache_folder() is None:
        return default, "default, no cache folder"
    kept = load_code(_key(dtype))
    if kept is not None:
        changes = {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(kept).items()}
        return default.replace(**changes), "measured before"
    return tune(dtype), "measured now"


def tune(dtype: str) -> Tiling:
    """Measure the candidates, keep the choice for the next process, and return it."""
    tiling, measurements = measure(dtype)
    changes: dict[str, object] = {}
    for each in measurements:
        changes |= each.changes if each.chosen else {}
    store_code(_key(dtype), json.dumps(changes).encode())
    return tiling


def measure(dtype: str) -> tuple[Tiling, list[Measurement]]:
    """Ask one question after the other; return the resulting tiling and what was measured."""
    registers = processor().registers
    tiling, measurements = default_tiling(registers), []
    for question, changes in candidates(registers).items():
        tried = [tiling, *(tiling.replace(**each) for each in changes)]
        halves = _rates(dtype, tried, _LARGE if question in _ON_LARGE else _SMALL)
        rates, gains = halves.max(axis=0), (halves / halves[:, :1]).min(axis=0)
        best = int(gains.argmax()) if gains.max() > _MARGIN else 0
        measurements += [
            Measurement(question, each, float(rate), place == best)
            for place, (each, rate) in enumerate(zip(({}, *changes), rates, strict=True))
        ]
        tiling = tried[best]
    return tiling, measurements


def _key(dtype: str) -> str:
    return f"tiling {dtype} {processor()}"


def _tiles(dtype: str, tiling: Tiling) -> Tiles:
    """Return the functions in one form, the default's under the name that others ask for it by."""
    return tiles(dtype) if tiling == default_tiling(processor().registers) else tiles(dtype, tiling)


@functools.cache
def _entry_points() -> tuple[Callable[..., None], ...]:
    """The three products, for Python to call."""
    counts = {"nn": (products.gemm_nn, 11), "nt": (products.gemm_nt, 12), "tn": (products.gemm_tn, 10)}
    code = compile_functions({name: (function, *[int] * count) for name, (function, count) in counts.items()})
    return tuple(code.function(name, count) for name, (_, count) in counts.items())


def _rates(dtype: str, tried: list[Tiling], shape: tuple[int, int, int]) -> npt.NDArray[np.float64]:
    """GFLOP/s (halves, tilings): of the fastest of several rounds, in which tilings take turns, for each half of them."""
    calls = [_calls(dtype, tiling, shape) for tiling in tried]
    fastest = np.full((2, len(tried), len(calls[0])), np.inf)
    rounds, end = 0, time.perf_counter() + _SECONDS
    while rounds < _LEAST_ROUNDS or time.perf_counter() < end:
        for place, of_one in enumerate(calls):
            for number, call in enumerate(of_one):
                began = time.perf_counter()
                call()
                elapsed = time.perf_counter() - began
                fastest[rounds % 2, place, number] = min(fastest[rounds % 2, place, number], elapsed)
        rounds += 1
    operations = 2 * shape[0] * shape[1] * shape[2] * len(calls[0])
    return operations / fastest.sum(axis=2) / 1e9


def _calls(dtype: str, tiling: Tiling, shape: tuple[int, int, int]) -> list[Callable[[], None]]:
    """A step's products, of a batch, with one tiling: forward, backward, and the gradient of the weights."""
    batch, inputs, outputs = shape
    item = np.dtype(dtype).itemsize
    x, z = (_matrix(batch, products.row_stride(columns, item, 1024), dtype) for columns in (inputs, outputs))
    w = _matrix(inputs, products.row_stride(outputs, item), dtype)
    workspace = _matrix(1, products.WORKSPACE_BYTES, "uint8")
    held = (_tiles(dtype, tiling), x, z, w, workspace)
    table, (at_x, at_z, at_w, at_workspace) = held[0].address, (each.ctypes.data for each in held[1:])
    row_x, row_z, row_w = (each.strides[0] for each in (x, z, w))
    forward, backward, gradient = _entry_points()

    def forwards(_held: object = held) -> None:  # the matrices live as long as the function does
        forward(table, at_z, row_z, 0, at_x, row_x, at_w, row_w, batch, inputs, outputs)

    def backwards() -> None:
        backward(table, at_x, row_x, at_z, row_z, at_w, row_w, batch, inputs, outputs, at_workspace, 0)

    def gradients() -> None:
        gradient(table, at_w, row_w, at_x, row_x, at_z, row_z, batch, inputs, outputs)

    return [forwards, backwards, gradients]


def _matrix(rows: int, stride: int, dtype: str) -> npt.NDArray[np.generic]:
    """A matrix of zeros that begins with a cache line."""
    size = rows * stride * np.dtype(dtype).itemsize
    whole = np.zeros(size + _ALIGNED, np.uint8)
    first = -whole.ctypes.data % _ALIGNED
    return whole[first : first + size].view(dtype).reshape(rows, stride)


_PEAK_SUMS, _PEAK_ROUNDS = 12, 20_000


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
    call, memory = code.function("peak", 2), _matrix(1, machine.vector_bytes, "uint8")
    seconds = []
    for _ in range(100):
        began = time.perf_counter()
        call(_PEAK_ROUNDS, memory.ctypes.data)
        seconds.append(time.perf_counter() - began)
        memory[:] = 0
    return 2 * lanes.count * _PEAK_SUMS * _PEAK_ROUNDS / min(seconds) / 1e9
