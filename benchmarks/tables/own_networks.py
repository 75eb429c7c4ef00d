"""deltarule's recipes as models for tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.tables.protocol import Rival
from benchmarks.tables.samples import Array
from benchmarks.tables.validation import split

__all__ = ["PACKAGES", "Trained", "lacks", "preset"]

PACKAGES = ("deltarule",)


def lacks(*names: str) -> str:
    """Which public names this version of deltarule lacks; "" if none."""
    import deltarule

    missing = [name for name in names if not hasattr(deltarule, name)]
    return f"not in this version of deltarule: {', '.join(missing)}" if missing else ""


class Trained:
    """One run of `deltarule.train` on raw rows.

    recipe : (task, data set) to the recipe. as_pytabkit : validate on the rows that pytabkit's networks are validated
    on; otherwise on those that `train` chooses.
    """

    def __init__(
        self, recipe: Callable[[str, Any], Any], task: str, seed: int, threads: int, *, as_pytabkit: bool
    ) -> None:
        self._recipe, self._as_pytabkit = recipe, as_pytabkit
        self._task, self._seed, self._threads = task, seed, threads

    def fit(self, x: Any, y: Array) -> Trained:
        import deltarule as dr

        if self._as_pytabkit:
            trained, validated = split(len(y), self._seed)
            data = dr.Dataset(train=(x.iloc[trained], y[trained]), validation=(x.iloc[validated], y[validated]))
        else:
            data = dr.Dataset(train=(x, y))
        recipe = self._recipe(self._task, data).replace(seed=self._seed)
        self._model = dr.train(recipe, data, n_threads=self._threads).model
        return self

    def predict(self, x: Any) -> Array:
        return self._model.predict(x)

    def predict_proba(self, x: Any) -> Array:
        return self._model.predict_proba(x)


def preset(name: str, cost: int) -> Rival:
    """A preset of deltarule: one network."""
    make = partial(Trained, partial(_of, name), as_pytabkit=True)
    return Rival(f"deltarule {name}", "deltarule", cost, PACKAGES, make, partial(_lacks_preset, name))


def _of(name: str, task: str, data: Any) -> Any:
    import deltarule as dr

    return dr.preset(name, task, data)


def _lacks_preset(name: str) -> str:
    if lacking := lacks("preset"):
        return lacking
    from deltarule.recipes.presets import PRESETS

    return "" if name in PRESETS else f"not in this version of deltarule: the preset {name}"
