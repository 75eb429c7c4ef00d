"""Instructions that build a batch, and that accumulate its losses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.plan.instruction import Instruction, Work, number, order_of, put, sample, samples_named
from deltarule.engines.compiled.plan.tables import Gathering, MatrixAt, Rows, Targets, Thread
from deltarule.native.memory import load_float64, load_int64, prefetch, store
from deltarule.native.structs import Address, Count

__all__ = ["AddToSums", "CountErrors", "Gather", "Prefetch", "RecordLoss", "Target"]


_AHEAD = 8  # rows whose targets are fetched before they are read


@dataclass(frozen=True)
class Gather(Instruction):
    """Rows of the raw data as scaled rows of the batch.

    order : 1 for the run's own, 0 for samples in stored order, or the address of an array of row numbers.
    """

    vectorized = False

    gathering: Gathering
    order: Address
    source: MatrixAt
    target: MatrixAt
    columns: Count
    rows: Rows

    def equation(self) -> str:
        return f"{{target:rows}} = ({{source}}[{samples_named(self.order)}] − shift) · factor"

    def execute(self, thread: Thread) -> None:
        begin, rows = self.rows.first(thread.size), self.rows.count(thread.size)
        if rows == 0:
            return
        order, source = order_of(self.order, thread.run.order), int(self.source.address)
        if order:
            order += 8 * (thread.first + begin)
        else:
            order = thread.run.ascending
            source = self.source.at(thread.first + begin)
        self.gathering.rows(rows, order, source, self.source.row, self.target.at(begin), self.target.row, self.columns)

    def define(self, work: Work) -> None:
        rows, types = work.rows(self.rows), work.found(self.gathering.function)
        raw = work.table(self.source, self.columns, work.samples(self.order)[rows], types.source)
        work.batch(self.target, self.columns)[rows] = work.scaled(self.gathering, raw)


@dataclass(frozen=True)
class Prefetch(Instruction):
    """Fetch the raw rows of the next batch, `bytes` long, to have them near when it is built."""

    vectorized = False

    order: Address
    source: MatrixAt
    bytes: Count
    rows: Rows

    def equation(self) -> str:
        return "{source}, the rows of the next batch ({bytes} bytes each)"

    def execute(self, thread: Thread) -> None:
        order, following = order_of(self.order, thread.run.order), thread.first + thread.size
        many = min(thread.size, thread.run.listed - following)
        begin = following + self.rows.first(many)
        for place in range(begin, begin + self.rows.count(many)):
            row = self.source.at(sample(order, place, 0))
            for offset in range(0, self.bytes, 64):
                prefetch(row + offset)

    def define(self, work: Work) -> None:
        """Nothing: no number changes."""


@dataclass(frozen=True)
class Target(Instruction):
    """Rows of y: one-hot, 0 or 1 for a single output, or numbers; and the rows' weights, where there are any."""

    order: Address
    targets: Targets
    weights: Address
    y: MatrixAt
    batch_weights: Address
    rows: Rows

    def equation(self) -> str:
        samples = samples_named(self.order)
        weights = f"; {{batch_weights:rows}} = {{weights}}[{samples}]" if self.weights else ""
        return f"{{y:rows}} = {{targets.codes}}, {{targets.numbers}}[{samples}]{weights}"

    def execute(self, thread: Thread) -> None:
        item, order = thread.run.item_bytes, order_of(self.order, thread.run.order)
        outputs, codes = int(self.targets.outputs), int(self.targets.codes)
        stop = self.rows.stop(thread.size)
        for row in range(self.rows.first(thread.size), stop):
            chosen, y = sample(order, thread.first, row), self.y.at(row)
            if codes:
                prefetch(codes + 8 * sample(order, thread.first, min(row + _AHEAD, stop - 1)))
            if codes and outputs > 1:
                for output in range(outputs):
                    put(y, output, item, 0.0)
                put(y, load_int64(codes + 8 * chosen), item, 1.0)
            else:
                for output in range(outputs):
                    put(y, output, item, self.targets.value(chosen, output))
            if self.weights:
                put(self.batch_weights, row, item, load_float64(self.weights + 8 * chosen))

    def define(self, work: Work) -> None:
        rows, samples = work.rows(self.rows), work.samples(self.order)
        work.batch(self.y, self.targets.outputs)[rows] = work.targets(self.targets, samples[rows])
        if self.weights:
            work.vector(self.batch_weights, work.size)[rows] = work.weights(self.order, self.weights)[rows]


