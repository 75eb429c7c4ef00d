"""Fine-tuning: training that starts from the parameters of a trained model, with its preprocessing."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from deltarule.data import Dataset
from deltarule.engines.parameters import Shape
from deltarule.errors import DataError, RecipeError
from deltarule.formulas import Loss
from deltarule.models import Model
from deltarule.recipes import Network, Recipe
from deltarule.training.fitted_data import FittedData
from deltarule.types import Floats

__all__ = ["as_fitted", "known_scalings", "parameters_of", "preprocessed_as"]

_SHOWN = 10
"""Classes that an error names."""


def preprocessed_as(model: Model, recipe: Recipe) -> Recipe:
    """Return a recipe with the preprocessing of a model's own."""
    own = model.recipe
    return recipe.replace(preparation=own.preparation, scaling=own.scaling, target_scaling=own.target_scaling)


def known_scalings(model: Model) -> dict[Any, Any]:
    """Return what a model's preprocessing was fitted to, as the cache of `prepared` keeps it."""
    recipe, encoding = model.recipe, model.encoding
    if encoding is None:
        return {(recipe.scaling, None): model.scaling}
    return {recipe.preparation: encoding, (recipe.scaling, recipe.preparation): model.scaling}


def as_fitted(model: Model, recipe: Recipe, fitted: FittedData) -> FittedData:
    """Return what is fitted to new data, with the target scaling, bounds and names of the model.

    recipe : with its loss and its task. The scaling of the inputs and the encoding come from `known_scalings`.

    Raises RecipeError for another task, or a loss whose raw outputs mean something else; DataError for samples or
    targets of another kind.
    """
    _check_task(model, recipe)
    if (model.encoding is None) != (fitted.encoding is None):
        wanted, got = ("an array", "a table") if model.encoding is None else ("a table", "an array")
        raise DataError(f"{wanted}, as the model was trained on", got)
    if fitted.input_shape != model.input_shape:
        raise DataError(f"samples of the model's shape {model.input_shape}", f"{fitted.input_shape}")
    mine, other = fitted.classes, model.classes
    if fitted.outputs != model.shape.outputs or repr(_listed(mine)) != repr(_listed(other)):
        expected = f"the targets of the model: {_targets(other, model.shape.outputs)}"
        raise DataError(expected, _targets(mine, fitted.outputs), field="y")
    bounds = fitted.target_bounds
    if bounds is not None and model.target_bounds is not None:
        (low, high), (lowest, highest) = bounds, model.target_bounds
        bounds = np.array([np.minimum(low, lowest), np.maximum(high, highest)])
    data = fitted.data
    return dataclasses.replace(
        fitted,
        target_scaling=model.target_scaling,
        target_bounds=bounds,
        data=None if data is None else _named(model, data),
    )


def parameters_of(model: Model, network: Network, shape: Shape) -> Floats:
    """Return a copy of all parameters and statistics of a model, for a recipe's network and its layout.

    Raises RecipeError where the model's network has other layers or activations, or parameters that are not finite.
    """
    mine, other = (_structure(each) for each in (network, model.recipe.network))
    for name, value in mine.items():
        if value != other[name]:
            came = f"{name}={value!r}, while the model has {other[name]!r}"
            raise RecipeError("the network of the model", came, "network=model.recipe.network", field="network")
    if shape.sizes != model.shape.sizes:
        raise RecipeError(f"layers of the model's sizes {model.shape.sizes}", f"{shape.sizes}", field="network")
    parameters: Floats = model.parameters.astype(np.float64)
    if not np.isfinite(parameters).all():
        raise RecipeError("a model of finite parameters", "NaN or infinity", field="initial_parameters")
    return parameters


def _check_task(model: Model, recipe: Recipe) -> None:
    assert isinstance(recipe.loss, Loss)
    if recipe.task != model.recipe.task:
        got = f"{recipe.task!r}, while the model was trained for {model.recipe.task!r}"
        raise RecipeError("the task of the model", got, f"task={model.recipe.task!r}", field="task")
    if recipe.loss.output.name != model.loss.output.name:
        got = f"{recipe.loss.name}, while the model was trained with {model.loss.name}"
        expected = "a loss that predicts from the raw outputs as the model does"
        raise RecipeError(expected, got, "loss=model.recipe.loss", field="loss")


def _listed(classes: Any) -> Any:
    """Return classes as a list, whose text distinguishes 1, True and '1'; None where there are none."""
    return None if classes is None else classes.tolist()


def _targets(classes: Any, outputs: int) -> str:
    if classes is None:
        return f"{outputs} number{'s' if outputs > 1 else ''} a sample"
    more = f", … ({len(classes):,} in all)" if len(classes) > _SHOWN else ""
    return f"classes {', '.join(map(repr, classes[:_SHOWN].tolist()))}{more}"


def _named(model: Model, data: Dataset) -> Dataset:
    """Return the data with the model's names where they have none."""
    names = {}
    for what in ("class_names", "feature_names"):
        mine, other = getattr(data, what), getattr(model, what)
        if mine is not None and other is not None and tuple(mine) != tuple(other):
            kind = what.replace("_", " ")
            raise DataError(f"the {kind} of the model: {', '.join(other)}", ", ".join(mine), field=what)
        names[what] = mine if other is None else other
    return data if model.encoding is not None else dataclasses.replace(data, **names)


def _structure(network: Network) -> dict[str, Any]:
    """Return what decides the meaning of a network's parameters."""
    shared = {"member_form": network.member_form} if network.members > 1 else {}
    return {
        "hidden": network.hidden,
        "activations": network.activations,
        "normalization": network.normalization,
        "input_scale": network.input_scale,
        "parametric_activation": network.parametric_activation is not None,
        "embedding": network.embedding,
        "members": network.members,
        **shared,
    }
