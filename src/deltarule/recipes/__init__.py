"""What is to be done, as data: frozen specifications, checked when made, JSON both ways."""

from deltarule.recipes.network import Network
from deltarule.recipes.preparation import Preparation
from deltarule.recipes.recipe import ClassWeight, Recipe
from deltarule.recipes.scaling import Affine, Scaling
from deltarule.recipes.stopping import EarlyStopping, improves

__all__ = ["Affine", "ClassWeight", "EarlyStopping", "Network", "Preparation", "Recipe", "Scaling", "improves"]
