"""The start of the shell: what help imports, names of options and commands in any spelling, tab completion."""

import inspect
import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import deltarule as dr
from deltarule.cli.data import COMMANDS as DATA_COMMANDS
from deltarule.cli.main import COMMANDS, app

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(dr.__file__).parents[1]), "COLUMNS": "100"}


def output_of(*command, **environment):
    ended = subprocess.run(
        [sys.executable, *command], env=ENVIRONMENT | environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode in (0, 1), ended.stderr
    return ended.stdout + ended.stderr


def test_help_imports_neither_numpy_nor_the_commands():
    words = output_of("-X", "importtime", "-m", "deltarule", "--help")
    imported = {line.rpartition("|")[2].strip() for line in words.splitlines() if line.startswith("import time:")}
    assert "deltarule.cli.main" in imported
    assert not {"numpy", "deltarule.formulas", "deltarule.recipes", "deltarule.cli.train", "rich.progress"} & imported


@pytest.mark.parametrize("sources", [COMMANDS, DATA_COMMANDS])
def test_listed_help_is_the_first_line_of_the_commands_help(sources):
    for source in sources.values():
        module, _, attribute = source.target.partition(":")
        found = getattr(import_module(module), attribute)
        text = found.registered_callback.callback.__doc__ if attribute == "commands" else found.__doc__
        assert " ".join(inspect.cleandoc(text).split("\n\n")[0].split()) == source.help


@pytest.mark.parametrize("arguments", [["-h"], ["Train", "-h"], ["data", "INFO", "-h"], ["lr_range", "--help"]])
def test_help_of_commands_in_any_spelling(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        app(arguments)
    assert ended.value.code == 0
    assert "Usage: deltarule" in capsys.readouterr().out


@pytest.mark.parametrize("name", [*COMMANDS, *(f"data {name}" for name in DATA_COMMANDS)])
def test_help_shows_types_of_values_alone(name, capsys):
    with pytest.raises(SystemExit):
        app([*name.split(), "--help"])
    text = capsys.readouterr().out
    usage = next(line for line in text.splitlines() if "Usage:" in line)
    assert re.fullmatch(
        r" *Usage: deltarule [a-z -]+ \[OPTIONS\]( [A-Z]+| \[[A-Z]+\]|\.\.\.)*( COMMAND \[ARGS\]\.\.\.)? *", usage
    )
    assert not re.search(r"(?i)<bool>|boolean +print|deviation\b +standard", text)


def test_help_of_track_says_what_is_recorded(capsys):
    texts = {}
    for name in ("train", "compare"):
        with pytest.raises(SystemExit):
            app([name, "--help"])
        texts[name] = " ".join(re.sub("[│\\s]+", " ", capsys.readouterr().out).split())
    assert "history.jsonl" in texts["train"]
    assert "history.jsonl" not in texts["compare"]
    assert "mean and band over the seeds" in texts["compare"]


def test_options_in_any_spelling_and_quiet_messages(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        app(shlex.split("train xor --LR 0.1 --Hidden 3 --batch_size 2 --epochs 2 --patience none --out here -q"))
    assert ended.value.code == 0
    assert capsys.readouterr() == ("", "")
    recipe = dr.load_model("here/model.safetensors").recipe
    assert (recipe.optimizer.learning_rate, recipe.network.hidden, recipe.batch_size) == (0.1, (3,), 2)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("tra", "train"),
        ("train --optimizer nest", "nesterov"),
        ("train --activation relu,tan", "relu,tanh"),
        ("data in", "info"),
        ("compare --lear", "--learning-rate"),
    ],
)
def test_tab_completion(typed, expected):
    words = ("deltarule " + typed).split()
    environment = {
        "_DELTARULE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    assert expected in output_of("-m", "deltarule", **environment).split()
