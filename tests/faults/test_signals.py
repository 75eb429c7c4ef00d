"""A signal between any two bytecodes of training: no thread is left, nothing hangs, and the run goes on or says no."""

import contextlib
import itertools
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr

PACKAGE = str(Path(dr.__file__).parent)
GENERATOR = np.random.default_rng(0)
DATA = dr.Dataset(train=(GENERATOR.normal(size=(60, 40)), np.arange(60) % 4))
RECIPE = dr.Recipe(network=dr.Network(hidden=(40,)), epochs=4, batch_size=20, stopping=None)


class Signal:
    """Raises KeyboardInterrupt before the bytecode number `place` of the package, counted from when it is installed."""

    def __init__(self, place):
        self.left = place
        self.came = False

    def __enter__(self):
        # Nobody hears of what is raised where Python was called from C.
        self._hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
        self._trace = sys.gettrace()
        # Python 3.12 looks only here whether any frame wants its bytecodes.
        sys._getframe().f_trace_opcodes = True
        sys.settrace(self._of_call)
        return self

    def __exit__(self, *_):
        sys.settrace(self._trace)
        sys.unraisablehook = self._hook

    def _of_call(self, frame, _event, _argument):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._of_bytecode

    def _of_bytecode(self, _frame, event, _argument):
        if event == "opcode":
            self.left -= 1
            if self.left < 0 and not self.came:
                self.came = True
                raise KeyboardInterrupt
        return self._of_bytecode


def threads():
    """The threads of this process, whoever started them."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else 0


def interrupted_at(place, recipe, n_threads, **given):
    """A training run with a signal before one of its bytecodes; whether there was so late a one."""
    training = dr.epochs(recipe, DATA, n_threads=n_threads, **given)
    signal = Signal(place)
    with signal, contextlib.suppress(KeyboardInterrupt):
        training.finish()
    return training, signal.came


STRIDE = int(os.environ.get("DELTARULE_TEST_STRIDE", "13"))
"""Every so many-th bytecode is tried; `scripts/guard` tries each."""


# Fewer where a formula is called from compiled code, and where there is one thread: the way is mostly the same.
@pytest.mark.parametrize(
    "n_threads, optimizer, record, share", [(2, "adam", "batch", 1), (2, "muon", None, 4), (1, "adam", None, 4)]
)
def test_a_signal_before_each_bytecode(n_threads, optimizer, record, share):
    recipe = RECIPE.replace(optimizer=optimizer)
    whole = dr.train(recipe, DATA, n_threads=n_threads, record=record)
    before, ways = threads(), {"goes on": 0, "says no": 0}
    for place in itertools.count(0, STRIDE * share if STRIDE > 1 else 1):
        training, came = interrupted_at(place, recipe, n_threads, record=record)
        assert threads() == before
        run = training.run
        assert np.isfinite(run.model.theta).all()
        assert [epoch.number for epoch in run.history] == list(range(1, len(run.history) + 1))
        try:
            training.finish()
        except dr.errors.Interrupted:
            ways["says no"] += 1
        else:
            ways["goes on"] += 1
            assert training.run.status == "finished"
            assert training.model.theta.tobytes() == whole.model.theta.tobytes()
            assert len(training.history) == recipe.epochs
            np.testing.assert_array_equal(training.run.batch_losses, whole.batch_losses)
        if not came:
            break
    assert place > 200
    assert min(ways.values()) > 0
