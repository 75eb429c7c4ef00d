"""Sigmoid networks as JSON that people can read: `sizes`, `weights`, `biases` and `cost`, as Nielsen (2015) writes it.

For each layer, `weights` holds a row of numbers for each unit, (units, inputs), and `biases` one number a row,
(units, 1); `cost` is "QuadraticCost" or "CrossEntropyCost".
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from deltarule.engines.parameters import given
from deltarule.errors import DeltaruleError, ModelError, ModelFileError
from deltarule.formulas import HalfSquaredError, Loss, SigmoidCrossEntropy
from deltarule.models.model_data import ModelData
from deltarule.recipes import Affine, Network, Recipe

COSTS: dict[str, Loss] = {
    "QuadraticCost": HalfSquaredError(inverse_link="sigmoid"),
    "CrossEntropyCost": SigmoidCrossEntropy(),
}
_KEYS = ("sizes", "weights", "biases", "cost")


def readable(model: ModelData) -> dict[str, Any]:
    """Return the model as an object for JSON, for inputs that the caller has scaled."""
    cost = next((name for name, loss in COSTS.items() if loss == model.loss), None)
    names = {activation.name for activation in model.recipe.network.activations}
    if model.encoding is not None:
        raise ModelError("a model of arrays for JSON", "one of a table", 'model.save("model.safetensors")')
    if model.calibration is not None:
        raise ModelError("a model without calibration for JSON", "a calibrated one", 'model.save("model.safetensors")')
    if cost is None or names - {"sigmoid"} or model.state.size:
        normalized = ", normalised" if model.state.size else ""
        came = f"loss {model.loss.name}, activations {', '.join(sorted(names))}{normalized}"
        raise ModelError("a network of sigmoid units for JSON", came, 'model.save("model.safetensors")')
    return {
        "sizes": list(model.sizes),
        "weights": [weights.T.tolist() for weights in model.weights],
        "biases": [biases[:, None].tolist() for biases in model.biases],
        "cost": cost,
    }


def model_from_readable(data: dict[str, Any]) -> ModelData:
    """The model in such an object: inputs unscaled, classes 0, 1, …"""
    if set(data) != set(_KEYS):
        raise ModelFileError(f"the fields {', '.join(_KEYS)}", f"{', '.join(map(str, sorted(data)))}")
    if data["cost"] not in COSTS:
        raise ModelFileError(f"cost: one of {', '.join(COSTS)}", repr(data["cost"]))
    sizes, weights, biases = data["sizes"], data["weights"], data["biases"]
    if not isinstance(sizes, list) or len(sizes) < 2 or not all(type(n) is int and n > 0 for n in sizes):
        raise ModelFileError("sizes: at least two whole numbers above 0", repr(sizes)[:80])
    lists = isinstance(weights, list) and isinstance(biases, list)
    if not lists or not len(weights) == len(biases) == len(sizes) - 1:
        raise ModelFileError(f"weights and biases for {len(sizes) - 1} layers", "another number")
    try:
        start = [
            (np.array(w, dtype=np.float64).T, np.array(b, dtype=np.float64)[:, 0])
            for w, b in zip(weights, biases, strict=True)
        ]
        # The lists, not `sizes`, say how much there is.
        shapes = [w.shape for w, _ in start]
        columns = [np.shape(b)[1:] for b in biases]
        if shapes != [*pairwise(sizes)] or columns != [(1,)] * len(start):
            raise ModelFileError(f"weights for layers {sizes}", f"{shapes}")
        theta = given(start, sizes)
    except (DeltaruleError, ValueError, TypeError, IndexError) as error:
        raise ModelFileError(f"weights and biases for layers {sizes}", f"{error}") from error
    network = Network(hidden=tuple(sizes[1:-1]), activation="sigmoid")
    recipe = Recipe(network=network, loss=COSTS[data["cost"]], scaling="none", task="classification")
    unscaled = Affine(np.array(0.0), np.array(1.0))
    return ModelData(recipe, tuple(sizes), theta, unscaled, (sizes[0],), np.arange(max(sizes[-1], 2)))
