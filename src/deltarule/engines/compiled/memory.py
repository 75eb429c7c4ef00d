"""The matrices that a batch passes through, and whatever else programs point at, kept for as long as they run."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.kernels import Kernel
from deltarule.engines.compiled.layout import padded
from deltarule.engines.compiled.products import row_stride

Thing = TypeVar("Thing")

__all__ = ["Arena", "Matrix", "Passage", "aligned"]

_LINE = 64


def aligned(items: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Zeros, (items,), that begin at a cache line."""
    kind = np.dtype(dtype)
    memory = np.zeros(items * kind.itemsize + _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + items * kind.itemsize].view(kind)


@dataclass(frozen=True)
class Matrix:
    """A matrix by address: `columns`, padded; `stride` numbers, `row` bytes, from one row to the next."""

    address: int
    columns: int
    stride: int
    row: int
    item_bytes: int

    def column(self, number: int) -> int:
        """Where a column begins."""
        return self.address + number * self.item_bytes

    def view(self, rows: int) -> npt.NDArray[Any]:
        """The numbers themselves, (rows, stride); whoever handed out the matrix must live."""
        kind = ctypes.c_float if self.item_bytes == 4 else ctypes.c_double
        return np.ctypeslib.as_array((kind * (rows * self.stride)).from_address(self.address)).reshape(
            rows, self.stride
        )


class Arena:
    """Hands out memory, and keeps it and whatever else programs point at."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self._kept: list[Any] = []
        self.operands = 0
        """Addresses that the kernel with the most inputs and outputs takes, of those that are kept here."""

    def keep(self, array: npt.NDArray[Any]) -> int:
        """The address of an array, which stays alive."""
        self._kept.append(array)
        return array.ctypes.data

    def hold(self, thing: Thing) -> Thing:
        """The thing itself, kept alive: two threads may each make what is made once."""
        self._kept.append(thing)
        return thing

    def numbers(self, items: int) -> int:
        """The address of zeros of the engine's precision."""
        return self.keep(aligned(items, self.dtype))

    def words(self, items: int) -> int:
        """The address of zero words."""
        return self.keep(aligned(items, np.int64))

    def constants(self, kernel: Kernel, **changed: float) -> tuple[int, int]:
        """The body of a kernel whose scalars stay as they are, and its constants."""
        self._hold_kernel(kernel)
        return kernel.body, self.keep(kernel.shared(**changed))

    def room(self, kernel: Kernel) -> tuple[int, int]:
        """A kernel's scalars as they begin, and room for its constants."""
        self._hold_kernel(kernel)
        return self.keep(np.array(kernel.values or (0.0,))), self.numbers(max(1, kernel.constants))

    def _hold_kernel(self, kernel: Kernel) -> None:
        self.hold(kernel)
        self.operands = max(self.operands, len(kernel.inputs) + len(kernel.outputs))

    def matrix(self, rows: int, columns: int) -> Matrix:
        """A matrix of zeros whose rows do not compete for places in the nearest cache."""
        item = self.dtype.itemsize
        stride = row_stride(columns, item, period=1024)
        return Matrix(self.numbers(rows * stride), padded(columns), stride, stride * item, item)


class Passage:
    """What a batch of `rows` samples becomes on its way through the network.

    x : the scaled inputs; for each hidden layer z and a; the output's z; on the way back dz for each layer; masks where
    a layer's inputs are dropped; y, and a loss, an error and a weight for each row. Of a normalised network also the
    weighted sums of hidden layers, where they become the normalised ones; four words for each of their columns, γ
    and β side by side, and a word for each row.
    """

    def __init__(
        self,
        arena: Arena,
        rows: int,
        sizes: Sequence[int],
        rates: Sequence[float],
        *,
        backward: bool,
        normalized: bool = False,
    ) -> None:
        self.rows = rows
        hidden = sizes[1:-1] if normalized else ()
        self.normalized = [arena.matrix(rows, units) for units in hidden]
        self.rooms = [arena.words(4 * padded(units)) for units in hidden]
        self.learnt = [arena.matrix(2, units) for units in hidden]
        self.statistics = [arena.words(rows) for _ in hidden]
        self.x = arena.matrix(rows, sizes[0])
        self.z = [arena.matrix(rows, units) for units in sizes[1:]]
        self.a = [arena.matrix(rows, units) for units in sizes[1:-1]]
        self.d = [arena.matrix(rows, units) for units in sizes[1:]] if backward else []
        self.y = arena.matrix(rows, sizes[-1])
        self.losses, self.errors, self.weights = (arena.numbers(rows) for _ in range(3))
        self.masks = [
            arena.keep(aligned(rows * self.inputs(layer).stride // 16, np.uint16)) if rate and backward else 0
            for layer, rate in enumerate(rates)
        ]

    def sums(self, layer: int) -> Matrix:
        """Where a layer's weighted sums go."""
        return self.normalized[layer] if layer < len(self.normalized) else self.z[layer]

    def inputs(self, layer: int) -> Matrix:
        """What a layer multiplies with its weights."""
        return self.x if layer == 0 else self.a[layer - 1]
