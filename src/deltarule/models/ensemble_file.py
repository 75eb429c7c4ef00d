"""Ensembles as files: the tensors and the JSON of all networks in one; see `models.files` for a single network."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from deltarule.errors import ModelFileError
from deltarule.models.encoding import Encoding
from deltarule.models.files import ENSEMBLE_FORMATS, check_format, model_of_parts, model_parts
from deltarule.models.model_data import ModelData
from deltarule.types import Floats

__all__ = ["EnsembleParts", "ensemble_of_parts", "ensemble_parts"]

_FIELDS = {"format", "networks", "encoding", "temperature", "columns", "named"}
_SHARED = ("encoding", "feature_names")
"""What the networks for a table have in common."""
_WITHOUT_ENCODING = ENSEMBLE_FORMATS[2:]
"""The formats in which the encoding may be missing: each network then takes arrays, and has its own feature names."""


class EnsembleParts(NamedTuple):
    """What a file of several networks holds; the fields are those of `Ensemble`."""

    networks: Sequence[ModelData]
    scores: Floats
    temperature: float
    columns: tuple[str, ...]
    named: bool


def ensemble_parts(ensemble: EnsembleParts) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the tensors of an ensemble's file, and the rest as JSON."""
    encoding = ensemble.networks[0].encoding
    shared = () if encoding is None else _SHARED
    tensors: dict[str, Any] = {"scores": np.ascontiguousarray(ensemble.scores)}
    networks = []
    for number, network in enumerate(ensemble.networks):
        own, data = model_parts(network)
        tensors |= {f"network.{number}.{name}": tensor for name, tensor in own.items()}
        networks.append({name: value for name, value in data.items() if name not in shared})
    return tensors, {
        "format": ENSEMBLE_FORMATS[-1],
        "networks": networks,
        "encoding": None if encoding is None else encoding.to_json(),
        "temperature": ensemble.temperature,
        "columns": list(ensemble.columns),
        "named": ensemble.named,
    }


def ensemble_of_parts(data: dict[str, Any], tensors: dict[str, Any]) -> EnsembleParts:
    """Return the ensemble whose parts `ensemble_parts` returned; raise ModelFileError for anything else."""
    check_format(data, ENSEMBLE_FORMATS)
    if set(data) != _FIELDS:
        raise ModelFileError(f"the fields {', '.join(sorted(_FIELDS))}", f"{', '.join(sorted(data))}"[:200])
    bare = data["encoding"] is None and data["format"] in _WITHOUT_ENCODING
    encoding = None if bare else Encoding.from_json(data["encoding"])
    columns = _columns(data["columns"], encoding)
    if not isinstance(data["networks"], list) or not data["networks"] or type(data["temperature"]) is not float:
        raise ModelFileError("a list of networks, and a temperature", json.dumps(data["networks"])[:80])
    if not isinstance(data["named"], bool):
        raise ModelFileError("true or false", json.dumps(data["named"])[:80], field="named")
    parts: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, tensor in tensors.items():
        start, _, rest = name.removeprefix("network.").partition(".")
        parts[start][rest] = tensor
    scores = parts.pop("scores", {}).get("")
    if scores is None or set(parts) != {str(number) for number in range(len(data["networks"]))}:
        raise ModelFileError("tensors of each network, and scores", f"{', '.join(sorted(parts))}"[:80])
    networks = [_network(number, own, parts[str(number)], encoding) for number, own in enumerate(data["networks"])]
    return EnsembleParts(networks, scores.astype(np.float64), data["temperature"], columns, data["named"])


def _columns(given: Any, encoding: Encoding | None) -> tuple[str, ...]:
    """Return the names of the columns of a table, those that are encoded among them; of arrays there are none."""
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ModelFileError("names of columns", json.dumps(given)[:80])
    if encoding is None and given:
        raise ModelFileError("columns with an encoding", json.dumps(given)[:80], field="columns")
    unknown = set() if encoding is None else {column.name for column in encoding.columns} - set(given)
    if unknown or len(set(given)) < len(given):
        raise ModelFileError("different columns, with those that are encoded", json.dumps(given)[:80])
    return tuple(given)


def _network(number: int, own: Any, tensors: dict[str, Any], encoding: Encoding | None) -> ModelData:
    shared = {} if encoding is None else {"feature_names": list(encoding.inputs)}
    taken = ("encoding",) if encoding is None else _SHARED
    if not isinstance(own, dict) or not own.keys().isdisjoint(taken):
        raise ModelFileError(f"networks without {', '.join(taken)}", f"network {number} with such")
    return model_of_parts(own | shared, tensors, encoding)
