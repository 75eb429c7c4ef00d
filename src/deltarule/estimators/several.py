"""Several networks trained in parallel: ensembles, and the search of a grid of parameters."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GridSearchCV

from deltarule.training.many import as_they_end, workers_for


def average(outputs: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return the mean of the outputs of several networks."""
    return outputs[0] if len(outputs) == 1 else np.mean(outputs, axis=0)


def fit_members(
    estimator: Any,
    X: npt.NDArray[Any],
    y: npt.NDArray[Any],
    sample_weight: Any,
    validation: Any,
    random: np.random.RandomState,
    *,
    first: bool,
    incremental: bool,
) -> None:
    """Train the networks of an ensemble, one thread each; the estimator's other attributes are the first network's.

    Networks that continue take the estimator's present parameters, except their own seeds.
    """
    from sklearn.base import clone

    parameters = estimator.get_params(deep=False)
    kept = [] if first else estimator.estimators_
    seeds = [each.random_state for each in kept] or random.randint(2**31 - 1, size=estimator.n_ensemble).tolist()
    members = kept or [clone(estimator) for _ in seeds]
    for member, seed in zip(members, seeds, strict=True):
        _make_member(member, parameters, seed)
    interrupted = threading.Event()

    def fit(place: int) -> Any:
        member = members[place]
        if incremental and hasattr(estimator, "classes_"):
            member.classes_ = estimator.classes_
        return member._fit(X, y, sample_weight, validation, incremental=incremental, stop_requested=interrupted.is_set)

    workers = workers_for(estimator.n_threads, len(members))
    for _ in as_they_end(fit, len(members), workers, interrupted):
        pass
    own = {*parameters, "n_features_in_", "feature_names_in_", "_columns"}
    for name, value in vars(members[0]).items():
        if name not in own:
            setattr(estimator, name, value)
    estimator.estimators_ = members


def _make_member(member: Any, parameters: Mapping[str, Any], seed: int) -> None:
    """Set the parameters of an ensemble on one of its networks, which is a single one."""
    single = {"n_ensemble": 1, "n_threads": 1, "random_state": seed, "verbose": False, "prepare": None}
    member.set_params(**{**parameters, **single})
    if hasattr(member, "set_callbacks"):
        member.set_callbacks()


class NetworkSearchCV(GridSearchCV):  # type: ignore[misc]
    """scikit-learn's `GridSearchCV` with candidates × folds trained in parallel, one network per core.

    The networks share memory and compiled code and release Python's global interpreter lock while they train, so
    threads replace the processes of `GridSearchCV(n_jobs=-1)`, which copy the data. Parameters, attributes and results
    are those of `GridSearchCV`; the final network, trained on all of the data, uses all cores.

    n_jobs : number of networks trained at a time (default: the number of cores).

    >>> from sklearn.datasets import load_iris
    >>> from deltarule import MLPClassifier
    >>> network = MLPClassifier(solver="lbfgs", max_iter=2000, random_state=0)
    >>> search = NetworkSearchCV(network, {"hidden_layer_sizes": [(4,), (16,)], "alpha": [1e-4, 1.0]}, cv=3)
    >>> search = search.fit(*load_iris(return_X_y=True))
    >>> len(search.cv_results_["params"]), bool(search.best_score_ > 0.9)
    (4, True)
    """

    def fit(self, X: Any, y: Any = None, **parameters: Any) -> Self:
        """Train every candidate on every fold, then the best one on all of X (n, d) and y."""
        from joblib import parallel_config

        from deltarule.engines.threads import allowed_threads

        # It takes effect where `n_jobs` is None.
        with parallel_config("threading", n_jobs=allowed_threads()):
            super().fit(X, y, **parameters)
        return self
