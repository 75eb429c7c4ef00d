"""The records: their recipes, runs that are interrupted and continued, the command, the page."""

from __future__ import annotations

import dataclasses
import json
import struct

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import OutputError, RecipeError, UnknownName
from deltarule.experiments import records
from deltarule.experiments.records import running
from deltarule.experiments.records.page import markdown, picture
from deltarule.experiments.records.running import CHECKPOINT, NETWORKS, PLAN
from deltarule.training.checkpoints import Checkpoints

DRAWN = np.random.default_rng(0)
SMALL = dr.Recipe(network=dr.Network(hidden=(8,)), epochs=20, batch_size=16)


def images(n):
    """Small images whose brightest rows are their class."""
    y = np.arange(n) % 3
    x = DRAWN.integers(0, 200, (n, 6, 5), dtype=np.uint8)
    for row in range(n):
        x[row, 2 * y[row] : 2 * y[row] + 2] //= 2
        x[row, 2 * y[row] : 2 * y[row] + 2] += 120
    return x, y.astype(np.uint8)  # as IDX files have them; a model from a file has int64


DATA = dr.Dataset(images(120), test=images(60), name="small")
ONE = records.ImageRecord("one", "One network", "small", (SMALL,), 1.0, average_over=(dr.Mirror(),))
THREE = dataclasses.replace(ONE, name="three", recipes=(SMALL, SMALL, SMALL.replace(network=dr.Network(hidden=(5, 4)))))
TWO = ("-before-fine-tuning", "")
TUNED = dataclasses.replace(
    THREE,
    name="tuned",
    fine_tuning=SMALL.replace(epochs=10, optimizer=dr.SGD(learning_rate=0.02), augmentation="translation"),
)


def run(record, folder=None, seeds=(0,), interrupted=lambda: False, **fields):
    made = records.RecordRun(record, DATA, seeds, engine="reference", folder=folder, **fields)
    return made.run(interrupted=interrupted)


def test_a_run_is_what_its_recipe_says(tmp_path):
    found = run(ONE, tmp_path / "one", seeds=(0, 3))
    errors = []
    for seed in (0, 3):
        model = dr.train(SMALL.replace(seed=seed, stopping=None), DATA, engine="reference").model
        errors.append(100 * (1 - model.score(DATA.test.x, DATA.test.y, average_over="mirror")))
        kept = dr.load_model(tmp_path / "one" / "models" / f"seed-{seed}-network-1.safetensors")
        assert kept.theta.tobytes() == model.theta.tobytes()
    assert [each.error for each in found.seeds] == errors
    assert found.spread.mean == pytest.approx(np.mean(errors))
    assert found.spread.deviation == pytest.approx(np.std(errors, ddof=1))
    data = json.loads((tmp_path / "one" / "result.json").read_text())
    assert [each["error"] for each in data["seeds"]] == errors
    assert not (tmp_path / "one" / CHECKPOINT).exists()
    assert found.measured.errors == tuple(round(each, 4) for each in errors)


def test_a_committee_is_the_mean_of_its_networks(tmp_path):
    found = run(THREE, tmp_path / "three", seeds=(1,))
    seeded = [recipe.replace(seed=3 + place, stopping=None) for place, recipe in enumerate(THREE.recipes)]
    models = [run.model for run in dr.train_many(seeded, DATA, engine="reference")]
    x, y = DATA.test.x, DATA.test.y
    assert found.seeds[0].error == 100 * (1 - dr.Ensemble(models).score(x, y, average_over="mirror"))
    assert found.seeds[0].networks == tuple(100 * (1 - each.score(x, y, average_over="mirror")) for each in models)
    assert [recipe.seed for recipe in THREE.seeded(1)] == [3, 4, 5]


def test_networks_are_fine_tuned_from_where_their_recipe_ended(tmp_path):
    found = run(TUNED, tmp_path / "tuned", seeds=(1,))
    models, folder = [], tmp_path / "tuned" / "models"
    for place, (first, then) in enumerate(TUNED.stages(1), start=1):
        assert (first.seed, then.seed, then.network) == (2 + place, 2 + place, first.network)
        before = dr.train(first, DATA, engine="reference").model
        models.append(dr.train(then, DATA, engine="reference", initial_parameters=before).model)
        kept = [dr.load_model(folder / f"seed-1-network-{place}{name}.safetensors") for name in TWO]
        assert [each.theta.tobytes() for each in kept] == [before.theta.tobytes(), models[-1].theta.tobytes()]
        assert not np.array_equal(before.theta, models[-1].theta)
    error = 100 * (1 - dr.Ensemble(models).score(DATA.test.x, DATA.test.y, average_over="mirror"))
    assert found.seeds[0].error == error
    assert len((tmp_path / "tuned" / NETWORKS).read_text().splitlines()) == 6
    assert "a tenth of the epochs (2 + 1)" in run(TUNED, quick=True).tables()[1].note
    assert records.listing({"tuned": TUNED}).rows[0][:3] == ("tuned", "3", "20 + 10")
    with pytest.raises(OutputError, match="another fine_tuning"):
        run(dataclasses.replace(THREE, name="tuned"), tmp_path / "tuned", seeds=(1,))


