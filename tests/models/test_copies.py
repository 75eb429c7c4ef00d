"""Test-time averaging: which copies there are, and that predictions are their mean."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import deltarule as dr
from deltarule.errors import ModelError, RecipeError, UnknownName
from deltarule.formulas.copies.copies import all_copies
from deltarule.models import test_time
from deltarule.recipes.text_values import copies_of

DRAWN = np.random.default_rng(1)
X = DRAWN.integers(3, 200, (40, 6, 5), dtype=np.uint8)
Y = (X[:, :, :2].mean(axis=(1, 2)) > X[:, :, 3:].mean(axis=(1, 2))).astype(int)
RGB = DRAWN.integers(0, 256, (12, 4, 3, 3), dtype=np.uint8)


def trained(x, y, **fields):
    recipe = dr.Recipe(network=dr.Network(hidden=(5,)), epochs=3, stopping=None, **fields)
    return dr.train(recipe, (x, y), engine="reference").model


def shifted(images, down, right):
    """Images shifted pixel by pixel, filled with each image's smallest value."""
    new = np.empty_like(images)
    for n, i, j in product(*map(range, images.shape[:3])):
        inside = 0 <= i - down < images.shape[1] and 0 <= j - right < images.shape[2]
        new[n, i, j] = images[n, i - down, j - right] if inside else images[n].min()
    return new


@pytest.mark.parametrize("images", [X[..., None], RGB], ids=["grey", "rgb"])
@pytest.mark.parametrize("pixels", [1, 2, 7])
def test_shifts_are_all_shifts(images, pixels):
    found = [each.copy() for each in dr.Shifts(pixels).of(images)]
    assert_array_equal(found[0], images)
    expected = [shifted(images, s, t) for s, t in product(range(-pixels, pixels + 1), repeat=2)]
    assert sorted(each.tobytes() for each in found) == sorted(each.tobytes() for each in expected)


def test_lists_are_combined():
    copies = [each.tobytes() for each in all_copies(X[..., None], [dr.Mirror(), dr.Shifts(1)])]
    mirrored = [each.tobytes() for each in all_copies(X[:, :, ::-1, None], [dr.Shifts(1)])]
    assert len(set(copies)) == 18
    assert set(mirrored) < set(copies)
    assert copies[0] == X.tobytes()


def test_predictions_are_the_mean_over_the_copies():
    model = trained(X, Y)
    each = [model.predict_proba(copy) for copy in (X, X[:, :, ::-1])]
    mean = (each[0] + each[1]) / 2
    for given in ("mirror", dr.Mirror(), ["Mirror"], {"name": "mirror"}, copies_of("mirror")):
        assert_allclose(model.predict_proba(X, average_over=given), mean, rtol=1e-7)
    assert_array_equal(model.predict(X, average_over="mirror"), mean.argmax(axis=1))
    assert model.score(X, Y, average_over="mirror") == np.mean(mean.argmax(axis=1) == Y)
    flat = X.reshape(40, 30)
    assert_array_equal(model.predict_proba(flat, average_over="mirror"), model.predict_proba(X, average_over="mirror"))
    assert_allclose(model.predict_proba(X, average_over=[]), each[0], rtol=1e-7)
    # A network that sees a mirrored image predicts what it predicts for the image.
    found = model.predict_proba(X[:, :, ::-1], average_over="mirror")
    assert_allclose(found, mean, rtol=1e-7)


def test_of_numbers_the_mean_of_the_numbers_and_of_labels_their_probabilities():
    numbers = trained(X, X.mean(axis=(1, 2)))
    mean = (numbers.predict(X) + numbers.predict(X[:, :, ::-1])) / 2
    assert_allclose(numbers.predict(X, average_over="mirror"), mean, rtol=1e-6)
    labels = trained(RGB, np.stack([RGB.mean(axis=(1, 2, 3)) > 128, RGB[:, 0, 0, 0] > 128], axis=1), task="multilabel")
    of_labels = (labels.predict_proba(RGB) + labels.predict_proba(RGB[:, :, ::-1])) / 2
    assert_allclose(labels.predict_proba(RGB, average_over="mirror"), of_labels, rtol=1e-7)
    assert_array_equal(labels.predict(RGB, average_over="mirror"), of_labels > 0.5)


def test_the_temperature_is_that_of_the_mean():
    model = trained(X, Y).calibrated(X, 1 - Y)
    bare = trained(X, Y)
    mean = (bare.predict_proba(X) + bare.predict_proba(X[:, :, ::-1])) / 2
    powers = mean ** (1 / model.temperature)
    expected = powers / powers.sum(axis=1, keepdims=True)
    assert model.temperature != 1.0
    assert_allclose(model.predict_proba(X, average_over="mirror"), expected, rtol=1e-6)


def test_committees_average_too():
    models = [trained(X, Y, seed=seed) for seed in range(2)]
    each = [model.predict_proba(X, average_over="shifts") for model in models]
    assert_allclose(dr.Ensemble(models).predict_proba(X, average_over="shifts"), np.mean(each, axis=0), rtol=1e-6)


def test_blocks_and_mapped_files_change_nothing(monkeypatch, tmp_path):
    model = trained(X, Y)
    expected = model.predict_proba(X, average_over="shifts")
    monkeypatch.setattr(test_time, "_BLOCK", 7)
    assert_array_equal(model.predict_proba(X, average_over="shifts"), expected)
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert_array_equal(model.predict_proba(mapped, average_over="shifts"), expected)
    assert model.predict_proba(X[:0], average_over="shifts").shape == (0, 2)


def test_what_cannot_be_averaged_is_refused():
    model, rows = trained(X, Y), trained(X.reshape(40, 30), Y)
    with pytest.raises(ModelError, match="a model of images"):
        rows.predict(X.reshape(40, 30), average_over="mirror")
    with pytest.raises(UnknownName, match=r"average_over.*mirorr.*'mirror'"):
        model.predict(X, average_over="mirorr")
    for given in (3, [None], dr.HorizontalFlip()):
        with pytest.raises(RecipeError, match="average_over"):
            model.predict(X, average_over=given)
    for pixels in (0, 17, 1.5):
        with pytest.raises(RecipeError, match="from 1 to 16"):
            dr.Shifts(pixels)
    for wrong in (X[0], X[:, 1:], np.full(X.shape, np.nan), X.astype(str)):
        with pytest.raises(ModelError, match="inputs"):
            model.predict(wrong, average_over="shifts")


def test_in_the_shell(shell, tmp_path):
    model = trained(X, Y)
    model.save(tmp_path / "m.safetensors")
    np.save(tmp_path / "x.npy", X)
    out, _ = shell("predict", "m.safetensors", "x.npy", "--average-over", "mirror,shifts=2", "--proba")
    expected = model.predict_proba(X, average_over=["mirror", dr.Shifts(2)])
    found = np.array([[float(each) for each in line.split()] for line in out.splitlines()[1:]])
    assert_allclose(found, expected, atol=1e-6)
    assert "mirror, shifts" in shell("predict", "m.safetensors", "x.npy", "--average-over", "flip", code=2)[1]
    _, said = shell("predict", "m.safetensors", "x.npy", "--average-over", "mirror=2", code=2)
    assert "no more values for mirror" in said
