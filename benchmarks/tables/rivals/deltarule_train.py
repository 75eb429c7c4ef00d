"""deltarule's `train` with the default recipe, on raw rows."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.tables.own_networks import PACKAGES, Trained
from benchmarks.tables.protocol import Rival


def _recipe(task: str, _data: Any) -> Any:
    import deltarule as dr

    return dr.Recipe(task=task)


RIVAL = Rival("deltarule train", "deltarule", 0, PACKAGES, partial(Trained, _recipe, as_pytabkit=False))
