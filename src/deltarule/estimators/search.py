"""Searching a grid of parameters with all candidates and folds trained side by side."""

from __future__ import annotations

from typing import Any, Self

from sklearn.model_selection import GridSearchCV


class NetworkSearchCV(GridSearchCV):  # type: ignore[misc]
    """scikit-learn's `GridSearchCV`, whose candidates × folds are trained at once, one network to a core.

    The networks share this process's memory and compiled code, and leave the interpreter alone while they train, so
    that threads serve where `GridSearchCV(n_jobs=-1)` starts processes and copies the data to each. Parameters,
    attributes and results are `GridSearchCV`'s; the last network, which is trained on all of the data, has all cores.

    n_jobs : how many networks are trained at a time; None takes as many as there are cores.

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

        # It is heeded where `n_jobs` is None.
        with parallel_config("threading", n_jobs=allowed_threads()):
            super().fit(X, y, **parameters)
        return self
