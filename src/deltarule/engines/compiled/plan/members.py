"""Instructions for networks of several members: member i of sample j has row j · members + i of a batch.

Between `MemberRows` and `SampleRows` the batch of a thread has a row for each member of each sample, for all
instructions alike. Factors and biases of members are matrices with a row for each member.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.plan.instruction import (
    Array,
    Instruction,
    Work,
    batch_weight,
    inverse,
    number,
    order_of,
    put,
    run_kernel,
)
from deltarule.engines.compiled.plan.tables import KernelCall, MatrixAt, Rows, Thread
from deltarule.native.memory import call, load_float64, store
from deltarule.native.structs import Address, Count

__all__ = [
    "FactorGradients", "MeanLosses", "MeanPrediction", "MemberInputs", "MemberRows", "MemberSlopes", "MemberSums",
    "MemberTargets", "SampleRows", "SumMembers",
]  # fmt: skip


@dataclass(frozen=True)
class MemberRows(Instruction):
    """Go on with a row for each member of each sample."""

    members: Count

    def equation(self) -> str:
        return "rows = samples · {members}"

    def execute(self, thread: Thread) -> None:
        thread.size = thread.size * self.members

    def define(self, work: Work) -> None:
        work.thread.set(size=work.size * self.members)


@dataclass(frozen=True)
class SampleRows(Instruction):
    """Go on with a row for each sample."""

    members: Count

    def equation(self) -> str:
        return "rows = samples"

    def execute(self, thread: Thread) -> None:
        thread.size = thread.size // self.members

    def define(self, work: Work) -> None:
        work.thread.set(size=work.size // self.members)


@dataclass(frozen=True)
class MemberInputs(Instruction):
    """Multiply some columns of rows by the members' factors; a row of x is for `each` rows of the batch."""

    kernel: KernelCall
    x: MatrixAt
    r: MatrixAt
    target: MatrixAt
    width: Count
    members: Count
    each: Count
    rows: Rows

    def equation(self) -> str:
        return "{target:rows,width} = {x:,width} · {r:members,width} of each member"

    def execute(self, thread: Thread) -> None:
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            addresses = (self.x.at(index // self.each), self.r.at(index % self.members), self.target.at(index))
            run_kernel(self.kernel, self.width, thread.operands, addresses)

    def define(self, work: Work) -> None:
        rows, r = work.rows(self.rows), work.matrix(self.r, self.members, self.width)
        x = work.matrix(self.x, work.size // self.each, self.width)
        made = np.repeat(x, self.each, axis=0) * _of_all(r, work)
        work.batch(self.target, self.width)[rows] = made[rows]


@dataclass(frozen=True)
class MemberTargets(Instruction):
    """Targets for each member, and where samples have weights w, those of the members: w · samples / Σ w.

    The loss divides by the number of rows, so that each member has the same part in the mean loss.
    """

    y: MatrixAt
    target: MatrixAt
    outputs: Count
    order: Address
    weights: Address
    batch_weights: Address
    member_weights: Address
    members: Count
    rows: Rows

    def equation(self) -> str:
        weights = "; {member_weights:rows} = {batch_weights} · samples / Σ {batch_weights}" if self.weights else ""
        return "{target:rows} = {y} for each member" + weights

    def execute(self, thread: Thread) -> None:
        run, samples = thread.run, thread.size // self.members
        item, factor = run.item_bytes, 1.0
        if self.weights:
            order = order_of(self.order, run.order)
            factor = inverse(batch_weight(order, self.weights, thread.first, samples)) * samples
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            sample = index // self.members
            for output in range(self.outputs):
                put(self.target.at(index), output, item, number(self.y.at(sample), output, item))
            if self.weights:
                put(self.member_weights, index, item, factor * number(self.batch_weights, sample, item))

    def define(self, work: Work) -> None:
        rows, of_samples = work.rows(self.rows), copy.copy(work)
        of_samples.size //= self.members
        y = of_samples.batch(self.y, self.outputs)
        work.batch(self.target, self.outputs)[rows] = np.repeat(y, self.members, axis=0)[rows]
        if self.weights:
            factor = inverse(of_samples.weights(self.order, self.weights).sum()) * of_samples.size
            w = np.repeat(work.vector(self.batch_weights, of_samples.size), self.members)
            work.vector(self.member_weights, work.size)[rows] = factor * w[rows]


@dataclass(frozen=True)
class MemberSums(Instruction):
    """Weighted sums with the members' factors and biases, u s + c, of some rows and columns."""

    kernel: KernelCall
    u: MatrixAt
    s: MatrixAt
    c: MatrixAt
    z: MatrixAt
    width: Count
    members: Count
    rows: Rows

    def equation(self) -> str:
        return "{z:rows,width} = {u:rows,width} · {s:members,width} + {c:members,width} of each member"

    def execute(self, thread: Thread) -> None:
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            member = index % self.members
            addresses = (self.u.at(index), self.s.at(member), self.c.at(member), self.z.at(index))
            run_kernel(self.kernel, self.width, thread.operands, addresses)

    def define(self, work: Work) -> None:
        rows = work.rows(self.rows)
        u, z = (work.batch(each, self.width) for each in (self.u, self.z))
        s, c = (_of_all(work.matrix(each, self.members, self.width), work) for each in (self.s, self.c))
        (z[rows],) = work.kernel(self.kernel, u[rows], s[rows], c[rows])


@dataclass(frozen=True)
class MemberSlopes(Instruction):
    """∂C/∂z into ∂C/∂u of some columns, and the gradients of the members' factors and biases, row by row."""

    kernel: KernelCall
    d: MatrixAt
    u: MatrixAt
    s: MatrixAt
    ds: MatrixAt
    dc: MatrixAt
    width: Count
    members: Count

    def equation(self) -> str:
        return "{d:,width}, {ds:members,width}, {dc:members,width} = slopes({d:,width}, {u:,width}, {s:members,width})"

    def execute(self, thread: Thread) -> None:
        operands, width = thread.operands, self.width
        _clear(self.ds, self.members, width, thread.run.item_bytes)
        _clear(self.dc, self.members, width, thread.run.item_bytes)
        for index in range(thread.size):
            member = index % self.members
            d, ds, dc = self.d.at(index), self.ds.at(member), self.dc.at(member)
            run_kernel(self.kernel, width, operands, (d, self.u.at(index), self.s.at(member), ds, dc, d, ds, dc))

    def define(self, work: Work) -> None:
        d, u = (work.batch(each, self.width) for each in (self.d, self.u))
        s, ds, dc = (work.matrix(each, self.members, self.width) for each in (self.s, self.ds, self.dc))
        made = work.kernel(self.kernel, d, u, _of_all(s, work), 0.0 * d, 0.0 * d)
        d[:] = made[0]
        for gradient, terms in zip((ds, dc), made[1:], strict=True):
            gradient[:] = _sums(terms, self.members)


@dataclass(frozen=True)
class FactorGradients(Instruction):
    """∂C/∂ of factored inputs x r into ∂C/∂x of some columns, and the gradients of r; `each` as in `MemberInputs`."""

    kernel: KernelCall
    d: MatrixAt
    x: MatrixAt
    r: MatrixAt
    gradient: MatrixAt
    width: Count
    members: Count
    each: Count

    def equation(self) -> str:
        return "{d:,width}, {gradient:members,width} = {d:,width} · {r:members,width}, Σ {d:,width} · {x:,width}"

    def execute(self, thread: Thread) -> None:
        operands, width = thread.operands, self.width
        _clear(self.gradient, self.members, width, thread.run.item_bytes)
        for index in range(thread.size):
            member = index % self.members
            d, x, total = self.d.at(index), self.x.at(index // self.each), self.gradient.at(member)
            run_kernel(self.kernel, width, operands, (d, x, self.r.at(member), total, d, total))

    def define(self, work: Work) -> None:
        d, x = work.batch(self.d, self.width), work.matrix(self.x, work.size // self.each, self.width)
        r, gradient = (work.matrix(each, self.members, self.width) for each in (self.r, self.gradient))
        terms: Array
        d[:], terms = work.kernel(self.kernel, d, np.repeat(x, self.each, axis=0), _of_all(r, work), 0.0 * d)
        gradient[:] = _sums(terms, self.members)


@dataclass(frozen=True)
class SumMembers(Instruction):
    """Sum the rows of the members of each sample; these rows are those of samples."""

    kernel: KernelCall
    d: MatrixAt
    target: MatrixAt
    width: Count
    members: Count
    rows: Rows

    def equation(self) -> str:
        return "{target:rows,width} = Σ {d} over the members"

    def execute(self, thread: Thread) -> None:
        item, width = thread.run.item_bytes, self.width
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            total = self.target.at(index)
            for column in range(width):
                put(total, column, item, 0.0)
            for member in range(self.members):
                d = self.d.at(index * self.members + member)
                run_kernel(self.kernel, width, thread.operands, (total, d, total))

    def define(self, work: Work) -> None:
        rows, d = work.rows(self.rows), work.matrix(self.d, work.size * self.members, self.width)
        work.batch(self.target, self.width)[rows] = d.reshape(work.size, self.members, -1).sum(axis=1)[rows]


@dataclass(frozen=True)
class MeanLosses(Instruction):
    """The mean of the members' losses, for rows of samples."""

    member_losses: Address
    losses: Address
    members: Count
    rows: Rows

    def equation(self) -> str:
        return "{losses:rows} = mean of {member_losses} over the members"

    def execute(self, thread: Thread) -> None:
        item = thread.run.item_bytes
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            total = 0.0
            for member in range(self.members):
                total += number(self.member_losses, index * self.members + member, item)
            put(self.losses, index, item, total / self.members)

    def define(self, work: Work) -> None:
        rows, of_all = work.rows(self.rows), work.vector(self.member_losses, work.size * self.members)
        means = of_all.reshape(-1, self.members).mean(axis=1, dtype=np.float64)
        work.vector(self.losses, work.size)[rows] = means[rows]


@dataclass(frozen=True)
class MeanPrediction(Instruction):
    """The raw outputs that predict the mean of the members' predictions, for rows of samples; in float64 within.

    split : makes the terms of which means are taken, by rows or by elements; joined : makes raw outputs of the means.
    room : memory for a sample's outputs, for `terms` of as many numbers, for their means, and for the raw outputs.
    """

    split: KernelCall
    joined: KernelCall
    z: MatrixAt
    target: MatrixAt
    outputs: Count
    padded: Count
    members: Count
    terms: Count
    by_rows: bool
    room: Address
    rows: Rows

    def equation(self) -> str:
        return "{target:rows} = {joined}({z}) over the members"

    def execute(self, thread: Thread) -> None:
        item, operands, members = thread.run.item_bytes, thread.operands, self.members
        row = 8 * self.padded
        means = self.room + row * members * (1 + self.terms)
        raw = means + row * self.terms
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            for member in range(members):
                here = self.z.at(index * members + member)
                for output in range(self.outputs):
                    store(self.room + row * member + 8 * output, number(here, output, item))
            for place in range(1 + self.terms):
                store(operands + 8 * place, self.room + row * members * place)
            if self.by_rows:
                call(self.split.body, members, self.outputs, self.padded, self.split.constants, operands)
            else:
                call(self.split.body, members * self.padded, self.split.constants, operands)
            for term in range(self.terms):
                self.take_means(self.room + row * members * (1 + term), means + row * term)
                store(operands + 8 * term, means + row * term)
            store(operands + 8 * self.terms, raw)
            call(self.joined.body, self.padded, self.joined.constants, operands)
            for output in range(self.outputs):
                put(self.target.at(index), output, item, load_float64(raw + 8 * output))

    def take_means(self, values: int, means: int) -> None:
        """The mean of each column over the members."""
        for output in range(self.outputs):
            total = 0.0
            for member in range(self.members):
                total += load_float64(values + 8 * (self.padded * member + output))
            store(means + 8 * output, total / self.members)

    def define(self, work: Work) -> None:
        rows, z = work.rows(self.rows), work.matrix(self.z, work.size * self.members, self.outputs)
        terms = work.kernel(self.split, z.astype(np.float64))
        means = [each.reshape(work.size, self.members, -1).mean(axis=1)[rows] for each in terms]
        (work.batch(self.target, self.outputs)[rows],) = work.kernel(self.joined, *means)


def _clear(matrix: MatrixAt, rows: int, width: int, item: int) -> None:
    """Set some columns of rows to 0."""
    for row in range(rows):
        for column in range(width):
            put(matrix.at(row), column, item, 0.0)


def _of_all(each: Array, work: Work) -> Array:
    """A row of each member, for all rows of the batch."""
    return np.tile(each, (work.size // len(each), 1))


def _sums(terms: Array, members: int) -> Array:
    """The sums of each member's rows."""
    sums: Array = terms.reshape(-1, members, terms.shape[1]).sum(axis=0)
    return sums
