"""SIGINT, SIGTERM and SIGHUP at every stage of a command: it exits within 3 s, and what was learnt is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.faults.warm import SOURCE, Warm

import deltarule as dr
from deltarule.cli.main import app

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")

WITHIN = 3.0
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
LONG = ("--epochs", "1000000", "--patience", "none", "--hidden", "16", "--out", "run")


@pytest.fixture(scope="module")
def warm():
    server = Warm()
    yield server
    server.close()


def wait_for(ready, seconds=30.0):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.002)


def has_lines(path, count=1):
    return lambda: path.is_file() and path.read_bytes().count(b"\n") >= count


def check_run(folder):
    """The history and the model of a run are whole; how many epochs there were."""
    epochs = [json.loads(line)["number"] for line in (folder / "history.jsonl").read_text().splitlines()]
    assert epochs == list(range(1, len(epochs) + 1))
    assert dr.load_model(folder / "model.safetensors").sizes[0] == 64
    assert dr.Recipe.from_json(json.loads((folder / "recipe.json").read_text())).epochs == 1000000
    assert not [path for path in folder.iterdir() if path.suffix == ".part"]
    return len(epochs)


@pytest.mark.parametrize("number", CODES)
def test_a_signal_in_training_keeps_what_was_learnt(warm, tmp_path, number):
    command = warm.start(tmp_path, "train", "digits", *LONG, "--json")
    wait_for(has_lines(tmp_path / "run" / "history.jsonl"))
    command.send(number)
    ended = command.wait()
    assert ended.code == CODES[number]
    assert ended.seconds < WITHIN
    assert check_run(tmp_path / "run") >= 1
    assert "Interrupted in epoch" in ended.err
    assert "what was learnt is in run" in ended.err
    assert "Traceback" not in ended.err
    assert json.loads(ended.out)["status"] == "interrupted"


def test_further_signals_while_the_run_is_saved_change_nothing(warm, tmp_path):
    command = warm.start(tmp_path, "train", "digits", *LONG)
    wait_for(has_lines(tmp_path / "run" / "history.jsonl"))
    for number in [signal.SIGTERM, *[signal.SIGINT, signal.SIGTERM, signal.SIGHUP] * 20]:
        command.send(number)
        time.sleep(0.001)
    ended = command.wait()
    assert ended.code in CODES.values()  # those that come in the same moment have no order
    assert ended.seconds < WITHIN
    assert check_run(tmp_path / "run") >= 1
    assert "Traceback" not in ended.err


def test_a_signal_after_training_leaves_the_model(warm, tmp_path):
    for attempt in range(5):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        command = warm.start(folder, "train", "digits", "--epochs", "2", "--out", "run")
        wait_for((folder / "run" / "model.safetensors").exists)
        command.send(signal.SIGTERM)
        ended = command.wait()
        if ended.code:  # else the command had ended before the signal came
            break
    assert ended.code == 143
    assert ended.seconds < WITHIN
    assert "what was learnt is in run" in ended.err
    assert len((folder / "run" / "history.jsonl").read_text().splitlines()) == 2
    assert dr.load_model(folder / "run" / "model.safetensors").sizes[0] == 64


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_data_are_read(warm, tmp_path, number):
    (tmp_path / "rows.csv").write_text("a,b,c,target\n" + "1.5,2.5,x,yes\n0.25,3.5,y,no\n" * 300_000)
    command = warm.start(tmp_path, "train", "rows.csv", "--target", "target")
    time.sleep(0.2)
    command.send(number)
    ended = command.wait()
    assert ended.code == CODES[number]
    assert ended.seconds < WITHIN
    assert ended.err.endswith("Interrupted.\n")  # notes on the data may come before it on a fast machine
    assert "Traceback" not in ended.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "arguments",
    [("reproduce", "moons", "--seeds", "500", "--out", "new"), ("lr-range", "digits", "--steps", "100000")],
    ids=lambda each: each[0],
)
def test_other_commands_end_and_leave_nothing(warm, tmp_path, arguments):
    command = warm.start(tmp_path, *arguments)
    time.sleep(0.3)
    command.send(signal.SIGTERM)
    ended = command.wait()
    assert ended.code == 143
    assert ended.seconds < WITHIN
    assert ended.out == ""
    assert ended.err.endswith("Interrupted.\n")
    assert "Traceback" not in ended.err
    assert not (tmp_path / "new").exists()


def test_a_comparison_keeps_its_networks(warm, tmp_path):
    call = ["compare", "iris", "--hidden", "4", "--epochs", "30", "--vary", "optimizer=sgd,adam", "--out", "mine"]
    command = warm.start(tmp_path, *call, "--seeds", "2000")
    lines = tmp_path / "mine" / "networks.jsonl"
    wait_for(has_lines(lines, 20))
    command.send(signal.SIGTERM)
    ended = command.wait()
    assert ended.code == 143
    assert "go on with the same command" in ended.err
    trained = [json.loads(line)["key"] for line in lines.read_text().splitlines()]
    assert len(set(trained)) == len(trained) >= 19  # the signal may have taken back the line that was being written
    result = json.loads((tmp_path / "mine" / "result.json").read_text())
    assert len(result["networks"]) == len(trained)
    keys = {(each["variant"], each["seed"]) for each in map(json.loads, lines.read_text().splitlines())}
    assert {(each["variant"], each["seed"]) for each in result["networks"]} == keys


def test_a_signal_that_is_ignored_from_the_start_stays_ignored(warm, tmp_path):
    command = warm.start(tmp_path, "train", "digits", *LONG, ignored=(signal.SIGINT, signal.SIGHUP))
    history = tmp_path / "run" / "history.jsonl"
    wait_for(has_lines(history))
    command.send(signal.SIGINT)
    command.send(signal.SIGHUP)
    before = history.read_bytes().count(b"\n")
    wait_for(has_lines(history, before + 100))
    command.send(signal.SIGTERM)
    assert command.wait().code == 143
    check_run(tmp_path / "run")


def process(folder, *arguments, **environment):
    """The command itself, started as from a shell; it answers signals by the time this returns."""
    started = subprocess.Popen(
        [sys.executable, "-m", "deltarule", *arguments], cwd=folder, text=True, start_new_session=True,
        env=os.environ | {"PYTHONPATH": SOURCE} | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    status = Path(f"/proc/{started.pid}/status")
    if not status.exists():
        time.sleep(0.1)
        return started
    caught = (1 << signal.SIGTERM - 1) | (1 << signal.SIGINT - 1)
    wait_for(lambda: int(status.read_text().partition("SigCgt:")[2].split()[0], 16) & caught == caught)
    return started


def exited(started, number):
    """Send a signal; the exit code, and what was said."""
    began = time.monotonic()
    started.send_signal(number)
    told = started.communicate(timeout=30)
    assert time.monotonic() - began < WITHIN
    return started.returncode, *told


@pytest.mark.parametrize("number", CODES)
def test_a_signal_in_the_first_imports(tmp_path, number):
    assert exited(process(tmp_path, "train", "digits"), number) == (CODES[number], "", "Interrupted.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_while_the_engine_is_compiled(tmp_path):
    started = process(tmp_path, "train", "digits", "--out", "run", DELTARULE_CACHE=str(tmp_path / "cache"))
    wait_for(lambda: any(path.is_file() for path in (tmp_path / "cache").rglob("*")))  # the first of dozens
    assert exited(started, signal.SIGTERM) == (143, "", "Interrupted.\n")
    assert not (tmp_path / "run").exists()


def test_the_package_itself_leaves_signals_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = [signal.getsignal(number) for number in CODES]
    dr.train(dr.Recipe(epochs=1, stopping=None), dr.load_dataset("xor"))
    with pytest.raises(SystemExit):
        app(["formulas", "penalty"])
    assert [signal.getsignal(number) for number in CODES] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_an_import_that_a_signal_breaks_is_an_interruption(monkeypatch, capsys):
    """A module of C code whose initialization is interrupted raises ImportError, not what the handler has raised."""
    import typer

    from deltarule.cli import main
    from deltarule.cli.interrupts import interrupts

    def broken(self, context):
        raise ImportError("initialization failed")

    monkeypatch.setattr(main.LazyGroup, "invoke", broken)
    group = main.CommandGroup(name="deltarule")
    with pytest.raises(ImportError):
        group.invoke(None)
    monkeypatch.setattr(interrupts, "_received", int(signal.SIGTERM))
    with pytest.raises(typer.Exit) as ended:
        group.invoke(None)
    assert ended.value.exit_code == 143
    assert "Interrupted." in capsys.readouterr().err
