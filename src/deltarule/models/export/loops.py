"""A recorded graph as loops over arrays, for languages in which C's expressions mean what they mean in C.

Elementwise operations are fused: a value that is needed by one loop only, at the same index, is computed in that loop.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from deltarule.engines.tracing.arrays import ELEMENTWISE, Node, ordered
from deltarule.errors import ModelError
from deltarule.models.export.folding import precisions

__all__ = ["LoopPrinter", "Syntax", "is_atomic", "statements"]

_INLINE = ELEMENTWISE | {"take"}
_INFIX = {
    "add": "{} + {}", "subtract": "{} - {}", "multiply": "{} * {}", "divide": "{} / {}", "negative": "-{}",
    "greater": "{} > {}", "greater_equal": "{} >= {}", "less": "{} < {}", "less_equal": "{} <= {}",
    "equal": "{} == {}", "not_equal": "{} != {}", "and": "{} && {}", "or": "{} || {}", "not": "!{}",
    "where": "{} ? {} : {}", "double": "{}",
}  # fmt: skip


class Syntax(Protocol):
    """What differs between the languages."""

    def loop(self, index: str, size: int) -> str:
        """Return the head of a loop over an index."""
        ...

    def local(self, precision: str, name: str, value: str) -> str:
        """Return the declaration of a local value."""
        ...

    def accumulator(self, precision: str, name: str, value: str) -> str:
        """Return the declaration of a local value that changes."""
        ...

    def literal(self, value: float, precision: str) -> str:
        """Return a number."""
        ...

    def call(self, operation: str, precision: str, arguments: Sequence[str]) -> str | None:
        """Return a call of a function for an operation without an operator; None where there is none."""
        ...

    def table(self, value: npt.NDArray[Any], precision: str) -> str:
        """Return the name of a constant array, which is declared once, of a precision or of "integer"."""
        ...

    def stored(self, node: Node, precision: str) -> str:
        """Return the name of an array for a value, or of a variable for a value without axes."""
        ...

    def release(self, name: str) -> None:
        """Give an array back, which no later value needs."""
        ...

    def dense(self, node: Node, x: str, z: str) -> list[str]:
        """Return the statements of weighted sums."""
        ...

    def argmax(self, source: str, size: int, target: str) -> str:
        """Return the statement for the place of the largest number."""
        ...

    def given(self, node: Node) -> str:
        """Return an input: an array, or one number; or the code of one that is a text."""
        ...

    def conversion(self, value: str) -> str:
        """Return a number converted to an integer, for use as an index."""
        ...


@dataclass
class LoopPrinter:
    """Prints nodes as statements, one list for each stored value."""

    syntax: Syntax
    lines: list[str] = field(default_factory=list)
    names: dict[Node, str] = field(default_factory=dict)
    precisions: Mapping[Node, str] = field(default_factory=dict)
    _homes: dict[Node, Node] = field(default_factory=dict)
    _locals: Any = field(default_factory=lambda: count(1))

    def printed(self, roots: Sequence[Node]) -> list[str]:
        """Print what some nodes need; return the names of their arrays or variables."""
        self.precisions, self._homes = precisions(roots), homes(roots)
        stored = [node for node in ordered(roots) if self._homes.get(node) is node]
        places = {node: number for number, node in enumerate(stored)}
        last: dict[Node, int] = {}  # the place of the last stored node that needs each node
        for node, home in self._homes.items():
            for each in node.arguments:
                last[each] = max(places[home], last.get(each, 0))
        for node in stored:
            self._store(node)
            for each in stored:
                if last.get(each) == places[node] and each not in roots and each.operation not in ("input", "code"):
                    self.syntax.release(self.names[each])
        return [self.names[root] for root in roots]

    def _store(self, node: Node) -> None:
        if node.operation in ("input", "code"):
            self.names[node] = self.syntax.given(node)
            return
        self.names[node] = target = self.syntax.stored(node, self.precisions[node])
        if node.operation == "argmax":
            source = node.arguments[0]
            self.lines.append(self.syntax.argmax(self.names[source], source.size, target))
        elif node.operation == "dense":
            self.lines += self.syntax.dense(node, self.names[node.arguments[0]], target)
        else:
            {"rows": self._rows, "einsum": self._einsum, "sum": self._reduced, "max": self._reduced,
             "concatenate": self._concatenated}.get(node.operation, self._elements)(node, target)  # fmt: skip

    def _elements(self, node: Node, target: str) -> None:
        """Print the loops of an elementwise operation with all that is computed in them."""
        inside = [each for each in ordered([node]) if self._homes.get(each) is node]
        flat = all(self._is_flat(each, node.shape) for each in inside)
        shape = (node.size,) if flat and node.shape else node.shape
        indices = [f"i{axis}" if len(shape) > 1 else "i" for axis in range(len(shape))]
        body = _Body(self, node, shape, indices, flat=flat)
        value = body.expression(node)
        store = f"{target}{'' if not node.shape else f'[{_flat_index(indices, shape)}]'} = {value};"
        self.lines += self._nested(shape, indices, [*body.lines, store])

    def _is_flat(self, node: Node, shape: tuple[int, ...]) -> bool:
        """Return whether all that an operation reads has its shape, or is one number, so that one index suffices."""
        if node.operation == "take":
            return _contiguous(node.detail) is not None
        return all(each.shape == shape or each.size == 1 for each in node.arguments)

    def _nested(self, shape: Sequence[int], indices: Sequence[str], body: Sequence[str]) -> list[str]:
        loops = [(index, size) for index, size in zip(indices, shape, strict=True) if size > 1]
        lines = [f"{'    ' * depth}{self.syntax.loop(index, size)} {{" for depth, (index, size) in enumerate(loops)]
        lines += [f"{'    ' * len(loops)}{line}" for line in body]
        return lines + [f"{'    ' * depth}}}" for depth in reversed(range(len(loops)))]

    def _scoped(self, shape: Sequence[int], indices: Sequence[str], body: Sequence[str]) -> None:
        """Print loops, or a block where there is none, around statements with local values."""
        lines = self._nested(shape, indices, body)
        self.lines += lines if math.prod(shape) > 1 else ["{", *(f"    {line}" for line in lines), "}"]

    def _rows(self, node: Node, target: str) -> None:
        table, code = node.arguments
        assert table.value is not None
        name, width = self.syntax.table(table.value, "float32"), node.size
        row = self.syntax.conversion(self.names[code])
        own = place([("i", width, 1)])
        index = place([(row, 2, width), ("i", width, 1)])
        self.lines += self._nested((width,), ["i"], [f"{target}[{own}] = {name}[{index}];"])

    def _reduced(self, node: Node, target: str) -> None:
        (source,) = node.arguments
        axis, name, precision = node.detail, self.names[source], self.precisions[node]
        inner, k = math.prod(source.shape[axis + 1 :]), source.shape[axis]
        first = self.syntax.literal(0.0 if node.operation == "sum" else -math.inf, precision)
        operation = "add" if node.operation == "sum" else "maximum"
        outer = source.size // (inner * k)
        item = f"{name}[{place([('o', outer, k * inner), ('i', k, inner), ('j', inner, 1)])}]"
        step = f"total = {self.call(operation, precision, ['total', item])};"
        body = [
            self.syntax.accumulator(precision, "total", first),
            *self._nested((k,), ["i"], [step]),
            f"{target}[{place([('o', outer, inner), ('j', inner, 1)])}] = total;",
        ]
        self._scoped((outer, inner), ["o", "j"], body)

    def _einsum(self, node: Node, target: str) -> None:
        inputs, _, output = node.detail.partition("->")
        parts = inputs.split(",")
        sizes = {
            letter: size
            for part, each in zip(parts, node.arguments, strict=True)
            for letter, size in zip(part, each.shape, strict=True)
        }
        reads = []
        for part, each in zip(parts, node.arguments, strict=True):
            name = (
                self.syntax.table(_value(each), self.precisions[node])
                if each.operation == "constant"
                else self.names[each]
            )
            reads.append(f"{name}[{_flat_index(list(part), each.shape)}]")
        summed = [letter for letter in sizes if letter not in output]
        precision = self.precisions[node]
        step = f"total = total + {reads[0]} * {reads[1]};"
        body = [
            self.syntax.accumulator(precision, "total", self.syntax.literal(0.0, precision)),
            *self._nested([sizes[letter] for letter in summed], summed, [step]),
            f"{target}[{_flat_index(list(output), node.shape)}] = total;",
        ]
        self._scoped([sizes[letter] for letter in output], list(output), body)

    def _concatenated(self, node: Node, target: str) -> None:
        start = 0
        for each in node.arguments:
            name = self.names[each]
            if each.size == 1:
                self.lines.append(f"{target}[{start}] = {self.single(each)};")
            else:
                self.lines += self._nested(
                    (each.size,), ["i"], [f"{target}[{place([('i', each.size, 1)], start)}] = {name}[i];"]
                )
            start += each.size

    def call(self, operation: str, precision: str, arguments: Sequence[str]) -> str:
        """Return an operation of some values."""
        if operation in _INFIX:
            return _INFIX[operation].format(*arguments)
        made = self.syntax.call(operation, precision, arguments)
        if made is None:
            raise ModelError("an operation that the language has", operation, "--to numpy")
        return made

    def single(self, node: Node) -> str:
        """Return a stored value that is one number."""
        return self.names[node] + ("" if not node.shape or node.operation == "input" else "[0]")

    def next_local(self) -> str:
        """Return the name of another local value."""
        return f"t{next(self._locals)}"


class _Body:
    """The body of a loop that computes one node and what is fused into it."""

    def __init__(
        self, printer: LoopPrinter, root: Node, shape: tuple[int, ...], indices: list[str], *, flat: bool
    ) -> None:
        self.lines: list[str] = []
        self._printer, self._root, self._shape, self._indices, self._flat = printer, root, shape, indices, flat
        inside = [each for each in ordered([root]) if printer._homes.get(each) is root]
        self._uses = {each: sum(other.arguments.count(each) for other in inside) for each in inside}
        self._known: dict[Node, str] = {}

    def expression(self, node: Node) -> str:
        """Return the value of a node at the loop's index."""
        if node in self._known:
            return self._known[node]
        printer, precision = self._printer, self._printer.precisions[node]
        if node.operation == "constant":
            raise AssertionError  # read by `_argument`, which knows the precision
        if printer._homes[node] is not self._root:
            return self._load(printer.names[node], node)
        if node.operation == "take":
            made = self._taken(node)
        else:
            wide = any(printer.precisions[each] == "float64" for each in node.arguments)
            own = "float64" if wide else "float32"
            arguments = [self._argument(each, own) for each in node.arguments]
            made = printer.call(node.operation, own, arguments)
        if self._uses[node] > 1 and precision != "boolean":
            name = printer.next_local()
            self.lines.append(printer.syntax.local(precision, name, made))
            self._known[node] = name
            return name
        return made if node is self._root or is_atomic(made) else f"({made})"

    def _argument(self, node: Node, precision: str) -> str:
        if node.operation != "constant":
            return self.expression(node)
        value = _value(node)
        if value.size == 1:
            return self._printer.syntax.literal(float(value.ravel()[0]), precision)
        return self._load(self._printer.syntax.table(value, precision), node)

    def _load(self, name: str, node: Node) -> str:
        if node.size == 1:
            return self._printer.single(node) if node.operation != "constant" else f"{name}[0]"
        shape = (node.size,) if self._flat else node.shape
        return f"{name}[{_flat_index(self._indices, shape)}]"

    def _taken(self, node: Node) -> str:
        (source,) = node.arguments
        name, places = self._printer.names[source], node.detail
        if source.size == 1:
            return self._printer.single(source)
        start = _contiguous(places)
        if start is not None:
            shape = (node.size,) if self._flat and node.shape else node.shape
            own = self._indices[len(self._indices) - len(shape) :]
            steps = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
            return f"{name}[{place(list(zip(own, shape, steps, strict=True)), start)}]"
        own, strides = self._indices[len(self._indices) - len(node.shape) :], _strides(places)
        if strides is not None:
            return f"{name}[{place(list(zip(own, node.shape, strides[1], strict=True)), strides[0])}]"
        table = self._printer.syntax.table(places, "integer")
        return f"{name}[{table}[{_flat_index(own, node.shape)}]]"


