"""Several networks that predict together, and what was fitted to predictions for samples not trained on."""

from __future__ import annotations

import dataclasses
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from deltarule.engines.threads import allowed_threads
from deltarule.errors import ModelError, ModelFileError
from deltarule.models.calibration import LIMITS, tempered
from deltarule.models.conformal import class_sets, intervals
from deltarule.models.encoding import Encoding
from deltarule.models.files import ENSEMBLE_FORMAT, file_errors, model_of_parts, model_parts, packed, read_content
from deltarule.models.model import Model, class_probabilities
from deltarule.types import Booleans, Floats
from deltarule.writing import write_whole

_SHARED = ("encoding", "feature_names")
_WORTH_THREADS = 256
"""Rows from which on the networks predict in separate threads."""


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble:
    """Networks that share the encoding of their inputs; the mean of their predictions is the ensemble's.

    networks : one or more, for the same classes or targets.
    scores : conformal scores of samples not trained on, (n, 1) for classes or (n, k) for k targets; see `conformal`.
    temperature : of the probabilities; see `calibration`.
    columns : the names of all columns of the training data, in their order, also of those without an input.
    named : whether the training data had these names, so that new data are looked up by them.
    """

    networks: tuple[Model, ...]
    scores: Floats
    temperature: float = 1.0
    columns: tuple[str, ...] = ()
    named: bool = False

    def __post_init__(self) -> None:
        first, *others = self.networks
        k = 1 if first.classes is not None else first.shape.outputs
        if first.encoding is None or any(each.sizes[0] != first.sizes[0] for each in others):
            raise ModelError("networks that share an encoding", f"{[each.sizes for each in self.networks]}")
        if any(each.labelled != first.labelled or each.sizes[-1] != first.sizes[-1] for each in others):
            raise ModelError("networks for the same task", f"{[each.sizes for each in self.networks]}")
        if any(each.loss != first.loss for each in others):
            raise ModelError("networks with the same loss", f"{[each.loss.name for each in self.networks]}")
        if self.scores.ndim != 2 or self.scores.shape[1] != k or (self.scores < 0).any():
            raise ModelError(f"scores (n, {k}) of at least 0", f"shape {self.scores.shape}")
        if not LIMITS[0] <= self.temperature <= LIMITS[1]:
            raise ModelError(f"a temperature from {LIMITS[0]} to {LIMITS[1]}", f"{self.temperature}")

    @property
    def encoding(self) -> Encoding:
        """The encoding of the columns as the networks' inputs."""
        assert self.networks[0].encoding is not None
        return self.networks[0].encoding

    @property
    def classes(self) -> npt.NDArray[Any] | None:
        """The classes, in the order of the probabilities; None for numbers."""
        return self.networks[0].classes

    def probabilities(self, inputs: npt.NDArray[Any]) -> Floats:
        """Return the calibrated mean probability of each class (n, classes) for encoded inputs (n, d)."""
        # The rows of all networks at once: for a few rows the calls take longer than the arithmetic.
        z = np.concatenate(self._outputs(inputs))
        each = class_probabilities(self.networks[0].loss, z).reshape(len(self.networks), len(inputs), -1)
        return tempered(each.mean(axis=0), self.temperature)

    def numbers(self, inputs: npt.NDArray[Any]) -> Floats:
        """Return the mean predicted numbers (n, k) for encoded inputs (n, d)."""
        pairs = zip(self.networks, self._outputs(inputs), strict=True)
        mean: Floats = np.mean([network.numbers(z) for network, z in pairs], axis=0, dtype=np.float64)
        return mean

    def intervals(self, inputs: npt.NDArray[Any], coverage: float) -> Floats:
        """Return intervals of the numbers (n, k, 2) for encoded inputs (n, d)."""
        return intervals(self.numbers(inputs), self.scores, coverage)

    def class_sets(self, inputs: npt.NDArray[Any], coverage: float) -> Booleans:
        """Return whether each class is in the set of each sample (n, classes), for encoded inputs (n, d)."""
        return class_sets(self.probabilities(inputs), self.scores, coverage)

    def _outputs(self, inputs: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Return the weighted sums (n, outputs) of each network."""
        threads = min(allowed_threads(), len(self.networks)) if len(inputs) >= _WORTH_THREADS else 1
        if threads == 1:
            return [network.outputs_of(inputs) for network in self.networks]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda network: network.outputs_of(inputs), self.networks))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write all networks and what belongs to them as one `.safetensors` file, completely or not at all."""
        tensors: dict[str, Any] = {"scores": np.ascontiguousarray(self.scores)}
        networks = []
        for number, network in enumerate(self.networks):
            own, data = model_parts(network)
            tensors |= {f"network.{number}.{name}": tensor for name, tensor in own.items()}
            networks.append({name: value for name, value in data.items() if name not in _SHARED})
        data = {
            "format": ENSEMBLE_FORMAT,
            "networks": networks,
            "encoding": self.encoding.to_json(),
            "temperature": self.temperature,
            "columns": list(self.columns),
            "named": self.named,
        }
        write_whole(Path(path), packed(tensors, data))
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the ensemble in a file that `save` wrote; raise ModelFileError for anything else."""
        with file_errors(Path(path)):
            return cls._of_file(*read_content(Path(path)))

    @classmethod
    def _of_file(cls, data: dict[str, Any], tensors: dict[str, Any]) -> Self:
        if data.get("format") != ENSEMBLE_FORMAT or set(data) != _FIELDS:
            raise ModelFileError(f"the format {ENSEMBLE_FORMAT}", f"{data.get('format')!r} with fields {sorted(data)}")
        columns, encoding = data["columns"], Encoding.from_json(data["encoding"])
        if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
            raise ModelFileError("names of columns", json.dumps(columns)[:80])
        networks = []
        for number, own in enumerate(data["networks"]):
            start = f"network.{number}."
            parts = {name.removeprefix(start): each for name, each in tensors.items() if name.startswith(start)}
            network = Model.of(model_of_parts(own | {"feature_names": None}, parts))
            if network.sizes[0] != len(encoding.inputs):
                raise ModelFileError(f"columns that make {network.sizes[0]} inputs", f"{len(encoding.inputs)}")
            networks.append(dataclasses.replace(network, encoding=encoding, feature_names=encoding.inputs))
        scores = tensors["scores"].astype(np.float64)
        named = data["named"] is True
        return cls(tuple(networks), scores, float(data["temperature"]), tuple(columns), named)

    def __repr__(self) -> str:
        return f"Ensemble({len(self.networks)} × {self.networks[0]!r})"


_FIELDS = {"format", "networks", "encoding", "temperature", "columns", "named"}
