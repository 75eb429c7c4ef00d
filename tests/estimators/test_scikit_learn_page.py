"""Every row of "Coming from scikit-learn" is run, or checked by a test that is named here."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn import neural_network as theirs
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning

import deltarule as dr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

PAGE = (Path(__file__).parents[2] / "docs" / "scikit-learn.md").read_text(encoding="utf-8")
BEYOND, _, REST = PAGE.partition("## Beyond the original")[2].partition("## What is different")
DIFFERENT = REST.partition("## How fast")[0]


def rows(text):
    """The first cells of a table's rows, its head left out."""
    return [row.split(" | ")[0].removeprefix("| ") for row in re.findall(r"^\| .*$", text, re.MULTILINE)][2:]


@pytest.mark.parametrize("row", rows(BEYOND))
def test_what_it_tells_to_write_trains(row, capsys):
    load = load_diabetes if "Regressor" in row else load_digits if "image_shape" in row else load_iris
    X, y = load(return_X_y=True)
    names = {"X": X, "y": y, "dr": dr, "MLPClassifier": dr.MLPClassifier, "MLPRegressor": dr.MLPRegressor}
    made = eval(row.strip("`"), names)
    if isinstance(made, (dr.Epoch, dr.Model)):
        return
    network = made.set_params(max_iter=60) if not hasattr(made, "coefs_") else made
    assert np.isfinite(network.fit(X, y).score(X, y))
    assert len(network.loss_curve_) <= 200


def coefs_cannot_be_written_to():
    network = dr.MLPClassifier(max_iter=1).fit(*load_iris(return_X_y=True))
    with pytest.raises(ValueError, match="read-only"):
        network.coefs_[0][:] = 0.0
    network.coefs_[0] = np.zeros_like(network.coefs_[0])
    assert len(np.unique(network.predict_proba(load_iris().data)[:, 0])) == 1


def the_curve_differs_in_the_fourth_digit():
    X, y = load_iris(return_X_y=True)
    parameters = {"alpha": 1.0, "batch_size": 10, "max_iter": 20, "random_state": 0}
    one = theirs.MLPClassifier(**parameters).fit(X, y).loss_curve_
    other = dr.MLPClassifier(**parameters).fit(X, y).loss_curve_
    assert 1e-9 < np.max(np.abs(np.divide(other, one) - 1)) < 1e-3


def weighted_curves_are_means_of_the_epoch():
    X, y = load_iris(return_X_y=True)
    weights = np.linspace(0.0, 2.0, 150)
    parameters = {"alpha": 0.0, "batch_size": 10, "max_iter": 1, "random_state": 0, "learning_rate_init": 1e-12}
    network = dr.MLPClassifier(**parameters).fit(X, y, sample_weight=weights)
    loss = -np.log(network.predict_proba(X)[np.arange(150), y])
    assert network.loss_ == pytest.approx(np.average(loss, weights=weights), rel=1e-6)
    other = theirs.MLPClassifier(**parameters).fit(X, y, sample_weight=weights)
    assert other.loss_ != pytest.approx(network.loss_, rel=1e-6)


def a_confident_error_costs_what_it_costs():
    X, y = np.array([[1.0], [-1.0]] * 5), np.array([0, 1] * 5)
    parameters = {"hidden_layer_sizes": (), "alpha": 0.0, "solver": "sgd", "learning_rate_init": 1e-12}
    costs = []
    for kind in (theirs.MLPClassifier, dr.MLPClassifier):
        network = kind(**parameters).partial_fit(X, y, classes=[0, 1])
        network.coefs_, network.intercepts_ = [np.array([[100.0]])], [np.array([0.0])]
        costs.append(network.partial_fit(X, y).loss_)
    assert costs == [pytest.approx(36.04, abs=0.01), pytest.approx(100.0, rel=1e-6)]


def divergence_ends_training():
    X, y = load_diabetes(return_X_y=True)
    parameters = {"solver": "sgd", "learning_rate_init": 1e3, "max_iter": 50, "activation": "identity"}
    for kind in (theirs.MLPRegressor, dr.MLPRegressor):
        network = kind(**parameters, random_state=0)
        with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
            network.fit(X, y)
        assert (network.n_iter_ == 50) == (kind is theirs.MLPRegressor)


def several_numbers_by_lbfgs_reach_a_minimum():
    X, y = load_diabetes(return_X_y=True)
    Y = np.c_[y, y**2 / 100] / 100
    parameters = {"solver": "lbfgs", "max_iter": 300, "random_state": 0, "hidden_layer_sizes": (5,), "alpha": 0.1}
    ends = [kind(**parameters).fit(X, Y) for kind in (theirs.MLPRegressor, dr.MLPRegressor)]
    errors = [np.mean((network.predict(X) - Y) ** 2) for network in ends]
    assert errors[1] < errors[0]


def momentum_is_below_one():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="below 1 for momentum"):
        dr.MLPClassifier(momentum=1).fit(X, y)
    with pytest.warns(ConvergenceWarning):
        theirs.MLPClassifier(momentum=1.0, solver="sgd", max_iter=2).fit(X, y)


def parameters_are_refused_by_value_errors():
    for kind in (theirs.MLPClassifier, dr.MLPClassifier):
        with pytest.raises(ValueError, match="alpha"):
            kind(alpha=-1).fit(*load_iris(return_X_y=True))


# The others have tests of their own, by these names, in test_equal.py.
CHECKED = {
    "`coefs_[0][:] = w`": coefs_cannot_be_written_to,
    "`loss_curve_`, its penalty": the_curve_differs_in_the_fourth_digit,
    "`loss_curve_` with sample weights": weighted_curves_are_means_of_the_epoch,
    "the loss of a confident error": a_confident_error_costs_what_it_costs,
    "training that diverges": divergence_ends_training,
    "early stopping with `warm_start`": "test_warm_starts_keep_the_best_epoch",
    "L-BFGS with several targets": several_numbers_by_lbfgs_reach_a_minimum,
    "`momentum=1`": momentum_is_below_one,
    "invalid parameters": parameters_are_refused_by_value_errors,
    "sparse inputs": "test_sparse_inputs",
}


def test_every_difference_is_checked():
    assert rows(DIFFERENT) == list(CHECKED)
    tests = (Path(__file__).parent / "test_equal.py").read_text(encoding="utf-8")
    for check in CHECKED.values():
        assert callable(check) or f"def {check}(" in tests


@pytest.mark.parametrize("row", [row for row, check in CHECKED.items() if callable(check)])
def test_differences(row):
    CHECKED[row]()
