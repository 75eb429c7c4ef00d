"""Simplification of a recorded graph: products with the numbers around them folded into weights and biases.

What is left has the same values up to rounding: normalization by running statistics, factors of the inputs and shifts
by a constant become part of the weights that they precede or follow; selections of selections become one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from deltarule.engines.tracing.arrays import ELEMENTWISE, Node, constant, ordered

__all__ = ["precisions", "simplified"]


def simplified(roots: Sequence[Node]) -> list[Node]:
    """Return nodes with the same values as some nodes, computed in fewer operations."""
    while True:
        made, changed = _pass(roots)
        if not changed:
            return made
        roots = made


def _pass(roots: Sequence[Node]) -> tuple[list[Node], bool]:
    uses = Counter(each for node in ordered(roots) for each in node.arguments)
    uses.update(roots)
    new: dict[Node, Node] = {}
    known: dict[object, Node] = {}
    changed = False
    for node in ordered(roots):
        arguments = tuple(new[each] for each in node.arguments)
        own = node if arguments == node.arguments else _like(node, arguments)
        single = [uses[each] == 1 for each in node.arguments]
        better = _better(own, single)
        changed |= better is not None
        result = own if better is None else better
        new[node] = known.setdefault(_key(result), result)
        changed |= new[node] is not result
    return [new[root] for root in roots], changed


def _like(node: Node, arguments: tuple[Node, ...]) -> Node:
    return Node(node.operation, arguments, node.shape, node.detail, node.value, node.name)


def _key(node: Node) -> object:
    """What is equal for nodes of equal values; parameters are compared by identity."""
    if node.operation == "constant":
        assert node.value is not None
        return ("constant", node.value.shape, node.value.tobytes()) if node.value.size <= 64 else id(node)
    detail = node.detail.tobytes() if isinstance(node.detail, np.ndarray) else repr(node.detail)
    return (node.operation, tuple(map(id, node.arguments)), node.shape, detail, node.name)


def _better(node: Node, single: Sequence[bool]) -> Node | None:
    """Return a simpler node of the same value, or None; `single` says which arguments are needed only here."""
    if node.operation == "take":
        return _selection(node)
    if node.operation == "dense":
        return _with_factors_of_inputs(node, removable=single[0])
    if node.operation in _AFFINE and len(node.arguments) == 2:
        return _into_weights(node, single)
    return None


def _selection(node: Node) -> Node | None:
    """Return a selection without another one before it, or without parts of which it takes nothing."""
    (source,) = node.arguments
    places = node.detail
    if source.shape == places.shape and np.array_equal(places.ravel(), np.arange(source.size)):
        return source
    if source.operation == "take":
        return Node("take", source.arguments, node.shape, source.detail.ravel()[places])
    if source.operation != "concatenate" or not places.size:
        return None
    starts = np.cumsum([0, *(each.size for each in source.arguments)])
    parts = np.searchsorted(starts, places.ravel(), side="right") - 1
    used = np.unique(parts)
    if len(used) == 1:
        return Node("take", (source.arguments[used[0]],), node.shape, places - starts[used[0]])
    if len(used) == len(source.arguments):
        return None
    kept = tuple(source.arguments[part] for part in used)
    shifts = starts[used] - np.cumsum([0, *(each.size for each in kept)])[:-1]
    moved = places - shifts[np.searchsorted(used, parts)].reshape(places.shape)
    joined = Node("concatenate", kept, (sum(each.size for each in kept),))
    return Node("take", (joined,), node.shape, moved)


_AFFINE = frozenset({"add", "subtract", "multiply", "divide"})


def _into_weights(node: Node, single: Sequence[bool]) -> Node | None:
    """Return weighted sums with a constant added or multiplied as such with other weights and biases."""
    left, right = node.arguments
    first = left.operation == "dense" and right.operation == "constant"
    second = right.operation == "dense" and left.operation == "constant" and node.operation != "divide"
    if not (first and single[0]) and not (second and single[1]):
        return None
    dense, other = (left, right) if first else (right, left)
    x, W, b = dense.arguments
    assert other.value is not None
    assert W.value is not None
    assert b.value is not None
    c = other.value
    if c.ndim > 1 or (c.ndim == 1 and c.shape[0] not in (1, len(b.value))):
        return None
    match node.operation:
        case "add":
            weights, biases = W, b.value + c
        case "subtract":
            weights, biases = (W, b.value - c) if first else (_weights(-W.value), c - b.value)
        case "multiply":
            weights, biases = _weights(W.value * c), b.value * c
        case _:
            weights, biases = _weights(W.value / c), b.value / c
    return Node("dense", (x, weights, constant(biases)), dense.shape)


def _with_factors_of_inputs(node: Node, *, removable: bool) -> Node | None:
    """Return weighted sums of inputs with constant factors as such of the inputs without them."""
    x, W, b = node.arguments
    if x.operation not in ("multiply", "divide") or not removable:
        return None
    rows = [each for each in x.arguments if each.operation != "constant"]
    if len(rows) != 1 or rows[0].shape != x.shape or (x.operation == "divide" and rows[0] is not x.arguments[0]):
        return None
    factor = next(each for each in x.arguments if each is not rows[0])
    assert factor.value is not None
    assert W.value is not None
    if factor.value.ndim > 1:
        return None
    c = np.broadcast_to(factor.value, W.value.shape[:1])[:, np.newaxis]
    weights = W.value * c if x.operation == "multiply" else W.value / c
    return Node("dense", (rows[0], _weights(weights), b), node.shape)


def _weights(value: np.ndarray) -> Node:
    return constant(value)


def precisions(roots: Sequence[Node]) -> dict[Node, str]:
    """Return the precision of each node: float64 before a node is rounded to float32, and float32 afterwards.

    "text", "integer" and "boolean" for nodes that are no real numbers.
    """
    found: dict[Node, str] = {}
    for node in ordered(roots):
        if node.operation == "input":
            found[node] = str(node.detail)
        elif node.operation == "constant":
            found[node] = "integer" if node.value is not None and node.value.dtype.kind == "i" else "constant"
        elif node.operation in ("code", "argmax"):
            found[node] = "integer"
        elif node.operation in ("single", "rows", "double"):
            found[node] = "float64" if node.operation == "double" else "float32"
        elif node.boolean:
            found[node] = "boolean"
        else:
            wide = any(found[each] == "float64" for each in node.arguments)
            found[node] = "float64" if wide and node.operation in (ELEMENTWISE | _WIDE) else "float32"
    return found


_WIDE = frozenset({"sum", "max", "concatenate", "take"})
