"""deltarule's MLPClassifier and MLPRegressor, on standardized numbers and one-hot categories."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.own_networks import PACKAGES
from benchmarks.tables.preparing import standardized
from benchmarks.tables.protocol import Rival


def _make(task: str, seed: int, threads: int) -> Any:
    import deltarule as dr

    kind = {"classification": dr.MLPClassifier, "regression": dr.MLPRegressor}[task]
    return standardized(kind(random_state=seed, n_threads=threads))


RIVAL = Rival("deltarule MLP", "deltarule", 0, PACKAGES, _make)
