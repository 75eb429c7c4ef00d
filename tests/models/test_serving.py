"""Models that serve: from several threads at once, pickled, in forked and in spawned processes."""

import copy
import multiprocessing
import pickle
import sys
import threading
from functools import cache

import numpy as np
import pytest

import deltarule as dr

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(700, 6))
ROWS = [{"age": float(i % 60), "sex": "FM"[i % 2], "pay": float(i)} for i in range(120)]


def small(**fields):
    network = dr.Network(hidden=(17, 9), activation="tanh", **fields.pop("network", {}))
    return dr.Recipe(network=network, epochs=2, stopping=None, **fields)


@cache
def served(kind):
    """A predictor and rows for it."""
    if kind == "classes":
        return dr.train(small(), X, X[:, 0] > 0).model, X
    if kind == "float32":
        return dr.train(small(), X.astype(np.float32), X[:, 0]).model, X.astype(np.float32)
    if kind == "normalized":
        return dr.train(small(network={"normalization": "batch"}), X, X[:, :2]).model, X
    if kind == "table":
        return dr.train(small(), dr.Dataset((dr.data.table_of(ROWS), np.arange(120.0)))).model, ROWS
    rows = np.array([list(row.values()) for row in ROWS], dtype=object)
    estimator = dr.TabularClassifier(small(), folds=2).fit(rows, np.array(["a", "b", "c"] * 40))
    return estimator.ensemble_, rows


KINDS = ["classes", "float32", "normalized", "table", "ensemble"]


def raw(model, x):
    """What is predicted, in all digits."""
    return model.raw_outputs(x) if hasattr(model, "raw_outputs") else model.predict_proba(x)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_with_batches_of_every_size_get_the_same_bits(kind):
    model, x = served(kind)
    expected, wrong, interval = raw(model, x), [], sys.getswitchinterval()
    fresh, start = copy.deepcopy(model), threading.Barrier(8)

    def hammer(seed):
        random = np.random.default_rng(seed)
        start.wait()  # the first calls, which make the predictor, are at once
        for _ in range(25):
            first = int(random.integers(len(x)))
            size = int(random.choice([1, 2, 3, 7, 64, 300, 700]))
            if not np.array_equal(raw(fresh, x[first : first + size]), expected[first : first + size]):
                wrong.append((first, size))

    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=hammer, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickled_model_predicts_the_same_bits(kind):
    model, x = served(kind)
    expected = raw(model, x)  # a model that has predicted is pickled, too
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(raw(again, x), expected)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert repr(again) == repr(model)


def _answer(model, x, queue):
    queue.put(raw(model, x))


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="a system without fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
@pytest.mark.parametrize("kind", ["classes", "table", "ensemble"])
def test_forked_processes_while_threads_predict(kind):
    model, x = served(kind)
    expected, done = raw(model, x), threading.Event()

    def busy():
        while not done.is_set():
            raw(model, x)

    threads = [threading.Thread(target=busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    context = multiprocessing.get_context("fork")
    try:
        for _ in range(3):
            queue = context.SimpleQueue()
            process = context.Process(target=_answer, args=(model, x, queue))
            process.start()
            found = queue.get()
            process.join(60)
            assert process.exitcode == 0
            np.testing.assert_array_equal(found, expected)
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_spawned_processes():
    model, x = served("classes")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.starmap(raw, [(model, x[:100]), (model, x[100:])])
    np.testing.assert_array_equal(np.concatenate(found), raw(model, x))
