"""Instructions for the update: gradients of weights, and the optimizer's steps.

A step in one pass takes the gradient of a slice of weights and updates it while it is in the nearest cache. Where a
norm of the whole gradient decides, it is written down first; where weights are bounded or averaged afterwards, they are
gone over again.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.plan.instruction import Array, Instruction, Work, column_sums, number, put, run_kernel
from deltarule.engines.compiled.plan.tables import KernelCall, MatrixAt, Thread
from deltarule.native import memory, rounded_products
from deltarule.native.bfloat16 import paired
from deltarule.native.memory import address_of, call, load_float64, square_root, store
from deltarule.native.structs import Address, Count, Stride, Struct

__all__ = ["Bound", "CallFormula", "Clip", "Gradient", "Product", "Squares", "Step", "Update"]


@dataclass(frozen=True)
class Product(Struct):
    """Some rows of a block of weights, w, and what their gradient aᵀ dz is a product of; `a_item` bytes lie between
    the inputs of a sample. pairs : where the rows' pairs rounded to bfloat16 are kept, or 0. whole : the rows of all
    pieces of the product.
    """

    d: MatrixAt
    a: MatrixAt
    a_item: Stride
    w: MatrixAt
    pairs: Address
    rows: Count
    width: Count
    whole: Count

    def multiply(self, first: int, rows: int, target: int, thread: Thread, again: bool) -> None:
        """Write the gradient of some of the rows, as far apart as the weights' are; `again` after other rows of it."""
        rounded_products.gradient(
            thread.run.tiles, target, self.w.row, self.a.address + first * self.a_item, self.a.row, self.d.address,
            self.d.row, thread.size, rows, self.width, thread.workspace, again,
            self.whole,
        )  # fmt: skip

    def gradient(self, work: Work) -> Array:
        """The product aᵀ dz, (rows, width)."""
        a = work.view(self.a.address, (self.rows, work.size), (self.a_item, self.a.row))
        return work.product(a, work.batch(self.d, self.width), rounded=self.a.row > 0)


_PRODUCT = "{product.a:,product.rows}ᵀ {product.d:,product.width}"


