"""Each call that writes fails in turn, as on a full disk: files are whole or not there, and the model is there."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.faults.failing import disk_of
from typer.main import get_command

import deltarule as dr
from deltarule.cli import pictures
from deltarule.cli.main import app
from deltarule.errors import OutputError
from deltarule.figures.style import figure, save
from deltarule.studies.compare import Comparing
from deltarule.writing import append_lines, write_whole

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of open files as Linux has them")

TRAIN = ["train", "xor", "--epochs", "3", "--hidden", "4", "--quiet", "--out", "run", "--json"]
COMMAND = get_command(app)
FILES = {"recipe.json", "split.json", "history.jsonl", "model.safetensors", "curves.png", "samples.png"}


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch, tmp_path):
    """What is tested is how pictures are written, not what is on them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pictures, "predictions_picture", lambda *_: figure(0.1, 0.1))
    monkeypatch.setattr("deltarule.figures.curves.learning_curves", lambda *_, **__: figure(0.1, 0.1))
    monkeypatch.setattr("deltarule.studies.compare.writing.page", lambda _: "<html></html>")


def shell(*arguments):
    """Run a command: its exit code, and what it said."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        COMMAND.main(list(arguments))
    return ended.value.code, out.getvalue(), err.getvalue()


def check_whole(run):
    """Every file that is there is whole."""
    found = {path.name for path in run.iterdir()} if run.exists() else set()
    assert found <= FILES
    for name in found:
        content = (run / name).read_bytes()
        if name.endswith(".json"):
            json.loads(content)
        elif name == "history.jsonl":
            numbers = [json.loads(line)["number"] for line in content.splitlines()]
            assert numbers == list(range(1, len(numbers) + 1))
            assert content.endswith(b"\n") or not content
        elif name.endswith(".png"):
            assert content.startswith(b"\x89PNG")
            assert content.endswith(b"IEND\xaeB`\x82")
        else:
            assert dr.load_model(run / name).sizes == (2, 4, 2)
    return found


def targets_of(monkeypatch, folder, call):
    """For each call that writes, the file that it serves, where none fails."""
    with disk_of(folder, lambda _: False, monkeypatch) as disk:
        call()
    return disk.targets


def written_at(targets, name):
    """The place of the last call that writes a file; of the model, which is written twice, the first time."""
    places = [place for place, target in enumerate(targets) if target == name]
    return places[len(places) // 2 - 1 if name == "model.safetensors" else -1]


def test_training_where_one_call_fails(monkeypatch, tmp_path):
    targets = targets_of(monkeypatch, tmp_path, lambda: shell(*TRAIN))
    assert set(targets) == FILES
    assert len(targets) > 25
    for place, target in enumerate(targets):
        shutil.rmtree("run")
        with disk_of(tmp_path, lambda call, at=place: call == at, monkeypatch):
            code, out, said = shell(*TRAIN)
        found = check_whole(Path("run"))
        if target in {"recipe.json", "split.json"}:  # before anything is learnt
            assert not found & {"model.safetensors", "history.jsonl"}
            assert out == ""
        else:
            # The model is written twice: without its scores, as soon as it is trained, and with them.
            assert found == (FILES if target in {"history.jsonl", "model.safetensors"} else FILES - {target})
            assert json.loads(out)["epochs"] == 3
            assert len(Path("run/history.jsonl").read_text().splitlines()) == 3
        if target == "history.jsonl" and place < targets.index("model.safetensors"):
            assert (code, said) == (0, "")  # what an epoch could not write, the end wrote
        else:
            assert (code, said.count("\n")) == (2, 1), said
            assert target in said
            assert "No space left on device" in said


def test_training_where_the_disk_stays_full(monkeypatch, tmp_path):
    targets = targets_of(monkeypatch, tmp_path, lambda: shell(*TRAIN))
    for place in range(len(targets)):
        shutil.rmtree("run")
        with disk_of(tmp_path, lambda call, at=place: call >= at, monkeypatch):
            code, out, said = shell(*TRAIN)
        found = check_whole(Path("run"))
        assert (code, said.count("\n")) == (2, 1), said
        assert "No space left on device" in said
        written = {name for name in FILES - {"history.jsonl"} if written_at(targets, name) < place}
        assert found - {"history.jsonl"} == written
        if {"recipe.json", "split.json"} <= written:
            assert json.loads(out)["epochs"] == 3
            assert all(name in said for name in FILES - written - {"history.jsonl"})


def test_a_file_is_the_old_one_or_the_new_one(monkeypatch, tmp_path):
    old, new = (np.random.default_rng(seed).bytes(50_000) for seed in range(2))
    path = tmp_path / "model.safetensors"
    targets = targets_of(monkeypatch, tmp_path, lambda: write_whole(path, new))
    assert len(targets) >= 4
    for place in range(len(targets)):
        path.write_bytes(old)
        with disk_of(tmp_path, lambda call, at=place: call == at, monkeypatch), pytest.raises(OutputError):
            write_whole(path, new)
        assert path.read_bytes() == old
        assert list(tmp_path.iterdir()) == [path]


def test_lines_are_added_or_not(monkeypatch, tmp_path):
    path = tmp_path / "lines"
    path.write_text("one\n")
    targets = targets_of(monkeypatch, tmp_path, lambda: append_lines(path, "two\n", flush=True))
    assert path.read_text() == "one\ntwo\n"
    assert len(targets) >= 3
    for place in range(len(targets)):
        with disk_of(tmp_path, lambda call, at=place: call == at, monkeypatch), pytest.raises(OutputError):
            append_lines(path, "three\n", flush=True)
        assert path.read_text() == "one\ntwo\n"
    path.write_text("one\ntw")
    append_lines(path, "three\n")
    assert path.read_text() == "one\ntw\nthree\n"


def compared(folder):
    recipes = {name: dr.Recipe(network=dr.Network(hidden=(4,)), optimizer=name, epochs=2) for name in ("sgd", "adam")}
    for _ in (under_way := Comparing(recipes, dr.load_dataset("xor"), 2, folder=folder, keep_models=True, n_threads=1)):
        pass
    return under_way.comparison


def test_a_comparison_where_one_call_fails_goes_on_from_there(monkeypatch, tmp_path):
    folder = tmp_path / "mine"
    targets = targets_of(monkeypatch, tmp_path, lambda: compared(folder))
    scores = sorted((each.variant, each.seed, each.loss) for each in compared(folder).networks)
    for place in range(len(targets)):
        shutil.rmtree(folder)
        full = pytest.raises(OutputError, match="No space left on device")
        with disk_of(tmp_path, lambda call, at=place: call == at, monkeypatch), full:
            compared(folder)
        lines = (folder / "networks.jsonl").read_text() if (folder / "networks.jsonl").exists() else ""
        assert lines == "" or lines.endswith("\n")
        kept = [json.loads(line) for line in lines.splitlines()]
        appended = [at for at, name in enumerate(targets) if name == "networks.jsonl"][1::2]
        assert len(kept) == sum(at < place for at in appended)
        assert sorted((each.variant, each.seed, each.loss) for each in compared(folder).networks) == scores


@pytest.mark.parametrize("room", [0, 100, 1000, 4000])
def test_files_that_may_not_grow_beyond_a_size(tmp_path, room):
    """The system itself refuses to write on, in the middle of a call."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    (tmp_path / "old").write_bytes(b"old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(OutputError, match="File too large"):
            write_whole(tmp_path / "old", bytes(5000))
        append_lines(tmp_path / "lines", "a" * room)
        with pytest.raises(OutputError, match="File too large"):
            append_lines(tmp_path / "lines", "b" * 3000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (tmp_path / "old").read_bytes() == b"old"
    assert (tmp_path / "lines").read_text() == "a" * room
    assert {path.name for path in tmp_path.iterdir()} == {"old", "lines"}


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, which the test fills."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    ) if shutil.which("mount") and os.geteuid() == 0 else None  # fmt: skip
    if mounted is None or mounted.returncode:
        pytest.skip(f"cannot mount a file system: {'not root' if mounted is None else mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("pages", [0, 1, 2, 4, 6, 8, 12])
def test_training_on_a_real_full_disk(small_disk, pages):
    """So many pages of 4 KiB are free when training begins; the model needs two."""
    free = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(bytes((free.f_bavail - pages) * free.f_frsize))
    run = small_disk / "run"
    code, _, said = shell(*TRAIN[:-3], "--out", str(run), "--json")
    found = check_whole(run)
    assert (code == 0) == (found == FILES)
    assert "Traceback" not in said
    assert ("No space left on device" in said) == (code != 0)
    if pages >= 6:
        assert "model.safetensors" in found


def test_a_full_disk_shows_what_was_found(monkeypatch, tmp_path):
    """Tables and JSON of commands that write files are told also where nothing can be written any more."""
    call = ["compare", "xor", "--hidden", "4", "--vary", "optimizer=sgd,adam", "--seeds", "2", "--epochs", "2"]
    made = targets_of(monkeypatch, tmp_path, lambda: shell(*call, "--out", "mine", "--json"))
    first = made.index("result.json")
    shutil.rmtree("mine")
    with disk_of(tmp_path, lambda at: at >= first, monkeypatch):
        code, out, said = shell(*call, "--out", "mine", "--json")
    assert code == 2
    assert len(json.loads(out)["networks"]) == 4
    assert "report.html" in said
    assert shell(*call, "--out", "mine", "--quiet")[0] == 0
    with disk_of(tmp_path, lambda _: True, monkeypatch):
        code, out, said = shell("lr-range", "xor", "--steps", "40", "--output", "range.png", "--json")
    assert (code, said.count("\n")) == (2, 1)
    assert json.loads(out)
    with disk_of(tmp_path, lambda _: True, monkeypatch):
        code, _, said = shell("data", "augment", "digits", "--output", "more.npz", "--quiet")
    assert (code, said.count("\n")) == (2, 1)
    assert not Path("more.npz").exists()


def test_a_picture_is_written_whole_or_not_at_all(monkeypatch, tmp_path):
    path = save(figure(0.1, 0.1), tmp_path / "a.png")
    before = path.read_bytes()
    for place in range(len(targets_of(monkeypatch, tmp_path, lambda: save(figure(0.1, 0.1), path)))):
        with disk_of(tmp_path, lambda call, at=place: call == at, monkeypatch), pytest.raises(OutputError):
            save(figure(0.2, 0.2), path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]