def test_a_quick_run_and_a_validation_run(tmp_path):
    found = run(ONE, tmp_path / "quick", quick=True)
    assert dr.load_model(tmp_path / "quick" / "models" / "seed-0-network-1.safetensors").recipe.epochs == 2
    assert "a tenth of the epochs (2)" in found.tables()[1].note
    held = run(ONE, tmp_path / "held", validation=True)
    split = records.held_out(DATA)
    assert (len(split.train), len(split.test), split.validation) == (100, 20, None)
    rows = {each.tobytes() for each in DATA.test.x}
    assert not any(each.tobytes() in rows for each in split.test.x)  # the official test set is not used
    assert "20 held-out training images" in held.tables()[0].title
    model = dr.train(SMALL.replace(stopping=None), split, engine="reference").model
    assert held.seeds[0].error == 100 * (1 - model.score(split.test.x, split.test.y, average_over="mirror"))


@pytest.mark.parametrize("record", [THREE, TUNED], ids=lambda record: record.name)
def test_an_interrupted_run_continues_to_the_same_bits(record, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_CHECK", 0.0)
    whole = run(record, tmp_path / "whole", (0, 1))
    folder, results, begun, done = tmp_path / "parts", [], 0, [0]
    made = running.RecordRun(record, DATA, (0, 1), engine="reference", folder=folder)
    while not results or results[-1] is None:
        done[:] = [0]
        # Of 120 or 180 epochs, about 13 a time: networks of 20 epochs are interrupted in the middle.
        limit = len(results) * 13 + 12
        results.append(made.run(lambda now, total, note: done.append(now), lambda limit=limit: done[-1] > limit))
        begun += any(Checkpoints(each).newest() is not None for each in (folder / CHECKPOINT).glob("*"))
        assert len(results) < 20
    assert len(results) > 4
    assert begun > 0, "no network was interrupted in the middle"
    assert [each.error for each in results[-1].seeds] == [each.error for each in whole.seeds]
    for path in (tmp_path / "whole" / "models").iterdir():
        kept = dr.load_model(folder / "models" / path.name)
        assert kept.theta.tobytes() == dr.load_model(path).theta.tobytes()


def test_a_finished_network_needs_neither_its_first_stage_nor_its_checkpoint(tmp_path, monkeypatch):
    folder = tmp_path / "tuned"
    checkpoints = []
    monkeypatch.setattr(Checkpoints, "discard", lambda self: checkpoints.append(self.path))  # as if killed before it
    first = run(TUNED, folder, seeds=(0,))
    monkeypatch.undo()
    assert len(checkpoints) == 6
    lines = (folder / NETWORKS).read_text()
    for path in (folder / "models").glob("*-before-fine-tuning.safetensors"):
        path.unlink()
    monkeypatch.setattr(running, "Training", None)
    again = run(TUNED, folder, seeds=(0,))
    assert again.seeds[0].error == first.seeds[0].error
    assert (folder / NETWORKS).read_text() == lines
    assert not (folder / CHECKPOINT).exists()
    seconds = [json.loads(line)["seconds"] for line in lines.splitlines()]
    assert all(last > before for before, last in zip(seconds[::2], seconds[1::2], strict=True))


def test_a_finished_run_is_read_and_seeds_are_added(tmp_path, monkeypatch):
    first = run(ONE, tmp_path / "one", seeds=(0,))
    lines = (tmp_path / "one" / NETWORKS).read_text()
    monkeypatch.setattr(running, "Training", None)
    again = run(ONE, tmp_path / "one", seeds=(0,))
    assert again.seeds[0].error == first.seeds[0].error
    monkeypatch.undo()
    more = run(ONE, tmp_path / "one", seeds=(0, 1))
    assert more.seeds[0].error == first.seeds[0].error
    assert (tmp_path / "one" / NETWORKS).read_text().startswith(lines)


def test_another_run_is_not_continued(tmp_path):
    run(ONE, tmp_path / "one")
    for record, fields in ((THREE, {}), (ONE, {"quick": True}), (ONE, {"validation": True})):
        with pytest.raises(OutputError, match="the same record"):
            run(record, tmp_path / "one", **fields)
    other = dataclasses.replace(ONE, recipes=(SMALL.replace(batch_size=8),))
    with pytest.raises(OutputError, match="another recipes"):
        run(other, tmp_path / "one")
    for content in (b"[]", b"{", b'{"format": 1}'):
        (tmp_path / "one" / PLAN).write_bytes(content)
        with pytest.raises(OutputError, match="record"):
            run(ONE, tmp_path / "one")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    with pytest.raises(OutputError):
        run(ONE, tmp_path / "full")
    assert (tmp_path / "full" / "mine.txt").exists()


def test_a_line_that_was_cut_short_is_a_network_to_train(tmp_path):
    first = run(ONE, tmp_path / "one")
    path = tmp_path / "one" / NETWORKS
    path.write_text(path.read_text()[:-9])
    assert run(ONE, tmp_path / "one").seeds[0].error == first.seeds[0].error


def test_wrong_arguments():
    with pytest.raises(UnknownName, match="fashion-committee"):
        records.record("fashion-comittee")
    assert records.record("MNIST_committee").name == "mnist-committee"
    for seeds in ((), (1, 1)):
        with pytest.raises(RecipeError, match="different seeds"):
            run(ONE, seeds=seeds)
    for seed in (-1, 2**32 - 1):
        with pytest.raises(RecipeError, match="seed"):
            THREE.seeded(seed)


@pytest.mark.parametrize("record", records.RECORDS.values(), ids=lambda record: record.name)
def test_every_record_can_be_run(record):
    for recipe, whole in zip(record.seeded(0, quick=True), record.recipes, strict=True):
        assert dr.Recipe.from_json(recipe.to_json()) == recipe
        assert recipe.epochs == max(1, whole.epochs // 10)
        assert recipe.stopping is None
    x = DRAWN.integers(0, 256, (40, 28, 28), dtype=np.uint8)
    small = record.recipes[0].network.replace(hidden=(4,) * len(record.recipes[0].network.hidden))
    one = dataclasses.replace(record, recipes=(record.recipes[0].replace(network=small, epochs=1),))
    data = dr.Dataset((x, np.arange(40) % 10), test=(x, np.arange(40) % 10))
    found = records.RecordRun(one, data, (0,), engine="reference").run()
    assert 0 <= found.seeds[0].error <= 100
    assert record.expected is None or len(record.expected.errors) >= 5


def measured(record, errors, seconds):
    return dataclasses.replace(record, expected=records.Measured(errors, seconds, "a processor, 2 cores"))


def test_the_page_has_what_was_measured(tmp_path):
    paper = records.Published(1.06, "dropout", "Somebody (2014)", 3600.0)
    one = measured(dataclasses.replace(ONE, dataset="mnist", published=(paper,)), (0.8, 0.84, 0.79), 412.3)
    three = measured(dataclasses.replace(THREE, dataset="fashion"), (7.4,), 5000.0)
    table = markdown([one, three, ONE], "mnist")
    assert "| `one` | 1 | **0.81 (0.74 to 0.88)** | 0.026 | 3 | 412 | a processor, 2 cores |" in table
    assert "| published: dropout | | 1.06 | | | 3,600 | Somebody (2014) |" in table
    assert "three" not in table
    assert "not measured yet" in markdown([ONE], "small")
    drawn = picture([one, three, ONE])
    assert [axes.get_title(loc="left") for axes in drawn.axes] == ["MNIST", "Fashion-MNIST"]
    shown = [axes.get_legend().get_texts()[0].get_text() for axes in drawn.axes]
    assert shown == ["one: 0.81 %", "three: 7.40 %"]
    assert [float(each.get_ydata()[0]) for each in drawn.axes[0].lines] == [pytest.approx(0.81), 1.06]
    assert picture([ONE]) is None
    from deltarule.figures.style import save

    assert save(drawn, tmp_path / "records.png").stat().st_size > 1000


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def test_the_command(shell, tmp_path, monkeypatch):
    monkeypatch.setitem(records.RECORDS, "mnist", measured(dataclasses.replace(ONE, dataset="mnist"), (3.0, 4.0), 2.0))
    for name, (x, y) in (("train", images(120)), ("t10k", images(60))):
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(idx(x))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(y.astype(np.uint8)))
    out, _ = shell("records")
    assert "3.50 (-2.85 to 9.85)" in out
    assert "not measured yet" not in out
    with monkeypatch.context() as patch:
        patch.setitem(records.RECORDS, "fashion", ONE)
        assert "not measured yet" in shell("records")[0]
    listed = json.loads(shell("records", "--json")[0])["records"]
    assert [each["name"] for each in listed] == ["one", *list(records.RECORDS)[1:]]
    options = ("--data-dir", ".", "--engine", "reference", "--json")
    out, err = shell("records", "mnist", "--seeds", 2, *options)
    found = json.loads(out)
    assert [each["seed"] for each in found["seeds"]] == [0, 1]
    for words in ("this run", "expected", "3.50", "a processor, 2 cores", "runs/records-one-1"):
        assert words in err
    again = json.loads(shell("records", "mnist", "--seeds", 1, "--output", "runs/records-one-1", *options)[0])
    assert again["seeds"][0]["error"] == found["seeds"][0]["error"]
    assert shell("records", "mnist", "--quick", "--quiet", "--data-dir", ".", "--engine", "reference") == ("", "")
    assert "Try: mnist" in shell("records", "mnits", code=2)[1]
    assert "at least 1" in shell("records", "mnist", "--seeds", 0, code=2)[1]
    assert "--precision bfloat16" in shell("records", "mnist", "--precision", "bfloat61", code=2)[1]
    assert "--engine reference" in shell("records", "mnist", "--engine", "refrence", code=2)[1]
    assert "another quick" in shell(
        "records", "mnist", "--quick", "--output", "runs/records-one-1", *options, code=2
    )[1]  # fmt: skip
    assert sorted(each.name for each in (tmp_path / "runs").iterdir()) == ["records-one-1", "records-one-2"]
