"""Several networks that differ in their random numbers, trained side by side and averaged."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.training.many import as_they_end, workers_for


def average(outputs: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """The mean of some networks' outputs."""
    return outputs[0] if len(outputs) == 1 else np.mean(outputs, axis=0)


def fit_members(
    estimator: Any,
    X: npt.NDArray[Any],
    y: npt.NDArray[Any],
    sample_weight: Any,
    brought: Any,
    random: np.random.RandomState,
    *,
    anew: bool,
    incremental: bool,
) -> None:
    """Train an ensemble's networks, one thread each; its other attributes are then those of the first one."""
    from sklearn.base import clone

    members = [] if anew else list(vars(estimator).get("estimators_", []))
    if not members:
        seeds = random.randint(2**31 - 1, size=estimator.n_ensemble)
        members = [_alone(clone(estimator), int(seed)) for seed in seeds]
    interrupted = threading.Event()

    def one(place: int) -> Any:
        member = members[place]
        if incremental and hasattr(estimator, "classes_"):
            member.classes_ = estimator.classes_
        member._interrupted = interrupted
        try:
            return member._fit(X, y, sample_weight, brought, incremental=incremental)
        finally:
            del member._interrupted

    workers = workers_for(estimator.n_threads, len(members))
    for _ in as_they_end(one, len(members), workers, interrupted):
        pass
    parameters = estimator.get_params(deep=False)
    own = {*parameters, "n_features_in_", "feature_names_in_", "_columns"}
    for name, value in vars(members[0]).items():
        if name not in own:
            setattr(estimator, name, value)
    estimator.estimators_ = members


def _alone(member: Any, seed: int) -> Any:
    """A network of the ensemble, as an estimator of its own."""
    member.set_params(n_ensemble=1, n_threads=1, random_state=seed, verbose=False, prepare=None)
    if hasattr(member, "set_callbacks"):
        member.set_callbacks()
    return member
