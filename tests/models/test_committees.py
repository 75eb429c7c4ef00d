"""Committees: networks of any recipe as one model, for arrays and for tables."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import deltarule as dr
from deltarule.errors import ModelError, ModelFileError
from deltarule.models.ensemble import load_predictor

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 5, 4), dtype=np.uint8)
LABELS = np.array(["low", "high"])[(IMAGES[:, :2].mean(axis=(1, 2)) > IMAGES[:, 3:].mean(axis=(1, 2))).astype(int)]
NUMBERS = IMAGES.mean(axis=(1, 2)) / 7.0


def trained(y, x=IMAGES, seed=0, hidden=(6,), **fields):
    """A network of a few units."""
    fields = {"epochs": 4, "stopping": None, "seed": seed} | fields
    return dr.train(dr.Recipe(network=dr.Network(hidden=hidden), **fields), (x, y), engine="reference").model


@pytest.fixture(scope="module")
def classes():
    """Networks for two classes, of one output and of two, with scalings and sizes of their own."""
    return [
        trained(LABELS),
        trained(LABELS, seed=1, hidden=(3, 3), scaling="unit"),
        trained(LABELS, seed=2, loss="sigmoid_cross_entropy", scaling=255.0),
    ]


@pytest.fixture(scope="module")
def numbers():
    """Networks for numbers, whose targets are scaled or not, bounded or not."""
    return [
        trained(NUMBERS),
        trained(NUMBERS, seed=1, target_scaling="none", loss="huber"),
        trained(NUMBERS, seed=2, clamp_predictions=True),
    ]


def test_the_probabilities_are_the_mean_of_the_networks(classes):
    for networks in (classes[:1], classes[:2], classes):
        mean = np.mean([each.predict_proba(IMAGES) for each in networks], axis=0)
        assert_allclose(dr.Ensemble(networks).predict_proba(IMAGES), mean, rtol=1e-6)
        assert_array_equal(dr.Ensemble(networks).predict(IMAGES), networks[0].classes[mean.argmax(axis=1)])


def test_the_numbers_are_the_mean_of_the_networks(numbers):
    for networks in (numbers[:1], numbers[:2], numbers):
        mean = np.mean([each.predict(IMAGES) for each in networks], axis=0, dtype=np.float64)
        assert_allclose(dr.Ensemble(networks).predict(IMAGES), mean, rtol=1e-6)
    assert dr.Ensemble(numbers).score(IMAGES, NUMBERS) == pytest.approx(
        1 - np.sum((mean - NUMBERS) ** 2) / np.sum((NUMBERS - NUMBERS.mean()) ** 2)
    )


@pytest.mark.parametrize("which", ["classes", "numbers"])
def test_a_file_holds_all(which, request, tmp_path):
    networks, y = request.getfixturevalue(which), {"classes": LABELS, "numbers": NUMBERS}[which]
    committee = dr.Ensemble(networks).calibrated(IMAGES, y)
    path = committee.save(tmp_path / "c.safetensors")
    loaded = load_predictor(path)
    assert isinstance(loaded, dr.Ensemble)
    assert_array_equal(loaded.predict(IMAGES), committee.predict(IMAGES))
    assert_array_equal(pickle.loads(pickle.dumps(loaded)).predict(IMAGES), committee.predict(IMAGES))
    assert_array_equal(loaded.scores, committee.scores)
    assert [each.recipe for each in loaded.networks] == [each.recipe for each in networks]
    assert len(loaded.save(tmp_path / "again.safetensors").read_bytes()) == path.stat().st_size
    with pytest.raises(ModelFileError, match=r"Ensemble\.load"):
        dr.load_model(path)
    with pytest.raises(ModelFileError, match=r"Ensemble\.load"):
        dr.TabularClassifier.load(path)


def test_networks_for_a_table_share_its_encoding(tmp_path):
    rows = [{"age": 20 + i, "sex": "FMX"[i % 3]} for i in range(24)]
    table, y = dr.data.table_of(rows), np.array(["a", "b", "c"] * 8)
    networks = [trained(y, table, seed=seed) for seed in range(2)]
    assert networks[0].encoding is not networks[1].encoding
    committee = dr.Ensemble(networks)
    loaded = dr.Ensemble.load(committee.save(tmp_path / "c.safetensors"))
    mean = np.mean([each.predict_proba(table) for each in networks], axis=0)
    assert_allclose(loaded.predict_proba(rows), mean, rtol=1e-6)
    assert loaded.columns == ("age", "sex")
    other = trained(y, table, preparation={"numbers": "quantiles"})
    with pytest.raises(ModelError, match="share an encoding"):
        dr.Ensemble([networks[0], other])


def test_what_cannot_be_joined_is_refused(classes, numbers):
    flat = trained(LABELS, IMAGES.reshape(60, 20))
    upside = trained(LABELS, IMAGES.transpose(0, 2, 1))
    three = trained(np.array(["a", "b", "c"] * 20))
    several = trained(np.stack([NUMBERS, NUMBERS], axis=1))
    labels = trained(np.stack([NUMBERS, NUMBERS], axis=1) > 18, task="multilabel")
    for networks, said in (
        ([], "one model or more"), (classes[0], "one model or more"), ([1], "one model or more"),
        ([classes[0], flat], "samples of one shape"), ([classes[0], upside], "samples of one shape"),
        ([classes[0], numbers[0]], "the same task"), ([classes[0], three], "the same classes"),
        ([numbers[0], several], "the same task"), ([labels], "several labels"), ([several, labels], "the same task"),
    ):  # fmt: skip
        with pytest.raises(ModelError, match=said):
            dr.Ensemble(networks)
    for ask in (dr.Ensemble(classes).predict_set, dr.Ensemble(numbers).predict_interval):
        with pytest.raises(ModelError, match="calibrated ensemble"):
            ask(IMAGES)


def test_calibration_covers(numbers, classes):
    intervals = dr.Ensemble(numbers).calibrated(IMAGES, NUMBERS).predict_interval(IMAGES, coverage=0.8)
    assert np.mean((intervals[:, 0] <= NUMBERS) & (intervals[:, 1] >= NUMBERS)) >= 0.8
    calibrated = dr.Ensemble(classes).calibrated(IMAGES, LABELS)
    sets = calibrated.predict_set(IMAGES, coverage=0.8)
    assert np.mean(sets[np.arange(60), (LABELS == "low").astype(int)]) >= 0.8
    assert calibrated.temperature != 1.0
    assert_array_equal(calibrated.predict(IMAGES), dr.Ensemble(classes).predict(IMAGES))


def test_the_card_and_the_explanation_are_of_all(classes, tmp_path):
    card = dr.Ensemble(classes).card()
    assert card.facts["Networks"].startswith("3; ")
    assert card.facts["Sizes"] == "20-6-2, 20-3-3-2, 20-6-1"
    assert 'dr.Ensemble.load("model.safetensors")' in card.markdown()
    found = dr.explain(dr.Ensemble(classes), IMAGES[:2], IMAGES[:10], pairs=50)
    total = found.values.reshape(2, -1, 2).sum(axis=1) + found.base_values
    assert_allclose(total, dr.Ensemble(classes).predict_proba(IMAGES[:2]), atol=1e-6)


def test_an_export_computes_the_same(classes, tmp_path):
    committee = dr.Ensemble(classes)
    (path,) = committee.export(tmp_path / "committee.py")
    names: dict = {}
    exec(path.read_text(), names)
    assert_allclose(names["predict_proba"](IMAGES), committee.predict_proba(IMAGES), rtol=1e-4)
