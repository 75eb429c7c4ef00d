"""joblib's backends: the same result from other processes, and no more threads than there are cores."""

from __future__ import annotations

import os
from contextlib import contextmanager

import pytest
from joblib import Parallel, delayed, parallel_config
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_predict

import deltarule as dr
from deltarule.engines.threads import allowed_threads

X, Y = load_digits(return_X_y=True)
X, Y = X[:240] / 16, Y[:240]
WORKERS = 2
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def loky(folder):
    with parallel_config("loky", n_jobs=WORKERS, temp_folder=str(folder)):
        yield


@contextmanager
def dask(folder):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'deltarule[dask]'")
    with (
        distributed.LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=str(folder),
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster),
        parallel_config("dask"),
    ):
        yield


@contextmanager
def ray(folder):
    pytest.importorskip("ray", reason="Ray is not installed")
    from ray.util.joblib import register_ray

    register_ray()
    with parallel_config("ray", n_jobs=WORKERS):
        yield


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("backend", [loky, dask, ray], ids=["loky", "dask", "ray"])
def test_searches_in_other_processes(backend, tmp_path):
    search = GridSearchCV(dr.MLPClassifier((20,), max_iter=4, random_state=0), {"alpha": [1e-4, 10.0]}, cv=2)
    network = dr.MLPClassifier((20,), max_iter=4, random_state=0, dropout=0.2)
    here = search.fit(X, Y).cv_results_["mean_test_score"], cross_val_predict(network, X, Y, cv=2)
    with backend(tmp_path):
        there = search.fit(X, Y).cv_results_["mean_test_score"], cross_val_predict(network, X, Y, cv=2)
        told = Parallel()(delayed(allowed_threads)() for _ in range(2 * WORKERS))
        processes = set(Parallel()(delayed(os.getpid)() for _ in range(2 * WORKERS)))
    for one, other in zip(here, there, strict=True):
        assert_array_equal(one, other)
    assert os.getpid() not in processes
    assert max(told) * WORKERS <= max(CORES, WORKERS)


@pytest.mark.parametrize("backend", [loky, dask], ids=["loky", "dask"])
def test_the_folds_of_a_table_in_other_processes(backend, tmp_path):
    recipe = dr.preset("plain", "classification", 120).replace(network=dr.Network(hidden=(8,)), epochs=3)
    here = dr.TabularClassifier(recipe, folds=2).fit(X, Y)
    with backend(tmp_path):
        there = dr.TabularClassifier(recipe, folds=2).fit(X, Y)
    assert_array_equal(there.predict_proba(X), here.predict_proba(X))
    assert_array_equal(there.oof_predictions_, here.oof_predictions_)
