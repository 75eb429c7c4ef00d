"""`deltarule illustrate` in the shell."""

import json

import pytest
from tests.cli.refusals import assert_refused
from typer.testing import CliRunner

from deltarule.cli.main import app
from deltarule.experiments.illustrations import ILLUSTRATIONS


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, ["illustrate", *args])


def test_without_a_name_all_are_listed(shell, tmp_path):
    result = shell()
    assert result.exit_code == 0
    for name, each in ILLUSTRATIONS.items():
        assert name in result.stdout
        assert each.shows in result.stdout
    assert list(json.loads(shell("--json").stdout)) == list(ILLUSTRATIONS)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_and_a_sentence(shell, tmp_path):
    result = shell("learning-rate")
    assert result.exit_code == 0, result.stderr
    assert "η = 2.1 diverges" in result.stdout
    first = (tmp_path / "learning-rate.png").read_bytes()
    assert shell("learning-rate", "--out", "again.png", "--quiet").output == ""
    assert (tmp_path / "again.png").read_bytes() == first
    shell("learning-rate", "--out", "other.png", "--seed", "1")
    assert (tmp_path / "other.png").read_bytes() != first


def test_one_json_object(shell, tmp_path):
    result = shell("optimizers", "--json", "--out", "paths.svg")
    found = json.loads(result.stdout)
    assert set(found) == {"name", "seed", "sentence", "facts", "picture"}
    assert found["picture"] == "paths.svg"
    assert (tmp_path / "paths.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["learning"], "Try: learning-rate"),
        (["xor", "--seed", "-1"], "seed"),
        (["learning-rate", "--out", "a.gif"], ".png, .svg or .pdf"),
        (["learning-rate", "--out", "absent/a.png"], "a.png"),
        (["--out", "a.png"], "a name of an illustration"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(shell, tmp_path, args, words):
    assert_refused(shell(*args), words, tmp_path)
