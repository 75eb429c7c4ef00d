"""Results of a model: against scikit-learn, and their pictures and texts."""

from __future__ import annotations

import json

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import DataError
from deltarule.formulas.metrics import threshold_curve


@pytest.mark.parametrize("weighted", [False, True])
def test_threshold_curves_are_those_of_scikit_learn(weighted):
    from sklearn.metrics import precision_recall_curve, roc_curve

    draws = np.random.default_rng(0)
    positive, scores = draws.random(200) < 0.3, draws.integers(0, 40, 200) / 40
    weights = draws.random(200) if weighted else None
    found = threshold_curve(positive, scores, weights)
    fpr, tpr, thresholds = roc_curve(positive, scores, sample_weight=weights, drop_intermediate=False)
    np.testing.assert_allclose(found.false_positive_rate, fpr, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.recall, tpr, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.thresholds, thresholds)
    precision, recall, _ = precision_recall_curve(positive, scores, sample_weight=weights)
    np.testing.assert_allclose(found.precision, precision[::-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.recall, recall[::-1], rtol=0, atol=1e-12)


def test_results_of_classes_count_right_and_wrong_answers():
    data = dr.load_dataset("digits")
    model = dr.train(dr.Recipe(epochs=3), data).model
    found = dr.results(model, data)
    predicted = model.predict(data.test.x)
    assert found.confusion.sum() == len(data.test)
    assert np.trace(found.confusion) == (predicted == data.test.y).sum()
    first = found.confused_pairs()[0]
    assert first.count == ((data.test.y == int(first.true)) & (predicted == int(first.predicted))).sum() > 0
    assert first.fraction == first.count / (data.test.y == int(first.true)).sum()
    worst = found.worst(5)
    assert all(predicted[each.row] == int(each.predicted) != data.test.y[each.row] for each in worst)
    assert [each.own for each in worst] == sorted(each.own for each in worst)
    assert set(found.pictures()) == {"confusion", "roc", "precision_recall", "worst"}
    assert "Most confused" in str(found)
    assert len(json.loads(json.dumps(found.to_json()))["confusion"]) == 10
    assert dr.results(model, data, part="train").set_name == "train"


def test_results_of_numbers_are_residuals():
    data = dr.load_dataset("diabetes")
    found = dr.results(dr.train(dr.Recipe(epochs=5), data).model, data)
    residuals = found.residuals[:, 0]
    assert found.metrics.rmse == pytest.approx(np.sqrt(np.mean(residuals**2)))
    assert abs(found.worst(1)[0].residual) == np.abs(residuals).max()
    quantiles = next(iter(found.quantiles().values()))
    assert quantiles[0.5] == np.median(residuals)
    assert set(found.pictures()) == {"predicted", "residuals"}
    assert "RMSE" in str(found)


def test_results_of_labels():
    x = np.random.default_rng(0).normal(size=(80, 3))
    y = (x[:, :2] > 0).astype(int)
    found = dr.results(dr.train(dr.Recipe(epochs=10, task="multilabel"), x, y).model, x, y)
    assert found.confusion.shape == (2, 2, 2)
    assert found.confused_pairs() == [] == found.worst()
    assert set(found.pictures()) == {"roc", "precision_recall"}
    assert "class" in str(found)


def test_results_of_unknown_labels_or_sets_are_errors():
    data = dr.load_dataset("iris")
    model = dr.train(dr.Recipe(epochs=2), data).model
    with pytest.raises(DataError, match="model knows"):
        dr.results(model, data.test.x, np.full(len(data.test), 7))
    with pytest.raises(DataError, match="one of train"):
        dr.results(model, data, part="exam")
