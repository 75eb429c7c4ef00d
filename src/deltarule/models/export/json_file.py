"""Export to JSON: the whole computation with its weights, as data."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from deltarule.engines.tracing.arrays import Codes, Node, ordered
from deltarule.models.export.description import Description
from deltarule.models.export.folding import precisions

__all__ = ["FORMAT", "json_text"]

FORMAT = "deltarule-export-1"
_STORED = {"integer": "<i8", "float32": "<f4", "float64": "<f8"}


def json_text(description: Description) -> str:
    """Return a description as JSON; docs/export.md explains every field."""
    nodes = list(ordered(description.roots))
    places = {node: place for place, node in enumerate(nodes)}
    own = precisions(description.roots)
    wide = {
        each for node in nodes if "float64" in (own[node], *map(own.get, node.arguments)) for each in node.arguments
    }
    data: dict[str, Any] = {
        "format": FORMAT,
        "model": description.title,
        "inputs": [
            {"name": each.name, "kind": each.kind} | ({"words": list(each.words)} if each.text else {})
            for each in description.columns
        ]
        or [{"name": "x", "kind": "array", "shape": list(description.input_shape)}],
        "nodes": [_node(node, places, wide=node in wide) for node in nodes],
        "outputs": {name: places[node] for name, node in description.outputs.items()},
        "classes": None if description.classes is None else description.classes.tolist(),
        "class_names": None if description.class_names is None else list(description.class_names),
        "targets": list(description.targets),
    }
    return json.dumps(data, ensure_ascii=False, allow_nan=False) + "\n"


def _node(node: Node, places: dict[Node, int], *, wide: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"operation": node.operation, "shape": list(node.shape)}
    if node.arguments:
        made["arguments"] = [places[each] for each in node.arguments]
    if node.name:
        made["name"] = node.name
    if node.value is not None:
        precision = "integer" if node.value.dtype.kind == "i" else "float64" if wide else "float32"
        content = np.ascontiguousarray(node.value, _STORED[precision]).tobytes()
        made |= {"precision": precision, "value": base64.b64encode(content).decode()}
    if isinstance(node.detail, Codes):
        made |= {"words": node.detail.all, "unknown": node.detail.unknown}
    elif isinstance(node.detail, np.ndarray):
        made["places"] = node.detail.ravel().tolist()
    elif isinstance(node.detail, int):
        made["axis"] = node.detail
    elif node.detail is not None:
        made["subscripts" if node.operation == "einsum" else "precision"] = node.detail
    return made
