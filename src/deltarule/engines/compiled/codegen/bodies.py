"""Prints the bodies of kernels: of elements, of a total over them, and of rows.

Operations stay as the formula wrote them: none is reordered or contracted, so float64 follows NumPy even where digits
cancel. A row is read in groups of 16 columns. Lane j of a sum adds columns j, j + 16, …; then the lanes are added,
halves first. So a sum's bits depend on the row alone, whatever the processor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf

from deltarule.engines.tracing.trace import Expression, ValueShape
from deltarule.native import estimates
from deltarule.native.elementary import FUNCTIONS, power
from deltarule.native.ir import Lanes, Text
from deltarule.native.products import GROUP

__all__ = ["Program", "Scope", "largest", "print_body"]

_COMPARISONS = {
    "greater": "ogt", "greater_equal": "oge", "less": "olt", "less_equal": "ole", "equal": "oeq", "not_equal": "une",
}  # fmt: skip
_BINARY: dict[str, Callable[[Lanes, str, str], str]] = {
    "add": Lanes.add, "subtract": Lanes.subtract, "multiply": Lanes.multiply, "divide": Lanes.divide,
    "copysign": Lanes.copysign, "power": power,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., str]] = _BINARY | FUNCTIONS
_ESTIMATED: dict[str, Callable[..., str]] = {"divide": estimates.quotient, "sqrt": estimates.root}
Leaf = Callable[[Expression], str | None]


@dataclass(frozen=True)
class Program:
    """Expressions to be printed as one kernel.

    `inputs` are the operands' names and shapes; `scalars` the names of the numbers that the prologue is given, in
    order. `granularity` is "elementwise", "rowwise", or "total": the sum of the one output over all elements, in
    float64. `together` numbers are worked on at once where nothing limits it. `estimated` operations on elements begin
    from the processor's estimates, with the same bits.
    """

    inputs: Mapping[str, ValueShape]
    outputs: tuple[Expression, ...]
    scalars: tuple[str, ...]
    granularity: str
    bits: int
    fused: bool
    together: int
    estimated: tuple[str, ...] = ()

    def lanes(self, text: Text, count: int) -> Lanes:
        """Lanes of this program's precision."""
        return Lanes(text, self.bits, count, self.fused)


class Scope:
    """Where expressions are computed on some lanes, each once. `leaf` gives what does not come of arguments here."""

    def __init__(self, lanes: Lanes, leaf: Leaf, estimated: tuple[str, ...] = ()) -> None:
        self.lanes, self._leaf = lanes, leaf
        self._functions = _FUNCTIONS | {name: _ESTIMATED[name] for name in estimated}
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
        if operation in self._functions:
            return self._functions[operation](to, *values)
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


class _Body:
    """What the bodies of all reaches begin with: operands' addresses and the shared constants."""

    def __init__(
        self, program: Program, text: Text, outputs: tuple[Expression, ...], shared: Mapping[Expression, int]
    ) -> None:
        self.program, self.text, self.outputs = program, text, outputs
        self.one = program.lanes(text, 1)
        self.group = program.lanes(text, GROUP)
        used = {str(node.detail) for output in outputs for node in output.within() if node.operation == "operand"}
        words = text.pointer("%operands")

        def pointer(place: int) -> str:
            return text.pointer(text.result(f"load i64, ptr {text.address(words, 'i64', str(place))}, align 8"))

        self.inputs = {name: pointer(place) for place, name in enumerate(program.inputs) if name in used}
        self.results = [pointer(len(program.inputs) + place) for place in range(len(outputs))]
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

        return Scope(lanes, leaf, self.program.estimated)


