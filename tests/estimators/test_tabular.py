"""The estimators for tables: raw data frames, out-of-fold predictions, calibration, intervals, files, time limits."""

from __future__ import annotations

import dataclasses
import json
import pickle
import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import cross_val_score

import deltarule as dr
from deltarule.data.frames import table_of
from deltarule.errors import DataError, DataWarning, ModelFileError, RecipeError
from deltarule.estimators.bagging import Candidate, TableProblem
from deltarule.estimators.fold_plan import planned_folds
from deltarule.estimators.tabular import epochs_for
from deltarule.models.calibration import calibration_error, fitted_temperature, tempered
from deltarule.models.conformal import conformal_quantile
from deltarule.models.ensemble import Ensemble
from deltarule.recipes.presets import RACE

RECIPE = dr.preset("realmlp-s", "regression", 500).replace(network=dr.Network(hidden=(24,)), epochs=40, batch_size=64)
CLASSES = RECIPE.replace(task="classification", stopping=dr.EarlyStopping())
N = 300
DRAWN = np.random.default_rng(0)
AGE = np.where(DRAWN.random(N) < 0.1, np.nan, DRAWN.uniform(18, 80, N))
CITY = DRAWN.choice(np.array(["Oslo", "Lima", "Pune", None], dtype=object), N)
FRAME = pd.DataFrame(
    {"age": AGE, "city": CITY, "member": DRAWN.random(N) < 0.5, "joined": pd.date_range("2020-01-01", periods=N)}
)
NUMBERS = (np.nan_to_num(AGE, nan=40.0) + 25 * (CITY == "Oslo")) / 20 + 0.1 * DRAWN.normal(size=N)
LABELS = np.where(NUMBERS > 2.75, "high", "low")


def classifier(**parameters):
    return dr.TabularClassifier(**{"preset": CLASSES} | parameters)


def regressor(**parameters):
    return dr.TabularRegressor(**{"preset": RECIPE} | parameters)


@pytest.fixture(scope="module")
def people():
    return classifier().fit(FRAME, LABELS)


@pytest.fixture(scope="module")
def pay():
    return regressor().fit(FRAME, NUMBERS)


def test_frames_are_learnt_from_with_nothing_said(people, pay):
    assert people.score(FRAME, LABELS) > 0.85
    assert pay.score(FRAME, NUMBERS) > 0.9
    assert list(people.classes_) == ["high", "low"]
    assert list(pay.feature_names_in_) == list(FRAME.columns)
    assert_allclose(people.predict_proba(FRAME).sum(axis=1), 1.0)
    assert_array_equal(people.predict_proba(pl.from_pandas(FRAME)), people.predict_proba(FRAME))
    assert not hasattr(clone(people), "ensemble_")


def test_out_of_fold_predictions_are_of_networks_that_have_not_seen_the_sample(pay):
    """Targets that are noise cannot be predicted out of fold, whatever the networks learnt by heart."""
    noise = np.random.default_rng(1).normal(size=120)
    x = np.random.default_rng(2).normal(size=(120, 12))
    learnt = regressor(preset=RECIPE.replace(stopping=None, epochs=150)).fit(x, noise)
    assert np.corrcoef(learnt.predict(x), noise)[0, 1] > 0.8
    assert abs(np.corrcoef(learnt.oof_predictions_, noise)[0, 1]) < 0.25
    assert pay.oof_predictions_.shape == (N,)
    assert np.isfinite(pay.oof_predictions_).all()
    (line,) = pay.leaderboard_
    mine = 1 - np.mean((NUMBERS - pay.oof_predictions_) ** 2) / NUMBERS.var()
    assert_allclose(line.score, mine)
    assert line.low < line.score < line.high
    assert_allclose(line.loss, np.sqrt(np.mean((NUMBERS - pay.oof_predictions_) ** 2)))


def test_the_mean_of_the_folds_networks_predicts(pay, people):
    inputs = pay.ensemble_.encoding(FRAME)
    each = [network.predict(FRAME, strict=None) for network in pay.ensemble_.networks]
    assert len(each) == 5
    assert_allclose(pay.predict(FRAME), np.mean(each, axis=0), rtol=1e-6)
    assert_array_equal(pay.ensemble_.numbers(inputs)[:, 0], pay.predict(FRAME))
    each = [network.predict_proba(FRAME, strict=None) for network in people.ensemble_.networks]
    mean = np.mean(each, axis=0)
    assert_allclose(people.predict_proba(FRAME), tempered(mean, people.ensemble_.temperature), atol=1e-6)


