"""The tables in memory that instructions read: of the run, of a thread, and what their fields are made of."""

from __future__ import annotations

from dataclasses import dataclass

from deltarule.native.memory import call, load_float64, load_int64
from deltarule.native.structs import Address, Count, Pointer, Stride, Struct, zeros
from deltarule.native.threads import Barrier

__all__ = [
    "ALL_ROWS", "NOT_PREPARED", "NO_KERNEL", "NO_MATRIX", "RUN_ORDER", "Gathering", "KernelCall", "MatrixAt",
    "Plan", "PreparedKernel", "Progress", "Rows", "Run", "Targets", "Thread",
]  # fmt: skip


@dataclass(frozen=True)
class Rows(Struct):
    """The part `part` of `parts` of a batch's rows, so that one plan serves batches of any size."""

    part: Count
    parts: Count

    def first(self, size: int) -> int:
        """The first row, in a batch of `size`."""
        return size * self.part // self.parts

    def stop(self, size: int) -> int:
        """The row after the last."""
        return size * (self.part + 1) // self.parts

    def count(self, size: int) -> int:
        """How many rows."""
        return self.stop(size) - self.first(size)

    def __str__(self) -> str:
        return "all" if self.parts == 1 else f"{self.part + 1}/{self.parts}"


@dataclass(frozen=True)
class MatrixAt(Struct):
    """Where a matrix is in memory, and the bytes from one row to the next."""

    address: Address
    row: Stride

    def at(self, index: int) -> int:
        """The address of a row."""
        return self.address + index * self.row


ALL_ROWS = Rows(Count(0), Count(1))
RUN_ORDER = Address(1)
"""The address that stands for the run's own order, wherever it is."""


@dataclass(frozen=True)
class KernelCall(Struct):
    """A formula's compiled body, and the constants that its prologue made."""

    body: Address
    constants: Address


@dataclass(frozen=True)
class Targets(Struct):
    """The targets of a set: class `codes` (int64) or `numbers` (float64), the other address being 0."""

    codes: Address
    numbers: Address
    outputs: Count

    def value(self, sample: int, output: int) -> float:
        """A sample's target for an output: a number, the class where there is one output, or 0 or 1."""
        if self.numbers:
            return load_float64(self.numbers + 8 * (sample * self.outputs + output))
        code = load_int64(self.codes + 8 * sample)
        if self.outputs == 1:
            return float(code)
        return 1.0 if code == output else 0.0


@dataclass(frozen=True)
class Gathering(Struct):
    """A function that brings rows of one type into another, scaled: see `codegen.gather`."""

    function: Address
    shift: Address
    factor: Address

    def rows(self, many: int, order: int, source: int, source_row: int, target: int, row: int, columns: int) -> None:
        """Write so many rows, `row` bytes apart."""
        call(self.function, many, order, source, source_row, target, row, columns, self.shift, self.factor)


@dataclass(frozen=True)
class PreparedKernel(Struct):
    """A kernel whose scalars change: its prologue makes the constants of its body from them."""

    prologue: Address
    scalars: Address
    kernel: KernelCall

    def prepare(self) -> None:
        """Make the constants."""
        call(self.prologue, self.scalars, self.kernel.constants)


NO_KERNEL, NO_MATRIX, NOT_PREPARED = zeros(KernelCall), zeros(MatrixAt), zeros(PreparedKernel)


@dataclass
class Plan(Struct):
    """A list of instructions in memory, by their addresses."""

    address: Address
    instructions: Count


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
    or 0 for all in stored order. starts : where each batch begins in the order; epoch_starts : the first batch of each
    epoch of a given order. partial : three numbers for each block evaluated. figures : rows of `Figure`.
    batches : in an epoch. parameters : those that predict. weights : `WeightBlock`s, layer by layer. rates,
    decay_rates, dropout_rates : the schedules' factors for each step of the budget. budget, until : when to return to
    Python. ties : whether the last of equally good epochs is the best.
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
    batches: Count
    decay_rates: Address
    dropout_rates: Address
    ties: bool


@dataclass
class Thread(Struct):
    """What one thread reads, and what it works on: samples `first` to `first + size` of the order.

    place : which of this call's steps it is. sums : three numbers that losses are added to, `training_sums` or those of
    a block that is evaluated. workspace : for products. operands : memory for a kernel's addresses. copied : the
    derivatives of which a piece of a gradient left a copy in the workspace, for the next piece; or 0.
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
    copied: int
