"""Recording of what NumPy code computes from a row: a graph of operations on arrays, with constants folded.

Where `trace` reads a formula for one number, `Recorded` stands for an array (n, ...) of n rows, so that whole
definitions can be read: a network's forward pass, an embedding, the inverse link of a loss. Every operation treats all
rows alike; the shapes of a graph are those of one row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from deltarule.engines.tracing.vocabulary import BOOLEAN, COMPOSED, LOGICAL, PRIMITIVE, integer_power
from deltarule.errors import RecipeError

__all__ = [
    "ELEMENTWISE",
    "Codes",
    "Node",
    "Recorded",
    "constant",
    "given",
    "node_of",
    "ordered",
    "rows_of",
    "text_codes",
]

ROWS = 7919
"""The number of rows that recorded arrays claim to have, which no other axis has."""

ELEMENTWISE = PRIMITIVE | frozenset(LOGICAL.values()) | {"where", "single", "double"}
"""Operations of the elements of arrays that are broadcast as NumPy does; `single` rounds to float32,
`double` continues in float64."""


@dataclass(frozen=True, eq=False)
class Node:
    """A value of a row: an operation on other values.

    operation : "input" (`name`, and in `detail` its precision, or "text"); "constant" (`value`); one of `ELEMENTWISE`;
        "dense", x W + b of the last axis; "einsum" of two arguments (`detail` is its subscripts, without the rows);
        "sum", "max" over one axis (`detail`); "concatenate" of rows as vectors; "take", the elements of a row, as a
        vector, at the places in `detail`; "rows", the row of a constant matrix for each integer; "code", the integer
        for a text (`detail` is a `Codes`); "argmax" of a vector. The condition of "where" may be a constant, in which
        other numbers than 0 are true.
    shape : of one row; of a constant its own, which is broadcast against those of rows.
    """

    operation: str
    arguments: tuple[Node, ...] = ()
    shape: tuple[int, ...] = ()
    detail: Any = None
    value: npt.NDArray[Any] | None = None
    name: str = ""

    @property
    def boolean(self) -> bool:
        """Whether it is true or false."""
        return self.operation in BOOLEAN

    @property
    def size(self) -> int:
        """The number of elements of a row."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Codes:
    """What integer a text has: that of a known word, or else `missing` for texts in `absent`, or else `unknown`.

    words : each known text, and its integer.
    absent : texts that are found where a value is missing.
    """

    words: dict[str, int]
    absent: tuple[str, ...]
    unknown: int
    missing: int

    @property
    def all(self) -> dict[str, int]:
        """Every text with an integer other than `unknown`."""
        return dict.fromkeys(self.absent, self.missing) | self.words