def test_one_row_is_predicted_as_among_many(pay, people):
    for one in (pay.predict, people.predict_proba):
        many = one(FRAME)
        assert_allclose([one(FRAME[row : row + 1])[0] for row in range(5)], many[:5], rtol=1e-5)
    x, y = load_diabetes(return_X_y=True)
    model = regressor(folds=2).fit(x, y)
    assert_allclose(model.predict(x[:1]), model.predict(x)[:1], rtol=1e-5)
    assert_array_equal(model.predict(x.tolist()), model.predict(x))
    assert_array_equal(model.predict(x.astype(object)), model.predict(x))


def test_rows_divided_among_threads_are_predicted_as_by_one(pay, people, monkeypatch):
    several = FRAME.iloc[np.arange(700) % N]
    for fitted in (pay, people):
        predict = getattr(fitted, "predict_proba", fitted.predict)
        together = predict(several)
        monkeypatch.setenv("DELTARULE_NUM_THREADS", "1")
        assert_array_equal(predict(several), together)
        monkeypatch.delenv("DELTARULE_NUM_THREADS")


def test_the_temperature_undoes_what_was_done_to_the_logits():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 4)) * 2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = (p.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    for true in (0.5, 1.0, 3.0):
        given = tempered(p, 1 / true)  # as if the logits had been multiplied
        assert_allclose(fitted_temperature(given, codes), true, rtol=0.04)
        assert calibration_error(tempered(given, true), codes) < 0.015
    assert calibration_error(tempered(p, 1 / 3), codes) > 0.05
    assert_allclose(fitted_temperature(p[:3], p[:3].argmax(axis=1)), 0.1)  # all right: the lowest that is allowed
    twice = fitted_temperature(np.repeat(p[:500], 2, axis=0), np.repeat(codes[:500], 2))
    assert_allclose(fitted_temperature(p[:500], codes[:500], np.full(500, 2.0)), twice, rtol=1e-4)


def test_label_smoothing_is_undone_and_nothing_is_smoothed_twice():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1_600, 4))
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    smoothed = CLASSES.replace(loss=dr.SoftmaxCrossEntropy(label_smoothing=0.2), stopping=None)
    model = classifier(preset=smoothed).fit(x[:600], y[:600])
    assert model.ensemble_.temperature < 0.8
    raw = dataclasses.replace(model.ensemble_, temperature=1.0).probabilities(model._inputs(x[600:]))
    assert calibration_error(model.predict_proba(x[600:]), y[600:]) < calibration_error(raw, y[600:]) / 2
    noise = classifier(preset=CLASSES.replace(stopping=None, epochs=80)).fit(x[:300], rng.integers(0, 2, 300))
    assert noise.ensemble_.temperature == 1.0  # each network is far too sure


def test_the_conformal_quantile_is_the_one_of_the_paper():
    scores = np.random.default_rng(0).permutation(99.0 + np.zeros(99) + np.arange(99))[:, None]
    assert conformal_quantile(scores, 0.9)[0] == np.sort(scores[:, 0])[89]  # ⌈0.9 · 100⌉ = 90th smallest
    assert conformal_quantile(scores, 0.99)[0] == np.sort(scores[:, 0])[98]
    assert conformal_quantile(scores, 0.995)[0] == np.inf


def test_intervals_cover_as_often_as_they_say():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2_600, 3))
    y = x[:, 0] + np.sin(x[:, 1]) + 0.5 * rng.standard_t(4, 2_600)
    model = regressor().fit(x[:600], y[:600])
    for coverage in (0.5, 0.9):
        low, high = model.predict_interval(x[600:], coverage).T
        assert abs(np.mean((low <= y[600:]) & (y[600:] <= high)) - coverage) < 0.05
    assert_allclose(model.predict_interval(x, 0.9).mean(axis=1), model.predict(x), atol=1e-9)
    both = regressor(folds=2).fit(x[:200], np.column_stack([y, -y])[:200])
    assert both.predict_interval(x[:7]).shape == (7, 2, 2)
    assert both.predict(x[:7]).shape == both.oof_predictions_[:7].shape == (7, 2)


def test_sets_of_classes_cover_as_often_as_they_say():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2_600, 2))
    y = np.digitize(x[:, 0] + 0.7 * rng.normal(size=2_600), [-0.7, 0.7])
    model = classifier().fit(x[:600], y[:600])
    sets = model.predict_set(x[600:], 0.9)
    assert abs(sets[np.arange(2_000), y[600:]].mean() - 0.9) < 0.04
    assert sets.any(axis=1).all()
    assert sets.sum() < model.predict_set(x[600:], 0.99).sum()


