"""Instructions for dropout and noise: random numbers on a layer's inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.plan.instruction import Instruction, Work, put, run_kernel, uniform
from deltarule.engines.compiled.plan.tables import KernelCall, MatrixAt, Rows, Thread
from deltarule.formulas import random
from deltarule.native.memory import call
from deltarule.native.structs import Address, Count

__all__ = ["Dropout", "DropoutAgain", "Noise"]


@dataclass(frozen=True)
class Dropout(Instruction):
    """Draw dropout's mask for rows of a layer's inputs, keep it, and multiply it in; see `codegen.dropout`."""

    draw: Address
    numbers: MatrixAt
    columns: Count
    layer: Count
    threshold: int
    scale: Address
    mask: MatrixAt
    rows: Rows

    def equation(self) -> str:
        return "{numbers:rows}, {mask:rows} = dropout({numbers:rows})"

    def execute(self, thread: Thread) -> None:
        run, begin = thread.run, self.rows.first(thread.size)
        call(
            self.draw, begin, self.rows.count(thread.size), self.columns, thread.step, self.layer, run.seed_low,
            run.seed_high, self.threshold, self.scale, self.numbers.at(begin), self.mask.at(begin),
        )  # fmt: skip

    def define(self, work: Work) -> None:
        rows, shape = work.rows(self.rows), (work.size, self.columns)
        kept = random.words(work.seed, random.Purpose.DROPOUT, shape, self.layer, work.step)[rows] >= self.threshold
        mask = work.batch(self.mask, self.columns // 8, np.uint8)
        mask[rows] = np.packbits(kept, axis=1, bitorder="little")
        work.batch(self.numbers, self.columns)[rows] *= kept * work.vector(self.scale, 1)


@dataclass(frozen=True)
class DropoutAgain(Instruction):
    """Multiply dropout's mask into what goes back."""

    repeat: Address
    numbers: MatrixAt
    columns: Count
    scale: Address
    mask: MatrixAt
    rows: Rows

    def equation(self) -> str:
        return "{numbers:rows} = {numbers:rows} where {mask:rows} is 1, scaled alike; else 0"

    def execute(self, thread: Thread) -> None:
        begin = self.rows.first(thread.size)
        count = self.rows.count(thread.size) * self.columns
        call(self.repeat, count, self.scale, self.numbers.at(begin), self.mask.at(begin))

    def define(self, work: Work) -> None:
        rows, mask = work.rows(self.rows), work.batch(self.mask, self.columns // 8, np.uint8)
        kept = np.unpackbits(mask[rows], axis=1, bitorder="little")
        work.batch(self.numbers, self.columns)[rows] *= kept * work.vector(self.scale, 1)


_NOISE = int(random.Purpose.NOISE)


@dataclass(frozen=True)
class Noise(Instruction):
    """Add normal noise to rows of a layer's inputs: the same numbers as `formulas.random.normal` draws.

    The kernel takes a uniform number p as p − ½ and as the lesser of p and 1 − p; `room` holds both for each column.
    """

    numbers: MatrixAt
    width: Count
    layer: Count
    kernel: KernelCall
    room: Address
    rows: Rows

    def equation(self) -> str:
        return "{numbers:rows} += normal noise"

    def execute(self, thread: Thread) -> None:
        run, operands, width = thread.run, thread.operands, self.width
        low, high = np.uint64(run.seed_low), np.uint64(run.seed_high)
        purpose = np.uint64(16 * self.layer + _NOISE)
        centred, least = self.room, self.room + 8 * width
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            for block in range(width // 4):
                w0, w1, w2, w3 = random.rounds(
                    np.uint64(block), np.uint64(index), np.uint64(thread.step), purpose, low, high
                )
                unit = 4 * block
                for word in (w0, w1, w2, w3):
                    p = uniform(word)
                    put(centred, unit, run.item_bytes, p - 0.5)
                    put(least, unit, run.item_bytes, min(p, 1.0 - p))
                    unit += 1
            numbers = self.numbers.at(index)
            run_kernel(self.kernel, width, operands, (numbers, centred, least, numbers))

    def define(self, work: Work) -> None:
        rows, shape = work.rows(self.rows), (work.size, self.width)
        p = random.uniform(work.seed, random.Purpose.NOISE, shape, self.layer, work.step)[rows]
        a = work.batch(self.numbers, self.width)[rows]
        (a[:],) = work.kernel(self.kernel, a, p - 0.5, np.minimum(p, 1.0 - p))
