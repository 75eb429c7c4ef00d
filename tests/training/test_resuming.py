"""A run that is interrupted anywhere and resumed equals the run that was not, to the last bit."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from tests.engines.recipes import runs
from tests.faults.resumed import KINDS, disturbed

import deltarule as dr
from deltarule.engines.compiled import Compiled
from deltarule.training.checkpoints import Checkpoints

EXAMPLES = int(os.environ.get("DELTARULE_TEST_EXAMPLES", "15"))
RELAXED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
SMALL = dr.Recipe(network=dr.Network(hidden=(8,), dropout=0.2), optimizer=dr.Adam(0.01), batch_size=16, epochs=5)
IRIS = dr.load_dataset("iris")


@st.composite
def interrupted_runs(draw):
    """A call of `Training`, and after how many steps or epochs it is interrupted, again and again."""
    run, engine = draw(runs()), draw(st.sampled_from(["compiled", "reference"]))
    recipe, data = run.recipe, run.data
    classes = data.train.y.ndim == 1
    if data.validation is not None and draw(st.booleans()):
        recipe = recipe.replace(schedule=dr.ReduceOnPlateau(0.5, patience=1))
    if data.validation is not None and draw(st.booleans()):
        metrics = ("accuracy", "log_loss") if classes else ("r2", "mae")
        recipe = recipe.replace(metrics=metrics, task="classification" if classes else "regression")
        if recipe.stopping is not None:
            recipe = recipe.replace(stopping=dr.EarlyStopping(patience=1, monitor=metrics[1]))
    options = {name: value for name, value in run.options.items() if name != "order"}
    options["precision"] = draw(st.sampled_from([options["precision"], "bfloat16"]))
    if draw(st.booleans()):
        options["initial_parameters"] = 5
    pauses = draw(st.lists(st.integers(0, 9), min_size=1, max_size=4))
    threads = draw(st.lists(st.sampled_from([1, 2, 3]), min_size=4, max_size=4))
    given = {"engine": engine, "rows": run.rows, "batches": run.options.get("order")}
    return recipe, data, options | given, pauses, threads


def ended(training, interrupted=lambda: False):
    with contextlib.suppress(dr.Diverged):
        training.finish(interrupted)
    return training.run


def bits(run):
    """All of a run but its durations."""
    history = run.history
    metrics = [list(epoch.metrics.values()) for epoch in history]
    return {
        "status": run.status,
        "best": run.best_epoch,
        "parameters": run.model.parameters.tobytes(),
        "history": history.table[:, :7].tobytes(),
        "metrics": np.array(metrics).tobytes(),
        "losses": run.batch_losses.tobytes(),
    }


def resumed(recipe, data, options, pauses, threads, folder):
    """Interrupt a run after so many steps, each time in a new object, as after a crash, and run it to its end."""
    within = 0
    for number, pause in enumerate([*pauses, None]):
        again = options | {"n_threads": threads[number % len(threads)]}
        training = dr.Training(recipe, data, **again).keep(Checkpoints(folder, 1e9))
        left = iter(range(pause or 0))
        run = ended(training, (lambda: False) if pause is None else lambda left=left: next(left, None) is None)
        within += training._engine.state.batch > 0
    return run, within


@settings(max_examples=EXAMPLES, **RELAXED)
@given(interrupted_runs())
def test_it_equals_the_run_without_interruptions(drawn):
    recipe, data, options, pauses, threads = drawn
    try:
        expected = bits(ended(dr.Training(recipe, data, **options)))
    except (dr.errors.DataError, dr.errors.RecipeError):
        reject()  # rows of one class, for example
    folder = Path(tempfile.mkdtemp()) / "run"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Compiled, "_budget", lambda self: 1)  # so that it can be interrupted after any step
        run, _ = resumed(recipe, data, options, pauses, threads, folder)
    assert bits(run) == expected
    shutil.rmtree(folder.parent)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
def test_runs_that_are_killed_and_whose_disks_fill_lose_nothing():
    """Some of those of `scripts/resume`, each kind of them."""
    said = []
    assert disturbed(len(KINDS), len(KINDS), 0, said.append) == [], said
    assert any("killed" in line for line in said)
