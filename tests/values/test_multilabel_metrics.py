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


def test_the_verdict_counts_samples_with_a_wrong_label(run):
    verdict = run.verdict()
    wrong = np.mean((run.model.predict(run.data.validation.x) != run.data.validation.y).any(axis=1))
    assert f"{100 * wrong:.3g} %" in verdict.sentences[0]
    assert "always giving the most frequent labels" in str(verdict)
