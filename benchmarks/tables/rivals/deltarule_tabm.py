"""deltarule's preset `tabm`: one run of `train` on raw rows."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.tables.own_networks import PACKAGES, Trained, lacks
from benchmarks.tables.protocol import Rival


def _recipe(task: str, data: Any) -> Any:
    import deltarule as dr

    return dr.preset("tabm", task, data)


RIVAL = Rival("deltarule tabm", "deltarule", 6, PACKAGES, partial(Trained, _recipe), lacks("preset"))
