"""Calibrated models: coverage, temperature, files; reliability, and predictions out of fold."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import DataError, DataWarning, ModelError, ModelFileError
from deltarule.models.calibration import Calibration
from deltarule.studies.intervals import wilson


def numbers(n: int):
    draws = np.random.default_rng(0)
    x = draws.normal(size=(n, 3))
    return x, np.sin(2 * x[:, 0]) + x[:, 1] + draws.normal(0, 0.3 + 0.2 * np.abs(x[:, 2]), n)


def classes(n: int):
    x, y = numbers(n)
    return x, np.digitize(y, [-0.8, 0.8])


RECIPE = dr.Recipe(network=dr.Network(hidden=(16,)), epochs=15, stopping=None)


def mean_coverage(covered: np.ndarray, predicted_with) -> float:
    """The mean coverage over 100 splits of samples into calibration and test, (n,) → of each split its tests' mean."""
    draws, found = np.random.default_rng(1), []
    for _ in range(100):
        order = draws.permutation(len(covered))
        found.append(predicted_with(order[: len(order) // 2], order[len(order) // 2 :]))
    return float(np.mean(found))


def test_intervals_cover_what_they_promise_over_splits():
    x, y = numbers(1400)
    model = dr.train(RECIPE, (x[:400], y[:400])).model
    xs, ys = x[400:], y[400:]

    def of_split(first, second):
        ends = model.calibrated(xs[first], ys[first]).predict_interval(xs[second])
        return np.mean((ends[:, 0] <= ys[second]) & (ys[second] <= ends[:, 1]))

    assert mean_coverage(ys, of_split) == pytest.approx(0.9, abs=0.01)


def test_sets_cover_what_they_promise_over_splits():
    x, y = classes(1400)
    model = dr.train(RECIPE, (x[:400], y[:400])).model
    xs, ys = x[400:], y[400:]

    def of_split(first, second):
        return np.mean(
            model.calibrated(xs[first], ys[first]).predict_set(xs[second])[np.arange(len(second)), ys[second]]
        )

    assert model.score(xs, ys) < 0.85  # a better model would cover more with the most probable class alone
    assert mean_coverage(ys, of_split) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("make", [numbers, classes])
def test_a_calibrated_model_predicts_the_same_and_survives_its_file(make, tmp_path):
    x, y = make(300)
    model = dr.train(RECIPE, (x[:200], y[:200])).model
    found = model.calibrated(x[200:], y[200:])
    assert np.array_equal(found.predict(x), model.predict(x))
    loaded = dr.load_model(found.save(tmp_path / "model.safetensors"))
    method = "predict_interval" if make is numbers else "predict_set"
    assert np.array_equal(getattr(loaded, method)(x[:9], 0.8), getattr(found, method)(x[:9], 0.8))
    assert loaded.temperature == found.temperature
    again = found.calibrated(x[200:], y[200:])
    assert again.temperature == found.temperature
    with pytest.raises(ModelError, match="calibration"):
        found.save(tmp_path / "model.json")


def test_calibration_lowers_the_error_of_a_confident_network():
    draws = np.random.default_rng(0)
    x = draws.normal(size=(1500, 10))
    y = (x[:, 0] > 0) ^ (draws.random(1500) < 0.3)  # three labels of ten are learnt by heart
    model = dr.train(RECIPE.replace(epochs=300, network=dr.Network(hidden=(64,))), (x[:150], y[:150])).model
    found = model.calibrated(x[150:800], y[150:800])
    assert found.temperature > 1.3
    before, after = (dr.reliability(each, x[800:], y[800:]) for each in (model, found))
    assert after.error < before.error / 2
    assert not before.calibrated
    assert "overconfident" in str(before)
    assert sum(each.samples for each in before.bins) == before.samples == 700
    assert len(before.plot().axes_) == 1


def test_reliability_of_probabilities_that_are_right():
    draws = np.random.default_rng(0)
    x = draws.normal(size=(4000, 1))
    model = dr.train(dr.Recipe(network=dr.Network(hidden=()), epochs=30, stopping=None), (x, x[:, 0] > 0)).model
    right = draws.random(4000) < model.predict_proba(x)[:, 1]
    found = dr.reliability(model, x, right)
    assert found.calibrated
    assert found.temperature == pytest.approx(1.0, abs=0.1)
    assert found.low <= found.error <= found.high


def test_wilsons_interval_has_its_coverage():
    draws = np.random.default_rng(0)
    ends = [wilson(hits / 40, 40) for hits in draws.binomial(40, 0.9, 2000)]
    assert np.mean([low <= 0.9 <= high for low, high in ends]) == pytest.approx(0.95, abs=0.02)


def test_predictions_out_of_fold_are_of_networks_that_did_not_see_the_sample():
    x, y = classes(90)
    labels = np.array(["c", "a", "b"])[y]
    found = dr.out_of_fold(RECIPE, x, labels, folds=3)
    assert found.classes.tolist() == ["a", "b", "c"]
    for fold, model in enumerate(found.models):
        rows = np.flatnonzero(found.folds == fold)
        assert np.array_equal(found.predictions[rows], model.predict_proba(x[rows]))
        alone = dr.train(RECIPE.replace(seed=fold), (x[found.folds != fold], labels[found.folds != fold])).model
        assert np.array_equal(alone.predict_proba(x), model.predict_proba(x))


@pytest.mark.parametrize("make", [numbers, classes])
def test_cross_calibration_covers_new_samples(make):
    x, y = make(1600)
    model = dr.cross_calibrated(RECIPE.replace(epochs=40), x[:700], y[:700])
    if make is numbers:
        ends = model.predict_interval(x[700:])
        covered = (ends[:, 0] <= y[700:]) & (y[700:] <= ends[:, 1])
    else:
        covered = model.predict_set(x[700:])[np.arange(900), y[700:]]
    assert np.mean(covered) == pytest.approx(0.9, abs=0.05)


def test_a_run_is_calibrated_on_its_validation_set():
    run = dr.train(dr.Recipe(epochs=5), dr.load_dataset("iris"))
    assert len(run.calibrated().calibration.scores) == len(run.data.validation)
    with pytest.raises(DataError, match="validation set"):
        dr.train(RECIPE, *numbers(50)).calibrated()


def test_what_cannot_be_calibrated_is_an_error():
    x, y = numbers(60)
    model = dr.train(RECIPE, (x, y)).model
    with pytest.raises(ModelError, match="calibrated model"):
        model.predict_interval(x)
    with pytest.raises(ModelError, match=r"Try: model\.predict_interval"):
        model.predict_set(x)
    with pytest.raises(DataError, match="shape"):
        model.calibrated(x, y[:5])
    for each in (model, dr.Ensemble([model])):
        with pytest.warns(DataWarning, match="5 samples") as caught:
            assert np.isinf(each.calibrated(x[:5], y[:5]).predict_interval(x)).all()
        assert [warning.filename for warning in caught] == [__file__]
    classifier = dr.train(RECIPE, (x, y > 0)).model
    with pytest.raises(DataError, match="model knows"):
        classifier.calibrated(x, np.full(60, 7))
    with pytest.raises(DataError, match="between 0 and 1"):
        classifier.calibrated(x, y > 0).predict_set(x, coverage=90)
    with pytest.raises(ModelError, match="scores"):
        dataclasses.replace(classifier, calibration=Calibration(np.ones((3, 2))))


def test_a_file_with_half_a_calibration_is_refused(tmp_path):
    from deltarule.models.files import model_parts, packed

    x, y = numbers(60)
    model = dr.train(RECIPE, (x, y)).model.calibrated(x, y)
    tensors, data = model_parts(model)
    del tensors["calibration.temperature"]
    (tmp_path / "model.safetensors").write_bytes(packed(tensors, data))
    with pytest.raises(ModelFileError, match=r"calibration\.scores"):
        dr.load_model(tmp_path / "model.safetensors")


def test_an_exported_model_has_the_calibrated_probabilities(tmp_path):
    import runpy

    x, y = classes(300)
    model = dr.train(RECIPE.replace(epochs=60), (x[:200], y[:200])).model.calibrated(x[200:], y[200:])
    assert model.temperature != 1.0
    (path,) = model.export(tmp_path / "model.py")
    exported = runpy.run_path(str(path))
    np.testing.assert_allclose(exported["predict_proba"](x[:20]), model.predict_proba(x[:20]), rtol=0, atol=1e-5)
