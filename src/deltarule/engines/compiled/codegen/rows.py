"""Prints bodies of rows: formulas that sum or compare along a row, and losses, which give one number for each.

A row is read in groups of 16 columns. Lane j of a sum adds columns j, j + 16, …; then the lanes are added, halves
first. So a sum's bits depend on the row alone, whatever the processor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from deltarule.engines.compiled.codegen.scopes import Body, Scope, folded
from deltarule.engines.tracing.trace import Expression, ValueShape
from deltarule.native.ir import Lanes
from deltarule.native.products import GROUP

__all__ = ["print_rows"]

# A pass over a row: `_Work` is what is done for a group of columns, given where they begin, which are real and what the
# group before handed on; `_Sweep` has it done for all groups.
_Work = Callable[[Scope, str, str, list[str]], list[str]]
_Sweep = Callable[[Iterable[Expression], list[tuple[str, str]], _Work], list[str]]

_COMBINE: dict[str, tuple[Callable[[Lanes, str, str], str], float]] = {
    "row_sum": (Lanes.add, 0.0),
    "row_max": (Lanes.maximum, -inf),
}


def print_rows(body: Body) -> None:
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

    def __init__(self, body: Body, *, short: bool) -> None:
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
        kind = f"<{GROUP} x i32>"
        lanes = "<" + ", ".join(f"i32 {lane}" for lane in range(GROUP)) + ">"
        ends = [self._width]
        if start != "0":
            column = self._text.result(f"trunc i64 {start} to i32")
            ends = [self._text.result(f"sub i32 {self._width}, {column}")]
        first = self._text.result(f"insertelement {kind} undef, i32 {ends[0]}, i32 0")
        end = self._text.result(f"shufflevector {kind} {first}, {kind} undef, {kind} zeroinitializer")
        return self._text.result(f"icmp slt {kind} {lanes}, {end}")

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
            for node in _of_rows(targets):
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
                reduced[reduction] = folded(self._lanes, part, _COMBINE[reduction.operation][0])
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


def _of_rows(targets: Iterable[Expression]) -> list[Expression]:
    """The largest expressions of one number a row that the targets are made of, in the order in which they are met."""
    found: dict[Expression, None] = {}
    seen: set[Expression] = set()

    def visit(node: Expression) -> None:
        if node in seen:
            return
        seen.add(node)
        if node.shape in (ValueShape.SAMPLES, ValueShape.COLUMN):
            found[node] = None
        else:
            for argument in node.arguments:
                visit(argument)

    for target in targets:
        visit(target)
    return list(found)
