"""What every printed kernel is made of: a program, scopes in which its expressions are computed, a body's operands.

Operations stay as the formula wrote them: none is reordered or contracted, so float64 follows NumPy even where digits
cancel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf

from deltarule.engines.tracing.trace import Expression, ValueShape
from deltarule.native.elementary import FUNCTIONS, power
from deltarule.native.ir import Lanes, Text
from deltarule.native.products import GROUP

__all__ = ["Body", "Program", "Scope", "folded"]

_COMPARISONS = {
    "greater": "ogt", "greater_equal": "oge", "less": "olt", "less_equal": "ole", "equal": "oeq", "not_equal": "une",
}  # fmt: skip
_BINARY: dict[str, Callable[[Lanes, str, str], str]] = {
    "add": Lanes.add, "subtract": Lanes.subtract, "multiply": Lanes.multiply, "divide": Lanes.divide,
    "copysign": Lanes.copysign, "power": power,
}  # fmt: skip
Leaf = Callable[[Expression], str | None]


@dataclass(frozen=True)
class Program:
    """Expressions to be printed as one kernel.

    `inputs` are the operands' names and shapes; `scalars` the names of the numbers that the prologue is given, in
    order. `granularity` is "elementwise", "rowwise", or "total": the sum of the one output over all elements, in
    float64. `together` numbers are worked on at once where nothing limits it.
    """

    inputs: Mapping[str, ValueShape]
    outputs: tuple[Expression, ...]
    scalars: tuple[str, ...]
    granularity: str
    bits: int
    fused: bool
    together: int

    def lanes(self, text: Text, count: int) -> Lanes:
        """Lanes of this program's precision."""
        return Lanes(text, self.bits, count, self.fused)


class Scope:
    """Where expressions are computed on some lanes, each once. `leaf` gives what does not come of arguments here."""

    def __init__(self, lanes: Lanes, leaf: Leaf) -> None:
        self.lanes, self._leaf = lanes, leaf
        self._known: dict[Expression, str] = {}

    def value(self, node: Expression) -> str:
        """The name of the expression's value; writes what computes it, if it was not yet."""
        if node not in self._known:
            if node.operation == "constant":
                self._known[node] = self.lanes.real(float(node.detail))
            else:
                self._known[node] = self._leaf(node) or self._computed(node)
        return self._known[node]

    def _computed(self, node: Expression) -> str:
        to, operation = self.lanes, node.operation
        values = [self.value(argument) for argument in node.arguments]
        if operation in _BINARY:
            return _BINARY[operation](to, *values)
        if operation in FUNCTIONS:
            return FUNCTIONS[operation](to, *values)
        if operation in _COMPARISONS:
            return to.compare(_COMPARISONS[operation], *values)
        if operation == "where":
            return to.select(*values)
        if operation in ("and", "or", "xor"):
            return to.logic(operation, *values)
        if operation == "not":
            return to.logic("xor", values[0], to.truth("true"))
        if operation in ("maximum", "minimum"):
            return self._extremum(node, *values)
        if operation == "filled":
            return values[0]
        if operation == "isnan":
            return to.compare("uno", values[0], values[0])
        return to.compare("oeq" if operation == "isinf" else "one", to.absolute(values[0]), to.real(inf))

    def _extremum(self, node: Expression, a: str, b: str) -> str:
        """The larger or smaller; by one instruction where one side is surely a number, as hyperparameters are."""
        to, largest = self.lanes, node.operation == "maximum"
        numbers = [argument.shape == ValueShape.SCALAR for argument in node.arguments]
        if any(numbers):
            a, b = (a, b) if numbers[1] else (b, a)
            return to.at_least(a, b) if largest else to.at_most(a, b)
        return to.maximum(a, b) if largest else to.minimum(a, b)


class Body:
    """What the bodies of all reaches begin with: operands' addresses and the shared constants."""

    def __init__(
        self, program: Program, text: Text, outputs: tuple[Expression, ...], shared: Mapping[Expression, int]
    ) -> None:
        self.program, self.text, self.outputs = program, text, outputs
        self.one = program.lanes(text, 1)
        self.group = program.lanes(text, GROUP)
        used = {str(node.detail) for output in outputs for node in output.within() if node.operation == "operand"}
        words = text.pointer("%operands")
        pointers = {}
        for place, name in enumerate([*program.inputs, *range(len(outputs))]):
            if name in used or isinstance(name, int):
                word = text.result(f"load i64, ptr {text.address(words, 'i64', str(place))}, align 8")
                pointers[name] = text.pointer(word)
        self.inputs = {name: pointer for name, pointer in pointers.items() if isinstance(name, str)}
        self.results = [pointers[place] for place in range(len(outputs))]
        constants = text.pointer("%constants")
        self.numbers = {node: self.one.load(constants, str(place)) for node, place in shared.items()}

    def shared_on(self, lanes: Lanes) -> dict[Expression, str]:
        """The shared constants in every lane."""
        values = {}
        for node, number in self.numbers.items():
            value = lanes.everywhere(number)
            values[node] = lanes.compare("une", value, lanes.real(0.0)) if node.boolean else value
        return values

    def element_scope(self, lanes: Lanes, index: str, others: Mapping[Expression, str]) -> Scope:
        """Where elements from `index` on are computed; `others` are values that are known already."""

        def leaf(node: Expression) -> str | None:
            if node.operation == "operand" and node.shape == ValueShape.ELEMENT:
                return lanes.load(self.inputs[str(node.detail)], index)
            return others.get(node)

        return Scope(lanes, leaf)


def folded(lanes: Lanes, value: str, combine: Callable[[Lanes, str, str], str]) -> str:
    """The lanes combined into one number, halves first: always in the same order."""
    while lanes.count > 1:
        half = lanes.alike(count=lanes.count // 2)
        if half.count > 1:
            low, high = (lanes.slice(value, start, half.count) for start in (0, half.count))
        else:
            low, high = (lanes.text.result(f"extractelement {lanes.kind} {value}, i32 {lane}") for lane in (0, 1))
        value, lanes = combine(half, low, high), half
    return value
