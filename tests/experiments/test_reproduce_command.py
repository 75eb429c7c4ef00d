"""`deltarule reproduce` in the shell."""

import dataclasses
import json

import pytest
from tests.cli.refusals import assert_refused
from typer.testing import CliRunner

from deltarule.cli.main import app
from deltarule.experiments.reproduce import AS_PUBLISHED, Digits, Moons, changed
from deltarule.experiments.reproduce.moons import MoonsResult

SHORT = ["reproduce", "moons", "--set", "epochs=20", "--set", "table_every=10", "--set", "plot_every=1"]


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, [*args])


def test_one_json_object_and_a_folder(shell, tmp_path):
    first = shell(*SHORT, "--json", "--seeds", "2")
    assert first.exit_code == 0, first.stderr
    found = json.loads(first.stdout)
    assert set(found) == {"momentum", "adam", "repeats"}
    assert list(found["adam"]["losses"]) == ["0", "10"]
    folder = tmp_path / "runs" / "reproduce-moons-1"
    kept = json.loads((folder / "result.json").read_text())
    assert kept["result"] == found
    assert kept["changed"] == ["epochs", "plot_every", "table_every"]
    assert (folder / "losses.png").is_file()
    assert "changed" in first.stderr
    assert "Over 2 seeds" in first.stderr
    assert shell(*SHORT, "--quiet").stderr == ""
    assert (tmp_path / "runs" / "reproduce-moons-2").is_dir()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["reproduce", "moon"], "moons"),
        (["reproduce", "moons", "--set", "epoch=1"], "Try: epochs"),
        (["reproduce", "moons", "--set", "learning_rate=-1"], "learning_rate"),
        (["reproduce", "moons", "--seeds", "0"], "seeds"),
        (["reproduce", "moons", "--engine", "warp"], "engine"),
        (["reproduce", "digits", "--data-dir", "absent"], "--data-dir FOLDER"),
        (["reproduce", "moons", "--published", "absent"], "published"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(shell, tmp_path, args, words):
    assert_refused(shell(*args), words, tmp_path)


def test_a_folder_with_something_in_it_is_left_alone(shell, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("")
    assert shell(*SHORT, "--out", "mine").exit_code == 2
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes"]


def test_ctrl_c_ends_cleanly_and_leaves_nothing(shell, tmp_path, monkeypatch):
    def interrupted(self, given):
        raise KeyboardInterrupt

    monkeypatch.setattr(Moons, "run", interrupted)
    assert shell(*SHORT, "--out", "a/b").exit_code == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "warned"), [(["table_every=5"], False), (["table_every=5", "momentum=0.8"], True)]
)
def test_only_changed_results_are_reported_as_not_comparable(shell, settings, warned, monkeypatch):
    monkeypatch.setattr(Moons, "run", lambda self, given: MoonsResult(self, {}, {}))
    done = shell("reproduce", "moons", *(word for each in settings for word in ("--set", each)))
    assert ("published settings" in done.stderr) == warned


def test_selections_are_settings_and_parts_is_one():
    assert changed(Digits(), ["parts=costs"]).is_as_published()
    assert not changed(Digits(), ["parts=costs", "batch_size=20"]).is_as_published()
    for each in AS_PUBLISHED.values():
        assert {*each.selections} <= {field.name for field in dataclasses.fields(each)}
