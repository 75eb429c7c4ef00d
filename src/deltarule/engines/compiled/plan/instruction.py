"""What a plan is made of: the base of all instructions, and what their two forms share.

A plan is the list of instructions that one thread follows: for a training step, and for evaluating a block of samples.
An instruction is a frozen dataclass. Its fields are what is known when the plan is made: addresses, strides, counts.
Its method `execute` is compiled, and does what the docstring says for the samples that the thread works on. Its method
`define` says the same in NumPy: slow, and tested against the fast one. Its method `equation` is a line to print.

In memory an instruction is the address of its compiled method, then its fields. A thread calls one after the other, so
a new instruction is one class in one file.
"""

from __future__ import annotations

import ctypes
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.plan.tables import (
    RUN_ORDER,
    Gathering,
    KernelCall,
    MatrixAt,
    Plan,
    PreparedKernel,
    Rows,
    Run,
    Targets,
    Thread,
)
from deltarule.native.bfloat16 import multiply_in_blocks, multiply_in_pairs
from deltarule.native.memory import call, load_float32, load_float64, load_int64, store
from deltarule.native.processor import MachineCode, compile_functions, lasting
from deltarule.native.structs import Record, Stride, Struct, packed
from deltarule.native.tiles import BACKWARD, PAIRS, ROUNDED

__all__ = [
    "Array", "Instruction", "Work", "batch_weight", "column_squares", "column_sums", "compiled", "follow", "inverse",
    "number", "order_of", "put", "run_kernel", "sample", "samples_named", "stored", "uniform",
]  # fmt: skip

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

    def matrix(self, at: MatrixAt, rows: int, columns: int, dtype: npt.DTypeLike | None = None) -> Array:
        """A matrix (rows, columns)."""
        kind = np.dtype(self.dtype if dtype is None else dtype)
        return self.view(at.address, (rows, columns), (at.row, kind.itemsize), kind)

    def batch(self, at: MatrixAt, columns: int, dtype: npt.DTypeLike | None = None) -> Array:
        """A matrix with a row for each sample of the batch, (size, columns)."""
        return self.matrix(at, self.size, columns, dtype)

    def rows(self, part: Rows) -> slice:
        """A part of the batch's rows."""
        return slice(part.first(self.size), part.stop(self.size))

    def samples(self, order: int) -> npt.NDArray[np.int64]:
        """Which samples the rows of the batch are, (size,): see `Gather` for `order`."""
        places = np.arange(self.first, self.first + self.size)
        if not order:
            return places
        return self.vector(self.run["order"] if order == RUN_ORDER else order, self.first + self.size, np.int64)[places]

    def table(self, at: MatrixAt, columns: int, samples: Array, dtype: npt.DTypeLike) -> Array:
        """Rows of the data, (samples, columns)."""
        return self.matrix(at, int(samples.max(initial=-1)) + 1, columns, dtype)[samples]

    def words(self, address: int, samples: Array, dtype: npt.DTypeLike) -> Array:
        """One number for each of some samples, (samples,): 64 bits, an integer or a float64."""
        return self.vector(address, int(samples.max(initial=-1)) + 1, dtype)[samples]

    def targets(self, of: Targets, samples: Array) -> Array:
        """Targets of some samples, (samples, outputs): numbers, the class for a single output, or one-hot."""
        if of.numbers:
            return self.table(MatrixAt(of.numbers, Stride(8 * of.outputs)), of.outputs, samples, np.float64)
        classes = self.words(of.codes, samples, np.int64)[:, None]
        return classes if of.outputs == 1 else classes == np.arange(of.outputs)

    def scaled(self, gathering: Gathering, raw: Array) -> Array:
        """Rows as `gathering` scales them."""
        types = self.found(gathering.function)
        shift, factor = (
            self.vector(each, types.shift.size, types.within) for each in (gathering.shift, gathering.factor)
        )
        scaled: Array = (raw.astype(types.within) - shift) * factor
        return scaled

    def weights(self, order: int, weights: int) -> Array:
        """The weights of the batch's samples, (size,); 1 where there are none."""
        return self.words(weights, self.samples(order), np.float64) if weights else np.ones(self.size)

    def product(
        self, a: Array, b: Array, start: Array | float = 0.0, *, rounded: bool = True, backward: bool = False
    ) -> Array:
        """The product start + a b, of operands rounded to bfloat16 where the engine does so and `rounded`."""

        def slot(table: int, index: int) -> int:
            return int(self.vector(table, index + 1, np.int64)[index])

        tiles = slot(self.run["tiles"], ROUNDED) if rounded else 0
        if not tiles:
            return start + a @ b
        pairs = slot(slot(tiles, BACKWARD) if backward else tiles, PAIRS)
        return multiply_in_pairs(a, b, start) if pairs == 1 else multiply_in_blocks(a, b, start, 2 * pairs)

    def prepare(self, prepared: PreparedKernel) -> None:
        """A kernel's prologue: its constants from its scalars."""
        constants = prepared.kernel.constants
        kernel = self.found(constants)
        made = kernel.define_constants(self.vector(prepared.scalars, len(kernel.scalars), np.float64))
        self.vector(constants, kernel.constants, kernel.dtype)[:] = made

    def kernel(self, call: KernelCall, *operands: Array) -> list[Array]:
        """A kernel's outputs, for its inputs."""
        kernel = self.found(call.constants)
        outputs: list[Array] = kernel.define(self.vector(call.constants, kernel.constants, kernel.dtype), operands)
        return outputs


