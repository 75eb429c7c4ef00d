"""Models as files: one `.safetensors` file whose metadata holds the recipe as strict JSON.

Sizes come from the table of tensors and never from the JSON; nothing in a file names code; nothing is imported.
"""

from __future__ import annotations

import json
import math
import os
import struct
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.parameters import Shape, State
from deltarule.errors import DeltaruleError, ModelError, ModelFileError, OutputError
from deltarule.models.encoding import Encoding
from deltarule.models.model_data import ModelData
from deltarule.models.readable import model_from_readable, readable
from deltarule.recipes import Affine, Recipe

FORMAT = "deltarule-model-1"
_KEYS = {"format", "recipe", "input_shape", "classes", "single", "class_names", "feature_names"}
_PERHAPS = {"encoding"}  # of models that were trained on tables
_LARGEST_HEADER = 16 * 2**20


def write_model(model: ModelData, path: Path) -> Path:
    """Write a model where `path` says, whole or not at all: JSON for people if it ends in `.json`."""
    write_whole(path, json.dumps(readable(model)).encode() if path.suffix == ".json" else _safetensors(model))
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, flush it to the disk and move it there."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as beside:
            temporary = Path(beside.name)
            try:
                beside.write(content)
                beside.flush()
                os.fsync(beside.fileno())
                temporary.chmod(0o644)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise OutputError(f"a place to write {path.name}", f"{path}: {error.strerror or error}") from error