@dataclass(frozen=True)
class Update(Instruction):
    """The gradient of some rows of a block and the optimizer's step, `slice` rows at a time.

    The kernel takes w, g and as many slots, which are `apart` bytes from w and from one another.
    """

    vectorized = False

    product: Product
    kernel: KernelCall
    slots: Count
    apart: Stride
    scratch: Address
    slice: Count

    def equation(self) -> str:
        pairs = ", bfloat16 pairs" if self.product.pairs else ""
        return "{product.w:product.rows,product.width}, slots" + pairs + " = {kernel}(" + _PRODUCT + ")"

    def execute(self, thread: Thread) -> None:
        of, operands = self.product, thread.operands
        columns = of.w.row // thread.run.item_bytes
        is_piece = of.rows < of.whole
        again = is_piece and thread.copied == of.d.address
        row = 0
        while row < of.rows:
            many = min(self.slice, of.rows - row)
            of.multiply(row, many, self.scratch, thread, again)
            again = True
            _step(self.kernel, of.w.at(row), self.scratch, many * columns, self.slots, self.apart, operands)
            if of.pairs:
                pairs = of.pairs + row // 2 * of.w.row
                rounded_products.keep_pairs(thread.run.tiles, of.w.at(row), of.w.row, many, of.width, pairs)
            row += many
        thread.copied = of.d.address if is_piece else 0

    def define(self, work: Work) -> None:
        of = self.product
        places = [MatrixAt(Address(of.w.address + slot * self.apart), of.w.row) for slot in range(self.slots + 1)]
        held = [work.matrix(place, of.rows, of.width) for place in places]
        _define_step(work, self.kernel, held, of.gradient(work))
        if of.pairs:
            pairs = MatrixAt(of.pairs, of.w.row)
            work.matrix(pairs, (of.rows + 1) // 2, of.width, np.uint32)[:] = paired(held[0])


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

    vectorized = False

    product: Product
    gradient: Address
    kernel: KernelCall

    def equation(self) -> str:
        added = " + {kernel}" if self.kernel.body else ""
        return "{gradient:product.rows,product.width} = " + _PRODUCT + added

    def execute(self, thread: Thread) -> None:
        of, gradient = self.product, self.gradient
        for row in range(0, of.rows, _SLICE):
            of.multiply(row, min(_SLICE, of.rows - row), gradient + row * of.w.row, thread, row > 0)
        if self.kernel.body:
            items = of.rows * (of.w.row // thread.run.item_bytes)
            run_kernel(self.kernel, items, thread.operands, (of.w.address, gradient, gradient))

    def define(self, work: Work) -> None:
        of = self.product
        g = work.matrix(MatrixAt(self.gradient, of.w.row), of.rows, of.width)
        g[:] = of.gradient(work)
        if self.kernel.body:
            (g[:],) = work.kernel(self.kernel, work.matrix(of.w, of.rows, of.width), g)


@dataclass(frozen=True)
class Step(Instruction):
    """The optimizer's step over `items` numbers whose gradient is written down."""

    vectorized = False

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

    matrix: MatrixAt
    rows: Count
    width: Count
    squares: Address

    def equation(self) -> str:
        return "{squares} = Σ {matrix:rows,width}² of each column"

    def execute(self, thread: Thread) -> None:
        x = self.matrix
        column_sums(x.address, x.address, x.row, self.rows, self.width, self.squares, thread.run.item_bytes)

    def define(self, work: Work) -> None:
        x = work.matrix(self.matrix, self.rows, self.width)
        work.vector(self.squares, self.width, np.float64)[:] = np.sum(x * x, axis=0, dtype=np.float64)


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
        room = int(thread.workspace)
        for place in range(16):
            store(room + 8 * place, square_root(total))
        run_kernel(self.kernel, 16, thread.operands, (room, room))
        store(self.scalars + 16, load_float64(room))

    def define(self, work: Work) -> None:
        norm = np.sqrt(work.vector(self.squares, self.columns, np.float64).sum())
        (work.vector(self.scalars, 3, np.float64)[2],) = work.kernel(self.kernel, norm)


@dataclass(frozen=True)
class Bound(Instruction):
    """Multiply the weights into each unit of a block by what a constraint makes of their norm."""

    w: MatrixAt
    rows: Count
    width: Count
    squares: Address
    kernel: KernelCall

    def equation(self) -> str:
        return "{w:rows,width} = {w:rows,width} · {kernel}(norm of each column)"

    def execute(self, thread: Thread) -> None:
        item, squares, width = thread.run.item_bytes, self.squares, self.width
        column_sums(self.w.address, self.w.address, self.w.row, self.rows, width, squares, item)
        for column in range(width):
            store(squares + 8 * column, square_root(load_float64(squares + 8 * column)))
        run_kernel(self.kernel, width, thread.operands, (squares, squares))
        for index in range(self.rows):
            here = self.w.at(index)
            for column in range(width):
                put(here, column, item, number(here, column, item) * load_float64(squares + 8 * column))

    def define(self, work: Work) -> None:
        w = work.matrix(self.w, self.rows, self.width)
        factor = work.vector(self.squares, self.width, np.float64)
        (factor[:],) = work.kernel(self.kernel, np.sqrt(np.sum(w * w, axis=0, dtype=np.float64)))
        w *= factor


@dataclass(frozen=True)
class CallFormula(Instruction):
    """Have Python step by the whole gradient, while the other threads wait: see `runtime.team`."""

    vectorized = False

    function: Address

    def equation(self) -> str:
        return "the formula's own step, in Python"

    def execute(self, thread: Thread) -> None:
        mode = memory.keep_subnormals()  # NumPy and the formula calculate as they do elsewhere
        call(self.function, address_of(thread))
        memory.restore_float_mode(mode)

    def define(self, work: Work) -> None:
        ctypes.CFUNCTYPE(None, ctypes.c_int64)(self.function)(work.thread.address)
