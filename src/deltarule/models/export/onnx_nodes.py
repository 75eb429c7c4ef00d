"""ONNX operators of a recorded graph, for a graph by itself or as a part of another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from deltarule.engines.tracing.arrays import Node, ordered
from deltarule.errors import ModelError
from deltarule.models.export.folding import precisions

__all__ = ["ML", "Printer", "Writer"]

ML = "ai.onnx.ml"
_TYPES = {"float32": np.float32, "float64": np.float64, "boolean": np.bool_, "integer": np.int64}
_TENSOR = {"float32": 1, "float64": 11, "integer": 7}  # TensorProto's numbers of the types

# Each with the version of the operator set that has it for floating-point numbers.
_SAME = {
    "add": ("Add", 7), "subtract": ("Sub", 7), "multiply": ("Mul", 7), "divide": ("Div", 7), "negative": ("Neg", 6),
    "absolute": ("Abs", 6), "sign": ("Sign", 9), "maximum": ("Max", 8), "minimum": ("Min", 8), "sqrt": ("Sqrt", 6),
    "exp": ("Exp", 6), "log": ("Log", 6), "tanh": ("Tanh", 6), "sinh": ("Sinh", 9), "cosh": ("Cosh", 9),
    "sin": ("Sin", 7), "cos": ("Cos", 7), "power": ("Pow", 7), "erf": ("Erf", 9), "floor": ("Floor", 6),
    "ceil": ("Ceil", 6), "rint": ("Round", 11), "greater": ("Greater", 9), "less": ("Less", 9), "equal": ("Equal", 11),
    "isnan": ("IsNaN", 9), "isinf": ("IsInf", 10), "and": ("And", 7), "or": ("Or", 7), "xor": ("Xor", 7),
    "not": ("Not", 1), "where": ("Where", 9),
}  # fmt: skip


class Writer(Protocol):
    """Where operators and constants are written."""

    def operator(self, kind: str, version: int, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        """Write an operator of a version of its operator set; `domain` may be among the attributes."""
        ...

    def tensor(self, name: str, value: npt.NDArray[Any]) -> None:
        """Write a constant."""
        ...


@dataclass
class Printer:
    """Prints nodes of a graph as operators.

    inputs : the names of the values (n, ...) that the inputs of the graph have, by the names of these.
    prefix : of the names of all values.
    opset : the highest operator set that the graph may have, if others add operators to it.
    """

    writer: Writer
    inputs: Mapping[str, str]
    prefix: str = ""
    opset: int = 12
    _names: dict[Node, str] = field(default_factory=dict)
    _tensors: dict[tuple[Any, ...], str] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: count(1))
    _precisions: dict[Node, str] = field(default_factory=dict)

    def printed(self, roots: Sequence[Node]) -> list[str]:
        """Print what some nodes need; return the names of their values."""
        self._precisions = precisions(roots)
        for node in ordered(roots):
            if node.operation != "constant":
                self._names[node] = self._of(node)
        return [self._names[root] for root in roots]

    def emit(self, kind: str, version: int, *inputs: str, **attributes: Any) -> str:
        """Print an operator; return the name of its value."""
        output = f"{self.prefix}{kind.lower()}_{next(self._numbers)}"
        self.writer.operator(kind, version, inputs, output, **attributes)
        return output

    def tensor(self, value: npt.NDArray[Any]) -> str:
        """Print a constant once; return its name."""
        key = (value.shape, value.dtype.str, value.tobytes() if value.dtype.kind != "O" else tuple(value.ravel()))
        if key not in self._tensors:
            self._tensors[key] = f"{self.prefix}constant_{len(self._tensors) + 1}"
            self.writer.tensor(self._tensors[key], value)
        return self._tensors[key]

    def _argument(self, node: Node, precision: str) -> str:
        """Return the name of a value in a precision."""
        if node.operation == "constant":
            assert node.value is not None
            value = node.value != 0 if precision == "boolean" else node.value
            return self.tensor(np.asarray(value, _TYPES[precision]))
        name, own = self._names[node], self._precisions[node]
        if own == precision or "boolean" in (own, precision):
            return name
        return self.emit("Cast", 9, name, to=_TENSOR[precision])

    def _of(self, node: Node) -> str:
        structural = _STRUCTURES.get(node.operation)
        return self._elementwise(node) if structural is None else structural(self, node)

    def _elementwise(self, node: Node) -> str:
        wide = any(self._precisions[each] == "float64" for each in node.arguments)
        precision = "float64" if wide else "float32"
        if node.operation in ("and", "or", "xor", "not"):
            precision = "boolean"
        if node.operation == "maximum" and _is_zero(node.arguments[1]):
            return self.emit("Relu", 6, self._argument(node.arguments[0], precision))
        wanted = ["boolean" if node.operation == "where" else precision, *[precision] * 2]
        names = [self._argument(each, own) for each, own in zip(node.arguments, wanted, strict=False)]
        if node.operation in _SAME:
            return self.emit(*_SAME[node.operation], *names)
        composed = _COMPOSED.get(node.operation)
        if composed is None:
            raise ModelError("an operation that ONNX has", node.operation, "--to numpy")
        return composed(self, [_TYPES[precision], *names])

    def _flat(self, node: Node) -> str:
        """Return the name of a row as a vector: (n, size)."""
        name = self._argument(node, self._precisions[node])
        if len(node.shape) == 1:
            return name
        return self.emit("Reshape", 5, name, self.tensor(np.array([-1, node.size])))

    def _input(self, node: Node) -> str:
        name = self.inputs[node.name]
        return name if node.shape else self.emit("Reshape", 5, name, self.tensor(np.array([-1])))

    def _code(self, node: Node) -> str:
        words = node.detail.all
        return self.emit(
            "LabelEncoder", 2, self._names[node.arguments[0]], domain=ML, keys_strings=list(words),
            values_int64s=list(words.values()), default_int64=node.detail.unknown,
        )  # fmt: skip

    def _rows(self, node: Node) -> str:
        table, codes = node.arguments
        return self.emit("Gather", 1, self._argument(table, "float32"), self._argument(codes, "integer"), axis=0)

    def _dense(self, node: Node) -> str:
        x, W, b = (self._argument(each, "float32") for each in node.arguments)
        if len(node.shape) == 1:
            return self.emit("Gemm", 7, x, W, b)
        return self.emit("Add", 7, self.emit("MatMul", 1, x, W), b)

    def _einsum(self, node: Node) -> str:
        inputs, _, output = node.detail.partition("->")
        rows = next(letter for letter in "zyxwvutsrqponm" if letter not in node.detail)
        parts = zip(inputs.split(","), node.arguments, strict=True)
        equation = ",".join(part if each.operation == "constant" else rows + part for part, each in parts)
        names = [self._argument(each, "float32") for each in node.arguments]
        return self.emit("Einsum", 12, *names, equation=f"{equation}->{rows}{output}")

    def _reduced(self, node: Node) -> str:
        kind = {"sum": "ReduceSum", "max": "ReduceMax"}[node.operation]
        name = self._argument(node.arguments[0], self._precisions[node])
        since = {"ReduceSum": 13, "ReduceMax": 18}[kind]  # from there on the axes are an input
        if self.opset >= since:
            return self.emit(kind, since, name, self.tensor(np.array([node.detail + 1])), keepdims=1)
        return self.emit(kind, 1, name, axes=[node.detail + 1], keepdims=1)

    def _concatenate(self, node: Node) -> str:
        names = []
        for each in node.arguments:
            own, name = self._precisions[each], self._flat(each)
            wanted = self._precisions[node]
            names.append(name if own == wanted else self.emit("Cast", 9, name, to=_TENSOR[wanted]))
        return self.emit("Concat", 4, *names, axis=1)

    def _take(self, node: Node) -> str:
        (source,) = node.arguments
        if np.array_equal(node.detail.ravel(), np.arange(source.size)):
            name = self._argument(source, self._precisions[source])
            return self.emit("Reshape", 5, name, self.tensor(np.array([-1, *node.shape])))
        return self.emit("Gather", 1, self._flat(source), self.tensor(node.detail), axis=1)

    def _argmax(self, node: Node) -> str:
        name = self._argument(node.arguments[0], self._precisions[node.arguments[0]])
        return self.emit("ArgMax", 1, name, axis=1, keepdims=0)

    def _cast(self, node: Node) -> str:
        wanted = "float32" if node.operation == "single" else "float64"
        (source,) = node.arguments
        if self._precisions[source] == wanted:
            return self._names[source]
        return self.emit("Cast", 9, self._names[source], to=_TENSOR[wanted])


def _is_zero(node: Node) -> bool:
    return node.operation == "constant" and node.value is not None and node.value.shape == () and node.value == 0


_STRUCTURES: dict[str, Callable[[Printer, Node], str]] = {
    "input": Printer._input, "code": Printer._code, "rows": Printer._rows, "dense": Printer._dense,
    "einsum": Printer._einsum, "sum": Printer._reduced, "max": Printer._reduced, "concatenate": Printer._concatenate,
    "take": Printer._take, "argmax": Printer._argmax, "single": Printer._cast, "double": Printer._cast,
}  # fmt: skip


def _one(printer: Printer, dtype: Any) -> str:
    return printer.tensor(np.ones((), dtype))


def _copysign(printer: Printer, given: list[Any]) -> str:
    dtype, a, b = given
    size = printer.emit("Abs", 6, a)
    negative = printer.emit("Less", 9, b, printer.tensor(np.zeros((), dtype)))
    return printer.emit("Where", 9, negative, printer.emit("Neg", 6, size), size)


def _isfinite(printer: Printer, given: list[Any]) -> str:
    either = printer.emit("Or", 7, printer.emit("IsNaN", 9, given[1]), printer.emit("IsInf", 10, given[1]))
    return printer.emit("Not", 1, either)


_COMPOSED: dict[str, Callable[[Printer, list[Any]], str]] = {
    "expm1": lambda p, g: p.emit("Sub", 7, p.emit("Exp", 6, g[1]), _one(p, g[0])),
    "log1p": lambda p, g: p.emit("Log", 6, p.emit("Add", 7, g[1], _one(p, g[0]))),
    "erfc": lambda p, g: p.emit("Sub", 7, _one(p, g[0]), p.emit("Erf", 9, g[1])),
    "trunc": lambda p, g: p.emit("Mul", 7, p.emit("Sign", 9, g[1]), p.emit("Floor", 6, p.emit("Abs", 6, g[1]))),
    "copysign": _copysign,
    "not_equal": lambda p, g: p.emit("Not", 1, p.emit("Equal", 11, *g[1:])),
    # Numbers are compared that are no NaN, or whose result is NaN on both sides of a choice.
    "greater_equal": lambda p, g: p.emit("Not", 1, p.emit("Less", 9, *g[1:])),
    "less_equal": lambda p, g: p.emit("Not", 1, p.emit("Greater", 9, *g[1:])),
    "isfinite": _isfinite,
}