def homes(roots: Sequence[Node]) -> dict[Node, Node]:
    """Return the stored node in whose loop each node is computed: itself if it is stored."""
    found: dict[Node, set[Node] | None] = dict.fromkeys(roots)  # None: it has to be stored
    made: dict[Node, Node] = {}
    for node in reversed(list(ordered(roots))):
        if node.operation == "constant":
            continue
        wanted = found.get(node)
        fused = node.operation in _INLINE and wanted is not None and len(wanted) == 1
        made[node] = home = next(iter(wanted)) if fused and wanted else node
        for each in node.arguments:
            same = node.operation in ELEMENTWISE and each.shape == node.shape
            if not same or found.get(each, set()) is None:
                found[each] = None
            else:
                known = found.setdefault(each, set())
                assert known is not None
                known.add(home)
    return made


def _value(node: Node) -> npt.NDArray[Any]:
    assert node.value is not None
    return node.value


def is_atomic(text: str) -> bool:
    """Return whether a value is a name, a number, an element, or a call, which needs no parentheses."""
    name, _, rest = text.partition("[" if "[" in text.partition("(")[0] else "(")
    depth = 1
    for letter in rest[:-1]:
        depth += (letter in "([") - (letter in ")]")
        if not depth:
            return False
    return name.replace("_", "").replace(".", "").replace("->", "").isalnum()


