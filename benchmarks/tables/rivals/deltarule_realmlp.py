"""deltarule's preset `realmlp`: one run of `train` on raw rows."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.tables.own_networks import PACKAGES, Trained, lacks
from benchmarks.tables.protocol import Rival


def _recipe(task: str, data: Any) -> Any:
    import deltarule as dr

    return dr.preset("realmlp", task, data)


RIVAL = Rival("deltarule realmlp", "deltarule", 3, PACKAGES, partial(Trained, _recipe), lacks("preset"))
