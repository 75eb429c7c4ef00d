"""Pictures of a network while it is trained: its decision surface, or its confusion matrix."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from deltarule.data import Dataset
from deltarule.models import Model
from deltarule.types import Floats
from deltarule.web.race_plan import plane
from deltarule.web.served_model import Array, ServedModel

GRID = 44
"""Points of a side of the decision surface."""


class Pictures:
    """The pictures of one network: for classes of points in the plane a surface, for other classes a matrix.

    Inputs and predictor are kept from one picture to the next.
    """

    def __init__(self, data: Dataset) -> None:
        self._data, self._points = data, plane(data)
        self._before: Model | None = None
        self._inputs: Array | None = None

    def of(self, model: Model) -> dict[str, Any] | None:
        """Return the picture of the network's latest state as JSON; None for regression."""
        if model.classes is None or model.multilabel:
            return None
        if self._before is not None:
            model.take_predictors(self._before)
        self._before = model
        if self._inputs is None:
            self._inputs = ServedModel("", model).encoded(self._rows())
        probabilities = model.values_of(model.outputs_of(self._inputs))
        return self._matrix(model, probabilities) if self._points is None else _surface(probabilities)

    def _rows(self) -> Any:
        """Return the rows that are predicted: a grid over the plane, or the validation set."""
        data = self._data
        if self._points is None:
            return self._part.x
        left, right, bottom, top = box_of(self._points)
        across, up = np.meshgrid(np.linspace(left, right, GRID), np.linspace(top, bottom, GRID))
        if hasattr(data.train.x, "columns"):
            names = (column.name for column in data.train.x)
            return dict(zip(names, (across.ravel(), up.ravel()), strict=True))
        return np.column_stack([across.ravel(), up.ravel()])

    @property
    def _part(self) -> Any:
        return self._data.validation if self._data.validation is not None else self._data.train

    def _matrix(self, model: Model, probabilities: Floats) -> dict[str, Any]:
        """Return the confusion matrix on the validation set: rows are true classes."""
        assert model.classes is not None
        k = len(model.classes)
        true = np.minimum(np.searchsorted(model.classes, self._part.y), k - 1)
        found = np.bincount(true * k + probabilities.argmax(axis=1), minlength=k * k)
        return {"kind": "confusion", "counts": found.reshape(k, k).tolist(), "classes": ServedModel("", model).classes}


def _surface(probabilities: Floats) -> dict[str, Any]:
    """Return the class and its probability at each point of the grid, a byte each."""
    codes, certainty = probabilities.argmax(axis=1), 255 * probabilities.max(axis=1)
    return {"kind": "surface", "side": GRID, "codes": _bytes(codes), "certainty": _bytes(certainty)}


def _bytes(values: Array) -> str:
    return base64.b64encode(np.minimum(values, 255).astype(np.uint8).tobytes()).decode()


def box_of(points: Floats) -> list[float]:
    """Return the rectangle [left, right, bottom, top] around points (n, 2), a tenth wider."""
    low, high = points.min(axis=0), points.max(axis=0)
    more = 0.1 * np.maximum(high - low, 1e-9)
    return [float(each) for each in (low[0] - more[0], high[0] + more[0], low[1] - more[1], high[1] + more[1])]