def _contiguous(places: npt.NDArray[Any]) -> int | None:
    """Return the first of successive places; None for others."""
    flat = places.ravel()
    return int(flat[0]) if np.array_equal(flat, flat[0] + np.arange(flat.size)) else None


def _strides(places: npt.NDArray[Any]) -> tuple[int, list[int]] | None:
    """Return the first place, and the step along each axis where these are regular and upwards; otherwise None."""
    first = int(places.ravel()[0])
    steps = [
        int(np.take(places, 1, axis).ravel()[0]) - first if size > 1 else 0 for axis, size in enumerate(places.shape)
    ]
    grid = np.full(places.shape, first)
    for axis, (size, step) in enumerate(zip(places.shape, steps, strict=True)):
        grid += np.expand_dims(step * np.arange(size), [each for each in range(places.ndim) if each != axis])
    return (first, steps) if min(steps, default=0) >= 0 and np.array_equal(grid, places) else None


def _flat_index(indices: Sequence[str], shape: Sequence[int]) -> str:
    """Return the place, in stored order, of an element of an array, whose axes have the last of some indices."""
    own = indices[len(indices) - len(shape) :]
    return place(
        [(index, size, math.prod(shape[axis + 1 :])) for axis, (index, size) in enumerate(zip(own, shape, strict=True))]
    )


def place(axes: Sequence[tuple[str, int, int]], start: int = 0) -> str:
    """Return the place of an element: the sum of index · step over the axes (index, size, step), after a start.

    >>> place([("i", 3, 4), ("j", 1, 4), ("k", 4, 1)], 2)
    'i * 4 + k + 2'
    """
    terms = [index if step == 1 else f"{index} * {step}" for index, size, step in axes if size > 1 and step]
    return " + ".join([*terms, *([str(start)] if start else [])]) or "0"


def statements(lines: Sequence[str], depth: int) -> Iterator[str]:
    """Yield lines indented."""
    return (f"{'    ' * depth}{line}" if line else "" for line in lines)
