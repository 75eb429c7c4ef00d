"""Metrics of several labels a sample, as scikit-learn has them."""

import numpy as np
import pytest
from sklearn import metrics

import deltarule as dr


@pytest.fixture(scope="module")
def run():
    generator = np.random.default_rng(0)
    x = generator.standard_normal((400, 5))
    y = (x[:, :3] + 0.5 * generator.standard_normal((400, 3)) > [0.0, 0.5, 1.0]).astype(int)
    return dr.train(dr.Recipe(epochs=5, network=dr.Network(hidden=(8,))), (x, y))


def test_labels_have_scikit_learns_metrics(run):
    part = run.data.validation
    found = dr.evaluate(run.model, part, ("roc_auc", "f1"))
    given, predicted = run.model.predict_proba(part.x), run.model.predict(part.x)
    assert found.metrics.accuracy == found.score == metrics.accuracy_score(part.y, predicted)
    assert found.metrics.roc_auc == pytest.approx(metrics.roc_auc_score(part.y, given), rel=1e-12)
    assert found.named["roc_auc"] == found.metrics.roc_auc
    assert found.named["f1"] == pytest.approx(metrics.f1_score(part.y, predicted, average="macro"), rel=1e-12)
    assert found.metrics.average_precision == pytest.approx(metrics.average_precision_score(part.y, given), rel=1e-12)
    recalls = metrics.recall_score(part.y, predicted, average=None)
    assert [each.recall for each in found.metrics.classes] == pytest.approx(recalls.tolist(), rel=1e-12)
    assert [each.samples for each in found.metrics.classes] == part.y.sum(axis=0).tolist()


def test_the_diagnosis_counts_samples_with_a_wrong_label(run):
    found = run.diagnose(short=True)
    wrong = np.mean((run.model.predict(run.data.validation.x) != run.data.validation.y).any(axis=1))
    assert f"{100 * wrong:.3g} %" in found.sentences[0]
    assert "always giving the most frequent labels" in str(found)


def test_differences_of_comparisons_are_percentage_points(run):
    recipe = dr.Recipe(epochs=2, network=dr.Network(hidden=(4,)))
    with pytest.warns(dr.errors.SeedsWarning):
        found = dr.compare(dr.vary(recipe, optimizer=("sgd", "adam")), run.data, seeds=2)
    ((pair, gap),) = found.differences.items()
    text = str(found)
    assert f"{100 * gap.mean:.2f} points".replace("-", "−") in text, pair
    assert "adjusted for 0 tests" not in text


def test_metrics_of_classes_are_recorded_and_monitored_for_labels(run):
    stopping = dr.EarlyStopping(monitor="roc_auc")
    recipe = dr.Recipe(epochs=2, metrics=("f1", "accuracy"), stopping=stopping, network=dr.Network(hidden=(8,)))
    trained = dr.train(recipe, run.data)
    last = trained.history[-1]
    assert set(last.metrics) == {"f1", "accuracy", "roc_auc"}
    assert last.metrics["accuracy"] == pytest.approx(last.validation_score, rel=1e-12)
    with pytest.raises(dr.errors.RecipeError, match="Expected a metric of multilabel, for example one of accuracy,"):
        dr.train(dr.Recipe(metrics="rmse"), run.data)
