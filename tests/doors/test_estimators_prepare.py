"""`prepare`: words, dates and missing values of a data frame as the estimators' inputs."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score

import deltarule as dr
from deltarule.data import table_of
from deltarule.errors import DataWarning
from deltarule.training.columns import fit_encoding

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 240
DRAWN = np.random.default_rng(0)
AGE = np.where(DRAWN.random(N) < 0.1, np.nan, DRAWN.uniform(18, 80, N))
CITY = DRAWN.choice(np.array(["Oslo", "Lima", "Pune", None], dtype=object), N)
FRAME = pd.DataFrame(
    {"age": AGE, "city": CITY, "member": DRAWN.random(N) < 0.5, "joined": pd.date_range("2020-01-01", periods=N)}
)
NUMBERS = (np.nan_to_num(AGE, nan=40.0) + 25 * (CITY == "Oslo")) / 20
LABELS = np.where(NUMBERS > 2.75, "high", "low")


def classifier(**parameters):
    usual = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 80, "random_state": 0}
    return dr.MLPClassifier(**usual | {"prepare": "auto"} | parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"n_ensemble": 2},
        {"solver": "lbfgs"},
        {"early_stopping": True},
        {"early_stopping": True, "scoring": "f1_macro"},
        {"prepare": dr.Preparation(numbers="quantiles")},
        {"prepare": {"categories": "ordinal"}},
    ],
    ids=str,
)
def test_frames_are_learnt_from_and_predicted(parameters, tmp_path):
    network = classifier(**parameters).fit(FRAME, LABELS, X_val=FRAME[:40], y_val=LABELS[:40])
    assert network.score(FRAME, LABELS) > 0.85
    assert network.n_features_in_ == 4
    assert list(network.feature_names_in_) == list(FRAME.columns)
    again = pickle.loads(pickle.dumps(network))
    assert_array_equal(again.predict_proba(FRAME), network.predict_proba(FRAME))
    model = dr.load_model(network.to_model().save(tmp_path / "people.safetensors"))
    if not network.n_ensemble > 1:
        assert_array_equal(model.predict(FRAME[["city", "age", "joined", "member"]]), network.predict(FRAME))
    assert not hasattr(clone(network), "coefs_")


def test_the_encoding_is_that_of_the_tables_and_learnt_in_fit_alone():
    few, others = FRAME[FRAME["city"] != "Pune"], FRAME[FRAME["city"] == "Pune"]
    network = classifier().fit(few, LABELS[few.index])
    learnt = fit_encoding(dr.Preparation(), table_of(few))
    by_hand = classifier(prepare=None).fit(learnt(few), LABELS[few.index])
    assert_array_equal(network.coefs_[0], by_hand.coefs_[0])
    assert_array_equal(network.predict_proba(others), by_hand.predict_proba(learnt(others)))
    network.fit(FRAME, LABELS)
    assert len(network.coefs_[0]) == len(by_hand.coefs_[0]) + 1


def test_batches_and_warm_starts_keep_the_first_encoding():
    stepped = classifier()
    for start in range(0, N, 60):
        stepped.partial_fit(FRAME[start : start + 60], LABELS[start : start + 60], classes=["high", "low"])
    learnt = fit_encoding(dr.Preparation(), table_of(FRAME[:60]))
    by_hand = classifier(prepare=None)
    for start in range(0, N, 60):
        part = slice(start, start + 60)
        by_hand.partial_fit(learnt(FRAME[part]), LABELS[part], classes=["high", "low"])
    assert_array_equal(stepped.coefs_[0], by_hand.coefs_[0])
    warm = classifier(warm_start=True).fit(FRAME, LABELS)
    assert warm.fit(FRAME[:100], LABELS[:100]).predict(FRAME).shape == (N,)


def test_other_frames_and_arrays():
    expected = classifier().fit(FRAME, LABELS).predict(FRAME)
    polars = pl.DataFrame({"age": AGE, "city": CITY.tolist(), "member": FRAME["member"].tolist()}, strict=False)
    polars = polars.with_columns(pl.Series("joined", [each.to_pydatetime() for each in FRAME["joined"]]))
    assert_array_equal(classifier().fit(polars, LABELS).predict(polars), expected)
    objects = FRAME.to_numpy()
    by_place = classifier().fit(objects, LABELS)
    assert not hasattr(by_place, "feature_names_in_")
    assert_array_equal(by_place.predict(objects), expected)
    with pytest.warns(UserWarning, match="fitted without feature names"):
        assert_array_equal(by_place.predict(FRAME), expected)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert_array_equal(classifier().fit(FRAME, LABELS).predict(objects), expected)
    holes = np.c_[AGE, NUMBERS]
    assert classifier().fit(holes, LABELS).predict(holes).shape == (N,)


def test_a_good_citizen_among_searches():
    parameters = {"prepare": ["auto", dr.Preparation(numbers="quantiles")]}
    search = GridSearchCV(classifier(max_iter=20), parameters, cv=2, error_score="raise").fit(FRAME, LABELS)
    assert search.best_estimator_.n_features_in_ == 4
    regressor = dr.MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", prepare="auto", random_state=0)
    assert cross_val_score(regressor, FRAME, NUMBERS, cv=3).min() > 0.8
    importance = permutation_importance(regressor.fit(FRAME, NUMBERS), FRAME, NUMBERS, n_repeats=2, random_state=0)
    assert set(np.argsort(importance.importances_mean)[2:]) == {0, 1}
    assert_allclose(regressor.predict(FRAME[:1]), regressor.predict(FRAME)[:1], rtol=1e-6)


def test_callbacks_hear_of_the_raw_columns():
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
    scores = []

    class Scores:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
            scores.append(fitted_estimator.score(X, y))

    for parameters in ({}, {"solver": "lbfgs"}):
        network = classifier(max_iter=3, **parameters).set_callbacks(Scores()).fit(FRAME, LABELS)
        assert scores[-1] == network.score(FRAME, LABELS)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_cannot_be_learnt_from_is_told():
    names = FRAME.assign(name=[f"person {place}" for place in range(N)])
    with pytest.warns(DataWarning, match=r"left out: name \(text\)"):
        network = classifier(max_iter=2).fit(names, LABELS)
    assert network.n_features_in_ == 5
    for other, message in (
        (FRAME, "seen at fit time, yet now missing:\n- name"),
        (names.rename(columns={"age": "Age"}), "unseen at fit time:\n- Age"),
        (names.assign(age="old"), "Expected numbers for age, got 'old' in row 1"),
        (names.to_numpy()[:, :2], "X has 2 features, but MLPClassifier is expecting 5"),
    ):
        with pytest.raises(ValueError, match=message):
            network.predict(other)
    for X, y, message in (
        (FRAME, LABELS[:5], "inconsistent numbers of samples"),
        (FRAME, None, "requires y to be passed"),
        ([1.0, 2.0], [0, 1], "Expected 2D array, got 1D array"),
        (FRAME, np.where(NUMBERS > 3, np.nan, 1.0), "NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            classifier().fit(X, y)
    with pytest.raises(ValueError, match='None, "auto" or a Preparation for prepare'):
        classifier(prepare="yes").fit(FRAME, LABELS)


@pytest.mark.parametrize(
    ("X", "kind", "message"),
    [
        (FRAME[["city"]], ValueError, "could not convert string to float"),
        (FRAME.to_numpy(), ValueError, "could not convert string to float"),
        (FRAME[["age"]], ValueError, "Input X contains NaN"),
    ],
)
def test_without_it_scikit_learns_errors_name_it(X, kind, message):
    with pytest.raises(kind, match=rf'(?s){message}.*\nColumns of text.* need prepare="auto"'):
        dr.MLPClassifier().fit(X, LABELS)


def test_words_as_numbers_to_predict_do_not_name_it():
    with pytest.raises(ValueError, match="could not convert") as caught:
        dr.MLPRegressor().fit(np.eye(2), ["a", "b"])
    assert "prepare" not in str(caught.value)
