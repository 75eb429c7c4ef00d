"""What a plan is made of, and the tables in memory that its instructions read.

A plan is the list of instructions that one thread follows: for a training step, and for evaluating a block of samples.
An instruction is a frozen dataclass. Its fields are what is known when the plan is made: addresses, strides, counts.
Its method `execute` is compiled, and does what the docstring says for the samples that the thread works on. Its method
`define` says the same in NumPy: slow, and tested against the fast one.

In memory an instruction is the address of its compiled method, then its fields. A thread calls one after the other, so
a new instruction is one class in one file.
"""

from __future__ import annotations

import functools
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deltarule.engines.compiled.codegen.memory import (
    add_atomically,
    call,
    load_atomically,
    load_float32,
    load_float64,
    load_int64,
    pause,
    store,
    store_atomically,
)  # fmt: skip
from deltarule.engines.compiled.codegen.processor import MachineCode, compile_functions
from deltarule.engines.compiled.codegen.structs import Address, Count, Pointer, Stride, Struct, packed

if TYPE_CHECKING:
    from deltarule.engines.compiled.plan.definition import Work

__all__ = [
    "ALL_ROWS", "NO_KERNEL", "RUN_ORDER", "Barrier", "Instruction", "KernelCall", "Plan", "Progress", "Rows", "Run",
    "Thread", "batch_weight", "follow", "inverse", "number", "order_of", "put", "sample", "samples_named", "stored",
    "wait",
]  # fmt: skip


@dataclass(frozen=True)
class Rows(Struct):
    """The part `part` of `parts` of a batch's rows, so that one plan serves batches of any size."""

    part: Count
    parts: Count

    def first(self, size: int) -> int:
        """The first row, in a batch of `size`."""
        return size * self.part // self.parts

    def count(self, size: int) -> int:
        """How many rows."""
        return size * (self.part + 1) // self.parts - size * self.part // self.parts

    def __str__(self) -> str:
        return "all" if self.parts == 1 else f"{self.part + 1}/{self.parts}"


ALL_ROWS = Rows(Count(0), Count(1))
RUN_ORDER = Address(1)
"""The address that stands for the run's own order, wherever it is."""


@dataclass(frozen=True)
class KernelCall(Struct):
    """A formula's compiled body, and the constants that its prologue made."""

    body: Address
    constants: Address


NO_KERNEL = KernelCall(Address(0), Address(0))


@dataclass
class Plan(Struct):
    """A list of instructions in memory, by their addresses."""

    address: Address
    instructions: Count


@dataclass
class Barrier(Struct):
    """Where threads wait for one another: addresses of two words, in cache lines of their own, and of a function.

    arrived : how many threads wait. round : how often all of them came. give_way : offers the core to others.
    """

    arrived: Address
    round: Address
    give_way: Address


@dataclass
class Progress(Struct):
    """What changes as training goes on; the first thread writes it."""

    epoch: int
    batch: int
    step: int
    finished: bool
    best_epoch: int
    best: float
    weight: float
    loss: float
    error: float
    budget: int
    until: int
    done: int
    recorded: int


@dataclass
class Run(Struct):
    """What all threads of a run read.

    order : row numbers of the samples, or of the epochs laid out; `listed` is how many. rows : the samples to shuffle,
    or 0 for all as they lie. starts : where each batch begins in the order; epoch_starts : the first batch of each
    epoch of a given order. partial : room for three numbers for each block evaluated. figures : rows of `Figure`.
    parameters : those that predict. weights : `WeightBlock`s, layer by layer. rates : the schedule's factor for each
    step of the budget. budget, until : when to return to Python.
    """

    threads: Count
    steppers: Count
    barrier: Pointer[Barrier]
    progress: Pointer[Progress]
    table: Address
    tiles: Address
    item_bytes: Stride
    order: Address
    listed: Count
    rows: Address
    samples: Count
    batch_size: Count
    shuffled: bool
    starts: Address
    epoch_starts: Address
    seed_low: int
    seed_high: int
    evaluated: bool
    validated: bool
    validation_samples: Count
    block: Count
    partial: Address
    figures: Address
    parameters: Address
    best: Address
    items: Count
    watched: bool
    patience: Count
    by_score: bool
    min_improvement: float
    weights: Address
    layers: Count
    record: Address
    last_epoch: Count
    ascending: Address
    rates: Address
    sample_weights: Address


@dataclass
class Thread(Struct):
    """What one thread reads, and what it works on: samples `first` to `first + size` of the order.

    place : which of this call's steps it is. sums : three numbers that losses are added to, `training_sums` or those of
    a block that is evaluated. workspace : for products. operands : room for a kernel's addresses.
    """

    run: Pointer[Run]
    training: Plan
    train_evaluation: Plan
    validation: Plan
    workspace: Address
    operands: Address
    training_sums: Address
    first: int
    size: int
    step: int
    place: int
    sums: int


class Instruction(Struct, ABC):
    """Base of all instructions."""

    @abstractmethod
    def execute(self, thread: Thread) -> None:
        """Do it; this is compiled."""

    @abstractmethod
    def define(self, work: Work) -> None:
        """Do it in NumPy."""

    @abstractmethod
    def equation(self) -> str:
        """Say it in a line, fields in braces: `{z:rows,width}` is so many rows and columns at the address z."""


@functools.cache
def _compiled(module: str) -> MachineCode:
    """The instructions of a module, compiled together when one of them is first wanted."""
    classes = [each for each in vars(sys.modules[module]).values() if isinstance(each, type)]
    own = [each for each in classes if issubclass(each, Instruction) and each.__module__ == module]
    return compile_functions({each.__name__: (each.execute, each, Thread) for each in own})


def _address(instruction: type[Instruction]) -> int:
    """The address of an instruction's compiled method."""
    return _compiled(instruction.__module__).address(instruction.__name__)


def stored(instructions: Sequence[Instruction]) -> tuple[np.ndarray, np.ndarray]:
    """A plan's table of addresses, and the words that these are of."""
    rows = [[_address(type(each)), *packed(each)] for each in instructions]
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


def order_of(order: int, run_order: int) -> int:
    """The order that an instruction means: 1 is the run's own, 0 none, samples being taken as they lie."""
    return run_order if order == RUN_ORDER else order


def sample(order: int, first: int, row: int) -> int:
    """Which sample is a batch's row; samples are taken as they lie where there is no order."""
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


_SPINS = 4096  # some 50 µs: longer than a layer of a small network takes, shorter than a time slice


def wait(barrier: Barrier, threads: int) -> None:
    """Wait until `threads` threads have called this; what any of them wrote before, all see after.

    A waiting thread spins a bounded number of times and then, at each further look, offers its core to others,
    so threads may outnumber cores.
    """
    if threads <= 1:
        return
    current = load_atomically(barrier.round)
    if add_atomically(barrier.arrived, 1) == threads - 1:
        store_atomically(barrier.arrived, 0)
        store_atomically(barrier.round, current + 1)
        return
    spins = 0
    while load_atomically(barrier.round) == current:
        if spins < _SPINS:
            spins += 1
            pause()
        else:
            call(barrier.give_way)
