"""Several networks that predict together, and what was fitted to predictions for samples not trained on."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from deltarule.engines.predicting import checked_outputs
from deltarule.engines.threads import allowed_threads
from deltarule.errors import ModelError, ModelFileError, memory_checked
from deltarule.formulas import Activation
from deltarule.models.calibration import LIMITS, probabilities_of_outputs, tempered
from deltarule.models.card import ModelCard
from deltarule.models.conformal import class_sets, intervals
from deltarule.models.encoding import Encoding
from deltarule.models.export import Description, described, export_networks
from deltarule.models.files import (
    ENSEMBLE_FORMATS,
    check_format,
    file_errors,
    model_of_parts,
    model_parts,
    packed,
    read_content,
)
from deltarule.models.model import Model, load_model, score_of
from deltarule.models.record import Record, Score, versions
from deltarule.recipes import Affine, Recipe
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
        classes = [each.classes.tolist() for each in self.networks if each.classes is not None]
        if any(each != classes[0] for each in classes):
            raise ModelError("networks for the same classes", "different ones")
        if first.multilabel:
            raise ModelError("classification or regression", "several labels a sample")
        if any((each.target_scaling is None) != (first.target_scaling is None) for each in others):
            raise ModelError("networks whose targets are all scaled, or none", "some of each")
        if any((each.target_bounds is None) != (first.target_bounds is None) for each in others):
            raise ModelError("networks whose predictions are all bounded, or none", "some of each")
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

    @property
    def recipe(self) -> Recipe:
        """The recipe of the first network; those of the others differ in the seed alone."""
        return self.networks[0].recipe

    # As a `Model` has them, so that the shell predicts with either.
    class_names = None
    multilabel = False

    @property
    def labelled(self) -> bool:
        """Whether a prediction is a class."""
        return self.classes is not None

    @property
    def single(self) -> bool:
        """Whether numbers were given as (n,), not (n, k), and are predicted so."""
        return self.networks[0].single

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of a sample after preprocessing."""
        return self.networks[0].input_shape

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names of several targets; empty where they have none."""
        return () if self.single else self.encoding.targets

    def name_of(self, label: Any) -> str:
        """Return a label as text."""
        return str(label)

    @memory_checked
    def predict(self, x: Any, *, strict: bool | None = False) -> npt.NDArray[Any]:
        """Return the classes (n,), or numbers (n,) or (n, k), for raw rows x; see `Model.predict`."""
        inputs = self._inputs(x, strict=strict)
        if self.classes is None:
            numbers = self.numbers(inputs)
            return numbers[:, 0] if self.single else numbers
        named: npt.NDArray[Any] = self.classes[self.probabilities(inputs).argmax(axis=1)]
        return named

    @memory_checked
    def predict_proba(self, x: Any, *, strict: bool | None = False) -> Floats:
        """Return the calibrated probability of each class (n, classes) for raw rows x."""
        if self.classes is None:
            raise ModelError("a classifier for probabilities", "a regression model", "predict(x)")
        return self.probabilities(self._inputs(x, strict=strict))

    def predict_interval(self, x: Any, coverage: float = 0.9, *, strict: bool | None = False) -> Floats:
        """Return an interval for each raw row, (n, 2) or (n, k, 2) for k targets; see `Model.predict_interval`."""
        if self.classes is not None:
            raise ModelError("a regression model for intervals", repr(self), "predict_set(x)")
        found = self.intervals(self._inputs(x, strict=strict), coverage)
        return found[:, 0] if self.single else found

    def predict_set(self, x: Any, coverage: float = 0.9, *, strict: bool | None = False) -> Booleans:
        """Return whether each class is in the set of each raw row (n, classes); see `Model.predict_set`."""
        if self.classes is None:
            raise ModelError("a classifier for sets of classes", repr(self), "predict_interval(x)")
        return self.class_sets(self._inputs(x, strict=strict), coverage)

    def score(self, x: Any, y: Any) -> float:
        """Return the accuracy, or R² (pooled over several targets), for raw rows x."""
        return score_of(self.predict(x, strict=None), y, labelled=self.labelled)

    def _inputs(self, x: Any, *, strict: bool | None) -> npt.NDArray[Any]:
        return self.encoding(self.encoding.familiar(x, strict=strict))

    def probabilities(self, inputs: npt.NDArray[Any]) -> Floats:
        """Return the calibrated mean probability of each class (n, classes) for encoded inputs (n, d)."""
        # The rows of all networks at once: for a few rows the calls take longer than the arithmetic.
        z = self._outputs(inputs)
        each = probabilities_of_outputs(self._output.value(z.reshape(-1, z.shape[-1])))
        each = each.reshape(len(self.networks), len(inputs), -1)
        return tempered(np.add.reduce(each, axis=0) / len(each), self.temperature)

    def numbers(self, inputs: npt.NDArray[Any]) -> Floats:
        """Return the mean predicted numbers (n, k) for encoded inputs (n, d)."""
        # All networks' outputs at once: for a few rows the calls take longer than the arithmetic.
        z = self._outputs(inputs)
        numbers: Floats = self._output.value(z.reshape(-1, z.shape[-1])).reshape(z.shape)
        if self._target_scalings is not None:
            numbers = self._target_scalings.undo(numbers)
        if self._target_bounds is not None:
            numbers = np.minimum(np.maximum(numbers, self._target_bounds[0]), self._target_bounds[1])
        return np.asarray(np.add.reduce(numbers, axis=0, dtype=np.float64) / len(numbers))

    @cached_property
    def _output(self) -> Activation:
        return self.networks[0].loss.output

    @cached_property
    def _target_scalings(self) -> Affine | None:
        """The scalings of the networks' targets as one, (networks, 1, k); None where they have none."""
        each = [network.target_scaling for network in self.networks]
        known = [scaling for scaling in each if scaling is not None]
        if len(known) < len(each):
            return None
        shifts, factors = zip(*((scaling.shift, scaling.factor) for scaling in known), strict=True)
        return Affine(np.stack(shifts).reshape(len(each), 1, -1), np.stack(factors).reshape(len(each), 1, -1))

    @cached_property
    def _target_bounds(self) -> Floats | None:
        """The bounds of the networks' predictions, lower and upper, (2, networks, 1, k); None where they have none."""
        known = [network.target_bounds for network in self.networks if network.target_bounds is not None]
        return np.stack(known, axis=1)[:, :, np.newaxis] if len(known) == len(self.networks) else None

    def intervals(self, inputs: npt.NDArray[Any], coverage: float) -> Floats:
        """Return intervals of the numbers (n, k, 2) for encoded inputs (n, d)."""
        return intervals(self.numbers(inputs), self.scores, coverage)

    def class_sets(self, inputs: npt.NDArray[Any], coverage: float) -> Booleans:
        """Return whether each class is in the set of each sample (n, classes), for encoded inputs (n, d)."""
        return class_sets(self.probabilities(inputs), self.scores, coverage)

    def of_columns(self, columns: tuple[str, ...], target: str | tuple[str, ...] | None, *, named: bool) -> Self:
        """Return the ensemble with the names of the columns of its training data, and of its target."""
        encoding = dataclasses.replace(self.encoding, target=target)
        networks = tuple(dataclasses.replace(each, encoding=encoding) for each in self.networks)
        return dataclasses.replace(self, networks=networks, columns=columns, named=named)

    def of_score(self, value: float, interval: tuple[float, float], samples: int) -> Self:
        """Return the ensemble with its out-of-fold accuracy or R², with its interval, in the record."""
        first, *others = self.networks
        low, high = (each if math.isfinite(each) else None for each in interval)
        score = Score("out of fold", "accuracy" if self.labelled else "r2", value, low, high, samples)
        record = Record(samples=(("train", samples),), scores=(score,), versions=versions())
        return dataclasses.replace(self, networks=(dataclasses.replace(first, record=record), *others))

    def _outputs(self, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the weighted sums of each network (networks, n, outputs)."""
        n, several = len(inputs), len(self.networks)
        made = np.empty((several, n, self.networks[0].shape.outputs), self._precision)
        threads = min(allowed_threads(), several) if n >= _WORTH_THREADS else 1
        if threads == 1:
            for network, target in zip(self.networks, made, strict=True):
                network.write_outputs(inputs, target)
            return checked_outputs(made)
        # Parts of the rows, so that the threads end at the same time; neighbours are of different networks.
        parts = threads // math.gcd(threads, several)
        rows = [slice(n * part // parts, n * (part + 1) // parts) for part in range(parts)]

        def write(some: slice, place: int) -> None:
            self.networks[place].write_outputs(inputs[some], made[place, some])

        with ThreadPoolExecutor(threads) as pool:
            for ended in [pool.submit(write, some, place) for some in rows for place in range(several)]:
                ended.result()
        return checked_outputs(made)

    @cached_property
    def _precision(self) -> np.dtype[Any]:
        return np.result_type(*(network.parameters.dtype for network in self.networks))

    def card(self) -> ModelCard:
        """Return the card of the first network, with what the ensemble has beside it; see `Model.card`."""
        several = len(self.networks)
        shown = "; the mean of their predictions is the model's, the first is shown" if several > 1 else ""
        calibrated = {"Temperature": f"{self.temperature:.4g}"} if self.labelled else {}
        intervals = {"Intervals": f"from {len(self.scores):,} out-of-fold samples"}
        facts = {"Networks": f"{several}{shown}", **calibrated, **intervals}
        return ModelCard.of(self.networks[0], facts, "TabularClassifier" if self.labelled else "TabularRegressor")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write all networks and what belongs to them as one `.safetensors` file, completely or not at all."""
        if Path(path).suffix == ".json":
            raise ModelError("a .safetensors file for several networks", str(path), 'save("model.safetensors")')
        tensors: dict[str, Any] = {"scores": np.ascontiguousarray(self.scores)}
        networks = []
        for number, network in enumerate(self.networks):
            own, data = model_parts(network)
            tensors |= {f"network.{number}.{name}": tensor for name, tensor in own.items()}
            networks.append({name: value for name, value in data.items() if name not in _SHARED})
        data = {
            "format": ENSEMBLE_FORMATS[-1],
            "networks": networks,
            "encoding": self.encoding.to_json(),
            "temperature": self.temperature,
            "columns": list(self.columns),
            "named": self.named,
        }
        write_whole(Path(path), packed(tensors, data))
        return Path(path)

    def description(self) -> Description:
        """Return what it computes from a raw row, as exports describe it."""
        return described(self.networks, self.temperature)

    def export(
        self, path: str | os.PathLike[str], to: str | None = None, *, name: str | None = None, int8: bool = False
    ) -> list[Path]:
        """Write what the ensemble computes from raw rows for other programs; see `Model.export`."""
        return export_networks(self.networks, self.temperature, path, to, name=name, int8=int8)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the ensemble in a file that `save` wrote; raise ModelFileError for anything else."""
        with file_errors(Path(path)):
            return cls.of_parts(*read_content(Path(path)))

    @classmethod
    def of_parts(cls, data: dict[str, Any], tensors: dict[str, Any]) -> Self:
        """Return the ensemble with the JSON and the tensors of a file."""
        check_format(data, ENSEMBLE_FORMATS)
        if set(data) != _FIELDS:
            raise ModelFileError(f"the fields {', '.join(sorted(_FIELDS))}", f"{', '.join(sorted(data))}"[:200])
        columns, encoding = data["columns"], Encoding.from_json(data["encoding"])
        if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
            raise ModelFileError("names of columns", json.dumps(columns)[:80])
        unknown = {column.name for column in encoding.columns} - set(columns)
        if unknown or len(set(columns)) < len(columns):
            raise ModelFileError("different columns, with those that are encoded", json.dumps(columns)[:80])
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
        networks, shared = [], {"feature_names": list(encoding.inputs)}
        for number, own in enumerate(data["networks"]):
            if not isinstance(own, dict) or not own.keys().isdisjoint(_SHARED):
                raise ModelFileError(f"networks without {', '.join(_SHARED)}", f"network {number} with such")
            networks.append(Model.of(model_of_parts(own | shared, parts[str(number)], encoding)))
        return cls(tuple(networks), scores.astype(np.float64), data["temperature"], tuple(columns), data["named"])

    def __repr__(self) -> str:
        return f"Ensemble({len(self.networks)} × {self.networks[0]!r})"


def load_predictor(path: str | os.PathLike[str]) -> Model | Ensemble:
    """Return the model, or the ensemble of an estimator for tables, in a file; raise ModelFileError for others."""
    with file_errors(Path(path)):
        if Path(path).suffix != ".json":
            data, tensors = read_content(Path(path))
            return (
                Ensemble.of_parts(data, tensors)
                if data.get("format") in ENSEMBLE_FORMATS
                else Model.of(model_of_parts(data, tensors))
            )
    return load_model(path)


_FIELDS = {"format", "networks", "encoding", "temperature", "columns", "named"}
