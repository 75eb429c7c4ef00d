"""Comparisons elsewhere than in this process: the same figures to the last bit, whoever dies on the way."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import joblib
import numpy as np
import pytest
from joblib.externals.loky import reusable_executor
from typer.testing import CliRunner

import deltarule as dr
from deltarule.cli.main import app
from deltarule.studies.compare import Comparing

IRIS = dr.load_dataset("iris")
SMALL = dr.Recipe(network=dr.Network(hidden=(5,)), epochs=4)
TWO = dr.vary(SMALL, learning_rate=(0.01, 0.001))
ENDLESS = SMALL.replace(epochs=10**7, stopping=None)
LONG = dr.vary(SMALL.replace(epochs=4_000, stopping=None), learning_rate=(0.01, 0.001))

POSIX = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")


def figures(comparison):
    """All that is decided by recipe and data; the time is not."""
    return sorted(
        (each.variant, each.seed, each.key, each.score, each.loss, each.validation_loss, each.curves["train_loss"])
        for each in comparison.networks
    )


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes on this machine, without a page to watch them."""
    distributed = pytest.importorskip("distributed", reason="needs dask[distributed]")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
    ) as found:
        yield found


@pytest.fixture(scope="module")
def client(cluster):
    with cluster.get_client() as found:
        yield found


def pids(client):
    return list(client.run(os.getpid).values())


@pytest.mark.parametrize("vary", [("start", "order"), ("start", "split")])
def test_the_same_bits_whoever_trains(cluster, client, vary):
    def compared(**by):
        return figures(dr.compare(TWO, IRIS, seeds=3, seeds_vary=vary, **by))

    here = compared(backend="threads")
    assert compared(backend="loky", n_threads=2) == here
    assert compared(backend=cluster.scheduler_address) == here
    with joblib.parallel_config(backend="dask"):
        assert compared() == here


def test_the_active_backend_of_joblib_is_taken(client):
    def who(**by):
        return Comparing(TWO, IRIS, **by).comparison.machine["trained by"]

    assert who() == "threads of one process"
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert who() == "the joblib backend LokyBackend"
        assert who(backend="threads") == "threads of one process"
    with joblib.parallel_config(backend="threading"):
        assert who() == "threads of one process"
    with joblib.parallel_config(backend="dask"):
        assert who() == f"the Dask cluster at {client.scheduler.address}"


@POSIX
def test_a_worker_of_the_cluster_dies_and_nothing_is_lost(cluster, client, tmp_path):
    here = dr.compare(LONG, IRIS, seeds=8)
    before, told = pids(client), []
    for progress in Comparing(LONG, IRIS, seeds=8, folder=tmp_path, backend=cluster.scheduler_address):
        told.append(progress.network.key)
        if len(told) == 3:
            assert any(client.processing().values())
            os.kill(before[0], signal.SIGKILL)
    assert len(told) == len(set(told)) == 16
    assert len((tmp_path / "networks.jsonl").read_text().splitlines()) == 16
    again = dr.compare(LONG, IRIS, seeds=8, folder=tmp_path)
    assert figures(again) == figures(here)
    client.wait_for_workers(2, timeout=20)
    assert before[0] not in pids(client)


@POSIX
def test_a_process_of_joblib_dies_and_nothing_is_lost():
    here, killed = dr.compare(LONG, IRIS, seeds=8), []

    def kill(progress):
        if progress.done == 3:
            killed.append(next(iter(reusable_executor._executor._processes)))
            os.kill(killed[0], signal.SIGKILL)

    with joblib.parallel_config(backend="loky", n_jobs=2):
        there = dr.compare(LONG, IRIS, seeds=8, progress=kill)
    assert killed
    assert figures(there) == figures(here)


@pytest.mark.parametrize("by", ["cluster", "loky"])
def test_when_the_time_is_up_the_workers_are_free(client, by):
    backend = client.scheduler.address if by == "cluster" else by
    began = time.monotonic()
    comparison = dr.compare({"one": ENDLESS, "other": ENDLESS}, IRIS, seeds=3, budget=1.0, backend=backend, n_threads=2)
    assert time.monotonic() - began < 10
    assert comparison.networks == ()
    assert client.submit(sum, [1, 2], pure=False).result(timeout=5) == 3


