"""Periodic embeddings of numbers, printed as LLVM IR: the cosines and their linear map, and the gradients of both.

The columns of a table are lanes, in groups of 16. The parameters are rows, `stride` numbers apart, of as many columns:
k rows of frequencies f, k of phases φ, k m of weights V (frequency by frequency), and m of biases c. Sums run over the
frequencies, or over the samples, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.kernels import compiled
from deltarule.formulas import PBLD
from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import processor
from deltarule.native.products import GROUP
from deltarule.native.trigonometric import cosine, sine

__all__ = ["Periodic", "periodic"]


@dataclass(frozen=True)
class Periodic:
    """Addresses of two functions for `memory.call`.

    call(forward, (columns, stride, parameters, x, v))
        v = c + cos(2π x f + φ) V of one sample: x has `columns` numbers, v `columns` for each output.
    call(backward, (first, last, rows, columns, stride, parameters, x, x_row, d, d_row, gradient))
        the gradients of f, φ and V of the frequencies from `first` to before `last`, from d = ∂C/∂v of `rows` samples
        whose numbers are `x_row` and `d_row` apart. `gradient` has the parameters' layout; of c nothing is written.
    """

    formula: PBLD
    forward: int
    backward: int


def periodic(formula: PBLD, dtype: npt.DTypeLike) -> Periodic:
    """The functions for numbers of this precision."""
    bits = 8 * np.dtype(dtype).itemsize
    forward, backward = _Printer(formula, bits).forward(), _Printer(formula, bits).backward()
    functions = forward.function("forward", _FORWARD), backward.function("backward", _BACKWARD)
    code = compiled("\n".join([*sorted(forward.declared | backward.declared), *functions]))
    return Periodic(formula, code.address("forward"), code.address("backward"))


_FORWARD = ["columns", "stride", "parameters", "x", "v"]
_BACKWARD = ["first", "last", "rows", "columns", "stride", "parameters", "x", "x_row", "d", "d_row", "gradient"]


class _Printer:
    """Prints the functions for a number of frequencies and outputs, 16 columns at a time."""

    def __init__(self, formula: PBLD, bits: int) -> None:
        self._frequencies, self._outputs = formula.frequencies, formula.outputs
        self._text = text = Text()
        self._to = Lanes(text, bits, GROUP, processor().fused)
        self._parameters, self._x = text.pointer("%parameters"), text.pointer("%x")

    def forward(self) -> Text:
        """Outputs of one sample."""
        text, to, v = self._text, self._to, self._text.pointer("%v")

        def some_columns(column: str, _: list[str]) -> list[str]:
            x = to.load(self._x, column)

            def add_frequency(number: str, sums: list[str]) -> list[str]:
                f, phase, *weights = self._of_frequency(number, column)
                h = cosine(to, self._angle(x, f, phase))
                return [to.add(total, to.multiply(h, w)) for total, w in zip(sums, weights, strict=True)]

            biases = range(
                self._frequencies * (2 + self._outputs), self._frequencies * (2 + self._outputs) + self._outputs
            )
            first = [(to.kind, to.load(self._parameters, self._place(str(row), "%stride", column))) for row in biases]
            sums = text.loop("0", str(self._frequencies), 1, first, add_frequency)
            for output, total in enumerate(sums):
                to.store(total, v, self._place(str(output), "%columns", column))
            return []

        text.loop("0", "%columns", GROUP, [], some_columns)
        return text

    def backward(self) -> Text:
        """Gradients of some frequencies' parameters."""
        text, to = self._text, self._to
        gradient = text.pointer("%gradient")

        def one_frequency(number: str, _: list[str]) -> list[str]:
            def some_columns(column: str, _: list[str]) -> list[str]:
                of_f, *others = self._summed(number, column)
                made = [to.multiply(of_f, to.real(2.0 * pi)), *others]
                for total, row in zip(made, self._rows(number), strict=True):
                    to.store(total, gradient, self._place(row, "%stride", column))
                return []

            text.loop("0", "%columns", GROUP, [], some_columns)
            return []

        text.loop("%first", "%last", 1, [], one_frequency)
        return text

    def _summed(self, number: str, column: str) -> list[str]:
        """Sums over the samples: Σ x du, Σ du, and Σ h d of each output."""
        text, to, d = self._text, self._to, self._text.pointer("%d")
        f, phase, *weights = self._of_frequency(number, column)

        def add_sample(sample: str, sums: list[str]) -> list[str]:
            x = to.load(self._x, self._place(sample, "%x_row", column))
            start = self._place(sample, "%d_row", column)
            places = (self._place(str(output), "%columns", start) for output in range(self._outputs))
            errors = [to.load(d, place) for place in places]
            angle = self._angle(x, f, phase)
            dh, *rest = (to.multiply(error, w) for error, w in zip(errors, weights, strict=True))
            for each in rest:
                dh = to.add(dh, each)
            du, h = to.negative(to.multiply(sine(to, angle), dh)), cosine(to, angle)
            terms = [to.multiply(x, du), du, *(to.multiply(h, error) for error in errors)]
            return [to.add(total, term) for total, term in zip(sums, terms, strict=True)]

        zeros = [(to.kind, to.real(0.0))] * (2 + self._outputs)
        return text.loop("0", "%rows", 1, zeros, add_sample)

    def _angle(self, x: str, f: str, phase: str) -> str:
        to = self._to
        return to.add(to.multiply(to.multiply(x, to.real(2.0 * pi)), f), phase)

    def _of_frequency(self, number: str, column: str) -> list[str]:
        """The parameters of a frequency: f, φ, and a row of V."""
        return [self._to.load(self._parameters, self._place(row, "%stride", column)) for row in self._rows(number)]

    def _rows(self, number: str) -> list[str]:
        """The rows where the parameters of a frequency are."""
        text = self._text
        of_weights = text.integer("mul", number, str(self._outputs))
        weights = [
            text.integer("add", of_weights, str(2 * self._frequencies + output)) for output in range(self._outputs)
        ]
        return [number, text.integer("add", number, str(self._frequencies)), *weights]

    def _place(self, row: str, stride: str, column: str) -> str:
        return self._text.integer("add", self._text.integer("mul", row, stride), column)
