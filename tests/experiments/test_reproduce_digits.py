"""Nielsen's runs: against his lists where they are there, and the parts that need no data everywhere."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from deltarule.data import Dataset
from deltarule.errors import DataFileError, RecipeError
from deltarule.experiments.reproduce import Digits, Given, changed, data_of
from deltarule.experiments.reproduce.nielsen import Generators, published_counts, published_monitors
from deltarule.experiments.reproduce.slowdown import slowdown

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
LISTS = SHARED / "nielsen"
needs_lists = pytest.mark.skipif(
    not (SHARED / "mnist").is_dir() or not LISTS.is_dir(),
    reason="needs ../shared/data/mnist and ../shared/data/nielsen",
)


@pytest.fixture(scope="module")
def mnist():
    return data_of(Digits(), SHARED / "mnist")


@needs_lists
def test_the_overfitting_run_begins_as_published(mnist, tmp_path):
    told = []
    digits = changed(Digits(), ["parts=overfitting,regularization,slowdown", "epochs=3"])
    result = digits.run(Given(mnist, LISTS, progress=lambda steps, note: told.append(steps)))
    compared = result.to_json()["overfitting"]["compared"]
    for cost in ("evaluation_cost", "training_cost"):
        assert compared[cost]["largest_relative_difference"] < 1e-9
    for accuracy in ("evaluation_accuracy", "training_accuracy"):
        assert compared[accuracy] == {"epochs": 3, "equal_counts": 3}
    assert sum(told) == digits.steps
    assert result.reloaded.same == result.reloaded.images == 10_000
    assert result.reloaded.largest_difference < 1e-12
    names = [path.name for path in result.write(tmp_path)]
    assert names == [
        "digit.png",
        "slowdown.png",
        "monitors.png",
        "regularization.png",
        "network.json",
        "overfitting.csv",
    ]
    assert len((tmp_path / "overfitting.csv").read_text().splitlines()) == 4
    assert {table.title for table in result.tables()} >= {
        "Comparison with the published lists",
        "L2 against overfitting",
    }
    json.dumps(result.to_json(), allow_nan=False)


@needs_lists
def test_the_initial_weights_run_begins_as_published_and_runs_on(mnist, tmp_path):
    digits = changed(Digits(), ["parts=initial_weights", "initial_epochs=1"])
    result = digits.run(Given(mnist, LISTS))
    narrow, _ = result.to_json()["initial_weights"]["equal"].values()
    assert narrow == {"epochs": 1, "equal_counts": 1}
    assert {path.name for path in result.write(tmp_path)} == {"digit.png", "initial_weights.png"}


def test_without_the_lists_only_ours_are_shown(tmp_path):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (60_000, 28, 28), dtype=np.uint8)
    labels = np.arange(60_000) % 10
    data = Dataset((images[:60_000], labels), test=(images[:20], labels[:20]))
    settings = ["epochs=1", "images=40", "initial_epochs=1", "initial_images=40", "quadratic_epochs=1", "hidden=2"]
    result = changed(Digits(), settings).run(Given(data))
    assert result.to_json()["overfitting"]["compared"] is None
    assert any("--published" in table.note for table in result.tables())
    assert len(result.write(tmp_path)) == 7
    assert all(np.isfinite(value) for value in result.headline().values())


def test_python_2s_shuffle_accumulates():
    generators = Generators(12345678, images=7)
    drawn = random.Random(12345678)
    rows = list(range(7))
    for batches in generators.order(3, 3):
        for i in reversed(range(1, 7)):
            j = int(drawn.random() * (i + 1))
            rows[i], rows[j] = rows[j], rows[i]
        assert np.concatenate(batches).tolist() == rows
        assert [len(batch) for batch in batches] == [3, 3, 1]


def test_first_values_are_drawn_biases_first():
    numbers = np.random.RandomState(5).randn(3 + 1 + 6 + 3)
    (W1, b1), (W2, b2) = Generators(5, 1).start((2, 3, 1), scaled=True)
    assert np.concatenate([b1, b2]).tolist() == numbers[:4].tolist()
    assert np.concatenate([W1.T.ravel(), W2.T.ravel()]) == pytest.approx(
        numbers[4:] / np.sqrt([2.0] * 6 + [3.0] * 3), rel=1e-15
    )


def test_a_saturated_unit_learns_slowly_under_the_quadratic_cost_alone():
    curves = {curve.loss: curve.outputs for curve in slowdown((2.0,), (0.15,), 300)}
    # dz = a(1 − a) a changes w and b alike: z moves by twice the rate times dz.
    z, outputs = 4.0, []
    for _ in range(301):
        a = 1.0 / (1.0 + np.exp(-z))
        outputs.append(a)
        z -= 2 * 0.15 * a * a * (1 - a)
    assert curves["quadratic"] == pytest.approx(outputs, rel=1e-12)
    assert curves["quadratic"][100] > 0.9
    assert curves["cross-entropy"][100] < 0.1
    assert curves["softmax + log-likelihood"][100] < 0.1


def test_an_unknown_part_is_refused():
    with pytest.raises(RecipeError, match="slowdown"):
        changed(Digits(), ["parts=overfiting"])


@pytest.mark.parametrize("content", ["{", "[1, 2]", '{"a": 1}', '[["a"], [], [], []]'])
def test_foreign_lists_are_refused(tmp_path, content):
    for name in ("overfitting.json", "weight_initialization_30.json"):
        (tmp_path / name).write_text(content)
    for read in (published_monitors, published_counts):
        with pytest.raises(DataFileError):
            read(tmp_path)
        assert read(None) is None
