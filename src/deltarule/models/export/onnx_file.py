"""Export to ONNX: raw columns are the inputs; labels and probabilities have the names that skl2onnx gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.errors import DeltaruleError, ModelError
from deltarule.models.export.description import Description
from deltarule.models.export.onnx_nodes import Printer

__all__ = ["label_values", "onnx_bytes"]

LABEL, PROBABILITY, NUMBERS = "output_label", "output_probability", "variable"
ARRAY = "X"
_FLOAT, _INT64, _STRING = 1, 7, 8  # TensorProto's numbers of the types
_LEAST = 9
"""The lowest operator set that is written: the first with `Where`."""


class _Parts:
    """The operators and constants of a graph, and the lowest versions of the operator sets that have them."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._helper, self._numpy = helper, numpy_helper
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []
        self.versions = {"": _LEAST}

    def operator(self, kind: str, version: int, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        """Write an operator."""
        domain = attributes.get("domain", "")
        self.versions[domain] = max(version, self.versions.get(domain, 0))
        self.nodes.append(self._helper.make_node(kind, list(inputs), [output], name=output, **attributes))

    def tensor(self, name: str, value: npt.NDArray[Any]) -> None:
        """Write a constant."""
        self.tensors.append(self._numpy.from_array(value, name))


def onnx_bytes(description: Description) -> bytes:
    """Return an ONNX file of what a model computes, checked by ONNX's checker."""
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError as error:
        raise DeltaruleError("the package onnx", "none", "pip install 'deltarule[onnx]'") from error
    parts = _Parts()
    types = {"text": TensorProto.STRING, "number": TensorProto.DOUBLE, "array": TensorProto.FLOAT}
    if description.columns:
        given = [(each.name, types["text" if each.text else "number"], 1) for each in description.columns]
        names = {each.name: each.name for each in description.columns}
    else:
        given = [(ARRAY, types["array"], int(np.prod(description.input_shape)))]
        names = {"x": ARRAY}
    # A slash is in no operator's name, and so in no name that a column's could equal by chance.
    printer = Printer(parts, names, "deltarule/")
    values = dict(zip(description.outputs, printer.printed(description.roots), strict=True))
    outputs = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in _outputs(description, label_values(description, values, printer), parts)
    ]
    inputs = [helper.make_tensor_value_info(name, kind, [None, width]) for name, kind, width in given]
    graph = helper.make_graph(parts.nodes, "deltarule", inputs, outputs, parts.tensors, doc_string=description.title)
    opsets = [helper.make_opsetid(domain, version) for domain, version in sorted(parts.versions.items())]
    model = helper.make_model(
        graph, opset_imports=opsets, producer_name="deltarule", ir_version=helper.find_min_ir_version_for(opsets)
    )
    helper.set_model_props(model, _properties(description))
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def label_values(description: Description, values: dict[str, str], printer: Printer) -> list[str]:
    """Print the outputs of a model: its numbers, or its labels and its probabilities; return their names."""
    if "numbers" in values:
        return [values["numbers"]]
    if description.classes is not None:
        labels = printer.tensor(_labels(description.classes))
        return [printer.emit("Gather", 1, labels, values["code"], axis=0), values["probabilities"]]
    half = printer.tensor(np.array(0.5, np.float32))
    label = printer.emit("Cast", 9, printer.emit("Greater", 9, values["probabilities"], half), to=_INT64)
    return [label, values["probabilities"]]


def _outputs(description: Description, values: Sequence[str], parts: _Parts) -> list[tuple[str, int, list[Any]]]:
    """Give the outputs their names, with underscores after those of columns; return these with types and shapes."""
    if not description.labelled:
        made = [(NUMBERS, _FLOAT, [None, description.outputs["numbers"].size])]
    else:
        k = description.outputs["probabilities"].size
        kinds = {"U": _STRING, "O": _STRING, "f": _FLOAT}
        kind = _INT64 if description.classes is None else kinds.get(description.classes.dtype.kind, _INT64)
        made = [(LABEL, kind, [None, k] if description.multilabel else [None]), (PROBABILITY, _FLOAT, [None, k])]
    columns = {each.name for each in description.columns}
    named = [(_unlike(columns, name), kind, shape) for name, kind, shape in made]
    for value, (name, _, _) in zip(values, named, strict=True):
        parts.operator("Identity", 1, [value], name)
    return named


def _unlike(taken: set[str], name: str) -> str:
    """Return a name, with as many underscores after it as make it none of those that are taken."""
    while name in taken:
        name += "_"
    return name


def _labels(classes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    kind = classes.dtype.kind
    if kind in "iub":
        return classes.astype(np.int64)
    if kind == "f":
        return classes.astype(np.float32)
    if kind in "UO":
        return np.array([str(each) for each in classes.tolist()], dtype=object)
    raise ModelError("classes of text, integers, booleans or numbers", f"{classes.dtype}")


def _properties(description: Description) -> dict[str, str]:
    """Return what a user of the file has to know of its inputs."""
    notes = {
        "date": "days since 1970-01-01, NaN where missing",
        "number": "NaN where missing",
        "boolean": "text, empty where missing",
        "category": "text, empty where missing",
    }
    return {f"input {each.name}": f"{each.kind}: {notes[each.kind]}" for each in description.columns}
