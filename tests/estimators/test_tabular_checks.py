"""scikit-learn's checks of the estimators for tables."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import deltarule as dr

pytestmark = pytest.mark.filterwarnings("ignore")  # the checks train for a few epochs, on odd data

WEIGHTS = "folds are of samples, without their weights, and a repeated sample may be in two of them"
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": WEIGHTS,
}
RECIPE = dr.Recipe(
    network=dr.Network(hidden=(16,)),
    optimizer=dr.Adam(0.02),
    epochs=40,
    preparation=dr.Preparation(numbers="robust"),
    stopping=dr.EarlyStopping(patience=None),
)


@parametrize_with_checks(
    [dr.TabularClassifier(RECIPE, folds=3), dr.TabularRegressor(RECIPE, folds=3)],
    expected_failed_checks=lambda _: EXPECTED,
)
def test_it_is_an_estimator(estimator, check):
    check(estimator)
