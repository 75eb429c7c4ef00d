"""What is fitted to the training data: scalings, classes, encodings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset, Part
from deltarule.data.labels import are_labels
from deltarule.engines.problem import Samples
from deltarule.errors import DataError, RecipeError
from deltarule.models import Encoding
from deltarule.recipes import Affine, ClassWeight
from deltarule.types import Floats, Indices

__all__ = ["FittedData", "check_labels"]


@dataclass(frozen=True)
class FittedData:
    """What is fitted to the training data, which a model stores in addition to θ.

    data : the data set, with the validation set that was split off for training.
    """

    input_shape: tuple[int, ...]
    scaling: Affine
    classes: npt.NDArray[Any] | None
    target_scaling: Affine | None
    single: bool
    outputs: int
    encoding: Encoding | None = None
    multilabel: bool = False
    data: Dataset | None = None
    target_bounds: Floats | None = None

    def samples(self, part: Part, rows: Indices | None = None, class_weight: ClassWeight = None) -> Samples:
        """Return a set, or some of its rows, as an engine's samples; weights are multiplied by those of the classes."""
        x = part.x.reshape(len(part.x), -1) if self.encoding is None else self.encoding(part.x)
        targets = self._targets(part.y, rows)
        weights = None if part.weights is None else np.asarray(part.weights, dtype=np.float64)
        if class_weight is not None:
            of_classes = self._class_weights(targets if rows is None else targets[rows], class_weight)[targets]
            weights = of_classes if weights is None else weights * of_classes
        return Samples(x, targets, self.outputs, weights, rows, self.multilabel)

    def _class_weights(self, targets: npt.NDArray[Any], given: ClassWeight) -> Floats:
        """Return the weight of each class: (classes,)."""
        if self.classes is None:
            raise RecipeError("no class weights in regression", None, "class_weight=None", field="class_weight")
        if isinstance(given, str):
            return len(targets) / (len(self.classes) * np.bincount(targets, minlength=len(self.classes)))
        weights, known = np.ones(len(self.classes)), self.classes.tolist()
        for label, weight in given or ():
            if label not in known:
                hint = f"class_weight={{{known[0]!r}: 2.0}}"
                raise RecipeError(f"labels among {known[:10]}", repr(label), hint, field="class_weight")
            weights[known.index(label)] = weight
        return weights

    def _targets(self, y: npt.NDArray[Any], rows: Indices | None) -> npt.NDArray[Any]:
        if self.classes is None:
            numbers = y.astype(np.float64).reshape(len(y), self.outputs)
            if self.multilabel:
                check_labels(numbers)
            return numbers if self.target_scaling is None else self.target_scaling(numbers)
        codes = np.searchsorted(self.classes, y)
        codes = np.minimum(codes, len(self.classes) - 1)
        selected = slice(None) if rows is None else rows
        unknown = self.classes[codes[selected]] != y[selected]
        if unknown.any():
            got = f"{y[selected][unknown][0].item()!r} in another set"
            raise DataError(f"labels of the training set ({len(self.classes)} classes)", got)
        return codes.astype(np.int64)


def check_labels(y: Floats) -> None:
    """Raise DataError for targets other than 0 and 1."""
    if not are_labels(y):
        raise DataError("labels of 0 and 1", f"{y[(y != 0) & (y != 1)][0]:g}", 'task="regression"', field="y")