@pytest.mark.parametrize("coverage", [0, 1, 90, "0.9", None])
def test_a_coverage_is_a_fraction(coverage, pay):
    with pytest.raises(DataError, match="a number between 0 and 1 for coverage"):
        pay.predict_interval(FRAME[:2], coverage)


def test_one_file_holds_it_all(people, pay, tmp_path):
    path = people.save(tmp_path / "people.safetensors")
    again = dr.TabularClassifier.load(path)
    assert_array_equal(again.predict_proba(FRAME), people.predict_proba(FRAME))
    assert_array_equal(again.predict_set(FRAME), people.predict_set(FRAME))
    assert list(again.classes_) == list(people.classes_)
    assert list(again.feature_names_in_) == list(FRAME.columns)
    numbers = dr.TabularRegressor.load(pay.save(tmp_path / "pay.safetensors"))
    assert_array_equal(numbers.predict_interval(FRAME), pay.predict_interval(FRAME))
    x, y = load_diabetes(return_X_y=True)
    model = regressor(folds=2).fit(x, np.column_stack([y, -y]))
    arrays = dr.TabularRegressor.load(model.save(tmp_path / "arrays.safetensors"))
    assert_array_equal(arrays.predict(x), model.predict(x))
    assert not hasattr(arrays, "feature_names_in_")
    pickled = pickle.loads(pickle.dumps(people))
    assert_array_equal(pickled.predict_proba(FRAME), people.predict_proba(FRAME))


def test_other_files_are_refused(people, pay, tmp_path):
    path = pay.save(tmp_path / "pay.safetensors")
    with pytest.raises(ModelFileError, match=r"a single network, got .*TabularRegressor.load"):
        dr.load_model(path)
    with pytest.raises(ModelFileError, match=r"TabularRegressor.load\(path\)"):
        dr.TabularClassifier.load(path)
    single = people.ensemble_.networks[0].save(tmp_path / "one.safetensors")
    with pytest.raises(ModelFileError, match="deltarule-ensemble-1"):
        dr.TabularClassifier.load(single)
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    with pytest.raises(ModelFileError, match="cut short"):
        Ensemble.load(path)
    for before, after in ((b'"temperature\\": 1.0', b'"temperature\\": -10'), (b'\\"named\\"', b'\\"nemad\\"')):
        assert before in content
        path.write_bytes(content.replace(before, after))
        with pytest.raises(ModelFileError):
            Ensemble.load(path)
    with pytest.raises(ModelFileError):
        dr.TabularRegressor.load(tmp_path / "none.safetensors")


def test_of_several_presets_the_best_predicts():
    poor = RECIPE.replace(epochs=1, stopping=None)
    model = regressor(preset=[poor, RECIPE], folds=2, networks=2).fit(FRAME, NUMBERS)
    names = [line.name for line in model.leaderboard_]
    assert names == [each for name in ("recipe",) * 2 for each in (
        name, f"{name}, network 1 of each fold", f"{name}, network 2 of each fold")]  # fmt: skip
    assert [line.used for line in model.leaderboard_] == [False] * 3 + [True] * 3
    assert len(model.ensemble_.networks) == 4
    assert model.ensemble_.networks[0].recipe.epochs == RECIPE.epochs
    assert model.leaderboard_[3].score > model.leaderboard_[0].score


def test_a_preset_whose_networks_all_diverge_is_left_out():
    diverging = RECIPE.replace(optimizer=dr.SGD(1e30))
    for presets, place in (([diverging, RECIPE], 1), ([RECIPE, diverging], 2)):
        with pytest.warns(UserWarning, match=rf"All networks of recipe \(preset {place}\) diverged") as caught:
            model = regressor(preset=presets, folds=2).fit(FRAME, NUMBERS)
        assert {each.filename for each in caught} == {__file__}
        assert [(line.networks, line.used) for line in model.leaderboard_] == [(2, True)]
    with pytest.raises(dr.errors.Diverged, match="none of 2 networks"):
        regressor(preset=[diverging, diverging], folds=2).fit(FRAME, NUMBERS)


def test_names_of_presets_make_recipes():
    model = dr.TabularRegressor("plain", folds=2, time_limit=20).fit(FRAME, NUMBERS)
    recipe = model.ensemble_.networks[0].recipe
    assert recipe.network.hidden == (128, 256, 128)
    assert recipe.batch_size == 128


