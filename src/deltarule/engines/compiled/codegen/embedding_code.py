"""Embeddings of numbers, printed as LLVM IR: the outputs of a sample, and the gradients of the parameters.

An embedding's outputs are sums over its parts, frequencies or bins, which threads divide for the gradients. The columns
of a table are lanes, in groups of 16; the parameters are rows, `stride` numbers apart, of as many columns, in the order
of the formula's `shapes`, followed by what was fitted. Sums run over the parts, or over the samples, in order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf, pi, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.kernels import compiled
from deltarule.formulas import PBLD, Embedding
from deltarule.formulas.embeddings import Periodic, PiecewiseLinear
from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import processor
from deltarule.native.products import GROUP
from deltarule.native.trigonometric import cosine, sine

__all__ = ["EmbeddingCode", "embedding_code", "is_compiled"]


@dataclass(frozen=True)
class EmbeddingCode:
    """Addresses of two functions for `memory.call`.

    call(forward, (columns, stride, parameters, x, v))
        the outputs v of one sample: x has `columns` numbers, v `columns` for each output.
    call(backward, (first, last, rows, columns, stride, parameters, x, x_row, d, d_row, gradient))
        the gradients of the parts from `first` to before `last`, from d = ∂C/∂v of `rows` samples whose numbers are
        `x_row` and `d_row` apart. `gradient` has the parameters' layout; those of biases and of a linear part are not
        written.

    parts : how many there are. outputs : without the number itself. rectified : whether negative outputs are 0.
    biases, linear : the rows where these begin; without a linear part, −1.
    """

    formula: Embedding
    forward: int
    backward: int
    parts: int
    outputs: int
    rectified: bool
    biases: int
    linear: int

    @property
    def name(self) -> str:
        """The formula's name."""
        return self.formula.name

    def rows(self, first: int, last: int) -> npt.NDArray[Any]:
        """The rows of the parameters that the gradients of some parts are in."""
        starts, place = [], 0
        for name, shape in self.formula.shapes.items():
            if name not in ("biases", "linear"):
                each = prod(shape[1:])
                copies = shape[0] // self.parts
                starts += [(place + copy * self.parts * each, each) for copy in range(copies)]
            place += prod(shape)
        return np.concatenate([np.arange(start + first * each, start + last * each) for start, each in starts])


def is_compiled(embedding: Embedding) -> bool:
    """Whether there is code for an embedding."""
    return type(embedding) in _PRINTERS


def embedding_code(formula: Embedding, dtype: npt.DTypeLike) -> EmbeddingCode:
    """The functions for numbers of this precision."""
    bits, printer = 8 * np.dtype(dtype).itemsize, _PRINTERS[type(formula)]
    forward, backward = (printer(formula, bits) for _ in range(2))
    functions = forward.forward().function("forward", _FORWARD), backward.backward().function("backward", _BACKWARD)
    declared = sorted(forward.text.declared | backward.text.declared)
    code = compiled("\n".join([*declared, *functions]))
    return EmbeddingCode(
        formula=formula,
        forward=code.address("forward"),
        backward=code.address("backward"),
        parts=forward.parts,
        outputs=forward.outputs,
        rectified=forward.rectified,
        biases=forward.start("biases"),
        linear=forward.start("linear") if "linear" in formula.shapes else -1,
    )


_FORWARD = ["columns", "stride", "parameters", "x", "v"]
_BACKWARD = ["first", "last", "rows", "columns", "stride", "parameters", "x", "x_row", "d", "d_row", "gradient"]


