"""Recipes: frozen, validated specifications of training runs, convertible to and from JSON."""

from deltarule.recipes.groups import ParameterGroup, ParameterGroups
from deltarule.recipes.network import Network
from deltarule.recipes.preparation import Preparation
from deltarule.recipes.presets import preset
from deltarule.recipes.recipe import ClassWeight, Recipe
from deltarule.recipes.scaling import Affine, Scaling
from deltarule.recipes.stopping import EarlyStopping, improves

__all__ = [
    "Affine",
    "ClassWeight",
    "EarlyStopping",
    "Network",
    "ParameterGroup",
    "ParameterGroups",
    "Preparation",
    "Recipe",
    "Scaling",
    "improves",
    "preset",
]
