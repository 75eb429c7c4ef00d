"""Checkpoints: what is kept and when, other runs, damaged files, locks, and full disks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import CheckpointError, CheckpointWarning, OutputError
from deltarule.training.checkpoint import Checkpoint
from deltarule.training.checkpoints import NEWEST, PREVIOUS, Checkpoints
from deltarule.training.epoch import Epoch

DIGITS = dr.load_dataset("digits")
SMALL = dr.Recipe(
    network=dr.Network(hidden=(8,), dropout=0.2), optimizer=dr.Adam(0.01), batch_size=16, epochs=4, stopping=None
)
POSIX = pytest.mark.skipif(os.name == "nt", reason="locks and signals as POSIX has them")


class Crash(Exception):
    """Raised by a callback."""


def crashed(folder, epoch=2, recipe=SMALL, **options):
    """Train until the callback raises an exception after an epoch; the epochs that it was called with."""
    seen = []

    def crash(each):
        seen.append(each.number)
        if each.number == epoch:
            raise Crash

    with pytest.raises(Crash):
        dr.train(recipe, DIGITS, checkpoint=folder, on_epoch=crash, **options)
    return seen


def weights(run):
    return run.model.parameters.tobytes()


def test_the_same_call_goes_on_and_then_returns_the_run(tmp_path):
    expected = dr.train(SMALL, DIGITS)
    seen = crashed(tmp_path / "run")
    run = dr.train(SMALL, DIGITS, checkpoint=tmp_path / "run", on_epoch=lambda each: seen.append(each.number))
    assert weights(run) == weights(expected)
    assert seen == [1, 2, 2, 3, 4]  # the callback did not return from epoch 2
    again = dr.resume(tmp_path / "run")
    assert weights(again) == weights(expected)
    assert (again.status, len(again.history), again.best_epoch) == ("finished", 4, 4)
    assert again.seconds == run.seconds
    assert {path.name for path in (tmp_path / "run").iterdir()} == {NEWEST, PREVIOUS}


def test_a_run_that_was_stopped_stays_stopped(tmp_path):
    run = dr.train(SMALL, DIGITS, checkpoint=tmp_path, on_epoch=lambda each: each.number == 2)
    again = dr.resume(tmp_path)
    assert (run.status, again.status, len(again.history)) == ("stopped", "stopped", 2)
    assert weights(run) == weights(again)


def test_an_iteration_goes_on(tmp_path):
    for epoch in dr.epochs(SMALL, DIGITS, checkpoint=tmp_path):
        if epoch.number == 2:
            break
    rest = dr.epochs(SMALL, DIGITS, checkpoint=tmp_path)
    assert [epoch.number for epoch in rest] == [3, 4]
    assert weights(rest.run) == weights(dr.train(SMALL, DIGITS))


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_an_epoch_of_zero_weights_has_no_loss(engine, tmp_path):
    """Its loss is NaN, in the history, in its file, and where the run continues; those after it have one."""
    x = np.random.default_rng(0).normal(size=(40, 3))
    data = dr.Dataset(train=(x, (x[:, 0] > 0).astype(int), np.repeat([0.0, 1.0], 20)))
    batches = [[np.arange(start, start + 20)] for start in (20, 0, 20, 20)]
    recipe = SMALL.replace(network=dr.Network(hidden=(4,)))
    how = {"engine": engine, "batches": batches}
    whole = dr.train(recipe, data, **how)
    losses = [epoch.train_loss for epoch in whole.history]
    assert np.isnan(losses).tolist() == [False, True, False, False]
    read = [Epoch.from_json(json.loads(json.dumps(epoch.to_json(), allow_nan=False))) for epoch in whole.history]
    assert np.array_equal([epoch.train_loss for epoch in read], losses, equal_nan=True)
    for epoch in dr.epochs(recipe, data, checkpoint=tmp_path, **how):
        if epoch.number == 2:
            break
    run = dr.train(recipe, data, checkpoint=tmp_path, **how)
    assert weights(run) == weights(whole)
    assert run.history.table[:, :7].tobytes() == whole.history.table[:, :7].tobytes()


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_lbfgs_repeats_its_iterations(engine, tmp_path):
    recipe = SMALL.replace(network=dr.Network(hidden=(8,)), optimizer=dr.LBFGS(), epochs=12)
    expected = dr.train(recipe, DIGITS, engine=engine)
    crashed(tmp_path, 5, recipe, engine=engine)
    run = dr.resume(tmp_path, DIGITS, n_threads=1)
    assert weights(run) == weights(expected)
    assert run.history.table[:, :7].tobytes() == expected.history.table[:, :7].tobytes()


def test_a_run_that_diverges_does_so_again(tmp_path):
    recipe = SMALL.replace(optimizer=dr.SGD(1e9), loss="squared_error", epochs=20)
    with pytest.raises(dr.Diverged) as first:
        dr.train(recipe, DIGITS, checkpoint=tmp_path)
    with pytest.raises(dr.Diverged) as second:
        dr.resume(tmp_path)
    assert weights(first.value.run) == weights(second.value.run)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"recipe": SMALL.replace(epochs=5, seed=1)}, "settings .* others: epochs, seed are different"),
        ({"data": dr.load_dataset("digits", seed=1)}, "samples of the run"),
        ({"engine": "reference"}, "engine of the run .* 'reference' instead of 'compiled'"),
        ({"precision": "float64"}, "'float64' instead of 'float32'"),
        ({"record": "batch"}, "record of the run"),
        ({"initial_parameters": 3}, "initial parameters of the run"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_another_run_is_refused(change, says, tmp_path):
    crashed(tmp_path)
    before = (tmp_path / NEWEST).read_bytes()
    call = {"recipe": SMALL, "data": DIGITS} | change
    with pytest.raises(CheckpointError, match=says):
        dr.train(**call, checkpoint=tmp_path)
    assert (tmp_path / NEWEST).read_bytes() == before


def test_what_cannot_be_resumed(tmp_path):
    with pytest.raises(CheckpointError, match=r"a folder with a checkpoint, got .* Try: train"):
        dr.resume(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    dr.train(SMALL, (DIGITS.train.x, DIGITS.train.y), checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match=r"for data, got none. Try: resume"):
        dr.resume(tmp_path)
    with pytest.raises(CheckpointError, match="samples of the run"):
        dr.resume(tmp_path, DIGITS)
    with pytest.raises(dr.errors.RecipeError, match="checkpoint_seconds"):
        dr.train(SMALL, DIGITS, checkpoint=tmp_path, checkpoint_seconds=-1)


def test_every_damage_is_found_and_the_checkpoint_before_is_used(tmp_path):
    expected = weights(dr.train(SMALL, DIGITS))
    crashed(tmp_path)
    whole = (tmp_path / NEWEST).read_bytes()
    (tmp_path / PREVIOUS).write_bytes(whole)
    generator = np.random.default_rng(0)
    places = generator.integers(0, len(whole), 40)
    damaged = [whole[: int(place)] for place in places[:20]] + [b"", whole + b"\0"]
    for place in places[20:]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(generator.integers(8))
        damaged.append(bytes(flipped))
    for content in damaged:
        (tmp_path / NEWEST).write_bytes(content)
        with pytest.raises(CheckpointError):
            Checkpoint.read(tmp_path / NEWEST)
        with pytest.warns(CheckpointWarning, match="continues from the checkpoint before it"):
            assert Checkpoints(tmp_path).newest().state.step == 180
    with pytest.warns(CheckpointWarning):
        assert weights(dr.resume(tmp_path)) == expected
    for name in (NEWEST, PREVIOUS):
        (tmp_path / name).write_bytes(whole[:-1])
    with pytest.raises(CheckpointError, match="Try: a new folder"):
        dr.resume(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "deltarule-checkpoint-0"}, {"batch": -1}, {"batch": 10**9}, {"epoch": 3}, {"step": 1.5},
        {"stopped": 1}, {"delivered": 9}, {"run": {}}, {"more": 1}, {"best_epoch": 50}, {"monitored": True},
    ],
    ids=lambda each: f"{next(iter(each))}={next(iter(each.values()))}",
)  # fmt: skip
def test_wrong_claims_are_found_under_a_right_checksum(change, tmp_path, monkeypatch):
    crashed(tmp_path)
    monkeypatch.setattr("deltarule.training.checkpoint._checksum", lambda *_: "")
    found = (tmp_path / NEWEST).read_bytes()
    length = int.from_bytes(found[:8], "little")
    header = json.loads(found[8 : 8 + length])
    header["__metadata__"]["sha256"] = ""
    header["__metadata__"]["deltarule"] = json.dumps(json.loads(header["__metadata__"]["deltarule"]) | change)
    text = json.dumps(header).encode()
    (tmp_path / NEWEST).write_bytes(len(text).to_bytes(8, "little") + text + found[8 + length :])
    (tmp_path / PREVIOUS).unlink()
    with pytest.raises(CheckpointError):
        dr.resume(tmp_path)


@POSIX
def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path):
    code = (
        "import deltarule as dr, sys\n"
        "recipe = dr.Recipe(network=dr.Network(hidden=(8,)), epochs=10**6, stopping=None)\n"
        "dr.train(recipe, dr.load_dataset('digits'), checkpoint=sys.argv[1], checkpoint_seconds=0.01)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, tmp_path / "run"])
    end = time.monotonic() + 60
    while not (tmp_path / "run" / PREVIOUS).exists():
        assert time.monotonic() < end
        assert other.poll() is None
        time.sleep(0.01)
    with (
        pytest.raises(OutputError, match="a folder that no other run is writing to"),
        Checkpoints(tmp_path / "run").held(),
    ):
        pass
    other.kill()
    other.wait()
    with Checkpoints(tmp_path / "run").held():
        assert not list((tmp_path / "run").glob(".*.part"))
    assert Checkpoints(tmp_path / "run").newest().state.step > 0


@POSIX
def test_a_child_process_does_not_keep_the_lock(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    (reader, writer), (ready, started) = os.pipe(), os.pipe()
    with warnings.catch_warnings(), checkpoints.held():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork of a process with threads
        child = os.fork()
        if not child:
            os.write(started, b".")
            os.read(reader, 1)
            os._exit(0)
        os.read(ready, 1)
    try:
        with Checkpoints(tmp_path).held():
            pass
    finally:
        os.write(writer, b".")
        os.waitpid(child, 0)
        for end in (reader, writer, ready, started):
            os.close(end)


def test_training_goes_on_where_a_checkpoint_is_always_due(tmp_path, monkeypatch):
    monkeypatch.setattr("deltarule.training.checkpoints._COST", 1e9)
    for engine in ("compiled", "reference"):
        run = dr.train(SMALL, DIGITS, engine=engine, checkpoint=tmp_path / engine, checkpoint_seconds=0.0)
        assert weights(run) == weights(dr.train(SMALL, DIGITS, engine=engine))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes to any folder")
def test_a_read_only_folder_is_an_error_before_training(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        dr.train(SMALL, DIGITS, checkpoint=tmp_path, on_epoch=lambda _: pytest.fail("an epoch was trained"))
    tmp_path.chmod(0o700)


def test_a_folder_that_cannot_be_is_an_error_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    for place in ("file", "file/run"):
        with pytest.raises(OutputError, match="a folder for the run"):
            dr.train(SMALL, DIGITS, checkpoint=tmp_path / place, on_epoch=lambda _: pytest.fail("an epoch"))


def test_a_disk_that_is_full_is_a_warning_and_the_last_checkpoint_stays(tmp_path):
    resource = pytest.importorskip("resource")
    expected = weights(dr.train(SMALL, DIGITS))
    crashed(tmp_path)
    whole, before = (tmp_path / NEWEST).read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) // 2, before[1]))
    try:
        with pytest.warns(CheckpointWarning, match="was not written. .* Training goes on"):
            assert weights(dr.resume(tmp_path)) == expected
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir() if path.name == NEWEST]
    assert (tmp_path / NEWEST).read_bytes() == whole
    assert weights(dr.resume(tmp_path)) == expected


def test_checkpoints_take_at_most_a_hundredth_of_the_time(tmp_path, monkeypatch):
    """Those that take long are written less often, whatever is asked for."""
    checkpoints = Checkpoints(tmp_path, 0.0)
    crashed(tmp_path / "run")
    made = Checkpoint.read(tmp_path / "run" / NEWEST)
    monkeypatch.setattr(Checkpoint, "to_bytes", lambda _: time.sleep(0.02) or b"")
    checkpoints.write(made)
    assert not checkpoints.due()
    assert checkpoints._next - time.monotonic() > 1.5


def test_a_checkpoint_is_a_file_that_others_can_read(tmp_path):
    from safetensors import safe_open

    crashed(tmp_path)
    with safe_open(tmp_path / NEWEST, "np") as stream:
        data = json.loads(stream.metadata()["deltarule"])
        assert dr.Recipe.from_json(data["run"]["recipe"]).epochs == 4
        assert stream.get_tensor("slots").shape == (2, 64 * 8 + 8 + 8 * 10 + 10)
    assert Path(tmp_path / NEWEST).stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
