"""deltarule's recipes as models for tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.tables.protocol import Rival
from benchmarks.tables.samples import Array

__all__ = ["PACKAGES", "Trained", "lacks", "preset"]

PACKAGES = ("deltarule",)
_VALIDATION = 0.2
"""Fraction of the rows that a preset's network is validated on, which is pytabkit's."""


def lacks(*names: str) -> str:
    """Which public names this version of deltarule lacks; "" if none."""
    import deltarule

    missing = [name for name in names if not hasattr(deltarule, name)]
    return f"not in this version of deltarule: {', '.join(missing)}" if missing else ""


class Trained:
    """One run of `deltarule.train` on raw rows.

    recipe : (task, data set) to the recipe. validation : fraction of the rows; None takes the default.
    """

    def __init__(
        self, recipe: Callable[[str, Any], Any], validation: float | None, task: str, seed: int, threads: int
    ) -> None:
        self._recipe, self._validation = recipe, validation
        self._task, self._seed, self._threads = task, seed, threads

    def fit(self, x: Any, y: Array) -> Trained:
        import deltarule as dr

        data = dr.Dataset(train=(x, y))
        if self._validation is not None:
            data = data.with_validation(fraction=self._validation, seed=self._seed)
        recipe = self._recipe(self._task, data).replace(seed=self._seed)
        self._model = dr.train(recipe, data, n_threads=self._threads).model
        return self

    def predict(self, x: Any) -> Array:
        return self._model.predict(x)

    def predict_proba(self, x: Any) -> Array:
        return self._model.predict_proba(x)


def preset(name: str, cost: int) -> Rival:
    """A preset of deltarule: one network."""
    lacking = partial(_lacks_preset, name)
    return Rival(
        f"deltarule {name}", "deltarule", cost, PACKAGES, partial(Trained, partial(_of, name), _VALIDATION), lacking
    )


def _of(name: str, task: str, data: Any) -> Any:
    import deltarule as dr

    return dr.preset(name, task, data)


def _lacks_preset(name: str) -> str:
    if lacking := lacks("preset"):
        return lacking
    from deltarule.recipes.presets import PRESETS

    return "" if name in PRESETS else f"not in this version of deltarule: the preset {name}"
