"""What an explanation needs of a model: the terms of the first layer by feature, and the predictions of their sums."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from deltarule.data import Table
from deltarule.engines.first_layer import FirstLayer
from deltarule.engines.members import combined
from deltarule.engines.registry import Prefixes as NetworkPrefixes
from deltarule.engines.registry import prefixes_of, tail_of
from deltarule.errors import ModelError
from deltarule.models import Model
from deltarule.models.calibration import tempered
from deltarule.models.ensemble import Ensemble
from deltarule.types import Floats, Indices

Evaluator: TypeAlias = Callable[[npt.NDArray[Any]], Floats]
"""A function from sums of the first layers (n, units) to predictions (n, outputs); for one thread at a time."""


@dataclass(frozen=True, eq=False)
class Explained:
    """A model as explanations see it: features are the raw columns of a table, or the numbers of a sample.

    raw : whether the outputs are the last layer's weighted sums, in place of probabilities or numbers.
    """

    model: Model | Ensemble
    raw: bool = False

    def __post_init__(self) -> None:
        if self.raw and isinstance(self.model, Ensemble):
            raise ModelError("predictions of several networks", "raw=True", "raw=False")

    @property
    def networks(self) -> tuple[Model, ...]:
        """The networks whose mean prediction is explained."""
        return self.model.networks if isinstance(self.model, Ensemble) else (self.model,)

    @cached_property
    def first_layers(self) -> tuple[FirstLayer, ...]:
        """The first layer of each network."""
        return tuple(FirstLayer.of(each.shape, each.parameters, each.scaling) for each in self.networks)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision of the networks."""
        dtype: np.dtype[Any] = self.networks[0].theta.dtype
        return dtype

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features."""
        encoding = self.model.encoding
        if encoding is not None:
            return tuple(column.name for column in encoding.columns)
        names = self.networks[0].feature_names
        shape = self.model.input_shape
        if names is not None and len(names) == math.prod(shape):
            return names
        places = np.ndindex(*shape)
        return tuple(f"x{'_'.join(map(str, place))}" for place in places)

    @cached_property
    def feature_of(self) -> Indices:
        """The feature of each network input, (d,)."""
        encoding = self.model.encoding
        if encoding is None:
            return np.arange(math.prod(self.model.input_shape))
        return np.repeat(np.arange(len(encoding.columns)), [len(column.inputs) for column in encoding.columns])

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the outputs: classes, labels or targets."""
        network = self.networks[0]
        if network.classes is not None and not (self.raw and network.shape.outputs == 1):
            return tuple(self.model.name_of(label) for label in network.classes.tolist())
        if network.classes is not None:
            return (self.model.name_of(network.classes[1].item()),)
        return network.target_names or tuple(f"output {number + 1}" for number in range(network.shape.outputs))

    def rows(self, x: Any) -> Any:
        """Return samples as the model takes them: a `Table` of its columns, or an array."""
        return np.asarray(x) if self.model.encoding is None else self.model.encoding.table(x)

    def data(self, rows: Any) -> npt.NDArray[Any]:
        """Return the values of the features (n, features): numbers, or words where a table has categories."""
        if not isinstance(rows, Table):
            return np.asarray(rows).reshape(len(rows), -1)
        columns = [
            column.labels() if column.coded else column.values for column in map(rows.column, self.feature_names)
        ]
        if all(each.dtype.kind == "f" for each in columns):
            return np.stack(columns, axis=1)
        mixed = np.empty((len(rows), len(columns)), object)
        for place, column in enumerate(columns):
            mixed[:, place] = column
        return mixed

    def inputs(self, rows: Any) -> npt.NDArray[Any]:
        """Return the networks' inputs (n, d), before scaling."""
        return self.networks[0].inputs_of(rows)

    def terms(self, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what each feature adds to the sums of all first layers: (features, n, units)."""
        each = [layer.terms(inputs, self.feature_of, self.dtype) for layer in self.first_layers]
        return each[0] if len(each) == 1 else np.concatenate(each, axis=2)

    @cached_property
    def biases(self) -> npt.NDArray[Any]:
        """The sums without any term, (units,)."""
        return np.concatenate([layer.biases for layer in self.first_layers]).astype(self.dtype)

    def evaluator(self) -> Evaluator:
        """Return a function from the sums of the first layers to predictions, for one thread at a time."""
        tails = [tail_of(each.shape, each.recipe.network, each.parameters) for each in self.networks]

        def evaluate(sums: npt.NDArray[Any]) -> Floats:
            each = [tail(np.ascontiguousarray(sums[:, place])) for tail, place in zip(tails, self.places, strict=True)]
            return self.outputs(each)

        return evaluate

    def prefixes(self, samples: int) -> Prefixes:
        """Return what predicts up to so many samples for prefixes of permutations, for one thread at a time."""
        parts = [prefixes_of(each.shape, each.recipe.network, each.parameters, samples) for each in self.networks]
        return Prefixes(self, parts)

    @cached_property
    def places(self) -> list[slice]:
        """Where the sums of each network are."""
        ends = np.cumsum([layer.units for layer in self.first_layers])
        return [slice(end - layer.units, end) for end, layer in zip(ends, self.first_layers, strict=True)]

    def predictions(self, inputs: npt.NDArray[Any]) -> Floats:
        """Return the predictions (n, outputs) of the model for network inputs (n, d)."""
        return self.outputs([each.outputs_of(inputs) for each in self.networks])

    def outputs(self, each: Sequence[npt.NDArray[Any]]) -> Floats:
        """Return predictions (n, outputs) of each network's raw outputs."""
        made = []
        for network, z in zip(self.networks, each, strict=True):
            # Column by column: sums over a few classes are several times as fast.
            z = np.asfortranarray(combined(network.loss, z, network.shape.outputs))
            if self.raw:
                return z.astype(np.float64)
            made.append(network.values_of(z, calibrated=False))
        mean = made[0] if len(made) == 1 else np.mean(made, axis=0)
        temperature = self.model.temperature if self.model.classes is not None else 1.0
        return mean if temperature == 1.0 else tempered(mean, temperature)


class Prefixes:
    """The predictions of samples for prefixes of permutations of the features; for one thread at a time."""

    def __init__(self, explained: Explained, networks: Sequence[NetworkPrefixes]) -> None:
        self._explained, self._networks = explained, list(zip(networks, explained.places, strict=True))

    def take(self, terms: npt.NDArray[Any]) -> None:
        """Take samples, by their features' terms (features, n, units)."""
        full = self._explained.biases + terms.sum(axis=0)
        for network, place in self._networks:
            network.take(terms[..., place], full[:, place])

    def __call__(self, own: npt.NDArray[Any], order: Indices) -> Floats:
        """Return predictions (outputs, features − 1, 2, n) of the samples with 1, 2, ... features, and of the rest.

        own : the terms (features, units) of a background sample, which has the other features.
        """
        empty = self._explained.biases + own.sum(axis=0)
        each = [network(own[:, place], empty[place], order) for network, place in self._networks]
        raw = [found.reshape(-1, found.shape[-1]) for found in each]
        return self._explained.outputs(raw).T.reshape(-1, *each[0].shape[:3])


def explained(model: Any, *, raw: bool = False) -> Explained:
    """Return a model, or the one inside an estimator for tables, as explanations see it."""
    model = getattr(model, "ensemble_", model)
    if not isinstance(model, Model | Ensemble):
        raise ModelError("a Model, an Ensemble or a fitted estimator for tables", type(model).__name__, "run.model")
    return Explained(model, raw)
