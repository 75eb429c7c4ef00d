"""The meaning of a recorded graph: NumPy's value of each node for some rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.tracing.arrays import Node, ordered
from deltarule.engines.tracing.evaluation import function_of
from deltarule.models.encoding import Encoding
from deltarule.models.export.description import Description

__all__ = ["evaluated", "outputs_of", "predicted", "raw_rows"]


def evaluated(
    roots: Sequence[Node], rows: Mapping[str, Any], constants: Mapping[Node, npt.NDArray[Any]] | None = None
) -> list[npt.NDArray[Any]]:
    """Return the values (n, ...) of nodes for rows (n, ...) given by the names of the inputs.

    constants : other values for some constants, for example rounded ones.
    """
    changed = dict(constants or {})
    values: dict[Node, Any] = {}
    with np.errstate(all="ignore"):
        for node in ordered(roots):
            given = [values[each] for each in node.arguments]
            values[node] = changed[node] if node in changed else _value(node, given, rows)
    return [values[root] for root in roots]


def _value(node: Node, given: list[Any], rows: Mapping[str, Any]) -> Any:  # noqa: C901 - a case an operation
    match node.operation:
        case "constant":
            return node.value
        case "input":
            x = np.asarray(rows[node.name])
            return x if node.detail == "text" else x.astype(np.float64).reshape(-1, *node.shape)
        case "code":
            known = node.detail.all
            return np.array([known.get(word, node.detail.unknown) for word in given[0].ravel()])
        case "rows":
            return given[0][given[1].astype(np.intp)]
        case "take":
            flat = given[0].reshape(len(given[0]), -1)
            return flat[:, node.detail.ravel()].reshape(-1, *node.shape)
        case "concatenate":
            return np.concatenate([each.reshape(len(each), -1) for each in given], axis=1)
        case "dense":
            return given[0] @ given[1] + given[2]
        case "einsum":
            return _einsum(node, given)
        case "sum" | "max":
            return getattr(np, node.operation)(given[0], axis=node.detail + 1, keepdims=True)
        case "argmax":
            return np.argmax(given[0], axis=1)
        case "single":
            return given[0].astype(np.float32).astype(np.float64)
        case "double":
            return given[0]
    aligned = [each if np.ndim(each) else np.asarray(each) for each in given]
    return function_of(node.operation)(*aligned)


def _einsum(node: Node, given: list[Any]) -> Any:
    inputs, _, output = node.detail.partition("->")
    rows = next(letter for letter in "zyxwvutsrqponm" if letter not in node.detail)
    parts = [
        part if each.operation == "constant" else rows + part
        for part, each in zip(inputs.split(","), node.arguments, strict=True)
    ]
    return np.einsum(f"{','.join(parts)}->{rows}{output}", *given)


def raw_rows(description: Description, x: Any, encoding: Encoding | None) -> dict[str, npt.NDArray[Any]]:
    """Return raw inputs as exports take them: an array "x"; or of a table, texts and numbers by column."""
    if encoding is None:
        return {"x": np.asarray(x, np.float64).reshape(len(x), -1)}
    table = encoding.table(x)
    columns = ((each, table.column(each.name)) for each in description.columns)
    return {each.name: column.labels() if each.text else column.values for each, column in columns}


def outputs_of(
    description: Description,
    x: Any,
    encoding: Encoding | None,
    constants: Mapping[Node, npt.NDArray[Any]] | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """Return the outputs (n, ...) by name for raw inputs x."""
    values = evaluated(description.roots, raw_rows(description, x, encoding), constants)
    return dict(zip(description.outputs, values, strict=True))


def predicted(
    description: Description,
    x: Any,
    encoding: Encoding | None,
    constants: Mapping[Node, npt.NDArray[Any]] | None = None,
) -> npt.NDArray[Any]:
    """Return the predictions for raw inputs x, as a model's `predict` returns them."""
    outputs = outputs_of(description, x, encoding, constants)
    if description.classes is not None:
        named: npt.NDArray[Any] = description.classes[outputs["code"]]
        return named
    found = (outputs["probabilities"] > 0.5).astype(np.int64) if description.multilabel else outputs["numbers"]
    return found[:, 0] if description.single else found
