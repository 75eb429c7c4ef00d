"""Processes that are forked while threads train, predict and compile, and trainings that are carried along."""

import contextlib
import os
import signal
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import deltarule as dr

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
SECONDS = 30
GENERATOR = np.random.default_rng(0)
X, Y = GENERATOR.normal(size=(200, 30)), np.arange(200) % 3
DATA = dr.Dataset(train=(X, Y))
RECIPE = dr.Recipe(network=dr.Network(hidden=(40, 20)), batch_size=20, epochs=6, stopping=None)


def in_child(work):
    """What a forked child says of the work: "done", or the name of its exception; "hang" where it does not end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, of forks beside threads
        child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            try:
                work()
                code = 0
            except dr.errors.Interrupted:
                code = 2
        os._exit(code)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return {0: "done", 1: "error", 2: "Interrupted"}.get(os.waitstatus_to_exitcode(status), "killed")
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hang"


@contextlib.contextmanager
def beside(work):
    """Another thread that does the work over and over again."""
    over = threading.Event()

    def repeat():
        while not over.is_set():
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_beside_a_thread_that_predicts():
    model = dr.train(RECIPE, DATA).model
    big = np.tile(X, (100, 1))
    expected = model.predict(X)
    with beside(lambda: model.predict(big)):
        for _ in range(20):
            assert in_child(lambda: np.testing.assert_array_equal(model.predict(X), expected)) == "done"


def test_beside_a_thread_that_compiles():
    widths = iter(range(1, 10**6))

    def compiles():
        from deltarule.native.processor import assemble, load

        load(assemble(f"define i64 @f() {{ ret i64 {next(widths)} }}"))

    compiles()
    with beside(compiles):
        for _ in range(10):
            assert in_child(lambda: dr.train(RECIPE.replace(loss="sigmoid_cross_entropy"), DATA)) == "done"


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_a_training_goes_on_in_the_child(n_threads, optimizer):
    recipe = RECIPE.replace(optimizer=optimizer)
    whole = dr.train(recipe, DATA, n_threads=n_threads).model.theta
    training = dr.epochs(recipe, DATA, n_threads=n_threads)
    next(iter(training))

    def goes_on():
        training.finish()
        assert training.model.theta.tobytes() == whole.tobytes()

    assert in_child(goes_on) == "done"
    goes_on()


def test_l_bfgs_says_that_it_cannot_go_on_in_the_child():
    training = dr.epochs(RECIPE.replace(optimizer="lbfgs"), DATA)
    next(iter(training))
    assert in_child(training.finish) == "Interrupted"
    training.finish()


def test_a_training_that_another_thread_is_at_says_so_in_the_child():
    training = dr.epochs(RECIPE.replace(epochs=10**6), DATA)
    over = threading.Event()
    thread = threading.Thread(target=training.finish, args=(over.is_set,))
    thread.start()
    try:
        time.sleep(0.2)
        found = {in_child(lambda: (training.model, training.finish(lambda: True))) for _ in range(10)}
    finally:
        over.set()
        thread.join()
    assert found <= {"Interrupted", "done"}
    assert "Interrupted" in found
    assert training.run.status == "interrupted"


def test_one_training_in_two_threads():
    """They take turns: each epoch comes to one of them, and the weights are those of one thread."""
    expected = dr.train(RECIPE.replace(epochs=60), DATA).model.theta
    training = dr.epochs(RECIPE.replace(epochs=60), DATA, n_threads=2)
    met, raised = [], []

    def iterate():
        try:
            met.extend(epoch.number for epoch in training)
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    threads = [threading.Thread(target=iterate) for _ in range(4)]
    before, _ = sys.getswitchinterval(), sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
    finally:
        sys.setswitchinterval(before)
    assert not raised
    assert sorted(met) == list(range(1, 61))
    assert training.model.theta.tobytes() == expected.tobytes()
