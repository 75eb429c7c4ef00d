"""Backpropagation beside central differences, for every loss × activation × penalty; and laws of the objective."""

import itertools

import numpy as np
import pytest
from tests.laws.test_losses import LOSSES

import deltarule as dr
from deltarule.engines.backpropagation import Draws
from deltarule.engines.definition import gradient, objective
from deltarule.formulas import registered
from deltarule.studies.gradient_check import gradient_check
from deltarule.training.preparing import prepared

ACTIVATIONS = [cls.name for cls in registered("activation") if cls.granularity == "elementwise"]
PENALTIES = [None, *(cls(0.01) for cls in registered("penalty"))]


def data_for(loss, weights=False):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(24, 4))
    y = np.arange(24) % 3 if loss.domain == "unit" else generator.normal(size=(24, 3))
    if loss.domain in ("non_negative", "positive"):
        y = np.abs(y) + 0.1
    return dr.Dataset(train=(x, y, generator.random(24) + 0.1) if weights else (x, y))


def recipe_for(loss, activation="tanh", penalty=None, **fields):
    network = dr.Network(hidden=(6, 5), activation=activation, bias_initializer="glorot_uniform")
    return dr.Recipe(network=network, loss=loss, penalty=penalty, stopping=None, **fields)


# Every link of a loss is met in test_losses; here each loss stands with one.
PLAIN = [cls() for cls in registered("loss")]
SWEPT = [
    *itertools.product(PLAIN, ACTIVATIONS, [None]),
    *itertools.product(PLAIN, ["tanh"], PENALTIES),
    *itertools.product(LOSSES, ["tanh", "relu"], [None]),
]


@pytest.mark.parametrize(("loss", "activation", "penalty"), SWEPT, ids=repr)
def test_backpropagation_is_the_derivative(loss, activation, penalty):
    check = gradient_check(recipe_for(loss, activation, penalty), data_for(loss))
    assert check.largest_relative_error < 1e-6


@pytest.mark.parametrize("before", [False, True])
def test_sample_weights_noise_and_dropout_have_the_right_gradient_along_a_random_direction(before):
    loss = dr.SoftmaxCrossEntropy()
    problem, _ = prepared(recipe_for(loss, penalty=None), data_for(loss, weights=True))
    generator = np.random.default_rng(1)
    masks = [generator.integers(0, 2, size=(24, units)) * 2.0 for units in (4, 6, 5)]
    draws = Draws([generator.normal(size=(24, units)) for units in (4, 6, 5)], masks, before)
    rows, h = np.arange(24), 1e-6
    direction = generator.normal(size=len(problem.theta))
    ends = [objective(problem, problem.theta + side * h * direction, rows, draws) for side in (1, -1)]
    slope = gradient(problem, problem.theta, rows, draws)[0] @ direction
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_duplicating_the_data_changes_nothing(loss, engine):
    one, twice = data_for(loss), data_for(loss)
    twice = dr.Dataset(train=(np.tile(twice.train.x, (2, 1)), np.concatenate([twice.train.y] * 2)))
    ends = []
    for data, size in ((one, 24), (twice, 48)):
        order = [[np.arange(size)]] * 5
        recipe = recipe_for(loss, penalty=dr.L2(0.01), epochs=5, optimizer=dr.SGD(learning_rate=0.1))
        run = dr.train(recipe, data, batches=order, engine=engine, precision="float64")
        ends.append((run.model.theta, run.history[-1].train_objective))
    assert ends[0][0] == pytest.approx(ends[1][0], rel=1e-10, abs=1e-12)
    assert ends[0][1] == pytest.approx(ends[1][1], rel=1e-10)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_weight_of_two_is_a_sample_twice(engine):
    x, y = np.random.default_rng(0).normal(size=(10, 3)), np.arange(10) % 2
    repeated = np.concatenate([np.arange(10), [3, 4]])
    weights = np.bincount(repeated).astype(float)
    recipe = recipe_for(dr.SoftmaxCrossEntropy(), epochs=3, scaling="none")
    how = {"engine": engine, "precision": "float64"}
    one = dr.train(recipe, dr.Dataset(train=(x, y, weights)), batches=[[np.arange(10)]] * 3, **how)
    other = dr.train(recipe, dr.Dataset(train=(x[repeated], y[repeated])), batches=[[np.arange(12)]] * 3, **how)
    assert one.model.theta == pytest.approx(other.model.theta, rel=1e-10, abs=1e-12)
    assert one.history[-1].train_loss == pytest.approx(other.history[-1].train_loss)


def test_dropout_keeps_the_mean():
    """Inverted dropout: over many masks the expected input of the next layer is the undropped one."""
    recipe = dr.Recipe(network=dr.Network(hidden=(40,), activation="relu", dropout=(0.2, 0.5)), stopping=None)
    data = dr.load_dataset("iris")
    from deltarule.engines.reference import Reference

    engine = Reference(prepared(recipe, data)[0])
    total = [np.zeros((30, 4)), np.zeros((30, 40))]
    for step in range(1, 2001):
        engine._step = step
        for place, mask in enumerate(engine._draws(30).masks):
            total[place] += mask / 2000
    for mean in total:
        assert mean == pytest.approx(np.ones_like(mean), abs=0.15)
        assert mean.mean() == pytest.approx(1.0, abs=0.005)


def test_the_check_finds_a_wrong_gradient():
    from dataclasses import dataclass

    from deltarule.formulas import Activation

    @dataclass(frozen=True)
    class Wrong(Activation):
        name = "wrong"

        def value(self, z):
            return np.tanh(z)

        def slope(self, z, a):
            return 1.0 - a

    check = gradient_check(recipe_for(dr.SoftmaxCrossEntropy(), activation=Wrong()), data_for(dr.SoftmaxCrossEntropy()))
    assert check.largest_relative_error > 1e-2
