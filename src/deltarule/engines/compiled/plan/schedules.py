"""Instructions whose numbers follow a schedule: the factor on weight decay, and dropout at a scheduled rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.plan.instruction import Instruction, Work, put
from deltarule.engines.compiled.plan.tables import MatrixAt, Rows, Thread
from deltarule.formulas import random
from deltarule.native.memory import call, load_float64, store
from deltarule.native.structs import Address, Count

__all__ = ["PutDecay", "ScheduledDropout"]

# Adding and subtracting it rounds to an integer, to the even one of two, as Python's `round` does.
_ROUNDER = 2.0**52
_LARGEST = 0xFFFFFFFF


@dataclass(frozen=True)
class PutDecay(Instruction):
    """Put the schedule's factor on weight decay into the scalars of a kernel of the optimizer's step, as the fifth."""

    scalars: Address

    def equation(self) -> str:
        return "the step's factor on weight decay"

    def execute(self, thread: Thread) -> None:
        store(self.scalars + 32, load_float64(thread.run.decay_rates + 8 * thread.place))

    def define(self, work: Work) -> None:
        place = work.thread["place"]
        factors = work.vector(work.run["decay_rates"], place + 1, np.float64)
        work.vector(self.scalars, 5, np.float64)[4] = factors[place]


@dataclass(frozen=True)
class ScheduledDropout(Instruction):
    """Dropout at the step's rate: `rate` times the schedule's factor. 1 / (1 − rate) is left at `scale`."""

    draw: Address
    numbers: MatrixAt
    columns: Count
    layer: Count
    rate: float
    scale: Address
    mask: MatrixAt
    rows: Rows

    def equation(self) -> str:
        return "{numbers:rows}, {mask:rows} = dropout({numbers:rows}) at the step's rate"

    def execute(self, thread: Thread) -> None:
        run, begin = thread.run, self.rows.first(thread.size)
        rate = self.rate * load_float64(run.dropout_rates + 8 * thread.place)
        threshold = min(int(rate * 4294967296.0 + _ROUNDER - _ROUNDER), _LARGEST)
        put(self.scale, 0, run.item_bytes, 1.0 / (1.0 - rate))
        call(
            self.draw, begin, self.rows.count(thread.size), self.columns, thread.step, self.layer, run.seed_low,
            run.seed_high, threshold, self.scale, self.numbers.at(begin), self.mask.at(begin),
        )  # fmt: skip

    def define(self, work: Work) -> None:
        rows, shape, place = work.rows(self.rows), (work.size, self.columns), work.thread["place"]
        rate = self.rate * work.vector(work.run["dropout_rates"], place + 1, np.float64)[place]
        kept = random.kept(work.seed, self.layer, work.step, *shape, rate)[rows]
        mask = work.batch(self.mask, self.columns // 8, np.uint8)
        mask[rows] = np.packbits(kept, axis=1, bitorder="little")
        scale = work.vector(self.scale, 1)
        scale[:] = 1.0 / (1.0 - rate)
        work.batch(self.numbers, self.columns)[rows] *= kept * scale