def test_breaking_off_frees_the_cluster(client):
    mixed = {"short": SMALL, "endless": ENDLESS}
    under_way = Comparing(mixed, IRIS, seeds=2, backend=client.scheduler.address)
    for progress in under_way:
        assert progress.network.variant == "short"
        break
    assert len(under_way.comparison.networks) == 1
    assert client.submit(sum, [1, 2], pure=False).result(timeout=5) == 3


def test_in_the_shell(client, tmp_path):
    call = ["compare", "iris", "--epochs", "2", "--vary", "optimizer=sgd,adam", "--seeds", "2", "--quiet"]
    address = client.scheduler.address
    there = CliRunner().invoke(app, [*call, "--json", "--scheduler", address, "--output", str(tmp_path / "mine")])
    assert there.exit_code == 0, there.stderr
    found = json.loads(there.stdout)
    assert found["machine"]["trained by"] == f"the Dask cluster at {address}"
    assert len(found["networks"]) == 4
    wrong = CliRunner().invoke(app, [*call, "--scheduler", "localhost:8786"])
    assert wrong.exit_code == 2
    assert "--scheduler tcp://host:8786" in wrong.stderr


@POSIX
def test_a_scheduler_dies_and_the_folder_goes_on(tmp_path):
    pytest.importorskip("distributed", reason="needs dask[distributed]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address, quiet = f"tcp://127.0.0.1:{port}", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    program = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard", "--host", "127.0.0.1"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-dashboard", "--no-nanny", address]
    scheduler, under_way = subprocess.Popen([*program, "--port", port], **quiet), []

    def kill(progress):
        under_way.append(progress.network.key)
        if len(under_way) == 2:
            scheduler.kill()

    processes = [scheduler, subprocess.Popen([*worker, "--nthreads", "1"], **quiet)]
    try:
        with pytest.raises(dr.DeltaruleError, match="a scheduler that stays"):
            dr.compare(LONG, IRIS, seeds=50, folder=tmp_path, backend=address, progress=kill)
    finally:
        for process in processes[::-1]:
            process.kill()
            process.wait(timeout=10)
    again = dr.compare(LONG, IRIS, seeds=1, folder=tmp_path)
    assert {network.key for network in again.networks} & set(under_way)


def test_models_come_back(client, tmp_path):
    comparison = dr.compare(TWO, IRIS, seeds=1, folder=tmp_path, keep_models=True, backend=client.scheduler.address)
    models = [dr.load_model(path) for path in sorted((tmp_path / "models").iterdir())]
    scores = sorted(model.score(IRIS.test.x, IRIS.test.y) for model in models)
    assert scores == pytest.approx(sorted(network.score for network in comparison.networks))


def test_large_data_are_mapped_by_processes():
    x = np.random.default_rng(0).normal(size=(4_000, 60))
    data = dr.split(x, x[:, 0] > 0)
    assert data.train.x.nbytes > 2**20
    quick = dr.vary(SMALL.replace(epochs=1), learning_rate=(0.01, 0.001))
    here, there = (dr.compare(quick, data, seeds=2, backend=each, n_threads=2) for each in ("threads", "loky"))
    assert figures(here) == figures(there)


def test_where_no_scheduler_answers(monkeypatch):
    pytest.importorskip("distributed", reason="needs dask[distributed]")
    monkeypatch.setattr("deltarule.studies.compare.distributing.SECONDS_TO_ANSWER", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        for wrong in (address, "tcp://127.0.0.1", "nothing://127.0.0.1:1"):
            with pytest.raises(dr.DeltaruleError, match="a Dask scheduler that answers within 1 s"):
                dr.compare(TWO, IRIS, backend=wrong)


def test_where_distributed_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(dr.DeltaruleError, match=r'pip install "deltarule\[dask\]"'):
        dr.compare(TWO, IRIS, backend="tcp://127.0.0.1:8786")


@pytest.mark.parametrize(("backend", "words"), [("lokky", "loky"), (3, "name of a joblib backend")])
def test_a_backend_that_nobody_has(backend, words):
    with pytest.raises(dr.DeltaruleError, match=words):
        dr.compare(TWO, IRIS, backend=backend)