@pytest.mark.parametrize("race", [RACE, RACE[::-1]])
def test_without_a_preset_two_race_on_the_first_fold(race, monkeypatch):
    monkeypatch.setattr("deltarule.estimators.tabular.RACE", race)
    x = np.random.default_rng(3).uniform(-1, 1, (160, 2))
    y = np.sin(5 * x[:, 0] + 4 * x[:, 1])
    raced = dr.TabularRegressor(folds=2).fit(x, y)
    alone = {name: dr.TabularRegressor(name, folds=2).fit(x, y) for name in RACE}
    held = planned_folds(y, 2, alone["realmlp"].ensemble_.networks[0].recipe.seed, classes=False)[0].held
    errors = {name: np.sqrt(np.mean((model.oof_predictions_ - y)[held] ** 2)) for name, model in alone.items()}
    best, other = sorted(RACE, key=errors.get)
    lines = {line.name: line for line in raced.leaderboard_}
    assert (lines[best].used, lines[best].networks) == (True, 2)
    for name in RACE:
        line = lines[f"{name}, first fold"]
        assert (line.used, line.networks) == (False, 1)
        assert_allclose(line.loss, errors[name])
    assert lines[f"{best}, first fold"].loss < lines[f"{other}, first fold"].loss
    assert_array_equal(raced.predict(x), alone[best].predict(x))
    assert_array_equal(raced.oof_predictions_, alone[best].oof_predictions_)


def test_without_numbers_there_is_nothing_to_race():
    model = dr.TabularRegressor(folds=2, time_limit=2).fit(FRAME[["city", "member"]], NUMBERS)
    assert [(line.name, line.networks) for line in model.leaderboard_] == [("realmlp", 2)]


def test_of_networks_that_diverge_another_wins_the_race(monkeypatch):
    def diverging(name, task, rows):
        rate = 1e30 if name == RACE[0] else 1e-3
        return RECIPE.replace(optimizer=dr.SGD(rate), epochs=3, stopping=None)

    monkeypatch.setattr("deltarule.estimators.tabular.preset", diverging)
    model = dr.TabularRegressor(folds=2).fit(FRAME, NUMBERS)
    assert [(line.name, line.networks) for line in model.leaderboard_] == [(f"{RACE[1]}, first fold", 1), (RACE[1], 2)]
    monkeypatch.setattr("deltarule.estimators.tabular.preset", lambda _, task, rows: diverging(RACE[0], task, rows))
    with pytest.raises(dr.errors.Diverged, match="none of 4 networks"):
        dr.TabularRegressor(folds=3).fit(FRAME, NUMBERS)


def test_without_a_preset_large_tables_have_fewer_epochs(monkeypatch):
    monkeypatch.setattr("deltarule.estimators.tabular._ROWS_SEEN", 30 * 100)
    default = dr.TabularRegressor(folds=2).fit(FRAME[:60], NUMBERS[:60]).ensemble_.networks[0].recipe
    expected = [dr.preset(name, "regression", 30).replace(seed=default.seed, epochs=100) for name in RACE]
    assert default.replace(loss="auto") in expected
    monkeypatch.undo()
    assert [epochs_for(rows, 128) for rows in (7_812, 10_000, 31_250, 10**6)] == [128, 100, 32, 32]
    assert epochs_for(10**6, 20) == 20
    assert dr.TabularRegressor("realmlp-s", folds=2).fit(FRAME[:20], NUMBERS[:20]).leaderboard_[0].name == "realmlp-s"


@pytest.mark.parametrize(
    "needing", [{"schedule": "reduce_on_plateau"}, {"metrics": ("rmse",)}, {"stopping": dr.EarlyStopping()}]
)
def test_what_needs_a_validation_set_has_the_samples_held_out(needing):
    folds = planned_folds(NUMBERS, 3, 0, classes=False)
    problem = TableProblem(table_of(FRAME), NUMBERS, None, None, folds)
    plain = RECIPE.replace(stopping=None, metrics=())
    assert Candidate("plain", plain).job(problem, 1).data.validation is None
    data = Candidate("own", plain.replace(**needing)).job(problem, 1).data
    assert (len(data.train), len(data.validation)) == (len(folds[1].train), len(folds[1].held))


def test_the_time_limit_shortens_training():
    long = RECIPE.replace(epochs=100_000)
    began = time.perf_counter()
    model = regressor(preset=long, folds=2, networks=3, time_limit=1.5).fit(FRAME, NUMBERS)
    assert time.perf_counter() - began < 30
    assert len(model.ensemble_.networks) == 2
    assert all(network.recipe.epochs < 100_000 for network in model.ensemble_.networks)
    assert model.score(FRAME, NUMBERS) > 0.5


