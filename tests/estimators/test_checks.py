"""scikit-learn's checks of estimators, for several configurations of both."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import deltarule as dr

pytestmark = pytest.mark.filterwarnings("ignore")  # the checks train for a few epochs, on odd data

DROPOUT = "a repeated sample has two masks of dropout, a sample of twice the weight has one"
PREPARED = "columns are preprocessed by statistics of the samples, without their weights"
EXPECTED_OF_DROPOUT = {
    "check_sample_weight_equivalence_on_dense_data": DROPOUT,
    "check_sample_weight_equivalence_on_sparse_data": DROPOUT,
}
EXPECTED_OF_PREPARED = {
    "check_sample_weight_equivalence_on_dense_data": PREPARED,
}

ESTIMATORS = [
    dr.MLPClassifier(max_iter=50),
    dr.MLPRegressor(max_iter=50),
    dr.MLPClassifier(max_iter=50, dropout=0.2),
    dr.MLPRegressor(max_iter=50, dropout=0.2),
    dr.MLPClassifier(max_iter=20, n_ensemble=2),
    dr.MLPRegressor(max_iter=100, n_ensemble=2),
    dr.MLPClassifier((10,), max_iter=30, solver="lbfgs"),
    dr.MLPRegressor(hidden_layer_sizes=(10,), max_iter=30, solver="lbfgs"),
    dr.MLPClassifier((10, 5), activation=("tanh", "gelu"), max_iter=50, solver="rmsprop", l1=1e-3),
    dr.MLPRegressor(loss="huber", hidden_layer_sizes=(10,), max_iter=50, solver=dr.NAdam(0.01), initializer="he"),
    dr.MLPClassifier(max_iter=50, learning_rate_init=0.01, prepare="auto"),
    dr.MLPRegressor(max_iter=50, learning_rate_init=0.01, prepare="auto"),
]


def expected(estimator):
    if estimator.prepare is not None:
        return EXPECTED_OF_PREPARED
    return EXPECTED_OF_DROPOUT if estimator.dropout else {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected)
def test_it_is_an_estimator(estimator, check):
    check(estimator)
