"""Instructions for the stage before the first layer: inputs passed on, embeddings of numbers and of categories.

e are the first layer's inputs, x the scaled ones. `places` and `others` are addresses of places in x, int64 each.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from deltarule.engines.compiled.plan.instruction import Instruction, Work, column_sums, number, put
from deltarule.engines.compiled.plan.tables import MatrixAt, Rows, Thread
from deltarule.formulas.embeddings.embedding import Parts
from deltarule.native.memory import call, load_float64, load_int64, store
from deltarule.native.structs import Address, Count, Struct

__all__ = [
    "CategoryGradient", "EmbedCategories", "EmbedNumbers", "Embedded", "EmbeddingGradient", "PassInputs",
    "SpreadErrors",
]  # fmt: skip


@dataclass(frozen=True)
class PassInputs(Instruction):
    """Copy inputs that are not embedded."""

    x: MatrixAt
    e: MatrixAt
    others: Address
    width: Count
    rows: Rows

    def equation(self) -> str:
        return "{e:rows,width} = {x:rows}, the inputs that are not embedded"

    def execute(self, thread: Thread) -> None:
        item = thread.run.item_bytes
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            for column in range(self.width):
                put(
                    self.e.at(index), column, item, number(self.x.at(index), load_int64(self.others + 8 * column), item)
                )

    def define(self, work: Work) -> None:
        rows, others = work.rows(self.rows), work.vector(self.others, self.width, np.int64)
        x = work.batch(self.x, int(others.max()) + 1)
        work.batch(self.e, self.width)[rows] = x[rows][:, others]


@dataclass(frozen=True)
class Embedded(Struct):
    """An embedding of `many` numbers: its functions, see `codegen.embedding_code`, and where its numbers are.

    x has the numbers side by side, v what is embedded: `columns` for each of the `outputs`. The parameters' `rows` are
    as far apart as `parameters` says. In e each number has `width` places.
    """

    forward: Address
    backward: Address
    parameters: MatrixAt
    rows: Count
    x: MatrixAt
    v: MatrixAt
    many: Count
    columns: Count
    outputs: Count
    width: Count
    rectified: bool
    biases: int
    linear: int

    def parts(self, work: Work) -> Parts:
        """The parameters, and what was fitted, as the formula has them."""
        values = work.matrix(self.parameters, self.rows, self.many)
        formula, parts, start = work.found(self.forward).formula, {}, 0
        for name, shape in (*formula.shapes.items(), *formula.fitted_shapes.items()):
            rows = prod(shape)
            parts[name] = values[start : start + rows].T.reshape(self.many, *shape)
            start += rows
        return parts


@dataclass(frozen=True)
class EmbedNumbers(Instruction):
    """Embed the numbers of some samples: for each of them its outputs, and then itself where there is a place more."""

    of: Embedded
    x: MatrixAt
    places: Address
    e: MatrixAt
    width: Count
    rows: Rows

    def equation(self) -> str:
        return "{e:rows,width} = {of.forward}({of.x:rows})"

    def execute(self, thread: Thread) -> None:
        of, item = self.of, thread.run.item_bytes
        stride = of.parameters.row // item
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            raw, x, v, e = self.x.at(index), of.x.at(index), of.v.at(index), self.e.at(index)
            for column in range(of.many):
                put(x, column, item, number(raw, load_int64(self.places + 8 * column), item))
            call(of.forward, of.columns, stride, of.parameters.address, x, v)
            for column in range(of.many):
                place = column * of.width
                for output in range(of.outputs):
                    put(e, place + output, item, number(v, output * of.columns + column, item))
                if of.width > of.outputs:
                    put(e, place + of.outputs, item, number(x, column, item))

    def define(self, work: Work) -> None:
        of, rows = self.of, work.rows(self.rows)
        places = work.vector(self.places, of.many, np.int64)
        x = work.batch(self.x, int(places.max()) + 1)[rows][:, places]
        made = work.found(of.forward).formula.value(x, of.parts(work))
        work.batch(of.x, of.many)[rows] = x
        v = work.batch(of.v, of.columns * of.outputs)
        for output in range(of.outputs):
            v[rows, output * of.columns :][:, : of.many] = made[:, :, output]
        work.batch(self.e, self.width)[rows] = made.reshape(len(x), self.width)


@dataclass(frozen=True)
class SpreadErrors(Instruction):
    """Put the errors of some samples' embedded numbers in the place of v; 0 where a rectified output is."""

    of: Embedded
    d: MatrixAt
    rows: Rows

    def equation(self) -> str:
        return "{of.v:rows} = {d:rows}, output by output"

    def execute(self, thread: Thread) -> None:
        of, item = self.of, thread.run.item_bytes
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            d, v = self.d.at(index), of.v.at(index)
            for column in range(of.many):
                for output in range(of.outputs):
                    place, error = output * of.columns + column, number(d, column * of.width + output, item)
                    zero = of.rectified and not number(v, place, item) > 0.0
                    put(v, place, item, 0.0 if zero else error)

    def define(self, work: Work) -> None:
        of, rows = self.of, work.rows(self.rows)
        d, v = work.batch(self.d, of.many * of.width), work.batch(of.v, of.columns * of.outputs)
        for output in range(of.outputs):
            held = v[rows, output * of.columns :][:, : of.many]
            errors = d[rows, output :: of.width]
            held[:] = np.where(held > 0, errors, 0.0) if of.rectified else errors


