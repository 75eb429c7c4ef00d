"""scikit-learn's histogram-based gradient boosting, which reads categories by itself."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.protocol import Rival


def _make(task: str, seed: int, _threads: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = {"classification": HistGradientBoostingClassifier, "regression": HistGradientBoostingRegressor}[task]
    return kind(random_state=seed)


RIVAL = Rival("HistGradientBoosting", "trees", 1, ("scikit-learn",), _make)
