"""Models as files: one `.safetensors` file whose metadata holds the recipe as strict JSON.

Sizes come from the table of tensors and never from the JSON; nothing in a file names code; nothing is imported.
Every format that was ever written can be read: `FORMATS` and `ENSEMBLE_FORMATS` list them, the newest last, and
`tests/models/formats` keeps a file of each.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data.limits import BYTES_AT_MOST
from deltarule.engines.input_stage import Columns
from deltarule.engines.parameters import Shape, State
from deltarule.errors import DeltaruleError, ModelError, ModelFileError
from deltarule.models.calibration import Calibration
from deltarule.models.encoding import Encoding
from deltarule.models.model_data import ModelData, columns_of
from deltarule.models.readable import model_from_readable, readable
from deltarule.models.record import Record
from deltarule.models.tensor_file import object_of, read_tensor_file, tensor_file_bytes
from deltarule.recipes import Affine, Recipe
from deltarule.regular_files import opened, read_bytes, reason
from deltarule.writing import write_whole

FORMATS = ("deltarule-model-1", "deltarule-model-2")
"""The formats of a model's file. 2 adds the record of its training."""
ENSEMBLE_FORMATS = ("deltarule-ensemble-1", "deltarule-ensemble-2", "deltarule-ensemble-3")
"""The formats of a file of several networks. 2 adds the records of their training, 3 networks without an encoding."""
_KEYS = {"format", "recipe", "input_shape", "classes", "single", "class_names", "feature_names"}
_PERHAPS = {"encoding", "record"}  # of models that were trained on tables; of all since format 2
_FIELD = "deltarule"
"""The field of the metadata that holds the JSON."""
_READABLE_AT_MOST = 16 * 2**20  # bytes of readable JSON


def write_model(model: ModelData, path: Path) -> Path:
    """Write a model to `path`, completely or not at all; readable JSON if it ends in `.json`."""
    if path.suffix != ".json":
        write_whole(path, packed(*model_parts(model)))
        return path
    text = json.dumps(readable(model)).encode()
    if len(text) > _READABLE_AT_MOST:
        came = f"{len(text):,} bytes"
        raise ModelError(f"at most {_READABLE_AT_MOST:,} bytes of JSON", came, 'model.save("model.safetensors")')
    write_whole(path, text)
    return path


def read_model(path: Path) -> ModelData:
    """The model in a file that `write_model` wrote, or in a readable `.json` of sigmoid networks.

    Raises ModelFileError where the file is missing, cut short, foreign, or claims more than it holds.
    """
    with file_errors(path):
        if path.suffix == ".json":
            return model_from_readable(object_of(read_bytes(path, _READABLE_AT_MOST), "the file"))
        data, tensors = read_content(path)
        if data.get("format") in ENSEMBLE_FORMATS:
            instead = "Ensemble.load(path); for tables also TabularClassifier.load(path), TabularRegressor.load(path)"
            raise ModelFileError("a single network", "several", instead)
        return model_of_parts(data, tensors)


@contextlib.contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Raise errors in reading a model's file as ModelFileError, with its path."""
    try:
        yield
    except OSError as error:
        instead = "a model file, or the folder of a run that has one" if isinstance(error, FileNotFoundError) else None
        raise ModelFileError("a model file", f"{path}: {reason(error)}", instead) from error
    except DeltaruleError as error:
        # The suggestion of another error, for example of the recipe inside, is a call in Python.
        suggestion = error.suggestion if isinstance(error, ModelError) else "a file that deltarule wrote"
        came = f"{path}: {error.value}" if error.value else str(path)
        raise ModelFileError(error.expected, came, suggestion, field=error.field) from error
    except (TypeError, ValueError, LookupError, OverflowError, MemoryError) as error:
        raise ModelFileError("a model written by deltarule", f"{path}: {reason(error)}") from error


