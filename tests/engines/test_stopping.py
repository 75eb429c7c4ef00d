"""Early stopping on both engines: when it ends a run, and which epoch it goes back to."""

import numpy as np
import pytest

import deltarule as dr

ENGINES = pytest.mark.parametrize("engine", ["reference", "compiled"])
STANDSTILL = dr.LinearToZero(steps=1)
"""A rate of 0 after the first step, so that every epoch ends with the same figures."""


def stopped(engine, **stopping):
    x = np.random.default_rng(3).normal(size=(60, 4))
    y = (x[:, 0] > 0).astype(int)
    recipe = dr.Recipe(
        network=dr.Network(hidden=(5,), activation="tanh"),
        optimizer=dr.SGD(0.1),
        schedule=STANDSTILL,
        batch_size=40,
        epochs=20,
        stopping=dr.EarlyStopping(**stopping),
    )
    return dr.train(recipe, dr.Dataset(train=(x[:40], y[:40]), validation=(x[40:], y[40:])), engine=engine)


@ENGINES
@pytest.mark.parametrize("monitor", ["loss", "score"])
def test_a_tie_is_no_improvement(engine, monitor):
    run = stopped(engine, patience=3, monitor=monitor)
    figures = {getattr(epoch, f"validation_{monitor}") for epoch in run.history}
    assert len(figures) == 1
    assert run.best_epoch == 1
    assert len(run.history) == 1 + 3


@pytest.mark.parametrize("engine", ["reference"])
@pytest.mark.parametrize("monitor", ["loss", "score", "balanced_accuracy"])
def test_the_last_of_ties_may_be_the_best(engine, monitor):
    run = stopped(engine, patience=3, monitor=monitor, ties="last")
    assert run.best_epoch == len(run.history) == 20


@pytest.mark.parametrize("engine", ["reference"])
@pytest.mark.parametrize("monitor", ["loss", "score", "balanced_accuracy"])
def test_without_patience_all_epochs_run_and_the_best_one_is_restored(engine, monitor):
    run = stopped(engine, patience=None, monitor=monitor)
    assert (run.best_epoch, len(run.history)) == (1, 20)
    assert run.model.recipe.stopping == dr.EarlyStopping(patience=None, monitor=monitor)
    assert "ties" not in run.model.recipe.stopping.to_json()