def test_a_race_that_takes_all_of_the_time_limit_leaves_its_best_network():
    model = dr.TabularRegressor(time_limit=0.01).fit(FRAME, NUMBERS)
    assert len(model.ensemble_.networks) == 1
    assert [(line.networks, line.used) for line in model.leaderboard_] in (
        [(1, False), (1, True)],
        [(1, False)] * 2 + [(1, True)],
    )
    assert np.isfinite(model.oof_predictions_).sum() == N // 5


def test_the_same_seed_gives_the_same_networks_on_every_backend(tmp_path, pay):
    again = regressor().fit(FRAME, NUMBERS)
    assert_array_equal(again.predict(FRAME), pay.predict(FRAME))
    two = regressor(folds=2).fit(FRAME, NUMBERS)
    with parallel_config("loky", n_jobs=2, temp_folder=str(tmp_path)):
        there = regressor(folds=2).fit(FRAME, NUMBERS)
    assert_array_equal(there.predict(FRAME), two.predict(FRAME))
    assert_array_equal(there.oof_predictions_, two.oof_predictions_)
    other = regressor(random_state=1).fit(FRAME, NUMBERS)
    assert not np.array_equal(other.predict(FRAME), pay.predict(FRAME))


def test_verbose_reports_each_network(capsys):
    regressor(folds=2, verbose=True).fit(FRAME, NUMBERS)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("recipe: network 2 of 2, Run(")


def test_scikit_learn_tools_take_them():
    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    scores = cross_val_score(classifier(folds=2), x[["mean radius", "mean texture"]], y, cv=2)
    assert scores.min() > 0.85


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"folds": 1}, "an integer of at least 2 for folds"),
        ({"networks": 0}, "an integer of at least 1 for networks"),
        ({"time_limit": 0}, "a number of seconds above 0, or None for time_limit"),
        ({"time_limit": "1h"}, "seconds above 0, or None for time_limit"),
        ({"preset": []}, "the name of a preset, a Recipe, or a list of those for preset"),
        ({"preset": 5}, "the name of a preset, a Recipe, or a list of those for preset"),
        ({"preset": "best"}, "for preset, got 'best'"),
        ({"engine": "fast"}, "for engine, got 'fast'. Try: engine='compiled'"),
    ],
)
def test_invalid_parameters_are_refused(parameters, message):
    with pytest.raises(RecipeError, match=message):
        regressor(**parameters).fit(FRAME, NUMBERS)


def test_the_encoding_of_an_array_at_once_is_that_of_its_columns():
    rng = np.random.default_rng(5)
    x = np.where(rng.random((200, 5)) < [0.2, 0, 0, 0.1, 0], np.nan, rng.lognormal(size=(200, 5)))
    x[:, 4] = 2.0
    for preparation in (dr.Preparation(), RECIPE.preparation, dr.Preparation("robust"), dr.Preparation("none")):
        encoding = dr.train(RECIPE.replace(preparation=preparation, epochs=1), pd.DataFrame(x), x[:, 1]).model.encoding
        assert_array_equal(encoding(x), encoding(encoding.table(x)))
        assert encoding._matrix is not None
        record = json.loads(json.dumps(encoding.to_json()))
        assert_array_equal(type(encoding).from_json(record)(x), encoding(x))
    with pytest.raises(DataError, match="infinity in row 3"):
        encoding(np.where(np.arange(200)[:, None] == 2, np.inf, x))


def test_intervals_of_too_few_samples_are_infinite_and_say_so():
    x = np.arange(10.0).reshape(5, 2)
    model = regressor().fit(x, x[:, 0])
    with pytest.warns(DataWarning, match="Intervals of 5 samples do not have a coverage of 0.9"):
        assert np.isinf(model.predict_interval(x)).all()
    assert np.isfinite(model.predict_interval(x, 0.5)).all()


@pytest.mark.parametrize("preset", ["realmlp", "tabm"])
def test_networks_with_embeddings_predict_the_same_from_a_file(preset, tmp_path):
    recipe = dr.preset(preset, "classification", N)
    recipe = recipe.replace(network=recipe.network.replace(hidden=(8,), activation="relu", dropout=0.0), epochs=1)
    fitted = dr.TabularClassifier(recipe, folds=2, engine="reference").fit(FRAME[:60], LABELS[:60])
    loaded = dr.TabularClassifier.load(fitted.save(tmp_path / "people.safetensors"))
    assert_array_equal(loaded.predict_proba(FRAME), fitted.predict_proba(FRAME))
