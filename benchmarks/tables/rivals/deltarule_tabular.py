"""deltarule's TabularClassifier and TabularRegressor, on raw rows."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.tables.own_networks import PACKAGES, lacks
from benchmarks.tables.protocol import Rival


def _make(task: str, seed: int, threads: int) -> Any:
    import deltarule as dr

    kind = {"classification": dr.TabularClassifier, "regression": dr.TabularRegressor}[task]
    return kind(random_state=seed, n_threads=threads)


RIVAL = Rival(
    "deltarule Tabular",
    "deltarule",
    5,
    PACKAGES,
    _make,
    partial(lacks, "TabularClassifier", "TabularRegressor"),
)