def constant(value: Any) -> Node:
    """Return a node for numbers."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        _refuse(f"a {type(value).__name__}")
    array = array if array.dtype.kind == "i" else array.astype(np.float64)
    return Node("constant", (), array.shape, value=array)


def given(name: str, shape: tuple[int, ...] = (), precision: str = "float32") -> Recorded:
    """Return an array of rows that is given at run time, as numbers of a precision or as "text"."""
    return Recorded(Node("input", (), shape, precision, name=name))


def node_of(value: Any) -> Node:
    """Return the node of a recorded array, or of a constant one."""
    return value.node if isinstance(value, Recorded) else constant(value)


def ordered(roots: Sequence[Node]) -> Iterator[Node]:
    """Yield the nodes that some nodes need, each after its arguments, and each once."""
    found: set[Node] = set()
    waiting = [(node, False) for node in reversed(roots)]
    while waiting:
        node, ready = waiting.pop()
        if node in found:
            continue
        if ready:
            found.add(node)
            yield node
        else:
            waiting.append((node, True))
            waiting.extend((each, False) for each in reversed(node.arguments))


class Recorded(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of rows (n, ...) whose operations are recorded."""

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, with a number of rows that no other axis has."""
        return (ROWS, *self.node.shape)

    @property
    def ndim(self) -> int:
        """The number of axes, that of the rows included."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Numbers are recorded without a precision."""
        return np.dtype(bool) if self.node.boolean else np.dtype(np.float64)

    def __len__(self) -> int:
        return ROWS

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            _refuse(f"np.{ufunc.__name__}" + (f".{method}" if method != "__call__" else f" with {', '.join(options)}"))
        name = ufunc.__name__
        if name == "matmul":
            return _matmul(*inputs)
        if name in COMPOSED:
            return COMPOSED[name](*inputs)
        if name == "power":
            return _power(*inputs)
        nodes = tuple(map(node_of, inputs))
        if name in LOGICAL:
            return elementwise(LOGICAL[name], *map(_truth, nodes))
        if name not in PRIMITIVE:
            _refuse(f"np.{name}")
        return elementwise(name, *map(_number, nodes))

    def __array_function__(self, function: Any, _types: Any, arguments: Any, options: Any) -> Any:
        offered = _FUNCTIONS.get(function)
        if offered is None:
            _refuse(f"np.{function.__name__}")
        return offered(*arguments, **options)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        _refuse("an array made of the numbers")

    def __bool__(self) -> NoReturn:  # noqa: PLE0304 - it raises
        _refuse("Python's if, and, or, not, min or max on numbers")

    __float__ = __int__ = __index__ = __bool__

    def __getitem__(self, key: Any) -> Recorded:
        keys = key if isinstance(key, tuple) else (key,)
        if keys[:1] == (Ellipsis,):
            keys = (slice(None), *keys)
        if not isinstance(keys[0], slice) or keys[0] != slice(None):
            _refuse("some of the rows")
        places = np.arange(self.node.size).reshape(self.node.shape)
        return taken(self.node, places[keys[1:]])

    def reshape(self, *shape: Any) -> Recorded:
        """Return the rows in another shape."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        if wanted[0] not in (ROWS, -1):
            _refuse("rows that are joined or divided")
        return taken(self.node, np.arange(self.node.size).reshape(wanted[1:]))

    def astype(self, dtype: Any, copy: bool = True) -> Recorded:  # noqa: ARG002 - as NumPy's
        """Return the numbers rounded to float32, or to integers; they have no other type here."""
        kind = np.dtype(dtype)
        if kind == np.float32:
            return elementwise("single", self.node)
        return elementwise("trunc", self.node) if kind.kind in "iu" else self

    def sum(self, axis: Any = None, keepdims: bool = False) -> Recorded:
        """Return the sum along one axis of a row."""
        return reduced("sum", self.node, axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Recorded:
        """Return the largest number along one axis of a row."""
        return reduced("max", self.node, axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Return the smallest number along one axis of a row."""
        return -(-self).max(axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Return the mean along one axis of a row."""
        return self.sum(axis, keepdims) / float(self.shape[axis])

    def var(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Return the variance along one axis of a row."""
        distance = self - self.mean(axis, keepdims=True)
        return (distance * distance).mean(axis, keepdims)

    def argmax(self, axis: Any = None) -> Recorded:
        """Return the place of the largest of each row's numbers."""
        if self.ndim != 2 or axis not in (1, -1):
            _refuse("np.argmax along another axis than that of a row")
        return Recorded(Node("argmax", (self.node,)))


def elementwise(operation: str, *arguments: Node) -> Recorded:
    """Return an operation of the elements of arrays, broadcast."""
    rows = [each.shape for each in arguments if each.operation != "constant"]
    axes = max(map(len, rows))
    plain = tuple(_without_rows(each, axes) for each in arguments)
    try:
        shape = np.broadcast_shapes(*(each.shape for each in plain))
    except ValueError:
        shape = (-1,) * (axes + 1)
    if len(shape) > axes or any(len(each) not in (0, axes) for each in rows):
        _refuse("arrays that broadcast along the rows")
    return Recorded(Node(operation, plain, tuple(shape)))


def _without_rows(argument: Node, axes: int) -> Node:
    """Return a constant without a leading axis for the rows."""
    if argument.operation == "constant" and len(argument.shape) == axes + 1 and argument.shape[0] == 1:
        assert argument.value is not None
        return constant(argument.value[0])
    return argument


def taken(node: Node, places: npt.NDArray[Any]) -> Recorded:
    """Return the elements of a row, as a vector, at some places; those of places are their shape."""
    return Recorded(Node("take", (_number(node),), places.shape, np.asarray(places, np.int64)))


def rows_of(matrix: Any, integers: Recorded) -> Recorded:
    """Return the row of a constant matrix for each integer."""
    table = constant(matrix)
    return Recorded(Node("rows", (table, integers.node), (*integers.node.shape, *table.shape[1:])))


def text_codes(text: Recorded, codes: Codes) -> Recorded:
    """Return the integer for each text."""
    return Recorded(Node("code", (text.node,), (), codes))


def reduced(operation: str, node: Node, axis: Any, *, keepdims: bool) -> Recorded:
    """Return the sum or the maximum along one axis of a row."""
    axes = len(node.shape)
    if not isinstance(axis, int) or axis == 0 or not -axes <= axis <= axes:
        _refuse(f"a {operation} along axis {axis}: of the rows, or of several axes")
    place = axis - 1 if axis > 0 else axes + axis
    kept = (*node.shape[:place], 1, *node.shape[place + 1 :])
    made = Recorded(Node(operation, (_number(node),), kept, place))
    return made if keepdims else taken(made.node, np.arange(made.node.size).reshape(kept[:place] + kept[place + 1 :]))


def _matmul(x: Any, matrix: Any) -> Recorded:
    if not isinstance(x, Recorded) or isinstance(matrix, Recorded) or np.ndim(matrix) != 2:
        _refuse("a product of other than rows and a matrix")
    W = constant(matrix)
    arguments = (x.node, W, constant(np.zeros(W.shape[1])))
    return Recorded(Node("dense", arguments, (*x.node.shape[:-1], W.shape[1])))


def _einsum(subscripts: str, *operands: Any, optimize: Any = False) -> Recorded:  # noqa: ARG001 - as NumPy's
    inputs, _, output = subscripts.replace(" ", "").partition("->")
    letters = inputs.split(",")
    if len(operands) != 2 or "." in subscripts or not output:
        _refuse(f"np.einsum({subscripts!r})")
    rows = {part[0] for part, each in zip(letters, operands, strict=True) if isinstance(each, Recorded)}
    if rows != {output[0]}:
        _refuse(f"np.einsum({subscripts!r})")
    nodes = tuple(map(node_of, operands))
    plain = [part[1:] if part[0] in rows else part for part in letters]
    sizes = {letter: size for part, each in zip(plain, nodes, strict=True) for letter, size in zip(part, each.shape)}  # noqa: B905
    shape = tuple(sizes[letter] for letter in output[1:])
    return Recorded(Node("einsum", nodes, shape, f"{','.join(plain)}->{output[1:]}"))


def _concatenate(arrays: Sequence[Any], axis: int = 0) -> Recorded:
    nodes = [node_of(each) for each in arrays]
    if axis == 0 or any(each.operation == "constant" for each in nodes):
        _refuse("rows joined with rows")
    place = axis - 1 if axis > 0 else len(nodes[0].shape) + axis
    starts = np.cumsum([0, *(each.size for each in nodes)])
    places = [start + np.arange(each.size).reshape(each.shape) for start, each in zip(starts[:-1], nodes, strict=True)]
    parts = tuple(each for each in nodes if each.size)
    joined = Node("concatenate", parts, (int(starts[-1]),)) if len(parts) > 1 else parts[0]
    return taken(joined, np.concatenate(places, axis=place))


def _power(base: Any, exponent: Any) -> Any:
    if not isinstance(exponent, Recorded) and np.ndim(exponent) == 0:
        found = integer_power(base, float(exponent))
        if found is not None:
            return found
    return elementwise("power", _number(node_of(base)), _number(node_of(exponent)))


def _number(value: Node) -> Node:
    """True and False as 1 and 0."""
    return elementwise("where", value, constant(1.0), constant(0.0)).node if value.boolean else value


def _truth(value: Node) -> Node:
    if value.boolean:
        return value
    if value.operation == "constant":
        _refuse("a condition that is the same for all rows")
    return elementwise("not_equal", value, constant(0.0)).node


def _where(condition: Any, chosen: Any, otherwise: Any) -> Recorded:
    node = node_of(condition)
    truth = node if node.operation == "constant" else _truth(node)
    return elementwise("where", truth, _number(node_of(chosen)), _number(node_of(otherwise)))


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:  # noqa: A002
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    a = a if low is None else np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


def _rows_along_axis(table: Any, rows: Recorded, axis: int) -> Recorded:
    if axis != 0 or isinstance(table, Recorded) or rows.node.shape != (1,):
        _refuse("np.take_along_axis of other than the rows of a constant matrix")
    return rows_of(table, rows.reshape(-1))


def _full_like(a: Recorded, value: float) -> Any:
    return a * 0.0 + value


def _refuse(came: str) -> NoReturn:
    known = ", ".join(["where", "clip", "sum", "max", "mean", "matmul", "einsum", *sorted(PRIMITIVE | COMPOSED.keys())])
    raise RecipeError("functions that an export supports", came, known)


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.clip: _clip,
    np.sum: lambda a, axis=None, keepdims=False: a.sum(axis, keepdims),
    np.max: lambda a, axis=None, keepdims=False: a.max(axis, keepdims),
    np.min: lambda a, axis=None, keepdims=False: a.min(axis, keepdims),
    np.mean: lambda a, axis=None, keepdims=False: a.mean(axis, keepdims=keepdims),
    np.var: lambda a, axis=None, keepdims=False: a.var(axis, keepdims=keepdims),
    np.argmax: lambda a, axis=None: a.argmax(axis),
    np.einsum: _einsum,
    np.concatenate: _concatenate,
    np.hstack: lambda arrays: _concatenate(arrays, axis=1),
    np.stack: lambda arrays, axis=0: (
        _concatenate([each[..., None] for each in arrays], axis=-1)
        if axis == -1
        else _refuse("np.stack along another axis than the last")
    ),
    np.take_along_axis: _rows_along_axis,
    np.nan_to_num: lambda a: np.where(np.isfinite(a), a, 0.0),
    np.reshape: lambda a, shape: a.reshape(shape),
    np.ones_like: lambda a: _full_like(a, 1.0),
    np.zeros_like: lambda a: _full_like(a, 0.0),
    np.full_like: _full_like,
}
