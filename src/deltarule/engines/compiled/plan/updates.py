"""Instructions for the update: gradients of weights, and the optimizer's steps.

A step in one pass takes the gradient of a slice of weights and updates it while it is in the nearest cache. Where a
norm of the whole gradient decides, it is written down first; where weights are bounded or averaged afterwards, they are
gone over again.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.codegen.memory import (
    address_of,
    call,
    keep_subnormals,
    load_float32,
    load_float64,
    restore_float_mode,
    square_root,
    store,
)  # fmt: skip
from deltarule.engines.compiled.codegen.structs import Address, Count, Stride, Struct
from deltarule.engines.compiled.plan import products
from deltarule.engines.compiled.plan.definition import Array, Work
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.tables import KernelCall, Thread

__all__ = ["Bound", "CallFormula", "Clip", "Gradient", "Product", "Squares", "Step", "Update"]


@dataclass(frozen=True)
class Product(Struct):
    """Some rows of a block of weights, from `w` on, and what their gradient aᵀ dz is a product of."""

    d: Address
    d_row: Stride
    a: Address
    a_item: Stride
    a_row: Stride
    w: Address
    w_row: Stride
    rows: Count
    width: Count

    def weights(self, work: Work) -> Array:
        """The rows of weights, (rows, width)."""
        return work.matrix(self.w, self.w_row, self.rows, self.width)

    def gradient(self, work: Work) -> Array:
        """The product aᵀ dz, (rows, width)."""
        a = work.view(self.a, (self.rows, work.size), (self.a_item, self.a_row))
        return a @ work.batch(self.d, self.d_row, self.width)


_PRODUCT = "{product.a:,product.rows}ᵀ {product.d:,product.width}"


@dataclass(frozen=True)
class Update(Instruction):
    """The gradient of some rows of a block and the optimizer's step, `slice` rows at a time.

    The kernel takes w, g and as many slots, which lie `apart` bytes from w and from one another.
    """

    product: Product
    kernel: KernelCall
    slots: Count
    apart: Stride
    scratch: Address
    slice: Count

    def equation(self) -> str:
        return "{product.w:product.rows,product.width}, slots = {kernel}(" + _PRODUCT + ")"

    def execute(self, thread: Thread) -> None:
        of, operands, table = self.product, thread.operands, thread.run.tiles
        columns = of.w_row // thread.run.item_bytes
        row = 0
        while row < of.rows:
            many = min(self.slice, of.rows - row)
            products.gradient(
                table, self.scratch, of.w_row, of.a + row * of.a_item, of.a_row, of.d, of.d_row, thread.size, many,
                of.width,
            )  # fmt: skip
            _step(self.kernel, of.w + row * of.w_row, self.scratch, many * columns, self.slots, self.apart, operands)
            row += many

    def define(self, work: Work) -> None:
        of = self.product
        places = [of.w + slot * self.apart for slot in range(self.slots + 1)]
        held = [work.matrix(place, of.w_row, of.rows, of.width) for place in places]
        _define_step(work, self.kernel, held, of.gradient(work))


def _step(kernel: KernelCall, w: int, g: int, items: int, slots: int, apart: int, operands: int) -> None:
    """Have an optimizer's kernel step: its inputs are w, g and the slots; its outputs w and the slots, in place."""
    outputs = operands + 8 * (2 + slots)
    store(operands, w)
    store(operands + 8, g)
    store(outputs, w)
    for slot in range(1, slots + 1):
        store(operands + 8 * (1 + slot), w + slot * apart)
        store(outputs + 8 * slot, w + slot * apart)
    call(kernel.body, items, kernel.constants, operands)


def _define_step(work: Work, kernel: KernelCall, held: list[Array], gradient: Array) -> None:
    """The step of what is held: weights, and slots."""
    w, *slots = held
    for array, stepped in zip(held, work.kernel(kernel, w, gradient, *slots), strict=True):
        array[:] = stepped


_SLICE = 96  # whole tiles; sums are over the batch, so slices change no bit