class Instruction(Struct, ABC):
    """Base of all instructions.

    vectorized : whether `execute` is worth LLVM's full pipeline, for its loops over numbers; see `compile_functions`.
    """

    vectorized: ClassVar[bool] = True

    @abstractmethod
    def execute(self, thread: Thread) -> None:
        """Do it; this is compiled."""

    @abstractmethod
    def define(self, work: Work) -> None:
        """Do it in NumPy."""

    @abstractmethod
    def equation(self) -> str:
        """Say it in a line, fields in braces: `{z:rows,width}` is so many rows and columns at the address z."""


@lasting
def _compiled(module: str, *, vectorized: bool) -> MachineCode:
    """The instructions of a module of either kind, compiled together when one of them is first wanted."""
    classes = [each for each in vars(sys.modules[module]).values() if isinstance(each, type)]
    own = [each for each in classes if issubclass(each, Instruction) and each.__module__ == module]
    functions = {each.__name__: (each.execute, each, Thread) for each in own if each.vectorized == vectorized}
    return compile_functions(functions, vectorized=vectorized)


def compiled(instruction: type[Instruction]) -> int:
    """The address of an instruction's compiled method."""
    code = _compiled(instruction.__module__, vectorized=instruction.vectorized)
    return code.address(instruction.__name__)


def stored(instructions: Sequence[Instruction]) -> tuple[np.ndarray, np.ndarray]:
    """A plan's table of addresses, and the words that these are of."""
    rows = [[compiled(type(each)), *packed(each)] for each in instructions]
    words = np.array([word for row in rows for word in row], np.int64)
    begins = np.cumsum([0, *map(len, rows)])[:-1]
    return words.ctypes.data + 8 * begins, words


def follow(plan: Plan, thread: Thread) -> None:
    """Execute a plan's instructions."""
    place = int(plan.address)
    for _ in range(plan.instructions):
        instruction = load_int64(place)
        call(load_int64(instruction), instruction + 8, thread)
        place += 8


# What instructions share


def number(address: int, index: int, item_bytes: int) -> float:
    """A number of an array of float32 or float64."""
    return load_float64(address + 8 * index) if item_bytes == 8 else float(load_float32(address + 4 * index))


def put(address: int, index: int, item_bytes: int, value: float) -> None:
    """Write a number into an array of float32 or float64."""
    if item_bytes == 4:
        store(address + 4 * index, np.float32(value))
    else:
        store(address + 8 * index, value)


def run_kernel(kernel: KernelCall, items: int, operands: int, addresses: tuple[int, ...]) -> None:
    """Call a kernel of elements on arrays, inputs and then outputs; `operands` is memory for their addresses."""
    place = operands
    for address in addresses:
        store(place, address)
        place += 8
    call(kernel.body, items, kernel.constants, operands)


def column_sums(a: int, b: int, row: int, rows: int, width: int, into: int, item: int) -> None:
    """Σ a b of each column, or Σ a where b is 0, row by row: (width,) float64. A product has the numbers' precision."""
    for column in range(width):
        store(into + 8 * column, 0.0)
    fours = rows - rows % 4
    for index in range(0, fours, 4):
        here, there = a + index * row, b + index * row
        for column in range(width):
            total = load_float64(into + 8 * column)
            for near in (0, 1, 2, 3):
                total += _term(here + near * row, there + near * row, b != 0, column, item)
            store(into + 8 * column, total)
    for index in range(fours, rows):
        here, there = a + index * row, b + index * row
        for column in range(width):
            store(into + 8 * column, load_float64(into + 8 * column) + _term(here, there, b != 0, column, item))


def _term(a: int, b: int, product: bool, column: int, item: int) -> float:
    """A number, or the product of two."""
    if not product:
        return number(a, column, item)
    if item == 8:
        return load_float64(a + 8 * column) * load_float64(b + 8 * column)
    return float(load_float32(a + 4 * column) * load_float32(b + 4 * column))


def column_squares(a: int, mean: int, row: int, rows: int, width: int, into: int, item: int) -> None:
    """Σ (a − mean)² of each column, row by row: (width,) float64, from means in float64."""
    for column in range(width):
        store(into + 8 * column, 0.0)
    fours = rows - rows % 4
    for index in range(0, fours, 4):
        here = a + index * row
        for column in range(width):
            total, center = load_float64(into + 8 * column), load_float64(mean + 8 * column)
            for near in (0, 1, 2, 3):
                distance = number(here + near * row, column, item) - center
                total += distance * distance
            store(into + 8 * column, total)
    for index in range(fours, rows):
        for column in range(width):
            distance = number(a + index * row, column, item) - load_float64(mean + 8 * column)
            store(into + 8 * column, load_float64(into + 8 * column) + distance * distance)


def uniform(word: np.uint64) -> float:
    """The number between 0 and 1 of a random word: (word + ½) / 2³²."""
    return (float(word) + 0.5) / 4294967296.0


def order_of(order: int, run_order: int) -> int:
    """The order that an instruction means: 1 is the run's own, 0 none: samples in stored order."""
    return run_order if order == RUN_ORDER else order


def sample(order: int, first: int, row: int) -> int:
    """Return the sample of a batch's row; without an order, samples are taken in stored order."""
    return load_int64(order + 8 * (first + row)) if order else first + row


def samples_named(order: int) -> str:
    """The samples of a batch in an instruction's equation."""
    return "order" if order == RUN_ORDER else "{order}" if order else "block"


def batch_weight(order: int, weights: int, first: int, size: int) -> float:
    """The sum of a batch's weights; its size where there are none."""
    if not weights:
        return float(size)
    total = 0.0
    for row in range(size):
        total += load_float64(weights + 8 * sample(order, first, row))
    return total


def inverse(weight: float) -> float:
    """1 / Σ weights of a batch; 0 where they are all 0, so that the batch adds nothing to the gradient."""
    return 1.0 / weight if weight > 0.0 else 0.0
