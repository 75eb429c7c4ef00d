"""Factors on the optimizer's hyperparameters: those of the groups, and those of the parametrization."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from deltarule.engines.parameters import Shape
from deltarule.formulas.formula import Values
from deltarule.recipes import ParameterGroups, Recipe

__all__ = ["Factors", "factors_of_group", "factors_of_parameters"]


class Factors(NamedTuple):
    """Factors on the learning rate, on ε and on the weight decay: numbers, or arrays (trained,)."""

    learning_rate: Values = 1.0
    epsilon: Values = 1.0
    decay: Values = 1.0


def factors_of_group(recipe: Recipe, shape: Shape, group: str, layer: int = 0) -> Factors:
    """Return the factors of a group of parameters, by its name in `ParameterGroups`; of weights, those of a layer.

    Under the neural tangent parametrization, training weights V of fan-in d equals training W = √d V with z = x W / √d.
    For an optimizer whose steps do not depend on the gradient's scale this is a factor of d^−½ on the learning rate and
    d^½ on ε; for one whose steps are proportional to the gradient, d⁻¹ on the learning rate. The decay of
    AdamW, 1 − η λ, does not depend on the scale of the weights, so that its factor cancels that on the rate.

    >>> from deltarule.recipes import Network
    >>> recipe = Recipe(groups={"biases": 0.1}, network=Network(parametrization="ntk"))
    >>> factors_of_group(recipe, Shape((100, 128, 64, 1)), "weights", 0)
    Factors(learning_rate=0.1, epsilon=10.0, decay=10.0)
    >>> factors_of_group(recipe, Shape((100, 128, 64, 1)), "biases", 0).learning_rate
    0.1
    """
    given = recipe.groups.of(group, layer)
    if group != "weights" or recipe.network.parametrization == "standard":
        return Factors(given.learning_rate, given.epsilon, given.decay)
    assert recipe.optimizer.degree is not None
    root = float(np.sqrt(shape.sizes[layer]))
    rate = root ** (1 + recipe.optimizer.degree)
    return Factors(given.learning_rate / rate, given.epsilon * root, given.decay * rate)


def factors_of_parameters(recipe: Recipe, shape: Shape) -> Factors:
    """Return the factors of every parameter; numbers where all are 1."""
    if recipe.groups == ParameterGroups() and recipe.network.parametrization == "standard":
        return Factors()
    arrays = [np.ones(shape.trained) for _ in Factors._fields]
    for group, layer, places in shape.groups():
        for array, factor in zip(arrays, factors_of_group(recipe, shape, group, layer), strict=True):
            array[places] = factor
    return Factors(*arrays)
