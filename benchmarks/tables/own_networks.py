"""deltarule's recipes as models for tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.tables.samples import Array

__all__ = ["PACKAGES", "Trained", "lacks"]

PACKAGES = ("deltarule",)


def lacks(*names: str) -> Callable[[], str]:
    """A function that says which public names this version of deltarule lacks; "" if none."""

    def lacking() -> str:
        import deltarule

        missing = [name for name in names if not hasattr(deltarule, name)]
        return f"not in this version of deltarule: {', '.join(missing)}" if missing else ""

    return lacking


class Trained:
    """`deltarule.train` with a recipe.

    recipe : (task, data set) to the recipe.
    """

    def __init__(self, recipe: Callable[[str, Any], Any], task: str, seed: int, threads: int) -> None:
        self._recipe, self._task, self._seed, self._threads = recipe, task, seed, threads

    def fit(self, x: Any, y: Array) -> Trained:
        import deltarule as dr

        data = dr.Dataset(train=(x, y))
        recipe = self._recipe(self._task, data).replace(seed=self._seed)
        self._model = dr.train(recipe, data, n_threads=self._threads).model
        return self

    def predict(self, x: Any) -> Array:
        return self._model.predict(x)

    def predict_proba(self, x: Any) -> Array:
        return self._model.predict_proba(x)