@dataclass(frozen=True)
class Gradient(Instruction):
    """Write the gradient of some rows of a block, aᵀ dz, to `gradient`; a kernel may add a penalty's to it."""

    product: Product
    gradient: Address
    kernel: KernelCall

    def equation(self) -> str:
        added = " + {kernel}" if self.kernel.body else ""
        return "{gradient:product.rows,product.width} = " + _PRODUCT + added

    def execute(self, thread: Thread) -> None:
        of, gradient, operands = self.product, self.gradient, thread.operands
        for row in range(0, of.rows, _SLICE):
            products.gradient(
                thread.run.tiles, gradient + row * of.w_row, of.w_row, of.a + row * of.a_item, of.a_row, of.d, of.d_row,
                thread.size, min(_SLICE, of.rows - row), of.width,
            )  # fmt: skip
        if self.kernel.body:
            store(operands, of.w)
            store(operands + 8, gradient)
            store(operands + 16, gradient)
            call(self.kernel.body, of.rows * (of.w_row // thread.run.item_bytes), self.kernel.constants, operands)

    def define(self, work: Work) -> None:
        of, g = self.product, work.matrix(self.gradient, self.product.w_row, self.product.rows, self.product.width)
        g[:] = of.gradient(work)
        if self.kernel.body:
            (g[:],) = work.kernel(self.kernel, of.weights(work), g)


@dataclass(frozen=True)
class Step(Instruction):
    """The optimizer's step over `items` numbers whose gradient is written down."""

    w: Address
    gradient: Address
    items: Count
    kernel: KernelCall
    slots: Count
    apart: Stride

    def equation(self) -> str:
        return "{w} and the slots: {items} numbers stepped by {kernel}, against {gradient}"

    def execute(self, thread: Thread) -> None:
        _step(self.kernel, self.w, self.gradient, self.items, self.slots, self.apart, thread.operands)

    def define(self, work: Work) -> None:
        held = [work.vector(self.w + slot * self.apart, self.items) for slot in range(self.slots + 1)]
        _define_step(work, self.kernel, held, work.vector(self.gradient, self.items))


@dataclass(frozen=True)
class Squares(Instruction):
    """Σ x² of some columns of a matrix, one float64 each."""

    matrix: Address
    row: Stride
    rows: Count
    width: Count
    squares: Address

    def equation(self) -> str:
        return "{squares} = Σ {matrix:rows,width}² of each column"

    def execute(self, thread: Thread) -> None:
        _column_squares(self.matrix, self.row, self.rows, self.width, self.squares, thread.run.item_bytes)

    def define(self, work: Work) -> None:
        x = work.matrix(self.matrix, self.row, self.rows, self.width)
        work.vector(self.squares, self.width, np.float64)[:] = np.sum(x * x, axis=0, dtype=np.float64)


def _column_squares(matrix: int, row: int, rows: int, width: int, squares: int, item: int) -> None:
    """The sum of squares of each column, added row by row in float64; a square has the numbers' precision."""
    for column in range(width):
        store(squares + 8 * column, 0.0)
    for index in range(rows):
        here = matrix + index * row
        if item == 4:
            for column in range(width):
                x = load_float32(here + 4 * column)
                store(squares + 8 * column, load_float64(squares + 8 * column) + x * x)
        else:
            for column in range(width):
                wide = load_float64(here + 8 * column)
                store(squares + 8 * column, load_float64(squares + 8 * column) + wide * wide)


@dataclass(frozen=True)
class Clip(Instruction):
    """The norm of the whole gradient, through the clipping's kernel, into the scalar "clip" of an update."""

    squares: Address
    columns: Count
    kernel: KernelCall
    scalars: Address

    def equation(self) -> str:
        return "factor of {kernel} for √Σ {squares}"

    def execute(self, thread: Thread) -> None:
        total = 0.0
        for column in range(self.columns):
            total += load_float64(self.squares + 8 * column)
        # A kernel takes sixteen numbers at least: the first of them is used.
        room, operands = thread.workspace, thread.operands
        for place in range(16):
            store(room + 8 * place, square_root(total))
        store(operands, room)
        store(operands + 8, room)
        call(self.kernel.body, 16, self.kernel.constants, operands)
        store(self.scalars + 16, load_float64(room))

    def define(self, work: Work) -> None:
        norm = np.sqrt(work.vector(self.squares, self.columns, np.float64).sum())
        (work.vector(self.scalars, 3, np.float64)[2],) = work.kernel(self.kernel, norm)


@dataclass(frozen=True)
class Bound(Instruction):
    """Multiply the weights into each unit of a block by what a constraint makes of their norm."""

    w: Address
    row: Stride
    rows: Count
    width: Count
    squares: Address
    kernel: KernelCall

    def equation(self) -> str:
        return "{w:rows,width} = {w:rows,width} · {kernel}(norm of each column)"

    def execute(self, thread: Thread) -> None:
        item, operands, squares, width = thread.run.item_bytes, thread.operands, self.squares, self.width
        _column_squares(self.w, self.row, self.rows, width, squares, item)
        for column in range(width):
            store(squares + 8 * column, square_root(load_float64(squares + 8 * column)))
        store(operands, squares)
        store(operands + 8, squares)
        call(self.kernel.body, width, self.kernel.constants, operands)
        for index in range(self.rows):
            here = self.w + index * self.row
            if item == 4:
                for column in range(width):
                    x = float(load_float32(here + 4 * column)) * load_float64(squares + 8 * column)
                    store(here + 4 * column, np.float32(x))
            else:
                for column in range(width):
                    x = load_float64(here + 8 * column) * load_float64(squares + 8 * column)
                    store(here + 8 * column, x)

    def define(self, work: Work) -> None:
        w = work.matrix(self.w, self.row, self.rows, self.width)
        factor = work.vector(self.squares, self.width, np.float64)
        (factor[:],) = work.kernel(self.kernel, np.sqrt(np.sum(w * w, axis=0, dtype=np.float64)))
        w *= factor


@dataclass(frozen=True)
class CallFormula(Instruction):
    """Have Python step by the whole gradient, while the other threads wait: see `runtime.team`."""

    function: Address

    def equation(self) -> str:
        return "the formula's own step, in Python"

    def execute(self, thread: Thread) -> None:
        mode = keep_subnormals()  # NumPy and the formula calculate as they do elsewhere
        call(self.function, address_of(thread))
        restore_float_mode(mode)

    def define(self, work: Work) -> None:
        ctypes.CFUNCTYPE(None, ctypes.c_int64)(self.function)(work.thread.address)