def _folded(lanes: Lanes, value: str, combine: Callable[[Lanes, str, str], str]) -> str:
    """The lanes combined into one number, halves first: always in the same order."""
    while lanes.count > 1:
        half = lanes.alike(count=lanes.count // 2)
        if half.count > 1:
            low, high = (lanes.slice(value, start, half.count) for start in (0, half.count))
        else:
            low, high = (lanes.text.result(f"extractelement {lanes.kind} {value}, i32 {lane}") for lane in (0, 1))
        value, lanes = combine(half, low, high), half
    return value


def _print_elements(body: _Body) -> None:
    text, program = body.text, body.program
    sizes = list(dict.fromkeys((program.together, GROUP)))
    known: dict[int, dict[Expression, str]] = {}

    def prepare(size: int) -> None:
        known[size] = body.shared_on(program.lanes(text, size))

    def some(size: int, index: str) -> None:
        lanes = program.lanes(text, size)
        scope = body.element_scope(lanes, index, known[size])
        # All is read before anything is written: outputs may be the inputs' memory.
        values = [scope.value(output) for output in body.outputs]
        for value, place in zip(values, body.results, strict=True):
            lanes.store(value, place, index)

    text.chunks(text.ends("%count", sizes), sizes, some, prepare)


def _print_total(body: _Body) -> None:
    text, lanes = body.text, body.group
    wide = lanes.alike(bits=64)
    known = body.shared_on(lanes)

    def round_(index: str, sums: list[str]) -> list[str]:
        value = body.element_scope(lanes, index, known).value(body.outputs[0])
        return [wide.add(sums[0], lanes.widened(value) if lanes.bits == 32 else value)]

    sums = text.loop("0", "%count", GROUP, [(wide.kind, wide.real(0.0))], round_)
    wide.alike(count=1).store(_folded(wide, sums[0], Lanes.add), body.results[0], "0")


# A pass over a row: `_Work` is what is done for a group of columns, given where they begin, which are real and what the
# group before handed on; `_Sweep` has it done for all groups.
_Work = Callable[[Scope, str, str, list[str]], list[str]]
_Sweep = Callable[[Iterable[Expression], list[tuple[str, str]], _Work], list[str]]

_COMBINE: dict[str, tuple[Callable[[Lanes, str, str], str], float]] = {
    "row_sum": (Lanes.add, 0.0),
    "row_max": (Lanes.maximum, -inf),
}


def _print_rows(body: _Body) -> None:
    """Rows of one group keep their values between passes; longer ones compute them again, with the same bits."""
    text = body.text
    short = text.result(f"icmp sle i64 %width, {GROUP}")
    text.branch(short, "short", "long")
    for name in ("short", "long"):
        text.label(name)
        rows = _Rows(body, short=name == "short")
        text.loop("0", "%rows", 1, [], rows.one_row)
        text.jump("done")
    text.label("done")


class _Rows:
    """Prints what is done for one row, in passes: each pass takes the sums and maxima that need no later one."""

    def __init__(self, body: _Body, *, short: bool) -> None:
        self._body, self._text, self._short = body, body.text, short
        self._lanes = body.group
        self._on_elements, self._on_rows = body.shared_on(body.group), body.shared_on(body.one)
        self._width = self._text.result("trunc i64 %width to i32")
        padded = self._text.integer("add", "%width", str(GROUP - 1))
        self._padded = self._text.integer("and", padded, str(-GROUP))
        self._mask = self._inside("0") if short else ""
        self._passes = _passes(body.outputs)

    def _inside(self, start: str) -> str:
        """Which of the lanes from column `start` on are real columns."""
        integers = self._lanes.alike(bits=32)
        end = self._width
        if start != "0":
            column = self._text.result(f"trunc i64 {start} to i32")
            end = self._text.result(f"sub i32 {self._width}, {column}")
        return self._text.result(f"icmp slt {integers.words} {integers.lanes()}, {integers.every_word(end)}")

    def one_row(self, row: str, _: list[str]) -> list[str]:
        """Write all passes over one row, and its results."""
        text, body = self._text, self._body
        start = text.integer("mul", row, "%stride")
        reduced: dict[Expression, str] = {}

        def leaf(node: Expression) -> str | None:
            if node.operation == "operand":
                return body.one.load(body.inputs[str(node.detail)], row)
            return reduced.get(node) or self._on_rows.get(node)

        of_row = Scope(body.one, leaf)
        spread = dict(self._on_elements)
        # A single group's values stay in registers from one pass to the next.
        kept = body.element_scope(self._lanes, start, spread) if self._short else None

        def sweep(targets: Iterable[Expression], carried: list[tuple[str, str]], work: _Work) -> list[str]:
            # What the row's numbers need is written here, where it reaches every later pass.
            for node in largest(targets, lambda node: node.shape in (ValueShape.SAMPLES, ValueShape.COLUMN)):
                if node not in spread:
                    spread[node] = self._lanes.everywhere(of_row.value(node))
            if kept is not None:
                return work(kept, start, self._mask, [first for _, first in carried])

            def round_(column: str, values: list[str]) -> list[str]:
                place = text.integer("add", start, column)
                scope = body.element_scope(self._lanes, place, spread)
                return work(scope, place, self._inside(column), values)

            return text.loop("0", "%width", GROUP, carried, round_)

        for reductions in self._passes:
            parts = self._reduce(sweep, reductions)
            for reduction, part in zip(reductions, parts, strict=True):
                reduced[reduction] = _folded(self._lanes, part, _COMBINE[reduction.operation][0])
        self._write(sweep, of_row, row, start)
        return []

    def _reduce(self, sweep: _Sweep, reductions: list[Expression]) -> list[str]:
        """The 16 partial results of each reduction."""
        lanes = self._lanes

        def work(scope: Scope, _place: str, inside: str, values: list[str]) -> list[str]:
            renewed = []
            for node, value in zip(reductions, values, strict=True):
                combine, neutral = _COMBINE[node.operation]
                term = lanes.select(inside, scope.value(node.arguments[0]), lanes.real(neutral))
                renewed.append(combine(lanes, value, term))
            return renewed

        first = [(lanes.kind, lanes.real(_COMBINE[node.operation][1])) for node in reductions]
        return sweep([node.arguments[0] for node in reductions], first, work)

    def _write(self, sweep: _Sweep, of_row: Scope, row: str, start: str) -> None:
        """The outputs of a row: one number, or all columns with 0 in the padding."""
        text, lanes, results = self._text, self._lanes, self._body.results
        outputs = list(zip(self._body.outputs, results, strict=True))
        wide = [(node, place) for node, place in outputs if node.shape in (ValueShape.ELEMENT, ValueShape.SCALAR)]
        for node, place in outputs:
            if (node, place) not in wide:
                of_row.lanes.store(of_row.value(node), place, row)
        if not wide:
            return

        def work(scope: Scope, index: str, inside: str, _values: list[str]) -> list[str]:
            values = [lanes.select(inside, scope.value(node), lanes.real(0.0)) for node, _ in wide]
            for value, (_, place) in zip(values, wide, strict=True):
                lanes.store(value, place, index)
            return []

        sweep([node for node, _ in wide], [], work)

        def clear(column: str, _values: list[str]) -> list[str]:
            index = text.integer("add", start, column)
            for _, place in wide:
                lanes.store(lanes.real(0.0), place, index)
            return []

        text.loop(self._padded, "%stride", GROUP, [], clear)


def _passes(outputs: tuple[Expression, ...]) -> list[list[Expression]]:
    """The reductions of rows, by how many others must come before."""
    depth: dict[Expression, int] = {}
    passes: list[list[Expression]] = []

    def visit(node: Expression) -> int:
        if node not in depth:
            before = max(map(visit, node.arguments), default=0)
            if node.operation in _COMBINE:
                passes.extend([] for _ in range(before + 1 - len(passes)))
                passes[before].append(node)
                before += 1
            depth[node] = before
        return depth[node]

    for output in outputs:
        visit(output)
    return passes


def largest(expressions: Iterable[Expression], chosen: Callable[[Expression], bool]) -> list[Expression]:
    """The largest chosen expressions that some are made of, in the order in which they come first."""
    found: dict[Expression, None] = {}
    seen: set[Expression] = set()

    def visit(node: Expression) -> None:
        if node in seen:
            return
        seen.add(node)
        if chosen(node):
            found[node] = None
        else:
            for argument in node.arguments:
                visit(argument)

    for each in expressions:
        visit(each)
    return list(found)


_PRINTED = {"elementwise": _print_elements, "total": _print_total, "rowwise": _print_rows}


def print_body(program: Program, text: Text, outputs: tuple[Expression, ...], shared: Mapping[Expression, int]) -> None:
    """Write the body of a program: `outputs`, of constants `shared` by all elements and numbered."""
    _PRINTED[program.granularity](_Body(program, text, outputs, shared))
