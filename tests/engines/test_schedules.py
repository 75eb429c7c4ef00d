"""Every schedule, on both engines: the same rates at the same steps."""

import dataclasses

import numpy as np
import pytest

import deltarule as dr
from deltarule.formulas import registered

SCHEDULES = [
    *(cls() for cls in registered("schedule")),
    dr.StepDecay(0.5, every=7),
    dr.LinearToZero(flat=0.67),
    dr.OneCycle(end=0.0),
    dr.WarmUp(10, then=dr.CosineDecay()),
    dr.ReduceOnPlateau(0.5, patience=1, min_improvement=0.02),
    dr.WarmUp(5, then=dr.ReduceOnPlateau(0.5, patience=1, min_improvement=0.02)),
]


def data():
    x = np.random.default_rng(1).normal(size=(60, 5))
    return dr.Dataset(train=(x[:40], x[:40, 0] > 0), validation=(x[40:], x[40:, 0] > 0))


def recipe(**fields):
    network = dr.Network(hidden=(6,), activation="tanh")
    return dr.Recipe(network=network, batch_size=7, epochs=8, stopping=None, **fields)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_both_engines_follow_it(schedule):
    chosen = recipe(schedule=schedule, optimizer=dr.Momentum(0.1), penalty=dr.L1(0.01, proximal=True))
    expected = dr.train(chosen, data(), engine="reference")
    met = dr.train(chosen, data(), precision="float64", n_threads=1)
    assert met.model.theta == pytest.approx(expected.model.theta, rel=1e-11, abs=1e-12)
    twice = dr.train(chosen, data(), precision="float64", n_threads=2)
    assert twice.model.theta.tobytes() == met.model.theta.tobytes()


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_half_the_rate_is_half_the_step(engine):
    """SGD's first step, by hand: θ₁ − θ₀ = −η rate g."""
    moved = []
    for first in (1.0, 0.5, 0.0):
        chosen = recipe(schedule=dr.WarmUp(100, first=first), optimizer=dr.SGD(0.1)).replace(epochs=1, batch_size=40)
        run = dr.train(chosen, data(), engine=engine, precision="float64")
        start = dr.train(chosen.replace(optimizer=dr.SGD(1e-300)), data(), engine=engine, precision="float64")
        moved.append(run.model.theta - start.model.theta)
    assert moved[1] == pytest.approx(moved[0] / 2)
    assert (moved[2] == 0).all()


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_plateau_lowers_the_rate(engine):
    """With no patience left after each epoch the network soon stands still."""
    still = dr.ReduceOnPlateau(1e-9, patience=1, min_improvement=1e9)
    run = dr.train(recipe(schedule=still, optimizer=dr.SGD(0.1)), data(), engine=engine)
    losses = [epoch.validation_loss for epoch in run.history]
    # The first epoch is better than none; the second is the last that learns.
    assert losses[0] != losses[1]
    assert losses[2:] == pytest.approx([losses[1]] * 6, rel=1e-6)


def test_a_plateau_has_a_validation_part_held_out():
    alone = dataclasses.replace(data(), validation=None)
    run = dr.train(recipe(schedule="reduce_on_plateau"), alone)
    assert np.isfinite(run.history[0].validation_loss)


def test_it_goes_through_json():
    chosen = recipe(schedule=dr.WarmUp(10, then=dr.CosineDecay()))
    assert dr.Recipe.from_json(chosen.to_json()) == chosen
    with pytest.raises(dr.DeltaruleError, match="cosine"):
        recipe(schedule="cosin")
