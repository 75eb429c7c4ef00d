"""A model as a server offers it: rows of any form to encoded inputs, and encoded inputs to named results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.errors import ModelError
from deltarule.models import Model
from deltarule.models.conformal import class_sets, intervals
from deltarule.models.ensemble import Ensemble
from deltarule.models.model import class_codes
from deltarule.studies.explain import explain

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A model under the name that clients use.

    Requests are encoded one by one, so that a faulty one fails alone; predictions are made for the encoded inputs of
    many requests together.
    """

    name: str
    model: Model | Ensemble

    @cached_property
    def network(self) -> Model:
        """The network, or the first of several."""
        return self.model.networks[0] if isinstance(self.model, Ensemble) else self.model

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table's rows; empty for rows of numbers."""
        encoding = self.model.encoding
        return () if encoding is None else tuple(column.name for column in encoding.columns)

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kind of each column."""
        return {} if self.model.encoding is None else self.model.encoding.kinds

    @cached_property
    def inputs(self) -> int:
        """The number of inputs of the network."""
        return self.network.shape.inputs

    @property
    def has_intervals(self) -> bool:
        """Whether the model has conformal scores, for intervals and sets of classes."""
        return len(self.model.scores) > 0

    @cached_property
    def classes(self) -> list[Any] | None:
        """The classes in the order of the probabilities; names where the data set has any; None for numbers."""
        if self.model.multilabel:
            return list(self.network.target_names) or list(range(self.network.shape.outputs))
        if self.model.classes is None:
            return None
        named = self.model.class_names is not None
        return [self.model.name_of(each) if named else each for each in self.model.classes.tolist()]

    def encoded(self, rows: Any) -> Array:
        """Return the network's inputs (n, d) for rows: lists of numbers, samples, objects, or a `Table`.

        Raises DeltaruleError for anything that is no valid row.
        """
        if self.model.encoding is not None:
            if isinstance(rows, list) and rows and not isinstance(rows[0], Mapping):
                rows = self._named(rows)
            return self.model.encoding(rows)
        try:
            x = np.asarray(rows)
        except ValueError as error:
            raise ModelError(f"rows of {self.inputs} numbers each", "rows of different lengths") from error
        shape = self.model.input_shape
        if x.ndim < 2 or (x.shape[1:] != shape and x.shape[1:] != (self.inputs,)):
            sample = " × ".join(map(str, shape))
            raise ModelError(f"rows of shape (n, {sample}) or (n, {self.inputs})", f"shape {x.shape}")
        if x.dtype.kind not in "fiub":
            raise ModelError("numbers", f"values of type {x.dtype}")
        with np.errstate(over="ignore"):
            inputs = x.reshape(len(x), self.inputs).astype(self.network.theta.dtype)
        if not np.isfinite(inputs).all():
            raise ModelError("finite numbers", "NaN, infinity or a number that is too large")
        return inputs

    def _named(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """Return rows that are lists as objects with the columns' names."""
        columns = self.columns
        if any(not isinstance(row, list) or len(row) != len(columns) for row in rows):
            raise ModelError(f"objects, or lists of {len(columns)} values: {', '.join(columns)}", "other rows")
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def warnings(self, rows: Any) -> list[str]:
        """Return what is unlike the training set in a table's rows, a sentence for each column."""
        encoding = self.model.encoding
        if encoding is None:
            return []
        if isinstance(rows, list) and rows and not isinstance(rows[0], Mapping):
            rows = self._named(rows)
        return [str(each) for each in encoding.unfamiliar(encoding.table(rows))]

    def predicted(self, inputs: Array) -> dict[str, Array]:
        """Return the results for encoded inputs (n, d), by name: `predictions`, and `probabilities` of classes."""
        values, codes = self._predicted(inputs)
        if self.model.multilabel:
            return {"predictions": (values > 0.5).astype(np.int64), "probabilities": values}
        if self.model.classes is None:
            return {"predictions": values[:, 0] if self.model.single else values}
        return {"predictions": self._class_array[codes], "probabilities": values}

    def _predicted(self, inputs: Array) -> tuple[Array, Array]:
        """Return the numbers (n, k) or the probabilities (n, k), and the index of the most probable class (n,)."""
        model = self.model
        if isinstance(model, Ensemble):
            values = model.numbers(inputs) if model.classes is None else model.probabilities(inputs)
            return values, values.argmax(axis=1)
        z = model.outputs_of(inputs)
        return model.values_of(z), class_codes(model.loss, z)

    @cached_property
    def _class_array(self) -> Array:
        return np.array(self.classes)

    def warm(self) -> None:
        """Make the first prediction, which compiles, before the first request."""
        self.predicted(np.zeros((1, self.inputs), self.network.theta.dtype))

    def covered(self, inputs: Array, coverage: float) -> dict[str, list[Any]]:
        """Return the intervals of numbers, or the sets of classes, that contain the truth with this probability."""
        if not self.has_intervals:
            wanted = "a model with conformal scores: run.calibrated(), or one of TabularRegressor or TabularClassifier"
            raise ModelError(wanted, "one without", field="interval")
        values, _ = self._predicted(inputs)
        if self.classes is None:
            bounds = intervals(values, self.model.scores, coverage)
            return {"intervals": plain(bounds[:, 0] if self.model.single else bounds)}
        sets = class_sets(values, self.model.scores, coverage)
        return {"sets": [[self.classes[place] for place in np.flatnonzero(row)] for row in sets]}

    def explained(self, rows: Any, background: Any, method: str) -> dict[str, Any]:
        """Return how much each feature moves the predictions of rows away from the mean prediction of the background.

        DeepLIFT explains the last layer's weighted sums, the other methods probabilities or numbers.
        """
        given = [self._sample(each) for each in (rows, background)]
        found = explain(self.model, *given, method=method, raw=method == "deeplift").to_json()
        wanted = ("method", "feature_names", "output_names", "base_values", "values", "errors")
        return {name: found[name] for name in wanted}

    def _sample(self, rows: Any) -> Any:
        """Return rows as `Model.predict` takes them: named, or in the shape of the training samples."""
        if self.model.encoding is None:
            return self.encoded(rows).reshape(-1, *self.model.input_shape)
        return self._named(rows) if isinstance(rows, list) and not isinstance(rows[0], Mapping) else rows

    def description(self) -> dict[str, Any]:
        """Return what a page needs to know of the model, as JSON."""
        task = "multilabel" if self.model.multilabel else "regression" if self.classes is None else "classification"
        return {
            "name": self.name, "task": task, "sizes": list(self.network.sizes), "classes": self.classes,
            "input_shape": list(self.model.input_shape), "columns": dict(self.kinds),
            "parameters": self.network.shape.trained, "intervals": self.has_intervals,
        }  # fmt: skip


def plain(values: Array) -> list[Any]:
    """Return an array as lists, None for numbers that are not finite: an interval of too few scores has no ends."""
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return list(values.tolist())
    kept: Array = values.astype(object)
    kept[~np.isfinite(values)] = None
    return list(kept.tolist())
