"""Matrix products with AVX2 alone, one core: ours against OpenBLAS as NumPy calls it.

Each is set in a process of its own: ours by DELTARULE_CPU and DELTARULE_CPU_FEATURES, OpenBLAS by OPENBLAS_CORETYPE.
"""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.probes import aligned
from benchmarks.process import Failed, environment
from deltarule.native import products
from deltarule.native.processor import compile_functions
from deltarule.native.tiles import tiles

__all__ = ["SHAPES", "avx2"]

SHAPES = ((64, 784, 256), (128, 784, 100), (128, 100, 100), (10, 784, 30), (512, 1024, 1024))
"""Rows of the batch, inputs, outputs."""

_FEATURES = "+avx2,+avx,+fma,+bmi,+bmi2,+f16c,+lzcnt,+popcnt,+movbe,+sse4.2,+sse4.1,+ssse3,+sse3"


def avx2(repetitions: int) -> list[dict[str, Any]]:
    """A row for each shape and product: GFLOP/s of both, and ours over theirs."""
    forced = {"DELTARULE_CPU": "haswell", "DELTARULE_CPU_FEATURES": _FEATURES, "OPENBLAS_CORETYPE": "Haswell"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.avx2", str(repetitions)],
        env={**environment(1), **forced},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise Failed(words[-1] if words else f"it ended with {done.returncode}")
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def _padded(columns: int) -> int:
    return -(-columns // 16) * 16


def _matrix(rows: int, columns: int, stride: int) -> Any:
    whole = aligned(rows * stride, np.float32).reshape(rows, stride)
    whole[:, :columns] = np.random.default_rng(0).normal(size=(rows, columns))
    return whole


def _forwards(
    times: int, t: int, z: int, zs: int, a: int, as_: int, w: int, ws: int, b: int, i: int, o: int, room: int
) -> None:
    for _ in range(times):
        products.gemm_nn(t, z, zs, 0, a, as_, w, ws, b, i, o, room)


def _backwards(
    times: int, t: int, a: int, as_: int, z: int, zs: int, w: int, ws: int, b: int, i: int, o: int, room: int
) -> None:
    for _ in range(times):
        products.gemm_nt(t, a, as_, z, zs, w, ws, b, i, o, room, 0)


def _gradients(
    times: int, t: int, w: int, ws: int, a: int, as_: int, z: int, zs: int, b: int, i: int, o: int, room: int
) -> None:
    for _ in range(times):
        products.gemm_tn(t, w, ws, a, as_, z, zs, b, i, o, room, 0, i)


@functools.cache
def _loops() -> list[Any]:
    """Each product so many times, without the interpreter."""
    counts = {"_forwards": (_forwards, 12), "_backwards": (_backwards, 12), "_gradients": (_gradients, 12)}
    code = compile_functions({name: (loop, *[int] * count) for name, (loop, count) in counts.items()})
    return [code.function(name, count) for name, (_, count) in counts.items()]


def _products(batch: int, inputs: int, outputs: int) -> dict[str, tuple[Callable[[int], None], Callable[[int], None]]]:
    """Each product, so many times: ours, and NumPy's."""
    forwards, backwards, gradients = _loops()
    table = tiles("float32").address
    a = _matrix(batch, inputs, products.row_stride(inputs, 4, 1024))
    z = _matrix(batch, outputs, products.row_stride(outputs, 4, 1024))
    w = _matrix(inputs, outputs, products.row_stride(outputs, 4))
    row_a, row_z, row_w = (each.strides[0] for each in (a, z, w))
    room = aligned(products.workspace_bytes(4, batch, outputs), np.uint8)
    at_a, at_z, at_w, at_room = (each.ctypes.data for each in (a, z, w, room))
    sizes = batch, inputs, outputs
    dense_a, dense_z, dense_w = a[:, :inputs].copy(), z[:, :outputs].copy(), w[:, :outputs].copy()
    out_a, out_z, out_w = np.empty_like(dense_a), np.empty_like(dense_z), np.empty_like(dense_w)

    held = a, z, w, room

    def ours(loop: Any, *arguments: int) -> Callable[[int], None]:
        def run(times: int, _held: Any = held) -> None:  # the matrices live as long as the function does
            loop(times, table, *arguments)

        return run

    def numpys(x: Any, y: Any, out: Any) -> Callable[[int], None]:
        def run(times: int) -> None:
            for _ in range(times):
                np.dot(x, y, out)

        return run

    return {
        "forward": (
            ours(forwards, at_z, row_z, at_a, row_a, at_w, row_w, *sizes, at_room),
            numpys(dense_a, dense_w, out_z),
        ),
        "backward": (
            ours(backwards, at_a, row_a, at_z, row_z, at_w, row_w, *sizes, at_room),
            numpys(dense_z, dense_w.T, out_a),
        ),
        "gradient": (
            ours(gradients, at_w, row_w, at_a, row_a, at_z, row_z, *sizes, at_room),
            numpys(dense_a.T, dense_z, out_w),
        ),
    }


def _measured(repetitions: int) -> list[dict[str, Any]]:
    rows = []
    for shape in SHAPES:
        flops = 2 * shape[0] * shape[1] * shape[2]
        times = max(1, round(2e9 / flops))
        for name, pair in _products(*shape).items():
            rates: tuple[list[float], list[float]] = ([], [])
            for each in pair:
                each(times)
            for _ in range(repetitions):
                for each, into in zip(pair, rates, strict=True):
                    began = time.perf_counter()
                    each(times)
                    into.append(times * flops / (time.perf_counter() - began) / 1e9)
            ours, theirs = (statistics.median(each) for each in rates)
            rows.append({
                "product": name, "shape": shape, "ours_gflops": ours, "blas_gflops": theirs, "ratio": ours / theirs,
                "n": repetitions, "ours_all": rates[0], "blas_all": rates[1],
            })  # fmt: skip
    return rows


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(json.dumps(_measured(int(sys.argv[1]))))
