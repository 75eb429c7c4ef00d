"""deltarule's TabularClassifier and TabularRegressor, on raw rows."""

from __future__ import annotations

import copy
import dataclasses
from functools import partial
from typing import Any

import numpy as np

from benchmarks.tables.own_networks import PACKAGES, lacks
from benchmarks.tables.protocol import Rival
from benchmarks.tables.samples import Array


def _make(task: str, seed: int, threads: int) -> Any:
    import deltarule as dr

    kind = {"classification": dr.TabularClassifier, "regression": dr.TabularRegressor}[task]
    return kind(random_state=seed, n_threads=threads)


def _uncertainty(model: Any, x: Any, y: Array) -> dict[str, float]:
    """Return the coverage for 90 %, and for classes the calibration errors with and without the temperature."""
    from deltarule.models.calibration import calibration_error

    if not hasattr(model, "predict_proba"):
        low, high = model.predict_interval(x, 0.9).T
        return {"coverage": float(np.mean((low <= y) & (y <= high)))}
    own = np.searchsorted(model.classes_, y)
    calibrated, sets = model.predict_proba(x), model.predict_set(x, 0.9)
    untempered = copy.copy(model)
    untempered.ensemble_ = dataclasses.replace(model.ensemble_, temperature=1.0)
    return {
        "coverage": float(np.mean(sets[np.arange(len(y)), own])),
        "calibration_error": calibration_error(calibrated, own),
        "uncalibrated_error": calibration_error(untempered.predict_proba(x), own),
    }


RIVAL = Rival(
    "deltarule Tabular",
    "deltarule",
    5,
    PACKAGES,
    _make,
    partial(lacks, "TabularClassifier", "TabularRegressor"),
    _uncertainty,
)
