"""What the definitions of instructions share: memory by address as NumPy's arrays, and what a thread works on.

A definition says what an instruction does in the words of the equation, without a thought for speed. The tests execute
every instruction of a plan and then define it from the same state: both must leave the same numbers behind.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.plan.tables import RUN_ORDER, KernelCall, Rows, Run, Thread
from deltarule.native.structs import Record

__all__ = ["Array", "Work"]

Array = npt.NDArray[Any]


class Work:
    """A thread's batch, or the block that it evaluates.

    size : samples. step : number of the step, from 1. run, thread : the tables that the compiled instructions read.
    found : what is kept at an address, for example the kernel whose constants are there.
    """

    def __init__(self, run: Record[Run], thread: Record[Thread], found: Callable[[int], Any]) -> None:
        self.run, self.thread, self.found = run, thread, found
        self.first, self.size, self.step = (int(thread[name]) for name in ("first", "size", "step"))
        self.seed = int(run["seed_low"]) | int(run["seed_high"]) << 32
        self.item_bytes = int(run["item_bytes"])
        self.dtype: np.dtype[Any] = np.dtype(f"f{self.item_bytes}")

    def view(
        self, address: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: npt.DTypeLike | None = None
    ) -> Array:
        """Memory from an address on; numbers of the engine's precision where nothing else is said."""
        kind = np.dtype(self.dtype if dtype is None else dtype)
        if 0 in shape:
            return np.zeros(shape, kind)
        extent = sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True)) + kind.itemsize
        memory = np.ctypeslib.as_array((ctypes.c_uint8 * extent).from_address(address))
        return np.ndarray(shape, kind, memory, strides=strides)

    def vector(self, address: int, items: int, dtype: npt.DTypeLike | None = None) -> Array:
        """Neighbouring numbers, (items,)."""
        kind = np.dtype(self.dtype if dtype is None else dtype)
        return self.view(address, (items,), (kind.itemsize,), kind)

    def matrix(self, address: int, row: int, rows: int, columns: int, dtype: npt.DTypeLike | None = None) -> Array:
        """A matrix whose rows are `row` bytes apart, (rows, columns)."""
        kind = np.dtype(self.dtype if dtype is None else dtype)
        return self.view(address, (rows, columns), (row, kind.itemsize), kind)

    def batch(self, address: int, row: int, columns: int, dtype: npt.DTypeLike | None = None) -> Array:
        """A matrix with a row for each sample of the batch, (size, columns)."""
        return self.matrix(address, row, self.size, columns, dtype)

    def rows(self, part: Rows) -> slice:
        """A part of the batch's rows."""
        first = part.first(self.size)
        return slice(first, first + part.count(self.size))

    def samples(self, order: int) -> npt.NDArray[np.int64]:
        """Which samples the rows of the batch are, (size,): see `Gather` for `order`."""
        places = np.arange(self.first, self.first + self.size)
        if not order:
            return places
        return self.vector(self.run["order"] if order == RUN_ORDER else order, self.first + self.size, np.int64)[places]

    def table(self, address: int, row: int, columns: int, samples: Array, dtype: npt.DTypeLike) -> Array:
        """Rows of the data, (samples, columns)."""
        return self.matrix(address, row, int(samples.max(initial=-1)) + 1, columns, dtype)[samples]

    def targets(self, codes: int, numbers: int, outputs: int, samples: Array) -> Array:
        """Targets, (samples, outputs): numbers, the class for a single output, or one-hot."""
        if numbers:
            return self.table(numbers, 8 * outputs, outputs, samples, np.float64)
        classes = self.table(codes, 8, 1, samples, np.int64)
        return classes if outputs == 1 else classes == np.arange(outputs)

    def weights(self, order: int, weights: int) -> Array:
        """The weights of the batch's samples, (size,); 1 where there are none."""
        return self.table(weights, 8, 1, self.samples(order), np.float64)[:, 0] if weights else np.ones(self.size)

    def prepare(self, constants: int, scalars: int) -> None:
        """A kernel's prologue: its constants from its scalars."""
        kernel = self.found(constants)
        made = kernel.define_constants(self.vector(scalars, len(kernel.scalars), np.float64))
        self.vector(constants, kernel.constants, kernel.dtype)[:] = made

    def kernel(self, call: KernelCall, *operands: Array) -> list[Array]:
        """A kernel's outputs, for its inputs."""
        kernel = self.found(call.constants)
        outputs: list[Array] = kernel.define(self.vector(call.constants, kernel.constants, kernel.dtype), operands)
        return outputs
