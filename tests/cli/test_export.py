"""`deltarule export`, and the option `--track`."""

from __future__ import annotations

import json

import pytest

import deltarule as dr
from deltarule.cli.main import main


def run(arguments, monkeypatch):
    """Run a command line; return its exit code."""
    monkeypatch.setattr("sys.argv", ["deltarule", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    recipe = dr.Recipe(network=dr.Network(hidden=(4,)), epochs=2, stopping=None)
    path = tmp_path_factory.mktemp("run") / "model.safetensors"
    return dr.train(recipe, dr.load_dataset("iris"), engine="reference").model.save(path)


def test_a_model_is_exported_beside_it_or_where_requested(model, tmp_path, monkeypatch, capsys):
    assert run(["export", model, "--to", "numpy"], monkeypatch) == 0
    assert "model.py" in capsys.readouterr().err
    names = {}
    exec(model.with_suffix(".py").read_text(encoding="utf-8"), names)
    x = dr.load_dataset("iris").test.x
    assert (names["predict"](x) == dr.load_model(model).predict(x)).all()
    assert run(["export", model.parent, "--output", tmp_path / "iris.c", "--name", "iris-2"], monkeypatch) == 0
    assert "int iris_2_predict(const float *x);" in (tmp_path / "iris.h").read_text(encoding="utf-8")


def test_the_loss_of_integers_is_measured(model, tmp_path, monkeypatch, capsys):
    arguments = ["export", model, "--output", tmp_path / "iris.c", "--int8", "--data", "iris"]
    assert run(arguments, monkeypatch) == 0
    assert "Accuracy on 15 samples" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of onnx, c, numpy, javascript, json for --to, got none. Try: --to onnx"),
        (["--to", "onx"], "got 'onx'. Try: --to onnx"),
        (["--to", "json", "--int8"], "--to c for --int8, got --to json. Try: --to c --int8"),
        (["--to", "c", "--data", "iris"], "--data with --int8, got --data alone"),
    ],
)
def test_wrong_options_are_explained(arguments, message, model, monkeypatch, capsys):
    assert run(["export", model, *arguments], monkeypatch) == 2
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("tracker", "message"),
    [
        ("tensorbord", "tensorboard, mlflow:URI or wandb for --track, got 'tensorbord'. Try: --track tensorboard"),
        ("mlflow", "after mlflow: for --track, got 'mlflow'. Try: --track mlflow:http://localhost:5000"),
    ],
)
def test_unknown_trackers_are_refused_before_training(tracker, message, tmp_path, monkeypatch, capsys):
    assert run(["train", "iris", "--output", tmp_path / "run", "--track", tracker], monkeypatch) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()


def test_a_run_is_tracked_and_a_failing_tracker_does_not_stop_it(tmp_path, monkeypatch, capsys):
    from deltarule.cli import tracking
    from deltarule.errors import OutputError
    from deltarule.tracking import Tracker

    recorded = []

    class Recording(Tracker):
        def write(self, step, values):
            recorded.append(step)

        def close(self):
            recorded.append("closed")

    class Failing(Tracker):
        def write(self, step, values):
            raise OutputError("a server", "none")

    monkeypatch.setattr(tracking, "TensorBoard", lambda folder: Recording())
    monkeypatch.setattr(tracking, "WandB", lambda folder: Failing())
    folder = tmp_path / "run"
    arguments = ["train", "iris", "--epochs", "3", "--patience", "5", "--engine", "reference", "--output", folder]
    assert run([*arguments, "--track", "tensorboard", "--track", "wandb"], monkeypatch) == 0
    assert recorded == [1, 2, 3, "closed"]
    assert "Failing records no more: Expected a server, got none." in " ".join(capsys.readouterr().err.split())
    lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3]
