"""LightGBM's estimators, which read categories by themselves."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.protocol import Rival


def _make(task: str, seed: int, threads: int) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = {"classification": LGBMClassifier, "regression": LGBMRegressor}[task]
    return kind(random_state=seed, n_jobs=threads, verbose=-1)


RIVAL = Rival("LightGBM", "trees", 2, ("lightgbm",), _make)
