"""Fashion and optimizers on a few real images."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deltarule.data import Dataset
from deltarule.errors import RecipeError
from deltarule.experiments.reproduce import Fashion, Given, Optimizers, changed, data_of, reproduce
from deltarule.experiments.reproduce.fashion_result import softmax_twice
from deltarule.experiments.reproduce.optimizers import MARKERS
from deltarule.figures.iterations import loss_lines, smoothed

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def few(experiment):
    """The first images of each part, where the real ones are there."""
    folder = SHARED / experiment.dataset
    if not folder.is_dir():
        pytest.skip(f"needs ../shared/data/{experiment.dataset}")
    data = data_of(experiment, folder)
    return replace(data, train=data.train.rows(slice(0, 2000)), test=data.test.rows(slice(0, 500)))


def test_fashion_shows_everything(tmp_path):
    told = []
    fashion = changed(Fashion(), ["epochs=3", "report_validation_every=2", "patience=1", "hidden=16,8"])
    given = Given(few(fashion), progress=lambda steps, note: told.append(steps))
    found = reproduce(fashion, given, seeds=2)
    result = found.results[0]
    assert sum(told) == 2 * fashion.steps
    # 1,800 images make 28 batches: the 10th and the 20th are reported.
    assert [each.number for each in result.batches if each.part == "training"] == [10, 20, 38, 48, 66, 76]
    # 200 images make 3 validation batches: the 2nd is reported.
    held = [each for each in result.batches if each.part == "validation"]
    assert [(each.epoch, each.number) for each in held] == [(1, 2), (2, 2), (3, 2)]
    assert 0 < held[-1].loss < held[0].loss
    assert [row[0] for row in found.tables()[0].rows] == ["training", "training", "validation"]
    assert [each.name for each in result.outcomes] == ["as_published", "early_stopping", "dropout", "l2", "all_three"]
    assert len(result.epochs) == 3
    assert result.epochs[-1].validation_loss < result.epochs[0].validation_loss
    assert result.outcomes[0].validation == result.epochs[-1][3:]
    assert {path.name for path in result.write(tmp_path)} == {
        "samples.png", "curves.png", "batches.png", "batches.csv",
    }  # fmt: skip
    assert len((tmp_path / "batches.csv").read_text().splitlines()) == 10
    assert [table.title for table in found.tables()][-1] == "Over 2 seeds"
    data = found.to_json()
    assert 0.5 < data["test_accuracy"] < 0.95
    assert data["repeats"]["figures"]["dropout: test accuracy"]["values"][0] == data["outcomes"][2]["test_accuracy"]
    json.dumps(data, allow_nan=False)


def test_fashion_in_pieces_is_the_same_run():
    """Reporting single batches changes nothing that is learnt."""
    fashion = changed(Fashion(), ["epochs=2", "hidden=8", "remedies=early_stopping", "patience=2"])
    data = few(fashion)
    whole, pieces = (changed(fashion, [f"report_every={every}"]).run(Given(data)).outcomes for every in (1000, 3))
    assert whole == pieces
    assert whole[0].test == whole[1].test or whole[1].kept < 2


def test_fashions_batches_are_the_published_ones():
    fashion = Fashion()
    assert [len(fashion.batches(images)) for images in (54_000, 6_000, 10_000)] == [843, 93, 156]
    assert sum(len(batch) for piece in fashion._pieces(54_000) for batch in piece) == 843 * 64
    recipe = fashion.recipe()
    assert recipe.optimizer.epsilon_place == "before_correction"
    assert recipe.network.bias_initializer.name == "glorot_uniform"


def test_fashion_refuses_what_cannot_be_meant():
    with pytest.raises(RecipeError, match="early_stopping"):
        changed(Fashion(), ["remedies=magic"])
    with pytest.raises(RecipeError, match="test_size"):
        changed(Fashion(), ["test_size=1.0"])
    with pytest.raises(RecipeError, match="full batch"):
        changed(Fashion(), ["batch_size=300"]).run(Given(few(Fashion())))
    assert "softmax_cross_entropy" in softmax_twice()


def test_optimizers_show_everything(tmp_path):
    told = []
    optimizers = changed(Optimizers(), ["iterations=120", "hidden=20,20", "batch_size=32", "table_every=50"])
    result = optimizers.run(Given(few(optimizers), progress=lambda steps, note: told.append(steps)))
    assert sum(told) == optimizers.steps
    assert {name: len(losses) for name, losses in result.losses.items()} == dict.fromkeys(
        ("SGD", "Momentum", "AdaGrad", "RMSProp", "Adam"), 120
    )
    assert [row[0] for row in result.tables()[0].rows] == ["0", "50", "100", "119"]
    assert result.losses["Adam"][-20:].mean() < result.losses["Adam"][:20].mean()
    assert {path.name for path in result.write(tmp_path)} == {"losses.png", "paths.png"}
    json.dumps(result.to_json(), allow_nan=False)


@pytest.mark.parametrize(("engine", "bound"), [("reference", 1e-12), ("compiled", 1e-6)])
def test_the_loss_is_taken_after_the_update(engine, bound):
    """A plain sketch of the first step of plain gradient descent, for a network without a hidden layer."""
    optimizers = changed(Optimizers(), ["iterations=1", "hidden=", "batch_size=16", "sgd_learning_rate=0.5"])
    data = few(optimizers)
    result = optimizers.run(Given(data, engine=engine))
    generator = np.random.RandomState(0)
    starts = [np.sqrt(2 / 784) * generator.randn(784, 10) for _ in range(5)]
    rows = generator.choice(2000, 16)
    x, y = data.train.x[rows].reshape(16, -1) / 255, np.eye(10)[data.train.y[rows]]

    def softmax(z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    dz = (softmax(x @ starts[0]) - y) / 16
    z = x @ (starts[0] - 0.5 * x.T @ dz) - 0.5 * dz.sum(axis=0)
    assert result.losses["SGD"][0] == pytest.approx(-np.mean(np.log(np.sum(y * softmax(z), axis=1))), rel=bound)


def test_paths_go_down_the_valley():
    paths = Optimizers().paths()
    assert list(paths) == ["SGD, η 0.95", "Momentum, η 0.1", "AdaGrad, η 1.5", "RMSProp, η 0.12", "Adam, η 0.3"]
    for steps in paths.values():
        assert steps.shape == (31, 2)
        assert steps[0].tolist() == [-7.0, 2.0]
        assert steps[-1, 0] ** 2 / 20 + steps[-1, 1] ** 2 < 0.2
    # Plain gradient descent multiplies x by 1 − η/10 and y by 1 − 2η: it zigzags.
    assert paths["SGD, η 0.95"][1] == pytest.approx([-7 * 0.905, -1.8])


def test_smoothing_is_kaisers():
    x = np.random.default_rng(0).random(40)
    weights = np.kaiser(11, 2) / np.kaiser(11, 2).sum()
    inside = [np.sum(weights * x[i - 5 : i + 6]) for i in range(5, 35)]
    assert smoothed(x)[5:35] == pytest.approx(inside)
    assert len(smoothed(x)) == 40
    assert smoothed([3.0]).tolist() == [3.0]


def test_made_data_do_for_fashion_too():
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 256, (400, 28, 28), dtype=np.uint8), np.arange(400) % 10
    fashion = changed(
        Fashion(),
        ["epochs=1", "batch_size=16", "hidden=4", "remedies=", "report_every=50", "report_validation_every=5"],
    )
    result = fashion.run(Given(Dataset((x, y), test=(x, y))))
    assert [each.name for each in result.outcomes] == ["as_published"]
    assert result.batches == []


def test_markers_are_those_of_the_text():
    lines = {name: (np.arange(300), np.ones(300)) for name in MARKERS}
    (axes,) = loss_lines(lines, "Iteration", "Loss", "", markers=MARKERS).axes
    drawn = {line.get_label(): (line.get_marker(), line.get_markevery()) for line in axes.lines}
    assert drawn == {
        "SGD": ("o", 100), "Momentum": ("x", 100), "AdaGrad": ("s", 100), "RMSProp": ("v", 100), "Adam": ("D", 100),
    }  # fmt: skip
