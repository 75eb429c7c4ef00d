"""Choosing by measurements, on the machine at hand, how matrix products are cut into tiles and blocks.

The first training that takes longer than `WORTH_SECONDS` calls `tune`, which measures for a second, most of which goes
into compiling the candidates, and keeps the choice with the compiled code, under the processor's features. Until then,
where nothing can be kept, and with `DELTARULE_TUNE=0`, the default is used. Results do not depend on the choice.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.native import amx, estimates, products, rounded_products
from deltarule.native.cache import cache_folder, load_code, store_code
from deltarule.native.processor import processor
from deltarule.native.tiles import Tiles, tiles
from deltarule.native.tiling import Tiling, candidates, default_tiling
from deltarule.native.timing import fastest, matrix, update_rates

__all__ = ["WORTH_SECONDS", "Measurement", "chosen_tiling", "keep", "measure", "questions", "tune", "tuned_tiles"]

WORTH_SECONDS = 10.0
"""How long a training runs before it measures, so that short ones do not wait for what they would not gain from."""

# Seconds for each question; how much faster than what is in use a candidate must be, in each of so many parts of the
# rounds: no measurement is exact, and another process may have had the core in one part.
_SECONDS, _MARGIN, _PARTS = 0.05, 1.03, 4
# Rows of the batch, inputs, outputs, for questions about tiles; and for those about data outside the first cache.
_SMALL, _LARGE, _DEEP, _WIDE = (64, 784, 256), (32, 1536, 512), (256, 96, 1024), (256, 384, 1024)
_SHAPES = {"prefetch": _LARGE, "blocks": _LARGE, "packing": _DEEP, "copying": _WIDE}
_PROBE = "tiling: can anything be kept?"
_NOT_MEASURED = "default, not measured yet"


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
    """Return the functions for a type in the form that was fastest here; a matrix unit's where there is one."""
    tiling = chosen_tiling(dtype)[0]
    return amx.tiles(tiling) if dtype == "bfloat16" and amx.state() == amx.IN_USE else _tiles(dtype, tiling)


def questions(dtype: str) -> dict[str, tuple[dict[str, object], ...]]:
    """Return what is asked about a type on this processor; about "bfloat16", what is asked besides float32's questions.

    Estimates are candidates only where they give the bits of divisions and roots.
    """
    machine = processor()
    if dtype == "bfloat16":
        asks = machine.bfloat16 and amx.state() != amx.IN_USE
        return {"pairs": ({"pairs": "multiply-adds"},)} if asks else {}
    asked = candidates(machine.registers, machine.fused)
    if dtype == "float32" and estimates.exact():
        asked["roots"] = {"estimates": ("sqrt",)}, {"estimates": ("divide",)}, {"estimates": ("divide", "sqrt")}
    return asked


def chosen_tiling(dtype: str) -> tuple[Tiling, str]:
    """Return the tiling in use, and in a few words where it comes from; "bfloat16" takes float32's where it can."""
    tiling = _default()
    if os.environ.get("DELTARULE_TUNE") == "0":
        return tiling, "default, DELTARULE_TUNE=0"
    if cache_folder() is None:
        return tiling, "default, no cache folder"
    for part in _measured_types(dtype):
        kept = load_code(_key(part))
        if kept is None:
            return tiling, _NOT_MEASURED
        changes = {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(kept).items()}
        tiling = tiling.replace(**changes)
    return tiling, "measured before"


def tune(dtype: str) -> None:
    """Measure for the trainings that start from now on, unless it was done before or the choice could not be kept."""
    for part in _measured_types(dtype):
        if chosen_tiling(part)[1] != _NOT_MEASURED:
            continue
        store_code(_PROBE, b"")
        if load_code(_PROBE) is None:  # a disk that is full or read only: each process would measure again
            return
        keep(part, measure(part)[1])
    tuned_tiles.cache_clear()


def keep(dtype: str, measurements: Iterable[Measurement]) -> None:
    """Keep what was chosen for the processes that start from now on."""
    changes: dict[str, object] = {}
    for each in measurements:
        changes |= each.changes if each.chosen else {}
    store_code(_key(dtype), json.dumps(changes).encode())