class _Printer(ABC):
    """Prints the functions of an embedding, 16 columns at a time."""

    parts: int
    rectified = False

    def __init__(self, formula: Any, bits: int) -> None:
        self.formula, self.outputs = formula, formula.outputs
        self.text = text = Text()
        self.to = Lanes(text, bits, GROUP, processor().fused)
        self._parameters, self._x = text.pointer("%parameters"), text.pointer("%x")

    @abstractmethod
    def rows(self, part: str) -> list[str]:
        """The rows where the parameters of a part are, and their gradients go."""

    @abstractmethod
    def terms(self, x: str, part: str, column: str, held: list[str]) -> list[str]:
        """What a part adds to each output; `held` are its parameters."""

    @abstractmethod
    def gradients(self, x: str, part: str, column: str, held: list[str], errors: list[str]) -> list[str]:
        """What a sample adds to the gradient of each of a part's parameters."""

    def start(self, name: str) -> int:
        """The row where parameters begin."""
        place = 0
        for each, shape in (*self.formula.shapes.items(), *self.formula.fitted_shapes.items()):
            if each == name:
                break
            place += prod(shape)
        return place

    def forward(self) -> Text:
        """Outputs of one sample."""
        text, to, v = self.text, self.to, self.text.pointer("%v")

        def some_columns(column: str, _: list[str]) -> list[str]:
            x = to.load(self._x, column)

            def add_part(part: str, sums: list[str]) -> list[str]:
                terms = self.terms(x, part, column, self._held(part, column))
                return [to.add(total, term) for total, term in zip(sums, terms, strict=True)]

            first = [(to.kind, value) for value in self._first(x, column)]
            sums = text.loop("0", str(self.parts), 1, first, add_part)
            for output, total in enumerate(sums):
                value = to.at_least(total, to.real(0.0)) if self.rectified else total
                to.store(value, v, self.place(str(output), "%columns", column))
            return []

        text.loop("0", "%columns", GROUP, [], some_columns)
        return text

    def _first(self, x: str, column: str) -> list[str]:
        """The biases, with the linear part where there is one."""
        biases = self.loaded([str(self.start("biases") + output) for output in range(self.outputs)], column)
        if "linear" not in self.formula.shapes:
            return biases
        linear = self.loaded([str(self.start("linear") + output) for output in range(self.outputs)], column)
        products = [self.to.multiply(x, w) for w in linear]
        return [self.to.add(product, bias) for product, bias in zip(products, biases, strict=True)]

    def backward(self) -> Text:
        """Gradients of some parts' parameters."""
        text, to = self.text, self.to
        gradient, d = text.pointer("%gradient"), text.pointer("%d")

        def one_part(part: str, _: list[str]) -> list[str]:
            def some_columns(column: str, _: list[str]) -> list[str]:
                held = self._held(part, column)

                def add_sample(sample: str, sums: list[str]) -> list[str]:
                    x = to.load(self._x, self.place(sample, "%x_row", column))
                    start = self.place(sample, "%d_row", column)
                    places = (self.place(str(output), "%columns", start) for output in range(self.outputs))
                    terms = self.gradients(x, part, column, held, [to.load(d, place) for place in places])
                    return [to.add(total, term) for total, term in zip(sums, terms, strict=True)]

                zeros = [(to.kind, to.real(0.0))] * len(held)
                for total, row in zip(text.loop("0", "%rows", 1, zeros, add_sample), self.rows(part), strict=True):
                    to.store(total, gradient, self.place(row, "%stride", column))
                return []

            text.loop("0", "%columns", GROUP, [], some_columns)
            return []

        text.loop("%first", "%last", 1, [], one_part)
        return text

    def _held(self, part: str, column: str) -> list[str]:
        return self.loaded(self.rows(part), column)

    def loaded(self, rows: list[str], column: str) -> list[str]:
        """Some rows of the parameters, at these columns."""
        return [self.to.load(self._parameters, self.place(row, "%stride", column)) for row in rows]

    def place(self, row: str, stride: str, column: str) -> str:
        """Where a row's columns are."""
        return self.text.integer("add", self.text.integer("mul", row, stride), column)

    def weights(self, part: str, first: int = 0) -> list[str]:
        """The rows of a part's weights, one for each output; `first` is how many parts there are before."""
        begin = self.text.integer("mul", part, str(self.outputs))
        start = self.start("weights") + first * self.outputs
        return [self.text.integer("add", begin, str(start + output)) for output in range(self.outputs)]

    def along(self, errors: list[str], weights: list[str]) -> str:
        """Σ errors · weights over the outputs."""
        total, *rest = (self.to.multiply(error, w) for error, w in zip(errors, weights, strict=True))
        for each in rest:
            total = self.to.add(total, each)
        return total

    def each(self, factor: str, others: list[str]) -> list[str]:
        """The products of a factor with each of the others."""
        return [self.to.multiply(factor, other) for other in others]

    def turns(self, x: str) -> str:
        """The product 2π x."""
        return self.to.multiply(x, self.to.real(2.0 * pi))


