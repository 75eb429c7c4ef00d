"""The decomposition of the error: against known truths, by hand, and its own identities."""

from __future__ import annotations

import json

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import DataError
from deltarule.studies.bias_variance import decomposed

LINEAR = dr.Recipe(
    network=dr.Network(hidden=()), optimizer=dr.LBFGS(), loss="squared_error", epochs=30, stopping=None, scaling="none"
)
NOISE = 0.5


def curve(x: np.ndarray) -> np.ndarray:
    return x[:, 0] + np.sin(2 * x[:, 1])


def sample(draws: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    x = draws.normal(size=(n, 2))
    return x, curve(x) + draws.normal(0, NOISE, n)


def lines(draws: np.random.Generator, n: int, x: np.ndarray, sets: int) -> np.ndarray:
    """Predictions (sets, m) of least squares on independent training sets."""
    a = draws.normal(size=(sets * n, 2))
    y = (curve(a) + draws.normal(0, NOISE, sets * n)).reshape(sets, n, 1)
    a = np.column_stack([a, np.ones(sets * n)]).reshape(sets, n, 3)
    w = np.linalg.solve(a.transpose(0, 2, 1) @ a, a.transpose(0, 2, 1) @ y)[..., 0]
    return w @ np.column_stack([x, np.ones(len(x))]).T


def test_parts_of_linear_models_contain_the_truth_in_their_intervals():
    draws = np.random.default_rng(0)
    x, y = sample(draws, 400)
    sets = [dr.Dataset(train=sample(draws, 30), test=(x, y)) for _ in range(40)]
    found = dr.bias_variance(LINEAR, sets, truth=curve(x))
    many = lines(draws, 30, x, 1500)
    variance = many.var(axis=0).mean()
    bias = np.mean((many.mean(axis=0) - curve(x)) ** 2)
    for part, truth in ((found.variance, variance), (found.bias, bias), (found.noise, NOISE**2)):
        assert part.low < truth < part.high, (part, truth)
    total = found.noise.value + found.bias.value + found.variance.value
    assert total == pytest.approx(found.error.value, rel=0.1)  # up to the chance product of noise and bias


def test_intervals_contain_the_truth_as_often_as_they_should():
    draws, n = np.random.default_rng(1), 30
    inside, truth = [], _truth(draws, n)
    for trial in range(25):
        x, y = sample(draws, 150)
        found = decomposed(lines(draws, n, x, 30)[..., None], y[:, None], curve(x)[:, None], seed=trial)
        inside.append([part.low < value < part.high for part, value in zip(
            (found.bias, found.variance, found.noise), truth, strict=True)])  # fmt: skip
    assert (np.mean(inside, axis=0) > 0.8).all(), np.mean(inside, axis=0)


def _truth(draws: np.random.Generator, n: int) -> tuple[float, float, float]:
    x = draws.normal(size=(5000, 2))
    many = lines(draws, n, x, 800)
    return float(np.mean((many.mean(axis=0) - curve(x)) ** 2)), float(many.var(axis=0).mean()), NOISE**2


def test_bootstrap_networks_have_about_the_variance_of_independent_ones():
    draws = np.random.default_rng(0)
    x, y = sample(draws, 300)
    train = sample(draws, 120)
    found = dr.bias_variance(LINEAR, dr.Dataset(train=train, test=(x, y)), networks=60)
    variance = lines(draws, 120, x, 1000).var(axis=0).mean()
    assert found.variance.value == pytest.approx(variance, rel=0.5)
    assert found.noise is None
    assert "bias² and noise" in str(found)


def test_zero_one_loss_by_hand():
    # Sample 0: all right. 1: main right, one of four wrong. 2: main wrong, one right. 3: main wrong, none right.
    predictions = np.array([[0, 1, 0, 2], [0, 1, 0, 2], [0, 1, 1, 2], [0, 2, 0, 0]])
    truth, y = np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0])
    found = decomposed(predictions, y, truth)
    assert found.bias.value == 0.5
    assert found.unbiased_variance.value == pytest.approx(0.25 / 4)
    assert found.biased_variance.value == pytest.approx(0.25 / 4)
    assert found.variance.value == 0
    assert found.noise.value == 0.25
    without = decomposed(predictions, truth)
    assert without.error.value == pytest.approx(without.bias.value + without.variance.value)  # Kong and Dietterich
    assert without.noise is None


def test_more_data_means_less_variance_and_the_same_bias_in_classification():
    draws = np.random.default_rng(0)

    def circle(n):
        x = draws.normal(size=(n, 2))
        return x, (np.sum(x**2, axis=1) > 1.4) ^ (draws.random(n) < 0.1)

    x, y = circle(500)
    truth = np.sum(x**2, axis=1) > 1.4
    recipe = dr.Recipe(network=dr.Network(hidden=(12,)), epochs=40, stopping=None, batch_size=16)
    small, large = (
        dr.bias_variance(recipe, [dr.Dataset(train=circle(n), test=(x, y)) for _ in range(12)], truth=truth)
        for n in (40, 400)
    )
    assert large.unbiased_variance.high < small.unbiased_variance.low
    assert small.noise.low < 0.1 < small.noise.high
    assert json.loads(json.dumps(large.to_json()))["loss"] == "zero-one"


def test_what_cannot_be_decomposed_is_an_error():
    x, y = sample(np.random.default_rng(0), 30)
    with pytest.raises(DataError, match="test set"):
        dr.bias_variance(LINEAR, x, y)
    with pytest.raises(DataError, match="truth of shape"):
        dr.bias_variance(LINEAR, dr.Dataset(train=(x, y), test=(x, y)), networks=2, truth=[1.0])
    with pytest.raises(DataError, match="at least 2"):
        dr.bias_variance(LINEAR, [dr.Dataset(train=(x, y), test=(x, y))])