@dataclass(frozen=True)
class CountErrors(Instruction):
    """1 for each row whose largest output is another class's, the first of equal ones being taken; else 0."""

    vectorized = False

    z: MatrixAt
    outputs: Count
    order: Address
    codes: Address
    errors: Address
    rows: Rows

    def equation(self) -> str:
        return f"{{errors:rows}} = argmax {{z:rows}} ≠ {{codes}}[{samples_named(self.order)}]"

    def execute(self, thread: Thread) -> None:
        item, order = thread.run.item_bytes, order_of(self.order, thread.run.order)
        for row in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            place = self.z.at(row)
            largest, best = 0, number(place, 0, item)
            for output in range(1, self.outputs):
                value = number(place, output, item)
                if value > best:
                    largest, best = output, value
            right = largest == load_int64(self.codes + 8 * sample(order, thread.first, row))
            put(self.errors, row, item, 0.0 if right else 1.0)

    def define(self, work: Work) -> None:
        rows, samples = work.rows(self.rows), work.samples(self.order)
        z, classes = work.batch(self.z, self.outputs), work.words(self.codes, samples, np.int64)
        work.vector(self.errors, work.size)[rows] = z[rows].argmax(axis=1) != classes[rows]


@dataclass(frozen=True)
class AddToSums(Instruction):
    """Add a batch's weight, losses and errors to three numbers, row by row."""

    vectorized = False

    losses: Address
    errors: Address
    batch_weights: Address

    def equation(self) -> str:
        if not self.batch_weights:
            return "sums += Σ 1, Σ {losses}, Σ {errors}"
        return "sums += Σ {batch_weights}, Σ {batch_weights} {losses}, Σ {batch_weights} {errors}"

    def execute(self, thread: Thread) -> None:
        item, sums = thread.run.item_bytes, thread.sums
        weight, total, wrong = load_float64(sums), load_float64(sums + 8), load_float64(sums + 16)
        for row in range(thread.size):
            w = number(self.batch_weights, row, item) if self.batch_weights else 1.0
            weight += w
            total += w * number(self.losses, row, item)
            wrong += w * number(self.errors, row, item)
        store(sums, weight)
        store(sums + 8, total)
        store(sums + 16, wrong)

    def define(self, work: Work) -> None:
        losses, errors = (work.vector(each, work.size) for each in (self.losses, self.errors))
        w = work.vector(self.batch_weights, work.size) if self.batch_weights else np.ones(work.size)
        work.vector(work.thread["sums"], 3, np.float64)[:] += w.sum(), w @ losses, w @ errors


@dataclass(frozen=True)
class RecordLoss(Instruction):
    """Write a batch's mean loss to the record of the run."""

    vectorized = False

    losses: Address
    batch_weights: Address

    def equation(self) -> str:
        weighted = "Σ {batch_weights} {losses} / Σ {batch_weights}"
        return "record = " + (weighted if self.batch_weights else "mean of {losses}")

    def execute(self, thread: Thread) -> None:
        item = thread.run.item_bytes
        weight, total = 0.0, 0.0
        for row in range(thread.size):
            w = number(self.batch_weights, row, item) if self.batch_weights else 1.0
            weight += w
            total += w * number(self.losses, row, item)
        store(thread.run.record + 8 * thread.place, total / weight)

    def define(self, work: Work) -> None:
        place, losses = work.thread["place"], work.vector(self.losses, work.size)
        w = work.vector(self.batch_weights, work.size) if self.batch_weights else np.ones(work.size)
        work.vector(work.run["record"], place + 1, np.float64)[place] = w @ losses / w.sum()