def read_model(path: Path) -> ModelData:
    """The model in a file that `write_model` wrote, or in a readable `.json` of sigmoid networks.

    Raises ModelFileError where the file is missing, cut short, foreign, or claims more than it holds.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError("a model file", f"{path}: {error.strerror or error}") from error
    try:
        return model_from_readable(_json(content)) if path.suffix == ".json" else _model(content)
    except ModelFileError as error:
        raise ModelFileError(error.wanted, f"{path}: {error.came}", error.instead) from error
    except (DeltaruleError, TypeError, ValueError, KeyError, OverflowError, RecursionError) as error:
        raise ModelFileError("a model written by deltarule", f"{path}: {error}") from error


def _safetensors(model: ModelData) -> bytes:
    from safetensors.numpy import save

    tensors = {}
    for number, (weights, biases) in enumerate(model.layers):
        tensors[f"layer.{number}.weights"] = np.ascontiguousarray(weights)
        tensors[f"layer.{number}.biases"] = np.ascontiguousarray(biases)
    for number, state in enumerate(model.states):
        tensors |= {f"layer.{number}.{name}": np.ascontiguousarray(part) for name, part in _kept(state)}
    for name, affine in (("input", model.scaling), ("target", model.target_scaling)):
        if affine is not None:
            tensors[f"{name}.shift"], tensors[f"{name}.factor"] = np.array(affine.shift), np.array(affine.factor)
    data = {
        "format": FORMAT,
        "recipe": model.recipe.to_json(),
        "input_shape": list(model.input_shape),
        "classes": None if model.classes is None else model.classes.tolist(),
        "single": model.single,
        "class_names": model.class_names,
        "feature_names": model.feature_names,
    }
    if model.encoding is not None:
        data["encoding"] = model.encoding.to_json()
    return save(tensors, metadata={"deltarule": json.dumps(data, allow_nan=False)})


def _model(content: bytes) -> ModelData:
    data = _metadata(content)
    tensors = _tensors(content)
    weights: list[Any] = []
    while f"layer.{len(weights)}.weights" in tensors:
        weights.append(tensors[f"layer.{len(weights)}.weights"])
    if not weights or any(each.ndim != 2 or 0 in each.shape for each in weights):
        raise ModelFileError("weights of at least one layer", "none, or not matrices")
    sizes = (weights[0].shape[0], *(each.shape[1] for each in weights))
    # Before room is made for them: matrices that do not follow each other could ask for far more than they hold.
    if [each.shape for each in weights] != [*pairwise(sizes)]:
        raise ModelFileError(f"weights for layers {sizes}", f"{[each.shape for each in weights]}")
    scaling, target_scaling = _affine(tensors, "input", sizes[0]), _affine(tensors, "target", sizes[-1])
    if set(data) - _PERHAPS != _KEYS or data["format"] != FORMAT:
        raise ModelFileError(f"the format {FORMAT}", f"{data.get('format')!r} with fields {sorted(data)}")
    recipe = Recipe.from_json(data["recipe"])
    shape = Shape(sizes, recipe.network.normalization)
    parameters = np.zeros(shape.total, dtype=weights[0].dtype)
    for number, (layer_weights, biases) in enumerate(shape.layers(parameters)):
        _fill(layer_weights, tensors, f"layer.{number}.weights")
        _fill(biases, tensors, f"layer.{number}.biases")
    for number, state_of_layer in enumerate(shape.states(parameters)):
        for name, part in _kept(state_of_layer):
            _fill(part, tensors, f"layer.{number}.{name}")
        if (state_of_layer.variance < 0).any():
            raise ModelFileError(f"variances of at least 0 for layer {number}", "negative ones")
    if recipe.loss == "auto" or recipe.network.hidden != sizes[1:-1] or scaling is None:
        raise ModelFileError(f"a recipe for layers {sizes}", f"one for {recipe.network.hidden} or without a loss")
    input_shape = tuple(data["input_shape"])
    if not all(type(n) is int and n > 0 for n in input_shape) or math.prod(input_shape) != sizes[0]:
        raise ModelFileError(f"a shape of {sizes[0]} inputs", f"{input_shape}")
    classes = _classes(data["classes"], sizes[-1])
    names = (_names(data["class_names"]), _names(data["feature_names"]))
    single = data["single"] is True
    encoding = Encoding.from_json(data["encoding"]) if "encoding" in data else None
    if encoding is not None and len(encoding.inputs) != sizes[0]:
        raise ModelFileError(f"columns that make {sizes[0]} inputs", f"{len(encoding.inputs)}")
    theta, state = parameters[: shape.theta], parameters[shape.theta :]
    return ModelData(
        recipe, sizes, theta, scaling, input_shape, classes, target_scaling, single, *names, encoding, state
    )


def _kept(state: State) -> list[tuple[str, npt.NDArray[Any]]]:
    """What a normalised layer has, by name, as far as it has anything."""
    return [(name, part) for name, part in state._asdict().items() if part.size]


def _fill(view: npt.NDArray[Any], tensors: dict[str, Any], name: str) -> None:
    tensor = tensors.get(name)
    if tensor is None or tensor.shape != view.shape:
        raise ModelFileError(f"{name} of shape {view.shape}", "none" if tensor is None else f"{tensor.shape}")
    view[:] = tensor


def _metadata(content: bytes) -> dict[str, Any]:
    """The JSON in the header's metadata, the header's length checked against the bytes that are there."""
    length = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else -1
    if not 2 <= length <= min(len(content) - 8, _LARGEST_HEADER):
        raise ModelFileError("a model written by deltarule", "a file that is cut short, or is no safetensors file")
    header = _json(content[8 : 8 + length])
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("deltarule"), str):
        raise ModelFileError("a model written by deltarule", "a safetensors file without its recipe")
    return _json(metadata["deltarule"].encode())


def _tensors(content: bytes) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors: dict[str, Any] = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        came = f"a file that is cut short, or claims more than its bytes hold ({error})"
        raise ModelFileError("a whole safetensors file", came) from error
    for name, tensor in tensors.items():
        if tensor.dtype not in (np.float32, np.float64) or not np.isfinite(tensor).all():
            raise ModelFileError("finite float32 or float64 numbers", f"{name} of {tensor.dtype}, or NaN or infinity")
    return tensors


def _json(content: bytes) -> dict[str, Any]:
    try:
        data = json.loads(content.decode("utf-8"), parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise ModelFileError("strict JSON", f"{error}") from error
    if not isinstance(data, dict):
        raise ModelFileError("a JSON object", type(data).__name__)
    return data


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _affine(tensors: dict[str, Any], name: str, size: int) -> Affine | None:
    shift, factor = tensors.get(f"{name}.shift"), tensors.get(f"{name}.factor")
    if shift is None or factor is None:
        return None
    if shift.shape not in ((), (size,)) or factor.shape not in ((), (size,)):
        raise ModelFileError(f"a scaling of one number or {size}", f"{shift.shape} and {factor.shape}")
    return Affine(shift.astype(np.float64), factor.astype(np.float64))


def _classes(labels: Any, outputs: int) -> Any:
    if labels is None:
        return None
    kinds = {type(label) for label in labels} if isinstance(labels, list) else set()
    if len(kinds) != 1 or not kinds <= {str, int, bool, float}:
        raise ModelFileError("classes of one kind: text, integers, booleans or numbers", "something else")
    if len(labels) != max(outputs, 2) or len(set(labels)) != len(labels):
        raise ModelFileError(f"{max(outputs, 2)} different classes", f"{len(labels)}")
    classes = np.array(labels)
    # Sorted, as they were learnt and are looked up; and nothing that an array would hold as something else.
    same = classes.tolist() == labels and {type(label) for label in classes.tolist()} == kinds
    if not same or not np.array_equal(np.unique(classes), classes):
        raise ModelFileError("classes in their sorted order", f"{labels[:3]}")
    return classes


def _names(names: Any) -> tuple[str, ...] | None:
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelError("a list of names", repr(names)[:80])
    return tuple(names)
