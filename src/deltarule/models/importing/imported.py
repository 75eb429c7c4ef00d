"""A perceptron of another library, as every reader of this package returns it, and the model that it becomes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.errors import DeltaruleError, ModelError
from deltarule.formulas import (
    Activation,
    HalfSquaredError,
    Loss,
    PoissonLoss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)
from deltarule.formulas.formula import formula
from deltarule.models.model import Model
from deltarule.models.record import Record, versions
from deltarule.recipes import Affine, Network, Recipe

__all__ = ["Imported", "Layer", "activation_of", "hidden_activations"]

OUTPUTS = ("softmax", "sigmoid", "identity")
"""Inverse links that a user names where a file has none."""


@dataclass(frozen=True, eq=False)
class Layer:
    """Weights (fan_in, fan_out) and biases (fan_out,); `name` is that of the file, for errors."""

    weights: npt.NDArray[Any]
    biases: npt.NDArray[Any]
    name: str


@dataclass(frozen=True, eq=False)
class Imported:
    """A perceptron.

    layers : the output's last.
    activations : of the hidden layers.
    output : the name of the activation of the output layer.
    source : the library or format, for the model's record.
    scaling : of the inputs.
    classes : in the order of the outputs; two for a single output.
    task : "classification", "multilabel" or "regression".
    input_shape : of a sample; None for the number of inputs.
    """

    layers: Sequence[Layer]
    activations: Sequence[Activation]
    output: str
    source: str
    task: str
    scaling: Affine | None = None
    classes: Sequence[Any] | None = None
    input_shape: tuple[int, ...] | None = None
    feature_names: tuple[str, ...] | None = None

    def with_choices(self, output: str | None, classes: Sequence[Any] | None) -> Imported:
        """Return the network with the output and the classes that a user names.

        >>> network = Imported([Layer(np.eye(2), np.zeros(2), "0")], [], "identity", "", "regression")
        >>> chosen = network.with_choices(None, ["no", "yes"])
        >>> chosen.task, chosen.output
        ('classification', 'softmax')
        """
        outputs = self.layers[-1].weights.shape[1]
        if classes is not None and len(classes) != max(outputs, 2):
            raise ModelError(f"{max(outputs, 2)} classes", f"{len(classes)}", field="classes")
        if output is not None and output not in OUTPUTS:
            raise ModelError(
                f"one of {', '.join(OUTPUTS)}", repr(output), 'output_activation="softmax"', field="output_activation"
            )
        if output is None:
            raw = classes is not None and self.output == "identity"
            output = ("softmax" if outputs > 1 else "sigmoid") if raw else self.output
        given = self.classes if classes is None else list(classes)
        if output == "softmax" and given is None:
            given = list(range(outputs))
        task = self.task if given is None else "classification"
        return dataclasses.replace(self, output=output, classes=given, task=task)

    def model(self) -> Model:
        """Return the model, in the precision of the weights."""
        self._check()
        dtype = np.result_type(*(each.weights.dtype for each in self.layers))
        layers, classes = self._in_order_of_classes()
        theta = np.concatenate([part.ravel() for each in layers for part in (each.weights, each.biases)]).astype(dtype)
        hidden = tuple(each.weights.shape[1] for each in layers[:-1])
        activation = self.activations[0] if len(set(self.activations)) == 1 else tuple(self.activations)
        network = Network(hidden=hidden, activation=activation if hidden else "relu")
        recipe = Recipe(network=network, loss=self._loss(), scaling="none", task=self.task, stopping=None)
        inputs = layers[0].weights.shape[0]
        scaling = self.scaling or Affine(np.array(0.0), np.array(1.0))
        return Model(
            recipe=recipe,
            sizes=(inputs, *hidden, layers[-1].weights.shape[1]),
            theta=theta,
            scaling=scaling,
            input_shape=self.input_shape or (inputs,),
            classes=classes,
            single=layers[-1].weights.shape[1] == 1,
            feature_names=self.feature_names,
            record=Record(versions=versions(), source=self.source),
        )

    def _check(self) -> None:
        """Raise ModelError where layers do not follow each other, or hold other than finite numbers."""
        if len(self.activations) != len(self.layers) - 1:
            came = f"{len(self.activations)}"
            raise ModelError(f"{len(self.layers) - 1} activations of hidden layers", came, field="activation")
        for each in self.layers:
            if each.weights.ndim != 2 or 0 in each.weights.shape or each.biases.shape != each.weights.shape[1:]:
                shapes = f"{each.weights.shape} and {each.biases.shape}"
                raise ModelError("weights (inputs, units) and biases (units,)", shapes, field=each.name)
            if not np.isfinite(each.weights).all() or not np.isfinite(each.biases).all():
                raise ModelError("finite weights and biases", "NaN or infinity", field=each.name)
        for before, after in pairwise(self.layers):
            if before.weights.shape[1] != after.weights.shape[0]:
                came = f"{after.weights.shape[0]} after {before.name} with {before.weights.shape[1]} units"
                raise ModelError("as many inputs as units before", came, field=after.name)

    def _in_order_of_classes(self) -> tuple[list[Layer], npt.NDArray[Any] | None]:
        """Return the layers with the outputs in the sorted order of the classes, and these."""
        layers = list(self.layers)
        if self.classes is None:
            return layers, None
        try:
            classes = np.array([each.item() if isinstance(each, np.generic) else each for each in self.classes])
            distinct, order = np.unique(classes, return_index=True)
        except (TypeError, ValueError) as error:
            raise ModelError("classes of one kind", f"{self.classes!r}"[:80], field="classes") from error
        if classes.ndim != 1 or len(distinct) != len(classes) or classes.dtype.kind not in "iufbU":
            raise ModelError("different classes: text, integers or booleans", f"{self.classes!r}"[:80], field="classes")
        last = layers[-1]
        if last.weights.shape[1] == 1:
            sign = 1.0 if order.tolist() == [0, 1] else -1.0
            layers[-1] = Layer(last.weights * sign, last.biases * sign, last.name)
        else:
            layers[-1] = Layer(last.weights[:, order], last.biases[order], last.name)
        return layers, distinct

    def _loss(self) -> Loss:
        """Return a loss with the network's inverse link."""
        if self.output == "softmax":
            return SoftmaxCrossEntropy()
        if self.output == "sigmoid" and self.task != "regression":
            return SigmoidCrossEntropy()
        if self.output == "exponential":
            return PoissonLoss()
        return SquaredError() if self.output == "identity" else HalfSquaredError(inverse_link=self.output)


def activation_of(given: Any) -> Activation:
    """Return the activation of hidden layers that a user names."""
    try:
        found: Activation = formula("activation", given)
    except DeltaruleError as error:
        raise ModelError(error.expected, error.value, error.suggestion, field="activation") from error
    return found


def hidden_activations(given: Sequence[Activation], layers: int, source: str) -> list[Activation]:
    """Return the activation of each hidden layer of so many layers, where the source has none."""
    if len(given) == 1:
        return list(given) * (layers - 1)
    if not given and layers > 1:
        expected = f"the activation of the hidden layers, which {source} do not contain"
        raise ModelError(expected, None, 'activation="relu"', field="activation")
    return list(given)
