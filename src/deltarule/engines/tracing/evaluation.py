"""The meaning of an expression: NumPy's value of it, in the precision of the arrays that it is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from deltarule.engines.tracing.trace import Expression, ValueShape

__all__ = ["evaluate", "function_of"]

_LOGICAL = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor, "not": np.logical_not}


def evaluate(
    expressions: Iterable[Expression], given: Mapping[str, Any], known: Mapping[Expression, Any] | None = None
) -> list[Any]:
    """Return the values of expressions; what is the same for all elements is left to be broadcast.

    given : scalars, and operands (n, k), or (n, 1) for one number a row, by name. known : values computed before.

    >>> from deltarule.engines.tracing.trace import operand
    >>> evaluate([(1.0 + operand("z") ** 2).expression], {"z": np.array([1.0, 2.0])})
    [array([2., 5.])]
    """
    values = dict(known or {})

    def value(node: Expression) -> Any:
        if node not in values:
            values[node] = _computed(node, list(map(value, node.arguments)), given)
        return values[node]

    with np.errstate(all="ignore"):
        return list(map(value, expressions))


def _computed(node: Expression, values: list[Any], given: Mapping[str, Any]) -> Any:
    """The value of an expression, from those of its arguments."""
    match node.operation:
        case "constant":
            return float(node.detail)
        case "scalar" | "operand":
            return given[str(node.detail)]
        case "row_sum" | "row_max":
            reduce = np.sum if node.operation == "row_sum" else np.max
            return reduce(values[0], axis=-1, keepdims=node.shape == ValueShape.COLUMN)
        case "filled" if node.shape == ValueShape.ELEMENT:  # a sum along its rows counts their columns
            return np.broadcast_to(values[0], np.broadcast_shapes(*map(np.shape, given.values())))
        case "filled":
            return values[0]
    return function_of(node.operation)(*values)


def function_of(operation: str) -> Any:
    """Return the function of arrays of an elementwise operation."""
    if operation in ("erf", "erfc"):
        from scipy import special

        return getattr(special, operation)
    return _LOGICAL.get(operation, getattr(np, operation, None))
