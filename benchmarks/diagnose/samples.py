"""The data sets and the healthy recipes that faults are put into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import deltarule as dr
from deltarule.recipes.edit import edited

TRAIN, VALIDATION = 400, 160


@dataclass(frozen=True)
class Setting:
    """Samples and a recipe: (n, d) inputs and targets of the training and of the validation set.

    classes : whether it is a classification.
    """

    x: Any
    y: Any
    held_x: Any
    held_y: Any
    recipe: dr.Recipe
    classes: bool

    @property
    def data(self) -> dr.Dataset:
        """The data set."""
        return dr.Dataset((self.x, self.y), (self.held_x, self.held_y))

    def edited(self, **changes: Any) -> Setting:
        """The setting with changes of the recipe; two underscores stand for a dot."""
        return replace(
            self, recipe=edited(self.recipe, {name.replace("__", "."): value for name, value in changes.items()})
        )

    def both(self, change: Callable[[Any], Any]) -> Setting:
        """The setting with both sets' inputs changed."""
        return replace(self, x=change(self.x), held_x=change(self.held_x))


def _recipe(seed: int, **further: Any) -> dr.Recipe:
    network = dr.Network(hidden=(32, 16))
    return dr.Recipe(network=network, optimizer=dr.Adam(0.005), batch_size=32, epochs=60, seed=seed, **further)


def _split(x: Any, y: Any, seed: int, *, classes: bool) -> Setting:
    rows = np.random.default_rng(seed).permutation(len(x))
    train, held = rows[:TRAIN], rows[TRAIN : TRAIN + VALIDATION]
    return Setting(x[train], y[train], x[held], y[held], _recipe(seed), classes)


def digits(seed: int) -> Setting:
    """Zeros to fours of the 8 × 8 digits as tables, without the pixels that are always 0."""
    from sklearn.datasets import load_digits

    x, y = load_digits(n_class=5, return_X_y=True)
    return _split(x[:, x.std(axis=0) > 1.0], y, seed, classes=True)


def moons(seed: int) -> Setting:
    """Two moons with noise 0.2, and two inputs without a meaning."""
    from sklearn.datasets import make_moons

    x, y = make_moons(TRAIN + VALIDATION, noise=0.2, random_state=seed)
    noise = np.random.default_rng(seed + 1000).normal(size=(len(x), 2))
    return _split(np.hstack([x, noise]), y, seed, classes=True)


def breast_cancer(seed: int) -> Setting:
    """The tumours of the Wisconsin data set."""
    from sklearn.datasets import load_breast_cancer

    return _split(*load_breast_cancer(return_X_y=True), seed, classes=True)


def friedman(seed: int) -> Setting:
    """Friedman's first function of five inputs of eight, with noise of a standard deviation of 1."""
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(TRAIN + VALIDATION, n_features=8, noise=1.0, random_state=seed)
    return _split(x, y, seed, classes=False)


SETTINGS: dict[str, Callable[[int], Setting]] = {
    "digits": digits,
    "moons": moons,
    "breast cancer": breast_cancer,
    "friedman": friedman,
}
