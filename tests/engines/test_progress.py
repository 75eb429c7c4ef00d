"""A run that is interrupted after any step and restored by a new engine equals the uninterrupted run."""

from __future__ import annotations

import numpy as np
import pytest

import deltarule as dr
from deltarule.engines.compiled import Compiled
from deltarule.engines.problem import Problem, Samples
from deltarule.engines.reference import Reference
from deltarule.recipes import Affine

SIZES = (5, 7, 3)
DRAWN = np.random.default_rng(1)
SAMPLES = Samples(DRAWN.normal(size=(50, 5)), np.arange(50) % 3, 3)
THETA = DRAWN.normal(size=66)
ORDER = [[DRAWN.integers(0, 50, size) for size in (8, 20, 3)] for _ in range(6)]


def problem(optimizer, order=None):
    recipe = dr.Recipe(
        network=dr.Network(hidden=(7,), activation="tanh", dropout=0.2),
        loss="softmax_cross_entropy",
        optimizer=optimizer,
        batch_size=16,
        epochs=6,
        stopping=None,
    )
    return Problem(recipe, SIZES, Affine(np.array(0.0), np.array(1.0)), SAMPLES, None, THETA, order)


ENGINES = {
    "reference": Reference,
    "compiled": lambda given: Compiled(given, "float64", n_threads=1),
    "two threads": lambda given: Compiled(given, "float32", n_threads=2),
}


def interrupted(engine, steps):
    """The tables of an engine that is advanced until it has made so many steps, or a few more."""
    tables = []
    while not engine.finished and engine.state.step < steps:
        asked = iter([False])  # one call of the compiled loop, or one step
        tables.append(engine.advance(1, 0.0, lambda asked=asked: next(asked, True)).table)
    return tables


@pytest.mark.parametrize("given", [False, True], ids=["drawn", "given"])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("optimizer", [dr.SGD(0.1), dr.Adam(0.01), dr.Nesterov(0.1)], ids=lambda each: each.name)
def test_it_goes_on_to_the_last_bit(engine, optimizer, given, monkeypatch):
    monkeypatch.setattr(Compiled, "_budget", lambda self: 1)
    posed = problem(optimizer, ORDER if given else None)
    whole = ENGINES[engine](posed)
    expected = whole.advance(6, 60.0).table
    for steps in (1, 3, 4, 7, 17):
        first = ENGINES[engine](posed)
        tables = interrupted(first, steps)
        state = first.state
        assert state.step == steps
        second = ENGINES[engine](posed)
        second.restore(state)
        restored = second.state
        assert (restored.epoch, restored.batch, restored.step) == (state.epoch, state.batch, state.step)
        tables.append(second.advance(6, 60.0).table)
        assert second.theta.tobytes() == whole.theta.tobytes()
        assert np.concatenate(tables)[:, :7].tobytes() == expected[:, :7].tobytes()
        assert second.state.epoch == 6
        assert second.state.step == whole.state.step


@pytest.mark.parametrize("engine", ["compiled", "reference"])
@pytest.mark.parametrize("optimizer", [dr.Adam(0.01), dr.LBFGS()], ids=lambda each: each.name)
def test_training_that_is_stopped_within_epochs_goes_on_to_the_last_bit(engine, optimizer):
    data = dr.load_dataset("digits")
    recipe = dr.Recipe(network=dr.Network(hidden=(8,)), optimizer=optimizer, batch_size=16, epochs=4, stopping=None)
    whole, stopped = (dr.epochs(recipe, data, engine=engine)._engine for _ in range(2))
    expected = whole.advance(4, 60.0).table
    asked = within = 0

    def interrupted():
        nonlocal asked
        asked += 1
        return asked % 3 == 0

    tables = []
    while not stopped.finished:
        tables.append(stopped.advance(1, 60.0, interrupted).table)
        within += not len(tables[-1])
    assert within >= 1
    assert stopped.theta.tobytes() == whole.theta.tobytes()
    assert np.concatenate(tables)[:, :7].tobytes() == expected[:, :7].tobytes()
