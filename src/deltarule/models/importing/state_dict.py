"""PyTorch's `state_dict` of linear layers, saved as safetensors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from deltarule.data.limits import BYTES_AT_MOST
from deltarule.errors import ModelError
from deltarule.formulas import Activation
from deltarule.models.importing.imported import Imported, Layer, hidden_activations
from deltarule.models.tensor_file import read_tensor_file
from deltarule.regular_files import opened

__all__ = ["from_state_dict", "in_order"]


def from_state_dict(path: Path, activations: list[Activation]) -> Imported:
    """Return the network whose layers are NAME.weight (units, inputs) and NAME.bias (units,), in the order of names.

    Numbers within names count as numbers: "fc2" precedes "fc10".
    """
    with opened(path, BYTES_AT_MOST) as stream:
        tensors = read_tensor_file(stream, foreign=True).tensors
    parts: dict[str, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        prefix, _, last = name.rpartition(".")
        parts.setdefault(prefix, {})[last] = tensor
    layers = [_layer(name, parts[name]) for name in sorted(parts, key=in_order)]
    if not layers:
        raise ModelError("linear layers", "no tensors")
    hidden = hidden_activations(activations, len(layers), "the tensors of a state_dict")
    return Imported(layers, hidden, "identity", "PyTorch's state_dict", "regression")


def _layer(name: str, parts: dict[str, Any]) -> Layer:
    if not {"weight"} <= set(parts) <= {"weight", "bias"} or parts["weight"].ndim != 2:
        shapes = ", ".join(f"{last} {tensor.shape}" for last, tensor in parts.items())
        expected = "a linear layer, with weight (units, inputs) and bias (units,)"
        raise ModelError(expected, shapes[:200], "an ONNX file of the network", field=name or "the first layer")
    weights = parts["weight"].T
    biases = parts.get("bias", np.zeros(weights.shape[1], weights.dtype))
    if weights.dtype.kind != "f" or biases.dtype.kind != "f":
        raise ModelError("floating-point weights", f"{weights.dtype} and {biases.dtype}", field=name)
    return Layer(weights, biases, name or "weight")


def in_order(name: str) -> list[tuple[int, int | str]]:
    """Return a key that sorts names with the numbers in them as numbers.

    >>> sorted(["fc10", "fc2", "head"], key=in_order)
    ['fc2', 'fc10', 'head']
    """
    found = re.findall(r"\d{1,18}|\D+", name)
    return [(0, int(each)) if each.isdecimal() else (1, each) for each in found]
