"""Metrics beside scikit-learn's, in every epoch, in early stopping, and in evaluation."""

import dataclasses
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

import deltarule as dr
from deltarule.formulas.metrics import METRICS, ClassPredictions, Predictions, metric, metric_names, roc_auc_of

NETWORK = dr.Network(hidden=(8,))


def class_predictions(seed, n, classes, *, ties, weighted):
    """Random predictions of all classes, with tied probabilities on request."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), n)
    if ties:
        probabilities = rng.integers(1, 4, (n, classes)) / 8.0
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    true = np.append(np.arange(classes), rng.integers(0, classes, n - classes))
    weights = rng.uniform(0.1, 2, n) if weighted else None
    return ClassPredictions(true, np.argmax(probabilities, axis=1), probabilities, weights)


def expected_of_classes(p):
    """What scikit-learn gives for the same predictions."""
    w, several = {"sample_weight": p.weights}, p.classes > 2
    average = {"average": "macro" if several else "binary", "zero_division": 0}
    scores = p.probabilities if several else p.probabilities[:, 1]
    one_hot = np.eye(p.classes)[p.true] if several else p.true
    return {
        "accuracy": theirs.accuracy_score(p.true, p.predicted, **w),
        "balanced_accuracy": theirs.balanced_accuracy_score(p.true, p.predicted, **w),
        "roc_auc": theirs.roc_auc_score(p.true, scores, multi_class="ovr", **w),
        "average_precision": theirs.average_precision_score(one_hot, scores, **w),
        "log_loss": theirs.log_loss(p.true, p.probabilities, **w),
        "precision": theirs.precision_score(p.true, p.predicted, **average, **w),
        "recall": theirs.recall_score(p.true, p.predicted, **average, **w),
        "f1": theirs.f1_score(p.true, p.predicted, **average, **w),
    }


@given(st.integers(0, 2**31), st.integers(8, 60), st.integers(2, 5), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_metrics_of_classes_are_those_of_scikit_learn(seed, n, classes, ties, weighted):
    p = class_predictions(seed, n, classes, ties=ties, weighted=weighted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = expected_of_classes(p)
    assert expected.keys() == {name for name, each in METRICS.items() if each.task == "classification"}
    for name, value in expected.items():
        assert METRICS[name](p) == pytest.approx(value, abs=1e-12), name


@given(st.integers(0, 2**31), st.integers(3, 60), st.integers(1, 3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_metrics_of_numbers_are_those_of_scikit_learn(seed, n, outputs, weighted):
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(n, outputs))
    p = Predictions(true, true + rng.normal(size=(n, outputs)), rng.uniform(0.1, 2, n) if weighted else None)
    w = {"sample_weight": p.weights}
    rmse = math.sqrt(theirs.mean_squared_error(p.true, p.predicted, **w))  # theirs is a mean over the outputs
    assert METRICS["rmse"](p) == pytest.approx(rmse, abs=1e-12)
    first = Predictions(p.true[:, :1], p.predicted[:, :1], p.weights)
    alone = theirs.root_mean_squared_error(first.true, first.predicted, **w)
    assert METRICS["rmse"](first) == pytest.approx(alone, abs=1e-12)
    assert METRICS["mae"](p) == pytest.approx(theirs.mean_absolute_error(p.true, p.predicted, **w), abs=1e-12)
    assert METRICS["mse"](p) == pytest.approx(theirs.mean_squared_error(p.true, p.predicted, **w), abs=1e-12)
    pooled = theirs.r2_score(p.true, p.predicted, multioutput="variance_weighted", **w)
    assert METRICS["r2"](p) == pytest.approx(pooled, abs=1e-11)


def test_what_is_undefined_is_nan_and_classes_that_are_absent_are_left_out():
    assert math.isnan(roc_auc_of(np.array([True, True]), np.array([0.1, 0.2])))
    probabilities = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    p = ClassPredictions(np.array([0, 1, 1]), np.array([0, 1, 0]), probabilities)
    assert METRICS["balanced_accuracy"](p) == 0.75
    assert METRICS["roc_auc"](p) == 1.0
    assert METRICS["recall"](p) == 0.75
    assert math.isnan(METRICS["r2"](Predictions(np.ones((3, 1)), np.zeros((3, 1)))))
    assert METRICS["r2"](Predictions(np.ones((3, 1)), np.ones((3, 1)))) == 1.0


@pytest.mark.parametrize("weighted", [False, True])
def test_any_scorer_of_scikit_learn_is_a_metric(weighted):
    p = class_predictions(0, 40, 2, ties=False, weighted=weighted)
    brier = theirs.brier_score_loss(p.true, p.probabilities[:, 1], sample_weight=p.weights)
    assert metric("neg_brier_score")(p) == pytest.approx(-brier)
    kappa = theirs.jaccard_score(p.true, p.predicted, sample_weight=p.weights)
    assert metric("jaccard")(p) == pytest.approx(kappa)
    several = class_predictions(0, 40, 3, ties=False, weighted=weighted)
    area = theirs.roc_auc_score(several.true, several.probabilities, multi_class="ovr", sample_weight=several.weights)
    assert metric("roc_auc_ovr")(several) == pytest.approx(area)
    numbers = Predictions(np.arange(5.0)[:, None], np.arange(5.0)[:, None] + 1, None)
    assert metric("neg_median_absolute_error")(numbers) == -1.0


def test_names_of_metrics_and_their_errors():
    assert dr.Recipe(metrics="ROC-AUC, f1").metrics == ("roc_auc", "f1")
    assert metric_names(["f1", "f1"]) == ("f1",)
    with pytest.raises(dr.DeltaruleError, match=r"for metrics, got 'roc_aux'\. Try: 'roc_auc'"):
        dr.Recipe(metrics="roc_aux")
    with pytest.raises(dr.DeltaruleError, match=r"for monitor, got 'lss'"):
        dr.EarlyStopping(monitor="lss")
    with pytest.raises(dr.DeltaruleError, match="names of metrics"):
        dr.Recipe(metrics=3)
    with pytest.raises(dr.DeltaruleError, match="a metric of classification"):
        dr.train(dr.Recipe(metrics="rmse", epochs=1), dr.load_dataset("iris"))
    with pytest.raises(dr.DeltaruleError, match="a metric of regression"):
        dr.train(dr.Recipe(metrics="roc_auc", epochs=1), dr.load_dataset("diabetes"))
    with pytest.raises(dr.DeltaruleError, match="suits this classification"):
        dr.train(dr.Recipe(metrics="neg_mean_gamma_deviance", epochs=1), dr.load_dataset("iris"))


def test_recipes_with_and_without_metrics_as_json():
    recipe = dr.Recipe(metrics=("roc_auc", "log_loss"), stopping=dr.EarlyStopping(monitor="roc_auc"))
    assert dr.Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.watched_metrics == ("roc_auc", "log_loss")
    assert "metrics" not in dr.Recipe().to_json()


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_metrics_of_each_epoch_are_those_of_its_model(engine):
    data = dr.load_dataset("iris")
    recipe = dr.Recipe(network=NETWORK, epochs=3, stopping=None, metrics=("balanced_accuracy", "log_loss"))
    training = dr.epochs(recipe, data, engine=engine)
    for epoch in training:
        found = dr.evaluate(training.model, data.validation)
        assert dict(epoch.metrics) == pytest.approx(found.named, abs=1e-6)
        assert epoch.metrics["log_loss"] == pytest.approx(epoch.validation_loss, abs=1e-5)
        assert epoch.to_json()["metrics"] == dict(epoch.metrics)
    assert [epoch.metrics for epoch in training.history] == [epoch.metrics for epoch in training.run.history]
    plain = dr.train(recipe.replace(metrics=()), data, engine=engine)
    assert plain.model.theta.tobytes() == training.model.theta.tobytes()
    assert "metrics" not in plain.history[0].to_json()


@pytest.mark.parametrize("monitor", ["log_loss", "balanced_accuracy"])
def test_early_stopping_by_a_metric(monitor):
    data = dr.load_dataset("wine")
    rule = dr.EarlyStopping(patience=3, monitor=monitor)
    run = dr.train(dr.Recipe(network=NETWORK, epochs=200, stopping=rule, optimizer=dr.Adam(0.02)), data)
    values = [epoch.metrics[monitor] for epoch in run.history]
    best = int(np.argmin(values) if monitor == "log_loss" else np.argmax(values))
    assert run.status == "stopped"
    assert run.best_epoch == best + 1
    assert len(run.history) == best + 1 + 3
    assert dr.evaluate(run.model, data.validation).named[monitor] == pytest.approx(values[best], abs=1e-6)
    assert run.recipe.stopping == rule


def test_the_log_loss_stops_where_the_engine_itself_would():
    data = dr.load_dataset("wine")
    recipe = dr.Recipe(network=NETWORK, epochs=60, optimizer=dr.Adam(0.02))
    runs = [
        dr.train(recipe.replace(stopping=dr.EarlyStopping(4, monitor=by)), data, precision="float64")
        for by in ("loss", "log_loss")
    ]
    assert runs[0].best_epoch == runs[1].best_epoch
    assert runs[0].model.theta.tobytes() == runs[1].model.theta.tobytes()


def test_a_validation_set_is_split_off_for_metrics():
    full = dr.load_dataset("iris")
    data = dr.Dataset(train=full.train)
    run = dr.train(dr.Recipe(network=NETWORK, epochs=2, stopping=None, metrics="f1"), data)
    assert 0 <= run.history[-1].metrics["f1"] <= 1


def test_a_run_that_diverges_keeps_its_metrics():
    data = dr.load_dataset("iris")
    recipe = dr.Recipe(
        network=NETWORK, epochs=9, optimizer=dr.SGD(1e18), loss="squared_error",
        stopping=dr.EarlyStopping(monitor="accuracy"),
    )  # fmt: skip
    with pytest.raises(dr.Diverged) as diverged:
        dr.train(recipe, data)
    assert diverged.value.run.status == "diverged"
    assert np.isfinite(diverged.value.run.model.theta).all()


def test_evaluation_by_class_and_in_the_targets_units():
    data = dr.load_dataset("wine")
    model = dr.train(dr.Recipe(network=NETWORK, epochs=5, stopping=None), data).model
    found = dr.evaluate(model, data.test, "f1,neg_log_loss")
    predicted, probabilities = model.predict(data.test.x), model.predict_proba(data.test.x)
    recalls = theirs.recall_score(data.test.y, predicted, average=None, zero_division=0)
    precisions = theirs.precision_score(data.test.y, predicted, average=None, zero_division=0)
    assert [each.recall for each in found.metrics.classes] == pytest.approx(recalls)
    assert [each.precision for each in found.metrics.classes] == pytest.approx(precisions)
    assert [each.label for each in found.metrics.classes] == model.classes.tolist()
    assert sum(each.samples for each in found.metrics.classes) == found.samples
    area = theirs.average_precision_score(data.test.y == 1, probabilities[:, 1])
    assert found.metrics.classes[1].average_precision == pytest.approx(area)
    assert found.metrics.accuracy == pytest.approx(found.score)
    assert -found.named["neg_log_loss"] == pytest.approx(found.metrics.log_loss)
    assert found.to_json()["metrics"]["classes"][0]["label"] == 0
    numbers = dr.load_dataset("diabetes")
    model = dr.train(dr.Recipe(network=NETWORK, epochs=5, stopping=None), numbers).model
    found = dr.evaluate(model, numbers.test)
    rmse = theirs.root_mean_squared_error(numbers.test.y, model.predict(numbers.test.x))
    assert found.metrics.rmse == pytest.approx(rmse)
    assert found.metrics.r2 == pytest.approx(found.score)


@pytest.mark.parametrize("kind", ["clamped", "calibrated", "two classes", "several targets"])
@pytest.mark.parametrize("members", [1, 3])
def test_the_evaluation_is_that_of_what_the_model_predicts(kind, members):
    draws = np.random.default_rng(0)
    x = draws.normal(size=(240, 4))
    # Validation samples far outside of the training samples: without a limit predictions exceed the targets' range.
    x[120:] *= 4
    y = x[:, :2] ** 2 if kind == "several targets" else x[:, 0] ** 2 + x[:, 1]
    if kind in {"calibrated", "two classes"}:
        y = np.digitize(y + draws.normal(size=240), [0.5] if kind == "two classes" else [0, 1])
    recipe = dr.Recipe(
        network=NETWORK.replace(members=members), epochs=40, stopping=None, optimizer=dr.Adam(0.03),
        clamp_predictions=True,
    )  # fmt: skip
    data = dr.Dataset(train=(x[:120], y[:120]), validation=(x[120:], y[120:]))
    model = dr.train(recipe, data, precision="float64").model
    predicted = model.predict(data.validation.x)
    if y.dtype.kind == "f":
        assert not np.array_equal(predicted, dataclasses.replace(model, target_bounds=None).predict(data.validation.x))
        found = dr.evaluate(model, data.validation)
        assert found.metrics.rmse == pytest.approx(theirs.root_mean_squared_error(y[120:].ravel(), predicted.ravel()))
        assert found.metrics.mae == pytest.approx(theirs.mean_absolute_error(y[120:], predicted))
        assert found.metrics.r2 == pytest.approx(model.score(data.validation.x, y[120:]))
    else:
        model = model.calibrated(data.validation.x, y[120:])
        assert model.temperature > 1.1
        found = dr.evaluate(model, data.validation)
        assert found.metrics.log_loss == pytest.approx(theirs.log_loss(y[120:], model.predict_proba(data.validation.x)))
    assert found.sample_scores.mean() == pytest.approx(found.score)
    if kind != "several targets":  # whose score is the mean over scaled targets
        assert found.score == pytest.approx(model.score(data.validation.x, y[120:]))


def test_metrics_of_each_epoch_are_of_predictions_within_the_targets_range():
    x = np.linspace(-1, 1, 60)[:, None]
    data = dr.Dataset(train=(x, x[:, 0] ** 2), validation=(5 * x, x[:, 0]))
    recipe = dr.Recipe(network=NETWORK, epochs=3, stopping=None, metrics="mae", clamp_predictions=True)
    training = dr.epochs(recipe, data)
    for epoch in training:
        predicted = training.model.predict(data.validation.x)
        assert epoch.metrics["mae"] == pytest.approx(np.abs(predicted - data.validation.y).mean(), abs=1e-6)


def test_own_metrics_import_no_scikit_learn():
    program = (
        "import sys, deltarule as dr\n"
        "recipe = dr.Recipe(metrics='roc_auc', stopping=dr.EarlyStopping(monitor='log_loss'), epochs=2)\n"
        "dr.train(recipe, dr.Dataset(train=([[0.0], [1.0]] * 20, [0, 1] * 20)))\n"
        "print('sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