class _PBLD(_Printer):
    """Prints `PBLD`: parts are frequencies, with a phase and a row of weights each."""

    def __init__(self, formula: PBLD, bits: int) -> None:
        super().__init__(formula, bits)
        self.parts = formula.frequencies

    def rows(self, part: str) -> list[str]:
        return [part, self.text.integer("add", part, str(self.start("phases"))), *self.weights(part)]

    def terms(self, x: str, part: str, column: str, held: list[str]) -> list[str]:
        del part, column
        f, phase, *weights = held
        return self.each(cosine(self.to, self._angle(x, f, phase)), weights)

    def gradients(self, x: str, part: str, column: str, held: list[str], errors: list[str]) -> list[str]:
        del part, column
        to, (f, phase, *weights) = self.to, held
        angle = self._angle(x, f, phase)
        du = to.negative(to.multiply(sine(to, angle), self.along(errors, weights)))
        return [to.multiply(self.turns(x), du), du, *self.each(cosine(to, angle), errors)]

    def _angle(self, x: str, f: str, phase: str) -> str:
        return self.to.add(self.to.multiply(self.turns(x), f), phase)


class _Periodic(_Printer):
    """Prints `Periodic`: parts are frequencies, with a row of weights for the cosine and one for the sine."""

    def __init__(self, formula: Periodic, bits: int) -> None:
        super().__init__(formula, bits)
        self.parts, self.rectified = formula.frequencies, formula.rectified

    def rows(self, part: str) -> list[str]:
        return [part, *self.weights(part), *self.weights(part, self.parts)]

    def terms(self, x: str, part: str, column: str, held: list[str]) -> list[str]:
        del part, column
        f, weights = held[0], held[1:]
        angle = self.to.multiply(self.turns(x), f)
        cosines = self.each(cosine(self.to, angle), weights[: self.outputs])
        sines = self.each(sine(self.to, angle), weights[self.outputs :])
        return [self.to.add(a, b) for a, b in zip(cosines, sines, strict=True)]

    def gradients(self, x: str, part: str, column: str, held: list[str], errors: list[str]) -> list[str]:
        del part, column
        to, f, weights = self.to, held[0], held[1:]
        angle = to.multiply(self.turns(x), f)
        c, s = cosine(to, angle), sine(to, angle)
        rising = to.multiply(c, self.along(errors, weights[self.outputs :]))
        du = to.subtract(rising, to.multiply(s, self.along(errors, weights[: self.outputs])))
        return [to.multiply(self.turns(x), du), *self.each(c, errors), *self.each(s, errors)]


class _PiecewiseLinear(_Printer):
    """Prints `PiecewiseLinear`: parts are bins, with a row of weights each."""

    def __init__(self, formula: PiecewiseLinear, bits: int) -> None:
        super().__init__(formula, bits)
        self.parts, self.rectified = formula.bins, formula.form == "rectified"

    def rows(self, part: str) -> list[str]:
        return self.weights(part)

    def terms(self, x: str, part: str, column: str, held: list[str]) -> list[str]:
        return self.each(self._encoded(x, part, column), held)

    def gradients(self, x: str, part: str, column: str, held: list[str], errors: list[str]) -> list[str]:
        del held
        return self.each(self._encoded(x, part, column), errors)

    def _encoded(self, x: str, part: str, column: str) -> str:
        """A bin's part of x: 0 where the bin has no width; the first and the last one with a width have no limit."""
        text, to = self.text, self.to
        after = text.result(f"call i64 @llvm.smin.i64(i64 {text.integer('add', part, '2')}, i64 {self.parts})")
        text.declared.add("declare i64 @llvm.smin.i64(i64, i64)")
        places = part, text.integer("add", part, "1"), after
        lower, upper, beyond = self.loaded(
            [text.integer("add", place, str(self.start("edges"))) for place in places], column
        )
        inside = to.divide(to.subtract(x, lower), to.subtract(upper, lower))
        one = to.alike(count=1)
        first = text.result(f"icmp eq i64 {part}, 0")
        least = to.everywhere(one.select(first, one.real(-inf), one.real(0.0)))
        most = to.select(to.compare("ogt", beyond, upper), to.real(1.0), to.real(inf))
        low = to.select(to.compare("olt", inside, least), least, inside)
        held = to.select(to.compare("ogt", low, most), most, low)
        return to.select(to.compare("ogt", upper, lower), held, to.real(0.0))


_PRINTERS: dict[type[Embedding], Any] = {PBLD: _PBLD, Periodic: _Periodic, PiecewiseLinear: _PiecewiseLinear}