def read_content(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON in the metadata of a safetensors file, and its tensors."""
    with opened(path, BYTES_AT_MOST) as stream:
        found = read_tensor_file(stream, field=_FIELD)
    return object_of(found.metadata[_FIELD], "the metadata"), found.tensors


def packed(tensors: dict[str, Any], data: dict[str, Any]) -> bytes:
    """The bytes of a safetensors file of these tensors, with data as JSON in its metadata."""
    return tensor_file_bytes(tensors, {_FIELD: json.dumps(data, allow_nan=False)})


def check_format(data: dict[str, Any], formats: tuple[str, ...]) -> None:
    """Raise ModelFileError where the JSON of a file is not in one of these formats."""
    given = data.get("format")
    if given in formats:
        return
    kind, _, number = str(given).rpartition("-")
    newer = kind == formats[0].rpartition("-")[0] and number.isdecimal()
    hint = "a newer version of deltarule, which wrote the file" if newer else None
    raise ModelFileError(f"one of {', '.join(formats)}", f"{given!r}"[:80], hint, field="format")


def model_parts(model: ModelData) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors of a model's file and the rest as JSON."""
    tensors = {}
    for number, (weights, biases) in enumerate(model.layers):
        tensors[f"layer.{number}.weights"], tensors[f"layer.{number}.biases"] = weights, biases
    for number, state in enumerate(model.states):
        tensors |= {f"layer.{number}.{name}": part for name, part in _kept(state)}
    tensors |= dict(_parts(model.shape, model.parameters))
    if model.target_bounds is not None:
        tensors["target.bounds"] = model.target_bounds
    if model.calibration is not None:
        tensors["calibration.scores"] = model.calibration.scores
        tensors["calibration.temperature"] = np.array([model.calibration.temperature])
    for name, affine in (("input", model.scaling), ("target", model.target_scaling)):
        if affine is not None:
            tensors[f"{name}.shift"], tensors[f"{name}.factor"] = np.array(affine.shift), np.array(affine.factor)
    data = {
        "format": FORMATS[-1],
        "recipe": model.recipe.to_json(),
        "input_shape": list(model.input_shape),
        "classes": None if model.classes is None else model.classes.tolist(),
        "single": model.single,
        "class_names": model.class_names,
        "feature_names": model.feature_names,
    }
    if model.encoding is not None:
        data["encoding"] = model.encoding.to_json()
    if model.record is not None:
        data["record"] = model.record.to_json()
    return tensors, data


def model_of_parts(data: dict[str, Any], tensors: dict[str, Any], shared: Encoding | None = None) -> ModelData:
    """The model whose parts `model_parts` returned; `shared` is the encoding that several have in common."""
    check_format(data, FORMATS)
    if set(data) - _PERHAPS != _KEYS or (data["format"] == FORMATS[0] and "record" in data):
        unlike = sorted(map(str, set(data) - _PERHAPS ^ _KEYS)) or ["record"]
        raise ModelFileError(f"the fields {', '.join(sorted(_KEYS))}", f"others: {', '.join(unlike)}"[:200])
    sizes = _sizes(tensors)
    recipe = Recipe.from_json(data["recipe"])
    if isinstance(recipe.loss, str):
        raise ModelFileError("a loss", repr(recipe.loss), field="recipe.loss")
    encoding = Encoding.from_json(data["encoding"]) if "encoding" in data else shared
    input_shape = _input_shape(data["input_shape"], encoding, sizes[0])
    shape = _shape(recipe, columns_of(encoding, input_shape), sizes, tensors)
    scaling = _affine(tensors, "input", shape.inputs)
    if scaling is None:
        raise ModelFileError("a tensor", "none", field="input.shift")
    parameters = _parameters(shape, tensors)
    model = ModelData(
        recipe,
        sizes,
        parameters[: shape.theta],
        scaling,
        input_shape,
        _classes(data["classes"], shape.outputs),
        _affine(tensors, "target", shape.outputs),
        _boolean(data, "single"),
        _names(data, "class_names"),
        _names(data, "feature_names"),
        encoding,
        parameters[shape.theta :],
        _bounds(tensors, recipe, shape.outputs),
        Record.from_json(data["record"]) if "record" in data else None,
        _calibration(tensors),
    )
    unknown = set(tensors) - set(model_parts(model)[0])
    if unknown:
        raise ModelFileError("the tensors of the recipe's network alone", "another one", field=min(unknown)[:80])
    return model


def _input_shape(given: Any, encoding: Encoding | None, first: int) -> tuple[int, ...]:
    """Return the shape of a sample, which has at most as many numbers as the first layer has inputs."""
    positive = isinstance(given, list) and 0 < len(given) <= 8 and all(type(n) is int and n > 0 for n in given)
    if not positive or math.prod(given) > first:
        wanted = f"positive integers with a product of at most {first}, the inputs of the first layer"
        raise ModelFileError(wanted, f"{given!r}"[:80], field="input_shape")
    if encoding is not None and len(encoding.inputs) != math.prod(given):
        raise ModelFileError(f"columns of {math.prod(given)} inputs", f"{len(encoding.inputs)}", field="encoding")
    return tuple(given)


def _parameters(shape: Shape, tensors: dict[str, Any]) -> npt.NDArray[Any]:
    """Return θ and the state in one vector, filled by the tensors, which have all its shapes and one type."""
    parameters = np.zeros(shape.total, dtype=tensors["layer.0.weights"].dtype)
    for number, (layer_weights, biases) in enumerate(shape.layers(parameters)):
        _fill(layer_weights, tensors, f"layer.{number}.weights")
        _fill(biases, tensors, f"layer.{number}.biases")
    for number, state_of_layer in enumerate(shape.states(parameters)):
        for name, part in _kept(state_of_layer):
            _fill(part, tensors, f"layer.{number}.{name}")
        if (state_of_layer.variance < 0).any():
            raise ModelFileError("variances of at least 0", "negative ones", field=f"layer.{number}.variance")
    for name, part in _parts(shape, parameters):
        _fill(part, tensors, name)
    return parameters


def _shape(recipe: Recipe, columns: Columns, sizes: tuple[int, ...], tensors: dict[str, Any]) -> Shape:
    """Return the layout of the recipe's network, checked by the sizes of the tensors before anything is allocated."""
    if recipe.network.hidden != sizes[1:-1]:
        raise ModelFileError(f"a recipe for layers {sizes}", f"one for {recipe.network.hidden}")
    shape = Shape.of(recipe.network, columns, sizes[-1] // recipe.network.members)
    if shape.sizes != sizes:
        raise ModelFileError(f"layers of sizes {shape.sizes}", f"{sizes}")
    wanted = {} if shape.stage is None else shape.stage.shapes() | shape.stage.fitted_shapes()
    named = {f"embedding.{name}": of_part for name, of_part in wanted.items()}
    named |= {f"members.{name}": of_part for name, of_part in shape.adapter_shapes().items()}
    for name, of_part in named.items():
        tensor = tensors.get(name)
        if tensor is None or tensor.shape != of_part:
            raise ModelFileError(f"{name} of shape {of_part}", "none" if tensor is None else f"{tensor.shape}")
    return shape


def _parts(shape: Shape, vector: npt.NDArray[Any]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield views of what a network has beside its layers and their normalization, by the names of the tensors."""
    factors = shape.scale(vector)
    if factors is not None:
        yield "input.scale", factors
    for number, slopes in enumerate(shape.slopes_of(vector)):
        yield f"layer.{number}.slopes", slopes
    for name, part in (shape.stage_parts(vector) | shape.stage_fitted(vector)).items():
        yield f"embedding.{name}", part
    for name, part in shape.adapters(vector).items():
        yield f"members.{name}", part


def _bounds(tensors: dict[str, Any], recipe: Recipe, outputs: int) -> Any:
    bounds = tensors.get("target.bounds")
    if recipe.clamp_predictions and recipe.task == "regression" and bounds is None:
        raise ModelFileError("target.bounds for predictions that are held within a range", "none")
    if bounds is not None and (bounds.shape != (2, outputs) or (bounds[0] > bounds[1]).any()):
        raise ModelFileError(f"target.bounds of shape {(2, outputs)}, rising", f"shape {bounds.shape}")
    return None if bounds is None else bounds.astype(np.float64)


def _calibration(tensors: dict[str, Any]) -> Calibration | None:
    scores, temperature = tensors.get("calibration.scores"), tensors.get("calibration.temperature")
    if scores is None and temperature is None:
        return None
    if scores is None or temperature is None or temperature.shape != (1,):
        raise ModelFileError("calibration.scores with one calibration.temperature", "one of them, or several")
    return Calibration(scores.astype(np.float64), float(temperature[0]))


def _sizes(tensors: dict[str, Any]) -> tuple[int, ...]:
    """The layers' sizes, inputs first, by the shapes of the weights."""
    weights: list[Any] = []
    while f"layer.{len(weights)}.weights" in tensors:
        weights.append(tensors[f"layer.{len(weights)}.weights"])
    if not weights or any(each.ndim != 2 or 0 in each.shape for each in weights):
        raise ModelFileError("weights of at least one layer", "none, or not matrices")
    sizes = (weights[0].shape[0], *(each.shape[1] for each in weights))
    # Before allocating: matrices that do not follow each other could need far more memory than the file has.
    if [each.shape for each in weights] != [*pairwise(sizes)]:
        raise ModelFileError(f"weights for layers {sizes}", f"{[each.shape for each in weights]}")
    return sizes


def _kept(state: State) -> list[tuple[str, npt.NDArray[Any]]]:
    """Return the parameters and running statistics of a normalized layer by name, if any."""
    return [(name, part) for name, part in state._asdict().items() if part.size]


def _fill(view: npt.NDArray[Any], tensors: dict[str, Any], name: str) -> None:
    tensor = tensors.get(name)
    if tensor is None or tensor.shape != view.shape or tensor.dtype != view.dtype:
        came = "none" if tensor is None else f"{tensor.dtype} of shape {tensor.shape}"
        raise ModelFileError(f"{view.dtype} of shape {view.shape}", came, field=name)
    view[:] = tensor


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
    # Sorted, as they were fitted and are looked up; and nothing that an array would convert.
    same = classes.tolist() == labels and {type(label) for label in classes.tolist()} == kinds
    if not same or not np.array_equal(np.unique(classes), classes):
        raise ModelFileError("classes in their sorted order", f"{labels[:3]}")
    return classes


def _names(data: dict[str, Any], field: str) -> tuple[str, ...] | None:
    names = data[field]
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelFileError("a list of names", repr(names)[:80], field=field)
    return tuple(names)


def _boolean(data: dict[str, Any], field: str) -> bool:
    if not isinstance(data[field], bool):
        raise ModelFileError("true or false", repr(data[field])[:80], field=field)
    return data[field] is True
