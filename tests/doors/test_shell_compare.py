"""`deltarule compare` in the shell."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from deltarule.cli.main import app

SHORT = ["compare", "iris", "--hidden", "4", "--epochs", "3"]
VARIED = [*SHORT, "--vary", "optimizer=sgd,adam", "--seeds", "3"]


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, [*args])


def test_tables_sentences_and_a_folder(shell, tmp_path):
    result = shell(*VARIED, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["seeds"] == [0, 1, 2]
    assert set(found["variants"]) == {"sgd", "adam"}
    assert all(each["recipe"]["network"]["hidden"] == [4] for each in found["variants"].values())
    for words in ("Accuracy on the test set", "Cost", "Pairs", "take 6 seeds or more", *found["sentences"]):
        assert words in result.stderr
    folder = tmp_path / "runs" / "compare-iris-1"
    assert json.loads((folder / "result.json").read_text()) == found
    assert "</html>" in (folder / "report.html").read_text()
    rows = list(csv.DictReader((folder / "networks.csv").read_text().splitlines()))
    assert len(rows) == 6
    assert {row["variant"] for row in rows} == {"sgd", "adam"}
    assert shell(*VARIED, "--quiet").stderr == ""
    assert (tmp_path / "runs" / "compare-iris-2").is_dir()


def test_everything_at_once(shell, tmp_path):
    options = ["--vary", "l2=0,0.01", "--tune", "learning_rate", "--budget", "1min", "--seeds-vary", "start,split"]
    kept = ["--keep-models", "--record-batches", "--target-score", "0.5", "--output", "mine"]
    result = shell(*VARIED, *options, *kept)
    assert result.exit_code == 0, result.stderr
    assert "Tuning of learning_rate" in result.stderr
    assert "Target: 50.00 %" in result.stderr
    assert list((tmp_path / "mine" / "models").glob("*.safetensors"))
    assert "Loss of the batches" in (tmp_path / "mine" / "report.html").read_text()
    assert json.loads((tmp_path / "mine" / "result.json").read_text())["seeds_vary"] == ["start", "split"]


def test_tested_pairs_are_chosen_and_too_few_seeds_for_them_are_said_before_training(shell):
    three = [*SHORT, "--vary", "optimizer=sgd,momentum,adam", "--seeds", "6"]
    result = shell(*three, "--against", "sgd", "--against", "sgd vs adam", "--json")
    what, note, *_ = result.stderr.splitlines()
    assert what.startswith("3 variants, 6 seeds: 18 networks")
    assert note.startswith("With 6 seeds none of 2 pairs can differ significantly")
    pairs = {frozenset((each["first"], each["second"])) for each in json.loads(result.stdout)["pairs"]}
    assert pairs == {frozenset(("momentum", "sgd")), frozenset(("adam", "sgd"))}


def test_a_table_is_dealt_out_anew(shell, tmp_path):
    rows = [f"{k},{'red' if k % 2 else 'blue'},{'yes' if k % 3 else 'no'}" for k in range(90)]
    (tmp_path / "rows.csv").write_text("\n".join(["a,colour,answer", *rows]))
    options = ["--target", "answer", "--epochs", "2", "--seeds", "2", "--seeds-vary", "split", "--json"]
    result = shell("compare", "rows.csv", "--vary", "optimizer=sgd,adam", *options)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["seeds_vary"] == ["split"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (SHORT, "--vary optimizer=sgd,momentum,adam"),
        ([*SHORT, "--vary", "optimizer"], "--vary optimizer=sgd,adam"),
        ([*SHORT, "--vary", "optimizer=sgd"], "at least two variants"),
        ([*SHORT, "--vary", "optimiser=sgd,adam"], "Try: --vary optimizer=adam"),
        ([*SHORT, "--vary", "optimizer=sgd,adm"], "Try: --vary optimizer=adam"),
        ([*VARIED, "--seeds", "0"], "seeds"),
        ([*VARIED, "--against", "adma"], "Try: --against adam"),
        ([*VARIED, "--against", "adam vs adam"], "a pair of two variants"),
        ([*VARIED, "--tune", "activation"], "a field above 0"),
        ([*VARIED, "--budget", "later"], "60s"),
        ([*VARIED, "--seeds-vary", "luck"], "--seeds-vary start,order"),
        ([*VARIED, "--hidden", "many"], "--hidden"),
        ([*VARIED, "--engine", "warp"], "engine"),
        (["compare", "irises", "--vary", "optimizer=sgd,adam"], "iris"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(shell, tmp_path, args, words):
    result = shell(*args)
    assert result.exit_code == 2, result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(shell, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("")
    result = shell(*VARIED, "--output", "mine")
    assert result.exit_code == 2
    assert "not empty" in result.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes"]


def test_it_has_the_options_of_train(shell):
    pages = [shell(command, "--help").stdout for command in ("train", "compare")]
    for option in ("--hidden", "--batch-size", "--dropout", "--patience", "--set", "--recipe", "--data-dir", "--l2"):
        assert all(option in page for page in pages), option


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
def test_after_ctrl_c_what_is_finished_is_there_and_goes_on(shell, tmp_path):
    call = ["compare", "digits", "--hidden", "16", "--epochs", "60", "--vary", "optimizer=sgd,adam"]
    mine = ["--output", str(tmp_path / "mine")]
    process = subprocess.Popen(
        [sys.executable, "-m", "deltarule", *call, "--seeds", "5000", *mine],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    lines = tmp_path / "mine" / "networks.jsonl"
    until = time.monotonic() + 60
    while not (lines.exists() and lines.read_text().count("\n") >= 4):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "go on with the same command" in told
    assert "Traceback" not in told
    trained = [json.loads(line) for line in lines.read_text().splitlines()]
    result = json.loads((tmp_path / "mine" / "result.json").read_text())
    assert 4 <= len(result["networks"]) <= len(trained)
    assert "networks are finished" in (tmp_path / "mine" / "report.html").read_text()
    again = shell(*call, "--seeds", "3", *mine)
    assert again.exit_code == 0, again.stderr
    assert len(json.loads((tmp_path / "mine" / "result.json").read_text())["networks"]) == 6
