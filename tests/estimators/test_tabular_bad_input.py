"""Tables that are small, wide, constant, empty or odd: clear words, or a sensible result."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

import deltarule as dr
from deltarule.errors import DataError, DataWarning, Diverged, RecipeError

RECIPE = dr.preset("realmlp-s", "regression", 100).replace(network=dr.Network(hidden=(8,)), epochs=20, batch_size=32)
DRAWN = np.random.default_rng(0)
X = DRAWN.normal(size=(60, 3))
Y = X[:, 0] + 0.1 * DRAWN.normal(size=60)


def classifier(**parameters):
    return dr.TabularClassifier(RECIPE, **{"folds": 3} | parameters)


def regressor(**parameters):
    return dr.TabularRegressor(RECIPE, **{"folds": 3} | parameters)


def test_categories_that_are_unseen_are_predicted():
    frame = pd.DataFrame({"a": X[:, 0], "c": DRAWN.choice(["u", "v", "w"], 60), "d": DRAWN.choice(["yes!", "no!"], 60)})
    model = classifier().fit(frame, Y > 0)
    new = pd.DataFrame({"a": [0.5, -0.5, np.nan], "c": ["new", None, "u"], "d": ["maybe", "yes!", None]})
    probabilities = model.predict_proba(new)
    assert np.isfinite(probabilities).all()
    assert list(model.predict(new)[:2]) == [True, False]


def test_a_constant_column_and_a_column_all_missing_tell_nothing():
    frame = pd.DataFrame({"a": X[:, 0], "same": 3.0, "none": np.nan, "word": "w", "b": X[:, 1]})
    with pytest.warns(DataWarning, match=r"left out: none \(empty\)"):
        model = regressor().fit(frame, Y)
    assert model.score(frame, Y) > 0.8
    changed = frame.assign(same=1e6)
    np.testing.assert_array_equal(model.predict(changed), model.predict(frame))
    arrays = frame[["a", "same", "none", "b"]].to_numpy()
    assert regressor().fit(arrays, Y).score(arrays, Y) > 0.8
    with pytest.warns(DataWarning), pytest.raises(DataError, match="a column of numbers, categories, booleans or"):
        regressor().fit(frame[["none"]], Y)


@pytest.mark.parametrize("value", [1.5, np.nan])
def test_a_table_of_constants_predicts_the_mean(value):
    recipe = dr.preset("realmlp", "regression", 30).replace(epochs=5)
    model = dr.TabularRegressor(recipe, folds=2).fit(np.full((60, 2), value), Y)
    np.testing.assert_allclose(model.predict(np.full((2, 2), value)), Y.mean(), atol=0.5 * Y.std())


@pytest.mark.parametrize("unit", [1e-200, 1e-290, 1e100])
def test_targets_of_any_size_are_learnt(unit):
    plain, scaled = regressor().fit(X, Y), regressor().fit(X, Y * unit)
    np.testing.assert_allclose(scaled.predict(X) / unit, plain.predict(X), rtol=1e-4, atol=1e-4)
    assert scaled.leaderboard_[0].score == pytest.approx(plain.leaderboard_[0].score, abs=1e-4)
    assert scaled.leaderboard_[0].loss == pytest.approx(unit * plain.leaderboard_[0].loss, rel=1e-4)


def test_a_constant_target_is_predicted():
    model = regressor().fit(X, np.full(60, 7.5))
    np.testing.assert_allclose(model.predict(X), 7.5, atol=0.5)
    with pytest.raises(DataError, match="at least two classes for y, got only 'a'"):
        classifier().fit(X, ["a"] * 60)


def test_ten_thousand_columns():
    wide = DRAWN.normal(size=(40, 10_000))
    model = regressor(folds=2).fit(wide, wide[:, 0])
    assert np.isfinite(model.predict(wide)).all()


def test_five_rows_and_two():
    for n in (5, 2):
        model = regressor(folds=5).fit(X[:n], Y[:n])
        assert len(model.ensemble_.networks) == n
        assert np.isfinite(model.predict(X)).all()
        labels = np.array(["a", "b", "a", "b", "a"])[:n]
        model = classifier(folds=5).fit(X[:n], labels)
        assert model.predict_proba(X).shape == (60, 2)
        assert model.predict_set(X, 0.9).all()  # too few to leave out any class
    with pytest.raises(DataError, match="at least 2 samples for X, got 1 sample"):
        regressor().fit(X[:1], Y[:1])


def test_classes_with_a_single_sample_are_known_to_each_network():
    labels = np.array(["a"] * 29 + ["b"] * 30 + ["rare"])
    model = classifier().fit(X, labels)
    assert list(model.classes_) == ["a", "b", "rare"]
    assert all(list(network.classes) == ["a", "b", "rare"] for network in model.ensemble_.networks)
    assert np.isnan(model.oof_predictions_[-1]).all()
    assert np.isfinite(model.oof_predictions_[:-1]).all()
    alone = classifier(folds=5).fit(X[:5], list("abcde"))  # nothing can be held out
    assert alone.predict_proba(X[:5]).shape == (5, 5)
    assert alone.ensemble_.temperature == 1.0


def test_a_fold_of_one_class_is_no_obstacle():
    labels = np.arange(60) >= 57
    model = classifier().fit(X, labels)
    assert model.predict_proba(X).shape == (60, 2)


def test_ten_thousand_categories():
    codes = np.array([f"id{number}" for number in range(10_000)])
    frame = pd.DataFrame({"who": pd.Categorical(np.repeat(codes, 2)), "a": DRAWN.normal(size=20_000)})
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        model = regressor(folds=2).fit(frame, frame["a"])
    assert model.score(frame, frame["a"]) > 0.5
    (note,) = noted
    assert str(note.message) == "Columns without usable information are left out: who (text)."
    few = pd.DataFrame({"who": np.repeat(codes[:900], 3), "a": DRAWN.normal(size=2_700)})
    model = regressor(folds=2).fit(few, few["a"])
    assert len(model.ensemble_.encoding.inputs) == 101  # the rarest share one


def test_many_classes():
    labels = np.arange(600) % 300
    model = classifier(folds=2).fit(DRAWN.normal(size=(600, 3)), labels)
    assert model.predict_proba(X[:4]).shape == (4, 300)


def test_columns_that_are_absent_or_of_another_kind_are_named():
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    model = regressor().fit(frame, Y)
    with pytest.raises(ValueError, match="b"):
        model.predict(frame[["a"]])
    with pytest.raises(ValueError, match="numbers for b, got 'much' in row 2"):
        model.predict(frame[:2].assign(b=["1", "much"]))
    with pytest.raises(ValueError, match=r"finite numbers, or missing values for a, got infinity in row 1"):
        model.predict(frame[:1].assign(a=np.inf))


def test_targets_that_are_missing_are_refused():
    for bad in (np.where(np.arange(60) == 3, np.nan, Y), [None] * 60):
        with pytest.raises((ValueError, TypeError), match=r"NaN|None|float\(\) argument|at least two"):
            regressor().fit(X, bad)
    with pytest.raises(ValueError, match="NaN"):
        classifier().fit(X, np.where(np.arange(60) == 3, np.nan, np.arange(60) % 2))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        regressor().fit(X, Y[:50])


def test_networks_that_all_diverge_are_an_error():
    recipe = RECIPE.replace(optimizer=dr.SGD(1e30), network=dr.Network(hidden=(8,)), groups={})
    with pytest.raises(Diverged, match="none of 2 networks"):
        dr.TabularRegressor(recipe, folds=2).fit(X * 1e3, Y)


@pytest.mark.parametrize(
    ("wrong", "suggestion"),
    [
        ({"verbose": "loud"}, 'verbose="bar"'),
        ({"n_threads": 0}, "n_threads=None"),
        ({"time_limit": 0}, "time_limit=60"),
    ],
)
def test_wrong_parameters_are_named(wrong, suggestion):
    (name,) = wrong
    with pytest.raises(RecipeError, match=f"for {name}, got .* Try: .*{suggestion}"):
        regressor(**wrong).fit(X, Y)


@pytest.mark.parametrize("limit", [float("inf"), 1e308])
def test_a_time_limit_may_be_beyond_all_epochs(limit):
    model = regressor(folds=2, time_limit=limit).fit(X, Y)
    assert np.array_equal(model.predict(X), regressor(folds=2).fit(X, Y).predict(X))


def test_a_time_limit_may_be_a_number_of_numpy():
    assert regressor(folds=2, time_limit=np.float32(30)).fit(X, Y).score(X, Y) > 0.5


@pytest.mark.parametrize(
    ("x", "suggestion"),
    [
        (pd.DataFrame(X).to_dict("records"), "pandas.DataFrame"),
        ({"a": X[:, 0]}, "pandas.DataFrame"),
        (csr_matrix(X), "X.toarray"),
    ],
    ids=["rows", "columns", "sparse"],
)
def test_inputs_of_other_types_are_refused_with_what_to_try(x, suggestion):
    with pytest.raises(DataError, match=f"for X, got .* Try: {suggestion}") as error:
        regressor().fit(x, Y)
    assert len(str(error.value)) < 200


def test_columns_of_one_name_are_refused():
    with pytest.raises(DataError, match="columns of different names, got '0' as column 1 and 2"):
        regressor().fit(pd.DataFrame(X)[[0, 0]], Y)


def test_dates_are_no_targets():
    days = pd.Series(pd.date_range("2020-01-01", periods=60))
    with pytest.raises(DataError, match="numbers for y, got dates or durations"):
        regressor().fit(X, days)
    assert regressor().fit(X, (days - days.min()) / np.timedelta64(1, "D")).predict(X).shape == (60,)


@pytest.mark.parametrize("size", [1e160, 1e300])
def test_targets_that_are_too_large_are_refused(size):
    with pytest.raises(DataError, match="numbers of which the squares are finite"):
        regressor().fit(X, Y * size)
    with pytest.raises(DataError, match="numbers of which the squares are finite"):
        dr.train(dr.Recipe(epochs=1), X, Y * size)


def test_the_leaderboard_is_printed_as_lines():
    board = classifier().fit(X, X[:, 0] > 0).leaderboard_
    assert str(board).startswith("* recipe  ")
    assert str(board).count("\n") == len(board) - 1
    assert all(0 <= each.low <= each.score <= each.high <= 1 for each in board)


def test_a_word_in_a_column_of_numbers_is_refused_in_prediction_with_what_to_try():
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    with pytest.raises(DataError, match=r"numbers for a, got 'x' in row 1\. Try: a missing value"):
        regressor().fit(frame, Y).predict(frame.assign(a="x"))
