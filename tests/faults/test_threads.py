"""Threads that do not start, that are too many, or that nobody needs."""

import ctypes
import os
import threading
import warnings

import numpy as np
import pytest
from tests.faults.guarded import threads

import deltarule as dr
from deltarule.engines.threads import allowed_threads, cores
from deltarule.native import threads as fork_join
from deltarule.native.structs import Record
from deltarule.training.many import as_they_end

GENERATOR = np.random.default_rng(0)
X, Y = GENERATOR.normal(size=(60, 40)), np.arange(60) % 4
DATA = dr.Dataset(train=(X, Y))
RECIPE = dr.Recipe(network=dr.Network(hidden=(40,)), epochs=4, batch_size=20, stopping=None)


@pytest.fixture
def refusing(monkeypatch):
    """Have the system refuse to start a thread, all of them or those after the first few of a call."""

    def refuse(after=0):
        found = fork_join.system()
        kind = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_int64] * 4)
        real, started = kind(found["start"]), []

        @kind
        def start(handle, attributes, function, argument):
            if len(started) >= after:
                return 11  # EAGAIN
            started.append(1)
            return real(handle, attributes, function, argument)

        address = ctypes.cast(start, ctypes.c_void_p).value
        monkeypatch.setattr(
            fork_join, "system", lambda: Record(fork_join.System, **{**vars(found.value()), "start": address})
        )
        return start

    return refuse


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_training_goes_on_with_one_thread(refusing, after, optimizer):
    recipe = RECIPE.replace(optimizer=optimizer)
    expected = dr.train(recipe, DATA, n_threads=1).model.theta
    kept = refusing(after)
    before = threads()
    with pytest.warns(dr.errors.ThreadsWarning, match="goes on with one"):
        run = dr.train(recipe, DATA, n_threads=4)
    assert run.status == "finished"
    assert run.model.theta.tobytes() == expected.tobytes()
    assert threads() == before
    assert kept is not None


@pytest.mark.parametrize("after", [0, 1])
def test_many_networks_are_trained_by_the_threads_that_there_are(monkeypatch, after):
    """Python's own words: RuntimeError("can't start new thread")."""
    expected = [run.model.theta for run in dr.train_many([RECIPE, RECIPE.replace(seed=1)], DATA, n_threads=1)]
    start, started = threading.Thread.start, []

    def refused(thread):
        if len(started) >= after:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    runs = dr.train_many([RECIPE, RECIPE.replace(seed=1)], DATA, n_threads=2)
    for run, theta in zip(runs, expected, strict=True):
        assert run.model.theta.tobytes() == theta.tobytes()


def test_l_bfgs_needs_a_thread(monkeypatch):
    def refused(thread):
        raise RuntimeError("can't start new thread")

    training = dr.epochs(RECIPE.replace(optimizer="lbfgs"), DATA)
    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(dr.errors.OutOfThreads, match="can't start new thread"):
        training.finish()


def test_what_fails_in_a_thread_is_raised_and_ends_the_others():
    closed, began = threading.Event(), []

    def one(place):
        began.append(place)
        if place == 2:
            raise LookupError(place)
        closed.wait(0.01)
        return place

    with pytest.raises(LookupError):
        list(as_they_end(one, 1000, 2, closed))
    assert len(began) < 100
    assert not [each for each in threading.enumerate() if each.name.startswith("deltarule_")]


def test_trainings_that_wait_hold_no_threads():
    before = threads()
    small = RECIPE.replace(network=dr.Network(hidden=(16,)), batch_size=60)
    live = [dr.epochs(small, DATA, n_threads=2) for _ in range(200)]
    for training in live:
        next(iter(training))
    assert threads() <= before


def test_more_threads_than_cores_are_warned_of():
    n = cores() + 1
    with pytest.warns(dr.errors.ThreadsWarning, match=f"n_threads={n} on {cores()} core"):
        run = dr.train(RECIPE, DATA, n_threads=n)
    assert run.model.theta.tobytes() == dr.train(RECIPE, DATA, n_threads=1).model.theta.tobytes()
    with pytest.warns(dr.errors.ThreadsWarning):
        dr.train_many([RECIPE] * (n + 1), DATA, n_threads=n)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dr.train(RECIPE, DATA, n_threads=cores())


GROUPS = {
    # A container with version 2, and a slice of a system without containers.
    "0::/\n": {"sys/fs/cgroup/cpu.max": "50000 100000"},
    "0::/user.slice/job.scope\n": {"sys/fs/cgroup/user.slice/cpu.max": "100000 100000"},
    # Version 1; in a container the group's name is the host's.
    "4:memory:/m\n3:cpu,cpuacct:/docker/1f\n": {
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "90000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    },
}


@pytest.mark.parametrize("groups", GROUPS)
def test_the_quota_of_control_groups_is_kept(tmp_path, groups):
    files = {"proc/self/cgroup": groups, **GROUPS[groups]}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores(str(tmp_path)) == 1


@pytest.mark.parametrize("quota", ["max 100000", "-1", "", "100000000 100000", "0 0", "broken"])
def test_control_groups_without_a_quota(tmp_path, quota):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cpu.max").write_text(quota)
    assert cores(str(tmp_path)) == cores(str(tmp_path / "nothing")) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("value", ["²", "two", "-1", "0", "1.5", "9" * 5000])
def test_a_number_of_threads_that_is_none(monkeypatch, value):
    monkeypatch.setenv("DELTARULE_NUM_THREADS", value)
    if value[0] == "9":
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        value = value[:100]
    with pytest.raises(dr.errors.RecipeError, match="a number of threads from 1 in DELTARULE_NUM_THREADS"):
        allowed_threads()


def test_numbers_of_threads_that_others_mean_are_not_ours(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "²")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "4,2")
    assert allowed_threads() >= 1
