"""Standard streams that are closed or full, and too little memory: one sentence, an exit code, and the work is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.warm import SOURCE

import deltarule as dr
from deltarule.cli import data_options
from deltarule.cli.main import app
from deltarule.training import Training

TRAIN = "train xor --epochs 2 --hidden 4 --out run"


def shell(folder, arguments, streams):
    """Run the command by a shell, with these redirections; its exit code, standard output and standard error."""
    line = f'exec "{sys.executable}" -m deltarule {arguments} {streams}'
    environment = os.environ | {"PYTHONPATH": SOURCE}
    done = subprocess.run(["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full, as Linux has it")


@pytest.mark.skipif(os.name == "nt", reason="closed streams as POSIX has them")
@pytest.mark.parametrize(
    ("arguments", "streams", "code"),
    [
        ("formulas penalty", ">&-", 2),
        ("--version", ">&-", 2),
        (f"{TRAIN} --json", ">&- <&-", 2),
        ("--version", ">&- 2>&-", 2),
        pytest.param("formulas penalty --json", ">/dev/full", 2, marks=full),
        pytest.param(TRAIN, ">&- 2>/dev/full", 0, marks=full),
    ],
)
def test_streams_that_cannot_be_written_to(tmp_path, arguments, streams, code):
    ended, out, err = shell(tmp_path, arguments, streams)
    assert ended == code, err
    assert "Traceback" not in err
    if code and "2>" not in streams:
        assert "a standard output that can be written to" in err
    if arguments.startswith("train"):
        assert dr.load_model(tmp_path / "run" / "model.safetensors").sizes == (2, 4, 2)
        assert len((tmp_path / "run" / "history.jsonl").read_text().splitlines()) == 2
        assert not out or json.loads(out)["epochs"] == 2


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run a command here; its exit code and what it said."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            app(list(arguments))
        return ended.value.code, capsys.readouterr().err

    return run


def test_a_network_that_no_memory_holds(command):
    code, said = command("train", "xor", "--hidden", "10000000,10000000")
    assert code == 2
    assert said.count("\n") == 1
    assert "memory" in said
    assert "Unable to allocate" in said


def test_memory_that_ends_while_data_are_read(command, monkeypatch):
    def none_left(*_, **__):
        raise MemoryError

    monkeypatch.setattr(data_options, "load", none_left)
    code, said = command("train", "xor")
    assert (code, said.count("\n")) == (2, 1)
    assert "enough memory" in said


def test_memory_that_ends_in_training_leaves_the_model(command, monkeypatch):
    plain = Training._advance
    calls = []

    def none_left(training, *rest):
        calls.append(1)
        if len(calls) > 2:
            raise MemoryError
        return plain(training, *rest)

    monkeypatch.setattr(Training, "_advance", none_left)
    code, said = command("train", "digits", "--epochs", "100000", "--patience", "none", "--out", "run")
    assert code == 2
    assert "What was learnt before is in run." in said
    assert "memory" in said.splitlines()[-1]
    assert len(Path("run/history.jsonl").read_text().splitlines()) >= 1
    assert dr.load_model("run/model.safetensors").sizes[0] == 64
