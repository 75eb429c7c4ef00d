"""`deltarule diagnose`: runs and models, the report, and what it refuses."""

import json
from pathlib import Path

import pytest


def test_a_run_is_diagnosed_on_its_own_data(shell):
    shell("train", "moons", "--hidden", "8", "--learning-rate", "1e-5", "--epochs", "20", "--quiet")
    out, err = shell("diagnose", "runs/moons-1", "--json")
    result = json.loads(out)
    assert result["findings"][0]["check"] == "low-learning-rate"
    assert "Error: The learning rate 1e-05 is too low" in err
    assert "add --learning-rate" in err
    assert Path("runs/moons-1/diagnosis.html").read_text().startswith("<!doctype html>")


def test_remedies_are_tried(shell):
    shell("train", "moons", "--hidden", "8", "--learning-rate", "1e-5", "--epochs", "20", "--quiet")
    out, err = shell("diagnose", "runs/moons-1", "--try", "--remedies", "1", "--seeds", "6", "--short", "--json")
    (attempt,) = json.loads(out)["attempts"]
    assert attempt["seeds"] == 6
    assert "Tried: " in err


def test_a_table_is_split_as_in_training(shell):
    rows = "".join(f"{i % 13},{'left' if i % 13 > 6 else 'right'}\n" for i in range(200))
    Path("sides.csv").write_text(f"x,side\n{rows}")
    shell("train", "sides.csv", "--target", "side", "--epochs", "3", "--validation", "50", "--quiet")
    out, err = shell("diagnose", "runs/sides-1", "--short", "--json", "--output", "found.html")
    assert Path("found.html").exists()
    assert "of 50; " in " ".join(json.loads(out)["sentences"]) or "not counted" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["runs/moons-1", "--output", "found.txt"], "a report's name that ends in .html"),
        (["runs/none"], "runs/none"),
        (["runs/moons-1/model.safetensors"], "the data of the run"),
        (["runs/moons-1", "--reference-error", "3"], "a reference error from 0 to 1"),
        (["runs/moons-1", "no such data"], "no such data"),
        (["runs/moons-1", "--try", "--seeds", "1"], "seeds"),
    ],
)
def test_what_cannot_be_diagnosed_is_said(shell, arguments, expected):
    shell("train", "moons", "--epochs", "1", "--quiet")
    _, err = shell("diagnose", *arguments, code=2)
    assert expected in " ".join(err.split())


@pytest.mark.parametrize("line", ["{}", "[1]", "not json", '{"number": true}'])
def test_a_foreign_history_is_refused(shell, line):
    shell("train", "moons", "--epochs", "1", "--quiet")
    Path("runs/moons-1/history.jsonl").write_text(line)
    _, err = shell("diagnose", "runs/moons-1", "--short", code=2)
    assert "a history written by deltarule" in err
