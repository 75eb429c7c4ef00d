"""The estimators beside scikit-learn's: the same parameters and `random_state` give the same networks, to rounding."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn import neural_network as theirs
from sklearn.datasets import load_diabetes, load_digits, make_multilabel_classification

import deltarule as dr

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*batch_size"),
]

DIGITS, LABELS = load_digits(return_X_y=True)
DIGITS, LABELS = DIGITS[:400] / 16, LABELS[:400]
PATIENTS, NUMBERS = load_diabetes(return_X_y=True)
PATIENTS, NUMBERS = PATIENTS * 20, NUMBERS / 100
TWO = NUMBERS > 1.4
MANY, TAGS = make_multilabel_classification(150, 12, n_classes=4, random_state=0)
WEIGHTS = np.random.default_rng(0).random(442) + 0.2

SETTINGS = {
    "defaults": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.02},
    "plain": {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.1},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.05, "power_t": 0.2},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2, "max_iter": 60},
    "lbfgs": {"solver": "lbfgs", "max_iter": 15},
    "logistic": {"activation": "logistic", "hidden_layer_sizes": (20, 10)},
    "tanh": {"activation": "tanh", "hidden_layer_sizes": 15},
    "identity": {"activation": "identity", "hidden_layer_sizes": [8]},
    "large alpha": {"alpha": 3.0, "batch_size": 64},
    "in order": {"shuffle": False, "batch_size": 50},
    "stopping": {"early_stopping": True, "max_iter": 40, "n_iter_no_change": 3, "learning_rate_init": 0.02},
    "converging": {"tol": 0.02, "n_iter_no_change": 3, "max_iter": 60},
    "betas": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "learning_rate_init": 0.01},
    "no hidden layer": {"hidden_layer_sizes": ()},
}
TASKS = {
    "ten classes": (theirs.MLPClassifier, dr.MLPClassifier, DIGITS, LABELS),
    "two classes": (theirs.MLPClassifier, dr.MLPClassifier, PATIENTS, TWO),
    "labels": (theirs.MLPClassifier, dr.MLPClassifier, MANY, TAGS),
    "a number": (theirs.MLPRegressor, dr.MLPRegressor, PATIENTS, NUMBERS),
    "numbers": (theirs.MLPRegressor, dr.MLPRegressor, PATIENTS, np.c_[NUMBERS, NUMBERS**2]),
}


def both(task, settings, **data):
    """Their network and ours, trained alike."""
    their_kind, our_kind, X, y = TASKS[task]
    usual = {"max_iter": 12, "random_state": 3, "hidden_layer_sizes": (20,)} | settings
    return their_kind(**usual).fit(X, y, **data), our_kind(**usual).fit(X, y, **data), X


def assert_alike(one, other, X, rtol=1e-7):
    for name in ("coefs_", "intercepts_"):
        for theirs_, ours in zip(getattr(one, name), getattr(other, name), strict=True):
            assert_allclose(ours, theirs_, rtol=rtol, atol=rtol)
            assert ours.dtype == theirs_.dtype
    for name in ("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_", "t_"):
        assert getattr(one, name) == getattr(other, name)
    assert_allclose(other.predict(X), one.predict(X), rtol=10 * rtol, atol=10 * rtol)
    if hasattr(one, "predict_proba"):
        assert_allclose(other.predict_proba(X), one.predict_proba(X), rtol=10 * rtol, atol=10 * rtol)
        assert_allclose(other.predict_log_proba(X), one.predict_log_proba(X), rtol=1e-5, atol=1e-6)
        assert_array_equal(other.classes_, one.classes_)


def assert_same_course(one, other):
    """Their loss has each batch's penalty; ours goes straight between an epoch's ends."""
    assert_allclose(other.loss_curve_, one.loss_curve_, rtol=2e-3, atol=1e-6)
    assert_allclose(other.loss_, one.loss_, rtol=2e-3)
    for name in ("best_loss_", "best_validation_score_"):
        if getattr(one, name) is None:
            assert getattr(other, name) is None
        else:
            assert_allclose(getattr(other, name), getattr(one, name), rtol=2e-3)
    if one.validation_scores_ is None:
        assert other.validation_scores_ is None
    else:
        assert_allclose(other.validation_scores_, one.validation_scores_, rtol=1e-7)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("task", TASKS)
def test_the_same_network(task, settings):
    if settings == "lbfgs" and task == "numbers":
        pytest.skip("scikit-learn minimises with the gradient of another objective; see the page of the door")
    one, other, X = both(task, SETTINGS[settings])
    if settings == "lbfgs":
        # A line search takes rounding further than steps do.
        assert_alike(one, other, X, rtol=1e-5)
        assert_allclose(other.loss_, one.loss_, rtol=1e-9)
    else:
        assert_alike(one, other, X)
        assert_same_course(one, other)


@pytest.mark.parametrize("task", ["two classes", "a number"])
@pytest.mark.parametrize("settings", ["defaults", "stopping", "lbfgs"])
def test_with_sample_weights(task, settings):
    one, other, X = both(task, SETTINGS[settings] | {"alpha": 0.5}, sample_weight=WEIGHTS)
    assert_alike(one, other, X, rtol=1e-5)


def test_counts():
    counts = np.random.default_rng(0).poisson(NUMBERS)
    usual = {"loss": "poisson", "max_iter": 10, "random_state": 0, "hidden_layer_sizes": (6,)}
    for solver in ("adam", "lbfgs"):
        one = theirs.MLPRegressor(**usual, solver=solver).fit(PATIENTS, counts)
        other = dr.MLPRegressor(**usual, solver=solver).fit(PATIENTS, counts)
        assert_alike(one, other, PATIENTS, rtol=1e-6)
        assert_allclose(other.loss_, one.loss_, rtol=1e-6)


def test_half_the_precision():
    X = DIGITS.astype(np.float32)
    usual = {"max_iter": 10, "random_state": 0, "hidden_layer_sizes": (20,)}
    one, other = theirs.MLPClassifier(**usual).fit(X, LABELS), dr.MLPClassifier(**usual).fit(X, LABELS)
    assert_alike(one, other, X, rtol=1e-4)
    assert other.predict_proba(X).dtype == np.float32


def test_sparse_inputs():
    usual = {"max_iter": 5, "random_state": 0, "hidden_layer_sizes": (20,)}
    dense = dr.MLPClassifier(**usual).fit(DIGITS, LABELS)
    sparse = dr.MLPClassifier(**usual).fit(csr_matrix(DIGITS), LABELS)
    for one, other in zip(dense.coefs_, sparse.coefs_, strict=True):
        assert_array_equal(one, other)
    assert_array_equal(sparse.predict_proba(csr_matrix(DIGITS)), dense.predict_proba(DIGITS))
    assert_array_equal(sparse.predict(csr_matrix(DIGITS).tocsc()), dense.predict(DIGITS))


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_a_part_at_a_time(kind, solver):
    usual = {"solver": solver, "random_state": 5, "hidden_layer_sizes": (9,), "learning_rate_init": 0.01}
    one, other = getattr(theirs, kind)(**usual), getattr(dr, kind)(**usual)
    y = TWO if kind == "MLPClassifier" else NUMBERS
    for first in range(0, 400, 100):
        rows = slice(first, first + 100)
        classes = {"classes": [False, True]} if kind == "MLPClassifier" else {}
        for each in (one, other):
            each.partial_fit(PATIENTS[rows], y[rows], sample_weight=WEIGHTS[rows], **classes)
    assert_alike(one, other, PATIENTS)
    for each in (one, other):
        each.set_params(max_iter=4, warm_start=True).fit(PATIENTS, y)
    assert_alike(one, other, PATIENTS)
    assert len(other.loss_curve_) == 8


def test_fit_may_go_on_where_it_ended():
    usual = {"warm_start": True, "max_iter": 4, "random_state": 0, "hidden_layer_sizes": (9,)}
    for settings in ({}, {"solver": "sgd", "learning_rate": "invscaling"}, {"solver": "lbfgs"}):
        one, other = theirs.MLPRegressor(**usual, **settings), dr.MLPRegressor(**usual, **settings)
        for _ in range(3):
            one.fit(PATIENTS, NUMBERS)
            other.fit(PATIENTS, NUMBERS)
        assert_allclose(other.predict(PATIENTS), one.predict(PATIENTS), rtol=1e-6)


def test_warm_starts_keep_the_best_epoch():
    """scikit-learn means to, but trains its copy of the best weights along with the others."""
    network = dr.MLPRegressor(hidden_layer_sizes=(9,), max_iter=4, random_state=0, early_stopping=True, warm_start=True)
    network.fit(PATIENTS, NUMBERS)
    best, before = network.best_validation_score_, network.predict(PATIENTS)
    network.set_params(learning_rate_init=1e-9).fit(PATIENTS, NUMBERS)
    assert len(network.validation_scores_) == 8
    assert network.best_validation_score_ >= best == max(network.validation_scores_[:4])
    assert_allclose(network.predict(PATIENTS), before, atol=1e-6)


def test_the_reference_engine_is_the_same_network():
    usual = {"max_iter": 5, "random_state": 0, "hidden_layer_sizes": (9,)}
    compiled = dr.MLPRegressor(**usual).fit(PATIENTS, NUMBERS)
    reference = dr.MLPRegressor(**usual, engine="reference").fit(PATIENTS, NUMBERS)
    assert_allclose(reference.predict(PATIENTS), compiled.predict(PATIENTS), rtol=1e-9)
    assert_allclose(reference.loss_curve_, compiled.loss_curve_, rtol=1e-9)
