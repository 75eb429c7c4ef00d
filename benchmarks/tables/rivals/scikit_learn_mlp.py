"""scikit-learn's MLPClassifier and MLPRegressor, on standardized numbers and one-hot categories."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.preparing import standardized
from benchmarks.tables.protocol import Rival


def _make(task: str, seed: int, _threads: int) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = {"classification": MLPClassifier, "regression": MLPRegressor}[task]
    return standardized(kind(random_state=seed))


RIVAL = Rival("scikit-learn's MLP", "scikit-learn", 0, ("scikit-learn",), _make)
