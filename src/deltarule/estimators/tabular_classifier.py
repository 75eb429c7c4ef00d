"""Classification of the rows of tables with nothing else said."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite

from deltarule.data import require_classes
from deltarule.estimators.bagging import Bagged, TableProblem
from deltarule.estimators.leaderboard import Judged, judged_classes
from deltarule.estimators.tabular import TabularEstimator
from deltarule.models.calibration import fitted_temperature, tempered
from deltarule.models.conformal import class_scores
from deltarule.models.ensemble import Ensemble
from deltarule.types import Booleans, Floats


class TabularClassifier(ClassifierMixin, TabularEstimator):  # type: ignore[misc]
    """Classifier for tables: data frames or arrays of raw columns, with nothing else said.

    Columns of numbers, categories, booleans and dates, with missing values, are preprocessed; networks are trained on
    all folds of a cross-validation side by side, each stopped by the fold it was not trained on; their mean predicts.
    From the out-of-fold predictions one temperature is fitted that calibrates the probabilities, and the coverage of
    the sets of classes.

    Parameters
    ----------
    preset : the name of a preset, a `Recipe`, or a list of those, of which the one with the lowest out-of-fold loss
        predicts; see `deltarule.preset`. "auto" trains one network of "realmlp" and one of "realmlp-ple" on the first
        fold; the preset with the lower loss there trains the remaining networks. Above 7,812 rows a network these
        have fewer epochs.
    folds : number of folds.
    networks : number of networks for each fold, with different seeds.
    time_limit : seconds for `fit`, approximately; None for no limit. Epochs and networks are reduced to fit into it.
    checkpoint : folder for the state of each network while `fit` runs, which the same call continues after an
        interruption: networks that have ended are not trained again. It can be deleted afterwards. None for no folder.
    random_state : seed of the folds and the networks.
    verbose : True for a line each network, "bar" for a progress bar.
    engine, precision, n_threads : as for `deltarule.train_many`.

    Attributes
    ----------
    classes_ : the labels, sorted.
    oof_predictions_ : (n, classes), the calibrated probabilities of each sample by networks that were not trained on
        it; NaN where there is none.
    leaderboard_ : what was tried, each a line with its out-of-fold score and its interval.
    ensemble_ : the networks, with the temperature and the conformal scores.
    n_features_in_, feature_names_in_ : as in scikit-learn.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> classifier = TabularClassifier().fit(X, y)
    >>> classifier.predict_proba(X[:2]).shape, classifier.predict_set(X[:2], coverage=0.9).sum(axis=1).tolist()
    ((2, 3), [1, 1])
    """

    classes_: npt.NDArray[Any]

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable class of each row (n,)."""
        codes = self.predict_proba(X).argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[codes]
        return labels

    def predict_proba(self, X: Any) -> Floats:
        """Return the calibrated probability of each class (n, classes)."""
        inputs = self._inputs(X)
        return self.ensemble_.probabilities(inputs)

    def predict_log_proba(self, X: Any) -> Floats:
        """Return the logarithm of `predict_proba`."""
        return np.asarray(np.log(self.predict_proba(X)))

    def predict_set(self, X: Any, coverage: float = 0.9) -> Booleans:
        """Return whether each class is in the set of each row (n, classes), in the order of `classes_`.

        coverage : the fraction of rows whose class is in their set, for rows like those of `fit`.
        """
        inputs = self._inputs(X)
        return self.ensemble_.class_sets(inputs, coverage)

    def _fit_targets(self, y: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        labels = np.array(self.classes_.tolist())  # text of any type as text
        require_classes(labels[codes])
        return codes.reshape(-1).astype(np.int64), labels

    def _judged(self, outputs: Floats, problem: TableProblem) -> Judged:
        known = ~np.isnan(outputs[:, 0])
        return judged_classes(outputs[known], problem.y[known])

    def _calibrated(self, best: Bagged, problem: TableProblem) -> tuple[Ensemble, Floats]:
        outputs = best.out_of_fold
        known = ~np.isnan(outputs[:, 0])
        codes = problem.y[known]
        weights = None if problem.weights is None or not problem.weights[known].any() else problem.weights[known]
        # Each sample has predictions of one fold's networks, and the mean over the folds is less confident than these:
        # a temperature above 1 would make it less confident a second time.
        temperature = min(1.0, fitted_temperature(outputs[known], codes, weights))
        outputs[known] = tempered(outputs[known], temperature)
        return Ensemble(best.networks, class_scores(outputs[known], codes), temperature), outputs

    def _set_loaded(self, ensemble: Ensemble) -> None:
        assert ensemble.classes is not None
        self.classes_ = ensemble.classes
