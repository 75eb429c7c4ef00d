"""CatBoost's estimators, which are given the names of the categorical columns."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.protocol import Rival
from benchmarks.tables.samples import Array


class _CatBoost:
    def __init__(self, task: str, seed: int, threads: int) -> None:
        from catboost import CatBoostClassifier, CatBoostRegressor

        kind = {"classification": CatBoostClassifier, "regression": CatBoostRegressor}[task]
        self._model = kind(random_seed=seed, thread_count=threads, verbose=False, allow_writing_files=False)

    def fit(self, x: Any, y: Array) -> _CatBoost:
        self._model.fit(x, y, cat_features=list(x.select_dtypes("category").columns))
        return self

    def predict(self, x: Any) -> Array:
        answer: Array = self._model.predict(x)
        return answer.reshape(-1)  # classes are a column where there are more than two

    def predict_proba(self, x: Any) -> Array:
        answer: Array = self._model.predict_proba(x)
        return answer


RIVAL = Rival("CatBoost", "trees", 4, ("catboost",), _CatBoost)
