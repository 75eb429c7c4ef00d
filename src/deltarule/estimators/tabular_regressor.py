"""Regression on the rows of tables with nothing else said."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.utils import check_array

from deltarule.errors import DataError
from deltarule.estimators.bagging import Bagged, TableProblem
from deltarule.estimators.leaderboard import Judged, judged_numbers
from deltarule.estimators.tabular import TabularEstimator
from deltarule.models.conformal import number_scores, warned_intervals
from deltarule.models.ensemble import Ensemble
from deltarule.types import Floats


class TabularRegressor(RegressorMixin, TabularEstimator):  # type: ignore[misc]
    """Regressor for tables: data frames or arrays of raw columns, with nothing else said.

    The parameters and attributes are those of `TabularClassifier`, without classes and temperature; y is (n,) or
    (n, k), and `oof_predictions_` has its shape.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> regressor = TabularRegressor(time_limit=10).fit(X, y)
    >>> regressor.predict(X[:3]).shape, regressor.predict_interval(X[:3], coverage=0.9).shape
    ((3,), (3, 2))
    """

    _single: bool = True

    def predict(self, X: Any) -> Floats:
        """Return the predicted numbers: (n,), or (n, k) for k targets."""
        inputs = self._inputs(X)
        numbers = self.ensemble_.numbers(inputs)
        return numbers[:, 0] if self._single else numbers

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Floats:
        """Return an interval for each row: (n, 2), its lower and upper end, or (n, k, 2) for k targets.

        coverage : the fraction of rows whose target is in their interval, for rows like those of `fit`.

        The ends are infinite where `fit` had too few samples for the coverage, fewer than coverage / (1 − coverage).
        """
        inputs = self._inputs(X)
        found = warned_intervals(self.ensemble_.numbers(inputs), self.ensemble_.scores, coverage)
        return found[:, 0] if self._single else found

    def _fit_targets(self, y: Any) -> tuple[npt.NDArray[Any], None]:
        if y is None:
            raise ValueError("This estimator requires y to be passed, but the target y is None.")
        if np.asarray(y).dtype.kind in "mM":
            raise DataError("numbers", "dates or durations", "days: (y - y.min()) / np.timedelta64(1, 'D')", field="y")
        numbers = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        self._single = numbers.ndim == 1
        return numbers, None

    def _judged(self, outputs: Floats, problem: TableProblem) -> Judged:
        known = ~np.isnan(outputs[:, 0])
        return judged_numbers(outputs[known], problem.numbers[known])

    def _calibrated(self, best: Bagged, problem: TableProblem) -> tuple[Ensemble, Floats]:
        outputs = best.out_of_fold
        known = ~np.isnan(outputs[:, 0])
        scores = number_scores(outputs[known], problem.numbers[known])
        return Ensemble(best.networks, scores), outputs[:, 0] if self._single else outputs

    def _set_loaded(self, ensemble: Ensemble) -> None:
        self._single = ensemble.networks[0].single

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
