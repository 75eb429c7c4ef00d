"""Committees: several networks that predict together, as one model."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from deltarule.errors import ModelError, memory_checked
from deltarule.formulas import Activation
from deltarule.models.calibration import LIMITS, probabilities_of_outputs, tempered
from deltarule.models.card import ModelCard
from deltarule.models.conformal import class_sets, warned_intervals
from deltarule.models.encoding import Encoding
from deltarule.models.ensemble_file import EnsembleParts, ensemble_of_parts, ensemble_parts
from deltarule.models.export import Description, described, export_networks
from deltarule.models.files import ENSEMBLE_FORMATS, file_errors, model_of_parts, packed, read_content
from deltarule.models.model import Model, calibration_of, load_model, score_of
from deltarule.models.network_outputs import outputs_of_networks
from deltarule.models.record import Record, Score, versions
from deltarule.models.test_time import mean_over_copies
from deltarule.recipes import Affine, Recipe
from deltarule.types import Booleans, Floats
from deltarule.writing import write_whole

_SHOWN = 8
"""Different sizes of networks that a card lists."""


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Ensemble:
    """A committee of networks; the mean of their predictions, of probabilities or of numbers, is the ensemble's.

    networks : one or more, for the same inputs and the same classes or targets. They may differ in everything else:
        seeds, recipes, sizes. Networks for a table share its encoding, of arrays each has its own scaling.
    scores : conformal scores of samples not trained on, (n, 1) for classes or (n, k) for k targets; see `conformal`.
        None before `calibrated`.
    temperature : of the probabilities; see `calibration`.
    columns : the names of all columns of the training data, in their order, also of those without an input (default:
        those with one).
    named : whether the training data had these names, so that new data are looked up by them.

    >>> import deltarule as dr
    >>> digits = dr.load_dataset("digits")
    >>> runs = dr.train_many([dr.Recipe(seed=seed, epochs=3) for seed in range(3)], digits)
    >>> committee = Ensemble([run.model for run in runs])
    >>> committee.predict_proba(digits.test.x).shape
    (180, 10)
    """

    networks: tuple[Model, ...]
    scores: Floats
    temperature: float = 1.0
    columns: tuple[str, ...] = ()
    named: bool = False

    def __init__(
        self,
        networks: Sequence[Model],
        scores: Floats | None = None,
        temperature: float = 1.0,
        columns: Sequence[str] = (),
        named: bool = False,
    ) -> None:
        if isinstance(networks, Model) or not all(isinstance(each, Model) for each in networks) or not len(networks):
            raise ModelError("one model or more", f"{networks!r}"[:80], "Ensemble([run.model for run in runs])")
        first = networks[0]
        k = 1 if first.classes is not None else first.shape.outputs
        values = {
            "networks": tuple(networks),
            "scores": np.zeros((0, k)) if scores is None else scores,
            "temperature": temperature,
            "columns": tuple(columns) or _columns(first.encoding),
            "named": named,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self._check_networks()
        if self.scores.ndim != 2 or self.scores.shape[1] != k or (self.scores < 0).any():
            raise ModelError(f"scores (n, {k}) of at least 0", f"shape {self.scores.shape}")
        if not LIMITS[0] <= self.temperature <= LIMITS[1]:
            raise ModelError(f"a temperature from {LIMITS[0]} to {LIMITS[1]}", f"{self.temperature}")

    def _check_networks(self) -> None:
        """Check that the networks take the same inputs, and predict the same."""
        first, *others = self.networks
        if first.multilabel:
            raise ModelError("classification or regression", "several labels a sample")
        for each in others:
            pair = f"{first!r} and {each!r}"
            if each.input_shape != first.input_shape:
                raise ModelError("networks for samples of one shape", f"{first.input_shape} and {each.input_shape}")
            if not _share_encoding(first.encoding, each.encoding):
                raise ModelError("networks that share an encoding of the columns", f"{pair} with different ones")
            if each.multilabel or each.labelled != first.labelled or each.single != first.single:
                raise ModelError("networks for the same task", pair)
            if first.classes is not None and each.classes is not None:
                if not _equal_classes(first.classes, each.classes):
                    raise ModelError("networks for the same classes", pair)
            elif each.shape.outputs != first.shape.outputs:
                raise ModelError("networks for the same targets", pair)

    @property
    def encoding(self) -> Encoding | None:
        """The encoding of a table's columns as the networks' inputs; None for arrays."""
        return self.networks[0].encoding

    @property
    def classes(self) -> npt.NDArray[Any] | None:
        """The classes, in the order of the probabilities; None for numbers."""
        return self.networks[0].classes

    @property
    def recipe(self) -> Recipe:
        """The recipe of the first network."""
        return self.networks[0].recipe

    # As a `Model` has them, so that the shell predicts with either.
    multilabel = False

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes 0, 1, …; None where they have none."""
        return self.networks[0].class_names

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
        return self.networks[0].target_names

    def name_of(self, label: Any) -> str:
        """Return the name of a label, in words where the data set has any."""
        return self.networks[0].name_of(label)

    @memory_checked
    def predict(self, x: Any, *, strict: bool | None = False, average_over: Any = None) -> npt.NDArray[Any]:
        """Return the classes (n,), or numbers (n,) or (n, k), for raw inputs x (n, …); see `Model.predict`."""
        values = self._predicted(x, strict, average_over)
        if self.classes is None:
            return values[:, 0] if self.single else values
        named: npt.NDArray[Any] = self.classes[values.argmax(axis=1)]
        return named

    @memory_checked
    def predict_proba(self, x: Any, *, strict: bool | None = False, average_over: Any = None) -> Floats:
        """Return the calibrated probability of each class (n, classes) for raw inputs x; see `Model.predict`."""
        if self.classes is None:
            raise ModelError("a classifier for probabilities", "a regression model", "predict(x)")
        return self._predicted(x, strict, average_over)

    def _predicted(self, x: Any, strict: bool | None, average_over: Any) -> Floats:
        """Return the calibrated probabilities (n, classes), or the numbers (n, k)."""
        mean = self.numbers if self.classes is None else self._mean_probabilities
        if average_over is None:
            values = mean(self._inputs(x, strict=strict))
        else:
            values = mean_over_copies(
                lambda copy: mean(self._inputs(copy, strict=None)), x, self.input_shape, average_over
            )
        return values if self.classes is None else tempered(values, self.temperature)

    def predict_interval(self, x: Any, coverage: float = 0.9, *, strict: bool | None = False) -> Floats:
        """Return an interval for each raw sample, (n, 2) or (n, k, 2) for k targets; see `Model.predict_interval`."""
        if self.classes is not None:
            raise ModelError("a regression model for intervals", repr(self), "predict_set(x)")
        self._check_calibrated()
        found = warned_intervals(self.numbers(self._inputs(x, strict=strict)), self.scores, coverage)
        return found[:, 0] if self.single else found

    def predict_set(self, x: Any, coverage: float = 0.9, *, strict: bool | None = False) -> Booleans:
        """Return whether each class is in the set of each raw sample (n, classes); see `Model.predict_set`."""
        if self.classes is None:
            raise ModelError("a classifier for sets of classes", repr(self), "predict_interval(x)")
        self._check_calibrated()
        return self.class_sets(self._inputs(x, strict=strict), coverage)

    def _check_calibrated(self) -> None:
        if not len(self.scores):
            raise ModelError("a calibrated ensemble", "one without scores", "ensemble.calibrated(x, y)")

    def calibrated(self, x: Any, y: Any) -> Self:
        """Return the ensemble with probabilities calibrated, and scores fitted, on samples not trained on.

        x, y : (n, …) raw samples and their classes, or numbers (n,) or (n, k); see `Model.calibrated`.
        """
        bare = dataclasses.replace(self, temperature=1.0)
        predicted = (bare.predict if self.classes is None else bare.predict_proba)(x, strict=None)
        found = calibration_of(predicted, self.classes, y)
        return dataclasses.replace(self, scores=found.scores, temperature=found.temperature)

    def score(self, x: Any, y: Any, *, average_over: Any = None) -> float:
        """Return the accuracy, or R² (pooled over several targets), for raw inputs x; see `Model.score`."""
        return score_of(self.predict(x, strict=None, average_over=average_over), y, labelled=self.labelled)

    def _inputs(self, x: Any, *, strict: bool | None) -> npt.NDArray[Any]:
        if self.encoding is None:
            return self.networks[0].inputs_of(x)
        return self.encoding(self.encoding.familiar(x, strict=strict))

    def probabilities(self, inputs: npt.NDArray[Any]) -> Floats:
        """Return the calibrated mean probability of each class (n, classes) for encoded inputs (n, d)."""
        return tempered(self._mean_probabilities(inputs), self.temperature)

    def _mean_probabilities(self, inputs: npt.NDArray[Any]) -> Floats:
        outputs = self._outputs(inputs)
        if not self._alike:
            pairs = zip(self.networks, outputs, strict=True)
            own = [network.values_of(z, calibrated=False) for network, z in pairs]
            return np.asarray(np.mean(own, axis=0, dtype=np.float64))
        # The rows of all networks at once: for a few rows the calls take longer than the arithmetic.
        z = np.asarray(outputs)
        each = probabilities_of_outputs(self._output.value(z.reshape(-1, z.shape[-1])))
        each = each.reshape(len(self.networks), len(inputs), -1)
        mean: Floats = np.add.reduce(each, axis=0) / len(each)
        return mean

    def numbers(self, inputs: npt.NDArray[Any]) -> Floats:
        """Return the mean predicted numbers (n, k) for encoded inputs (n, d)."""
        outputs = self._outputs(inputs)
        if not self._alike:
            own = [network.numbers(z) for network, z in zip(self.networks, outputs, strict=True)]
            return np.asarray(np.mean(own, axis=0, dtype=np.float64))
        # All networks' outputs at once: for a few rows the calls take longer than the arithmetic.
        z = np.asarray(outputs)
        numbers: Floats = self._output.value(z.reshape(-1, z.shape[-1])).reshape(z.shape)
        if self._target_scalings is not None:
            numbers = self._target_scalings.undo(numbers)
        if self._target_bounds is not None:
            numbers = np.minimum(np.maximum(numbers, self._target_bounds[0]), self._target_bounds[1])
        return np.asarray(np.add.reduce(numbers, axis=0, dtype=np.float64) / len(numbers))

    @cached_property
    def _alike(self) -> bool:
        """Whether the outputs of all networks become predictions by the same steps."""
        first = self.networks[0]
        return all(
            each.loss.output == first.loss.output
            and each.shape.outputs == first.shape.outputs
            and (each.target_scaling is None) == (first.target_scaling is None)
            and (each.target_bounds is None) == (first.target_bounds is None)
            for each in self.networks
        )

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

    def class_sets(self, inputs: npt.NDArray[Any], coverage: float) -> Booleans:
        """Return whether each class is in the set of each sample (n, classes), for encoded inputs (n, d)."""
        return class_sets(self.probabilities(inputs), self.scores, coverage)

    def of_columns(self, columns: tuple[str, ...], target: str | tuple[str, ...] | None, *, named: bool) -> Self:
        """Return the ensemble with the names of the columns of its training data, and of its target."""
        assert self.encoding is not None
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

    def _outputs(self, inputs: npt.NDArray[Any]) -> npt.NDArray[Any] | list[npt.NDArray[Any]]:
        """Return the weighted sums (n, outputs) of each network: of networks that are alike, as one array."""
        return outputs_of_networks(self.networks, inputs, alike=self._alike)

    def card(self) -> ModelCard:
        """Return the card of the first network, with what the ensemble has beside it; see `Model.card`."""
        several = len(self.networks)
        shown = "; the mean of their predictions is the model's, the first is shown" if several > 1 else ""
        facts = {"Networks": f"{several}{shown}"}
        sizes = {"-".join(map(str, each.sizes)): None for each in self.networks}
        if len(sizes) > 1:
            facts["Sizes"] = ", ".join([*sizes][:_SHOWN]) + (", …" if len(sizes) > _SHOWN else "")
        if self.labelled and (len(self.scores) or self.temperature != 1.0):
            facts["Temperature"] = f"{self.temperature:.4g}"
        if len(self.scores):
            facts["Intervals"] = (
                f"from {len(self.scores):,} {'samples' if self.encoding is None else 'out-of-fold samples'}"
            )
        of_table = "TabularClassifier" if self.labelled else "TabularRegressor"
        return ModelCard.of(self.networks[0], facts, "Ensemble" if self.encoding is None else of_table)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write all networks and what belongs to them as one `.safetensors` file, completely or not at all."""
        if Path(path).suffix == ".json":
            raise ModelError("a .safetensors file for several networks", str(path), 'save("model.safetensors")')
        parts = EnsembleParts(self.networks, self.scores, self.temperature, self.columns, self.named)
        write_whole(Path(path), packed(*ensemble_parts(parts)))
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
        found = ensemble_of_parts(data, tensors)
        return cls([Model.of(each) for each in found.networks], *found[1:])

    def __repr__(self) -> str:
        return f"Ensemble({len(self.networks)} × {self.networks[0]!r})"


def load_predictor(path: str | os.PathLike[str]) -> Model | Ensemble:
    """Return the model or the ensemble in a file; raise ModelFileError for others."""
    with file_errors(Path(path)):
        if Path(path).suffix != ".json":
            data, tensors = read_content(Path(path))
            return (
                Ensemble.of_parts(data, tensors)
                if data.get("format") in ENSEMBLE_FORMATS
                else Model.of(model_of_parts(data, tensors))
            )
    return load_model(path)


def _share_encoding(one: Encoding | None, other: Encoding | None) -> bool:
    """Return whether two networks take the same columns, encoded alike."""
    if one is None or other is None:
        return one is other
    return one is other or one.to_json() == other.to_json()


def _equal_classes(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    """Return whether classes are equal and of one kind; a model from a file has int64 for unsigned integers."""
    kinds = {each.dtype.kind.replace("u", "i") for each in (one, other)}
    return len(kinds) == 1 and np.array_equal(one, other)


def _columns(encoding: Encoding | None) -> tuple[str, ...]:
    return () if encoding is None else tuple(column.name for column in encoding.columns)