def measure(dtype: str) -> tuple[Tiling, list[Measurement]]:
    """Ask one question after the other; return the resulting tiling and what was measured."""
    tiling = chosen_tiling("float32")[0] if dtype == "bfloat16" else _default()
    measurements = []
    for question, changes in questions(dtype).items():
        tried = [tiling, *(tiling.replace(**each) for each in changes)]
        parts = _rates(dtype, tried, question)
        rates, gains = parts.max(axis=0), (parts / parts[:, :1]).min(axis=0)
        best = int(gains.argmax()) if gains.max() > _MARGIN else 0
        measurements += [
            Measurement(question, each, float(rate), place == best)
            for place, (each, rate) in enumerate(zip(({}, *changes), rates, strict=True))
        ]
        tiling = tried[best]
    return tiling, measurements


def _default() -> Tiling:
    return default_tiling(processor().registers, processor().fused)


def _measured_types(dtype: str) -> tuple[str, ...]:
    return ("float32", "bfloat16") if dtype == "bfloat16" else (dtype,)


def _key(dtype: str) -> str:
    return f"tiling {dtype} {processor()}"


def _tiles(dtype: str, tiling: Tiling) -> Tiles:
    """Return the functions in one form, the default's under the name that others ask for it by."""
    return tiles(dtype) if tiling == _default() else tiles(dtype, tiling)


def _rates(dtype: str, tried: list[Tiling], question: str) -> npt.NDArray[np.float64]:
    """GFLOP/s (parts, tilings): of the fastest rounds of each part of them; in a round tilings take turns."""
    if question == "roots":
        return update_rates([tiling.estimates for tiling in tried], _SECONDS, _PARTS)
    shape = _SHAPES.get(question, _SMALL)
    matrices = _Matrices.of(dtype, shape)
    calls = [matrices.calls(_tiles(dtype, tiling)) for tiling in tried]
    operations = 2 * shape[0] * shape[1] * shape[2] * len(calls[0])
    rates: npt.NDArray[np.float64] = operations / fastest(calls, _SECONDS, _PARTS).sum(axis=2) / 1e9
    return rates


@dataclass(frozen=True, eq=False)
class _Matrices:
    """What the products of a training step read and write, for a batch: inputs x, weights w, derivatives dz."""

    shape: tuple[int, int, int]
    x: npt.NDArray[Any]
    w: npt.NDArray[Any]
    dz: npt.NDArray[Any]
    z: npt.NDArray[Any]
    dx: npt.NDArray[Any]
    dw: npt.NDArray[Any]
    workspace: npt.NDArray[Any]

    @classmethod
    def of(cls, dtype: str, shape: tuple[int, int, int]) -> _Matrices:
        """Fill matrices with random numbers: a processor needs less power for zeros, and may then be faster."""
        batch, inputs, outputs = shape
        dtype = "float32" if dtype == "bfloat16" else dtype
        item = np.dtype(dtype).itemsize
        wide, narrow = (products.row_stride(columns, item, 1024) for columns in (inputs, outputs))
        x, dx = (matrix(batch, wide, dtype) for _ in range(2))
        z, dz = (matrix(batch, narrow, dtype) for _ in range(2))
        w, dw = (matrix(inputs, products.row_stride(outputs, item), dtype) for _ in range(2))
        generator = np.random.default_rng(0)
        for each in (x, w, dz):
            each[:] = generator.random(each.shape, np.float32)
        room = max(
            products.workspace_bytes(item, batch, outputs),
            rounded_products.workspace_bytes(tiles("bfloat16").address, batch, outputs),
        )
        return cls(shape, x, w, dz, z, dx, dw, matrix(1, room, "uint8"))

    def calls(self, functions: Tiles) -> list[Callable[[], None]]:
        """Return a step's products with these tiles: forward, backward, and the gradient of the weights.

        They keep the tiles: another thread that measures at the same time may replace those in the cache of `tiles`.
        """
        forward, backward, gradient = rounded_products.entry_points()
        x, w, dz, z, dx, dw = ((each.ctypes.data, each.strides[0]) for each in (
            self.x, self.w, self.dz, self.z, self.dx, self.dw))  # fmt: skip
        workspace = self.workspace.ctypes.data
        return [
            lambda: forward(functions.address, *z, 0, *x, *w, *self.shape, workspace, 0),
            lambda: backward(functions.address, *dx, *dz, *w, *self.shape, workspace, 0),
            lambda: gradient(functions.address, *dw, *x, *dz, *self.shape, workspace, 0, self.shape[1]),
        ]