@dataclass(frozen=True)
class EmbeddingGradient(Instruction):
    """The gradients of the parameters of an embedding's parts from `first` to before `last`.

    `others` says whether those of the biases and of a linear part are made, too, for which `room` is memory for a
    float64 of each column.
    """

    of: Embedded
    gradient: MatrixAt
    first: Count
    last: Count
    others: bool
    room: Address

    def equation(self) -> str:
        return "{gradient:} = gradients of {of.forward} by {of.v:} at {of.x:}, parts {first} to {last}"

    def execute(self, thread: Thread) -> None:
        of, item = self.of, thread.run.item_bytes
        call(
            of.backward, self.first, self.last, thread.size, of.columns, of.parameters.row // item,
            of.parameters.address, of.x.address, of.x.row // item, of.v.address, of.v.row // item,
            self.gradient.address,
        )  # fmt: skip
        if self.others:
            for output in range(of.outputs):
                d = of.v.address + output * of.columns * item
                column_sums(d, 0, of.v.row, thread.size, of.columns, self.room, item)
                _put_row(self.room, self.gradient.at(of.biases + output), of.columns, item)
                if of.linear >= 0:
                    _sum_products(d, of.v.row, of.x, thread.size, of.columns, self.room, item)
                    _put_row(self.room, self.gradient.at(of.linear + output), of.columns, item)

    def define(self, work: Work) -> None:
        of, code = self.of, work.found(self.of.forward)
        v = work.batch(of.v, of.columns * of.outputs).reshape(work.size, of.outputs, of.columns)
        d = np.zeros((work.size, of.many, of.width))
        d[:, :, : of.outputs] = v[:, :, : of.many].transpose(0, 2, 1)
        found = code.formula.gradient(work.batch(of.x, of.many), d, of.parts(work))
        made = np.concatenate([found[name].reshape(of.many, -1).T for name in code.formula.shapes])
        rows = code.rows(self.first, self.last)
        for start in (of.biases, of.linear) if self.others else ():
            rows = np.concatenate([rows, np.arange(max(start, 0), max(start, 0) + of.outputs * (start >= 0))])
        work.matrix(self.gradient, of.rows, of.many)[rows] = made[rows]


def _sum_products(a: int, a_row: int, b: MatrixAt, rows: int, width: int, into: int, item: int) -> None:
    """Σ a b of each column, row by row: (width,) float64."""
    for column in range(width):
        store(into + 8 * column, 0.0)
    for index in range(rows):
        for column in range(width):
            product = number(a + index * a_row, column, item) * number(b.at(index), column, item)
            store(into + 8 * column, load_float64(into + 8 * column) + product)


def _put_row(source: int, target: int, width: int, item: int) -> None:
    for column in range(width):
        put(target, column, item, load_float64(source + 8 * column))


@dataclass(frozen=True)
class EmbedCategories(Instruction):
    """The vectors of some samples' categories, by the code at a place of x; other numbers than a code are code 0."""

    x: MatrixAt
    place: Count
    table: MatrixAt
    codes: Count
    e: MatrixAt
    width: Count
    rows: Rows

    def equation(self) -> str:
        return "{e:rows,width} = {table}[{x:rows}, input {place}]"

    def execute(self, thread: Thread) -> None:
        item = thread.run.item_bytes
        for index in range(self.rows.first(thread.size), self.rows.stop(thread.size)):
            code = code_of(number(self.x.at(index), self.place, item), self.codes)
            for column in range(self.width):
                put(self.e.at(index), column, item, number(self.table.at(code), column, item))

    def define(self, work: Work) -> None:
        rows = work.rows(self.rows)
        codes = [code_of(float(x), self.codes) for x in work.batch(self.x, self.place + 1)[rows, self.place]]
        work.batch(self.e, self.width)[rows] = work.matrix(self.table, self.codes, self.width)[codes]


@dataclass(frozen=True)
class CategoryGradient(Instruction):
    """The gradient of a table of categories: the sum of the errors of each code's samples, row by row."""

    x: MatrixAt
    place: Count
    d: MatrixAt
    gradient: MatrixAt
    codes: Count
    width: Count

    def equation(self) -> str:
        return "{gradient:,width} = Σ {d:,width} of each code, input {place} of {x:}"

    def execute(self, thread: Thread) -> None:
        item = thread.run.item_bytes
        for code in range(self.codes):
            for column in range(self.width):
                put(self.gradient.at(code), column, item, 0.0)
        for index in range(thread.size):
            row = self.gradient.at(code_of(number(self.x.at(index), self.place, item), self.codes))
            d = self.d.at(index)
            for column in range(self.width):
                put(row, column, item, number(row, column, item) + number(d, column, item))

    def define(self, work: Work) -> None:
        codes = [code_of(float(x), self.codes) for x in work.batch(self.x, self.place + 1)[:, self.place]]
        gradient = work.matrix(self.gradient, self.codes, self.width)
        gradient[:] = 0.0
        np.add.at(gradient, codes, work.batch(self.d, self.width))


def code_of(x: float, codes: int) -> int:
    """The code that a number is; 0 where it is none."""
    return int(x) if x >= 0.0 and x < codes else 0
