"""What a trained model computes from a raw row, as one graph of operations: all exports are printed from it.

Nothing is written down a second time here: the network's forward pass, its embeddings, activations and the inverse link
of its loss are recorded from their definitions, so that a new formula, also a user's, needs no change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.backpropagation import forward
from deltarule.engines.predicting import NumPyPredictor
from deltarule.engines.tracing.arrays import Node, Recorded, given
from deltarule.errors import ModelError
from deltarule.models.calibration import probabilities_of_outputs, tempered
from deltarule.models.export.columns import RawColumn, encoded
from deltarule.models.export.folding import simplified
from deltarule.models.model_data import ModelData
from deltarule.recipes import Affine

__all__ = ["Description", "described"]


@dataclass(frozen=True, eq=False)
class Description:
    """What a model computes from a raw row.

    columns : of a table, the raw columns, in order; empty for arrays, whose input is named "x".
    input_shape : of an array: the shape of one sample.
    outputs : by name: "probabilities" and "code" of classes, the place of the predicted class; "probabilities" of
        several labels; or "numbers".
    classes : the classes in the order of the probabilities; None for numbers and labels.
    class_names : names of the classes 0, 1, …, or None.
    targets : names of several numbers or labels, or none.
    single : whether one number, or one label, is predicted.
    multilabel : whether each probability is that of a separate label, predicted where it exceeds ½.
    title : a line that says what the model is.
    """

    columns: tuple[RawColumn, ...]
    input_shape: tuple[int, ...]
    outputs: dict[str, Node]
    classes: npt.NDArray[Any] | None
    class_names: tuple[str, ...] | None
    targets: tuple[str, ...]
    single: bool
    multilabel: bool
    title: str

    @property
    def labelled(self) -> bool:
        """Whether classes or labels are predicted."""
        return "probabilities" in self.outputs

    @property
    def roots(self) -> list[Node]:
        """The nodes of the outputs."""
        return list(self.outputs.values())


def described(networks: Sequence[ModelData], temperature: float | None = None) -> Description:
    """Return what networks compute together.

    temperature : of an ensemble, whose probabilities are the mean of its networks'; None for networks whose outputs'
        mean is taken before it becomes probabilities, and for a single one.
    """
    first = networks[0]
    columns, inputs = ((), None) if first.encoding is None else encoded(first.encoding)
    if inputs is None:
        inputs = given("x", (first.shape.inputs,))
    z = [_weighted_sums(network, inputs) for network in networks]
    outputs = _of_network(networks, z) if temperature is None else _of_ensemble(networks, z, temperature)
    nodes = simplified([each.node for each in outputs.values()])
    return Description(
        columns,
        first.input_shape,
        dict(zip(outputs, nodes, strict=True)),
        first.classes,
        first.class_names,
        first.target_names,
        first.single,
        first.multilabel,
        f"{first!r}" if len(networks) == 1 else f"{len(networks)} x {first!r}",
    )


def _weighted_sums(model: ModelData, inputs: Recorded) -> Recorded:
    """Return the last layer's weighted sums of a network for its inputs, recorded from the definition."""
    scaled = _scaled(model.scaling, inputs)
    parameters = model.parameters.astype(np.float64)
    network = NumPyPredictor(model.shape, model.recipe.network, parameters, model.scaling)
    z: Any = forward(network, parameters, scaled).z[-1]
    if not isinstance(z, Recorded):
        raise ModelError("a network with layers", "none")
    return z


def _scaled(scaling: Affine, inputs: Recorded) -> Any:
    """Return scaled inputs. Where the means are large, float32 would lose digits of the differences from them."""
    shift, factor = np.atleast_1d(scaling.shift), np.atleast_1d(scaling.factor)
    if not shift.any() and (factor == 1.0).all():
        return inputs
    if np.abs(shift * factor).max() <= 1.0:
        return (inputs - shift) * factor
    exact = Recorded(Node("double", (inputs.node,), inputs.node.shape))
    return (exact - shift).astype(np.float32) * factor


def _values(model: ModelData, z: Recorded) -> Any:
    """Return the outputs (n, k) of a network: the inverse link's values, of several members their mean."""
    members, k = model.shape.members, model.shape.outputs
    if members == 1:
        return model.loss.output.value(z)
    return model.loss.output.value(z.reshape(-1, members, k)).mean(axis=1)


def _of_network(networks: Sequence[ModelData], z: Sequence[Recorded]) -> dict[str, Any]:
    """Return the outputs of a network, or of several whose values are averaged."""
    first = networks[0]
    pairs = zip(networks, z, strict=True)
    if not first.labelled:
        return {"numbers": _mean([_numbers(network, _values(network, each)) for network, each in pairs])}
    values = _mean([_values(network, each) for network, each in pairs])
    if first.multilabel:
        return {"probabilities": np.clip(values, 0.0, 1.0)}
    single = len(networks) == 1 and first.shape.members == 1
    # The largest weighted sum, as probabilities may be equal to rounding.
    decisive = z[0] if single and values.shape[1] > 1 else values
    probabilities = _probabilities(first, values)
    code = np.argmax(decisive if values.shape[1] > 1 else probabilities, axis=1)
    return {"probabilities": probabilities, "code": code}


def _of_ensemble(networks: Sequence[ModelData], z: Sequence[Recorded], temperature: float) -> dict[str, Any]:
    pairs = list(zip(networks, z, strict=True))
    if networks[0].classes is None:
        return {"numbers": _mean([_numbers(network, _values(network, each)) for network, each in pairs])}
    each = [_probabilities(network, _values(network, sums)) for network, sums in pairs]
    mean = _mean(each)
    return {"probabilities": tempered(mean, temperature), "code": np.argmax(mean, axis=1)}


def _probabilities(model: ModelData, values: Any) -> Any:
    """Return the probabilities of classes: the values themselves where the inverse link makes them add up to 1."""
    return values if model.loss.output.granularity == "rowwise" else probabilities_of_outputs(values)


def _numbers(model: ModelData, values: Any) -> Any:
    """Return predicted numbers in the targets' units, as `Model.numbers` does."""
    if model.target_scaling is not None:
        values = values / np.atleast_1d(model.target_scaling.factor) + np.atleast_1d(model.target_scaling.shift)
    return values if model.target_bounds is None else np.clip(values, *model.target_bounds)


def _mean(values: Sequence[Any]) -> Any:
    total = values[0]
    for each in values[1:]:
        total = total + each
    return total if len(values) == 1 else total / float(len(values))
