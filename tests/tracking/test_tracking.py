"""Trackers: what real readers of each program find in their records."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
import warnings

import pytest

import deltarule as dr
from deltarule.errors import DeltaruleError, OutputError
from deltarule.tracking import JSONLines, MLflow, TensorBoard, Tracker, WandB, seed_bands, tracked_values

RECIPE = dr.Recipe(network=dr.Network(hidden=(4,)), epochs=3, stopping=None)


def tracked(tracker, **arguments):
    with tracker:
        tracker.parameters(RECIPE)
        return dr.train(RECIPE, dr.load_dataset("iris"), on_epoch=tracker, engine="reference", **arguments)


def test_json_lines_have_every_epoch_at_once(tmp_path):
    path, seen = tmp_path / "history.jsonl", []

    class Watching(JSONLines):
        def __call__(self, epoch):
            super().__call__(epoch)
            seen.append(len(path.read_text(encoding="utf-8").splitlines()))

    run = tracked(Watching(path))
    assert seen == [1, 2, 3]
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines == [epoch.to_json() for epoch in run.history]


def test_values_that_are_not_finite_are_left_out():
    epoch = dr.Epoch(1, 0.5, 0.6, math.nan, math.inf, 0.8, 0.9, 0.1, {"f1": math.nan})
    assert set(tracked_values(epoch)) == {
        "loss/train", "objective/train", "objective/validation", "score/validation", "seconds"
    }  # fmt: skip


@pytest.fixture
def accumulator():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("tensorboardX")
        events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def read(folder):
        found = events.EventAccumulator(str(folder))
        found.Reload()
        return found

    return read


def test_tensorboard_reads_the_epochs_and_the_recipe(tmp_path, accumulator):
    run = tracked(TensorBoard(tmp_path))
    found = accumulator(tmp_path)
    scalars = {name: [(each.step, each.value) for each in found.Scalars(name)] for name in found.Tags()["scalars"]}
    assert set(scalars) == set(tracked_values(run.history[0]))
    losses = [(epoch.number, pytest.approx(epoch.validation_loss)) for epoch in run.history]
    assert scalars["loss/validation"] == losses
    (text,) = found.Tensors("recipe/text_summary")
    assert b'"hidden"' in text.tensor_proto.string_val[0]


def test_tensorboard_reads_mean_and_band_of_each_variant(tmp_path, accumulator):
    curves = {"rate 0.1": [{"loss": [3.0, 1.0]}, {"loss": [1.0]}], "a/b": [{"loss": [2.0]}]}
    with TensorBoard(tmp_path) as tracker:
        tracker.bands(seed_bands(curves))
    found = accumulator(tmp_path / "rate 0.1")
    assert [each.value for each in found.Scalars("loss/mean")] == [2.0, 1.0]
    lower, upper = (found.Scalars(f"loss/{end}")[0].value for end in ("lower", "upper"))
    assert (lower, upper) == (pytest.approx(1.2), pytest.approx(2.8))
    assert accumulator(tmp_path / "a_b").Scalars("loss/mean")[0].value == 2.0


@pytest.fixture
def mlflow_server(tmp_path):
    """A local MLflow server; its address."""
    pytest.importorskip("flask")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = ["--backend-store-uri", f"sqlite:///{tmp_path}/served.db", "--default-artifact-root", str(tmp_path)]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen([*command, *store], stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + 90
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None, (tmp_path / "server.log").read_text()
            assert time.monotonic() < until, (tmp_path / "server.log").read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def check_mlflow_run(uri):
    """Track a run, and compare what MLflow's own client finds with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow = pytest.importorskip("mlflow.tracking")
        tracker = MLflow(uri, "tests", name="iris-1")
        run = tracked(tracker)
        client = mlflow.MlflowClient(uri)
        found = client.get_run(tracker.run_id)
        history = client.get_metric_history(tracker.run_id, "loss/validation")
    assert found.info.run_name == "iris-1"
    assert found.info.status == "FINISHED"
    assert found.data.params["network.hidden"] == "[4]"
    values = sorted((each.step, each.value) for each in history)
    assert values == [(epoch.number, pytest.approx(epoch.validation_loss)) for epoch in run.history]


def test_mlflow_reads_the_epochs_and_the_recipe(tmp_path):
    pytest.importorskip("sqlalchemy")
    check_mlflow_run(f"sqlite:///{tmp_path}/runs.db")


def test_an_mlflow_server_keeps_the_epochs_and_the_recipe(mlflow_server):
    check_mlflow_run(mlflow_server)


def test_the_comparison_command_writes_mean_and_band(tmp_path, accumulator, shell):
    shell("compare", "iris", "--vary", "optimizer=sgd,adam", "--seeds", "2", "--epochs", "3", "--hidden", "4",
          "--output", "compared", "--track", "tensorboard", "--quiet")  # fmt: skip
    (folder,) = {path.parent for path in tmp_path.glob("compared/**/adam/events*")}
    mean = accumulator(folder).Scalars("validation_loss/mean")
    assert [each.step for each in mean] == [1, 2, 3]


def test_an_mlflow_server_that_does_not_answer_is_named(monkeypatch):
    pytest.importorskip("mlflow.tracking")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(OutputError, match=r"an MLflow server or store, got http://127\.0\.0\.1:9"):
        MLflow("http://127.0.0.1:9")


def records(content):
    """The records of a log of Weights & Biases: 7 bytes, then those of LevelDB's log format in blocks of 32 KiB."""
    place, record = 7, b""
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:  # the rest of a block is empty
            place += 32768 - place % 32768
            continue
        length, kind = struct.unpack("<HB", content[place + 4 : place + 7])
        record += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # a whole record, or the end of one
            yield record
            record = b""


def test_wandb_keeps_a_record_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from wandb.proto import wandb_internal_pb2

        run = tracked(WandB(tmp_path))
    (path,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    losses = []
    for content in records(path.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(content)
        items = {each.key or ".".join(each.nested_key): each.value_json for each in record.history.item}
        if "loss/validation" in items:
            losses.append(json.loads(items["loss/validation"]))
    assert losses == [pytest.approx(epoch.validation_loss) for epoch in run.history]


@pytest.mark.parametrize(("cls", "package"), [(TensorBoard, "tensorboardX"), (MLflow, "mlflow"), (WandB, "wandb")])
def test_a_package_that_is_absent_is_named(cls, package, tmp_path, monkeypatch):
    import builtins

    imported = builtins.__import__

    def without(name, *arguments, **named):
        if name.partition(".")[0] == package:
            raise ImportError(name)
        return imported(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DeltaruleError, match=rf"the package {package}.*deltarule\[track\]"):
        cls(str(tmp_path))


def test_a_tracker_of_a_user_is_a_callback():
    steps = []

    class Own(Tracker):
        def write(self, step, values):
            steps.append((step, values["loss/train"]))

        def close(self):
            steps.append("closed")

    run = tracked(Own())
    assert steps == [*((each.number, each.train_loss) for each in run.history), "closed"]
