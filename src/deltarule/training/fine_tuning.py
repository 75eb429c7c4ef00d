"""Fine-tuning: training that starts from the parameters of a trained model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.errors import DataError, RecipeError
from deltarule.models import Model
from deltarule.recipes import Network
from deltarule.types import Floats

__all__ = ["check_data", "parameters_of"]

_TRAINING_ONLY = {"dropout", "noise", "noise_before_activation", "initializer", "bias_initializer", "parametrization"}
"""Fields of a network that act in training only and may differ from those of the model."""


def parameters_of(model: Model, network: Network, sizes: tuple[int, ...]) -> Floats:
    """Return a copy of all parameters and statistics of a model, for a recipe's network.

    Raises RecipeError where the networks differ in more than noise, dropout and initial parameters.
    """
    mine, other = (_stored(each) for each in (network, model.recipe.network))
    for name, value in mine.items():
        if value != other[name]:
            came = f"{name}={value!r}, while the model has {other[name]!r}"
            raise RecipeError("the network of the model", came, "network=model.recipe.network", field="network")
    if sizes != model.shape.sizes:
        got = f"{sizes}, while the model has {model.shape.sizes}"
        raise RecipeError("layers of the model's sizes", got, field="initial_parameters")
    return model.parameters.astype(np.float64)


def check_data(model: Model, input_shape: tuple[int, ...], classes: npt.NDArray[Any] | None, *, table: bool) -> None:
    """Raise DataError where samples are not of the kind that a model was trained on."""
    if table != (model.encoding is not None):
        wanted, got = ("a table", "an array") if model.encoding is not None else ("an array", "a table")
        raise DataError(f"{wanted}, as the model was trained on", got)
    if input_shape != model.input_shape:
        raise DataError(f"samples of the model's shape {model.input_shape}", f"{input_shape}")
    mine, other = (None if each is None else each.tolist() for each in (classes, model.classes))
    if mine != other:
        raise DataError(f"the targets of the model: {_named(model.classes)}", _named(classes), field="y")


def _stored(network: Network) -> dict[str, Any]:
    """Return the fields of a network that decide what its parameters mean."""
    return {name: value for name, value in network.to_json(all_fields=True).items() if name not in _TRAINING_ONLY}


def _named(classes: npt.NDArray[Any] | None) -> str:
    if classes is None:
        return "numbers"
    more = ", …" if len(classes) > 10 else ""
    return f"classes {', '.join(map(str, classes[:10].tolist()))}{more}"
