"""A trained network and what was fitted with it, as data."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.input_stage import Columns
from deltarule.engines.parameters import Layers, Shape, State, layers
from deltarule.errors import ModelError
from deltarule.formulas import Loss
from deltarule.models.calibration import Calibration
from deltarule.models.encoding import Encoding
from deltarule.models.record import Record
from deltarule.recipes import Affine, Recipe
from deltarule.types import Floats


def columns_of(encoding: Encoding | None, input_shape: tuple[int, ...]) -> Columns:
    """Return the kinds of a network's inputs: those of a table's columns; of an array all are numbers."""
    return Columns.of_numbers(math.prod(input_shape)) if encoding is None else encoding.network_columns


@dataclass(frozen=True, eq=False, repr=False)
class ModelData:
    """A network that has been trained.

    recipe : how it was trained; its loss says what turns raw outputs into predictions.
    sizes : the units of every layer, the ends included; of several members, all their outputs.
    theta : all weights and biases, one flat vector.
    scaling : of the inputs, fitted to the training set.
    input_shape : of one sample, as given: (d,), or (height, width) of an image.
    classes : the classes, in the order of the outputs; None for regression and for several labels a sample.
    target_scaling : of the numbers predicted; None for classes and labels.
    single : whether numbers were given as (n,), not (n, k), and are predicted so.
    class_names, feature_names : for tables and pictures.
    encoding : of tables: the encoding of their columns as inputs, fitted to the training set.
    state : what the network has beside θ: parameters and running statistics of a normalization, factors of the inputs,
        slopes, embeddings; one flat vector laid out by `engines.parameters.Shape`, in θ's precision.
    target_bounds : the least and the greatest number of each output in training, (2, outputs), where predictions are
        held between them; otherwise None.
    record : what is known of its training: data, scores, diagnosis, versions; None for files of earlier versions.
    calibration : of the probabilities, and for intervals or sets; None before `Model.calibrated`.
    """

    recipe: Recipe
    sizes: tuple[int, ...]
    theta: npt.NDArray[Any]
    scaling: Affine
    input_shape: tuple[int, ...]
    classes: npt.NDArray[Any] | None = None
    target_scaling: Affine | None = None
    single: bool = True
    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    encoding: Encoding | None = None
    state: npt.NDArray[Any] = dataclasses.field(default_factory=lambda: np.zeros(0))
    target_bounds: Floats | None = None
    record: Record | None = None
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        shape = self.shape
        if shape.sizes != self.sizes:
            raise ModelError(f"layers of sizes {shape.sizes}", f"{self.sizes}")
        if self.theta.shape != (shape.theta,):
            raise ModelError(f"{shape.theta} parameters for layers {self.sizes}", f"{self.theta.size}")
        if self.state.shape != (shape.total - shape.theta,):
            raise ModelError(f"a state of {shape.total - shape.theta} numbers", f"{self.state.size}")
        if self.theta.dtype not in (np.float32, np.float64):
            raise ModelError("parameters of float32 or float64", f"{self.theta.dtype}", "theta.astype(np.float32)")
        self._check_lengths()

    def _check_lengths(self) -> None:
        """Check that arrays match the inputs or outputs: the engine reads them by address."""
        inputs, outputs = self.shape.inputs, self.shape.outputs
        if self.target_bounds is not None and self.target_bounds.shape != (2, outputs):
            raise ModelError(f"bounds of shape {(2, outputs)}", f"shape {self.target_bounds.shape}")
        lengths = [("scaling", self.scaling, inputs), ("target_scaling", self.target_scaling, outputs)]
        for name, affine, length in lengths:
            for numbers in () if affine is None else (affine.shift, affine.factor):
                if np.shape(numbers) not in ((), (length,)):
                    raise ModelError(f"a {name} of one number or of {length}", f"shape {np.shape(numbers)}")
        if self.classes is not None and len(self.classes) < 2:
            raise ModelError("at least two classes", f"{len(self.classes)}")
        if self.classes is not None and len(self.classes) != outputs and (len(self.classes), outputs) != (2, 1):
            raise ModelError(f"classes for {outputs} outputs", f"{len(self.classes)}")
        columns = outputs if self.classes is None else 1
        if self.calibration is not None and self.calibration.scores.shape[1] != columns:
            raise ModelError(f"scores (n, {columns})", f"shape {self.calibration.scores.shape}")
        if self.multilabel and (self.classes is not None or self.loss.output.granularity == "rowwise"):
            raise ModelError("independent outputs for several labels a sample", self.loss.name)

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names of several targets or labels, one for each output; empty where they have none."""
        return () if self.encoding is None or self.single else self.encoding.targets

    @property
    def multilabel(self) -> bool:
        """Whether each output is a separate label, 0 or 1."""
        return self.recipe.task == "multilabel"

    @property
    def labelled(self) -> bool:
        """Whether a prediction is right or wrong, of classes or of labels, so that the score is the accuracy."""
        return self.classes is not None or self.multilabel

    @cached_property
    def shape(self) -> Shape:
        """The layout of the network in θ followed by the state."""
        members = self.recipe.network.members
        return Shape.of(self.recipe.network, columns_of(self.encoding, self.input_shape), self.sizes[-1] // members)

    @property
    def states(self) -> list[State]:
        """The parameters and statistics of each normalized layer: views of the state."""
        return self.shape.states(self.parameters)

    @cached_property
    def parameters(self) -> npt.NDArray[Any]:
        """θ and the state, one flat vector."""
        return np.concatenate([self.theta, self.state.astype(self.theta.dtype)])

    @property
    def loss(self) -> Loss:
        """The loss it was trained with."""
        assert isinstance(self.recipe.loss, Loss)
        return self.recipe.loss

    @cached_property
    def layers(self) -> Layers:
        """Each layer's weights (fan_in, fan_out) and biases (fan_out,): views of θ."""
        return layers(self.theta, self.sizes)

    @property
    def weights(self) -> list[npt.NDArray[Any]]:
        """Each layer's weights (fan_in, fan_out): views of θ."""
        return [weights for weights, _ in self.layers]

    @property
    def biases(self) -> list[npt.NDArray[Any]]:
        """Each layer's biases (fan_out,): views of θ."""
        return [biases for _, biases in self.layers]

    def name_of(self, label: Any) -> str:
        """The name of a label, in words where the data set has any."""
        names = self.class_names
        whole = isinstance(label, (int, np.integer)) and not isinstance(label, bool)
        return names[int(label)] if names and whole and 0 <= int(label) < len(names) else str(label)

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone; what is derived from them is computed again."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
