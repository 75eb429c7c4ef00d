"""RealMLP-TD-S beside pytabkit's: from the same first weights, with the same batches."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

import deltarule as dr

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytabkit = pytest.importorskip("pytabkit", reason="pytabkit is not installed")

SAMPLES, COLUMNS, BATCH, EPOCHS = 200, 5, 32, 20
"""Of 160 training samples five batches an epoch: 100 steps."""
SEEDS = range(8)

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's


@dataclass
class Trained:
    """pytabkit's training: the batches, and the parameters before the first and after the last step."""

    x: list = field(default_factory=list)
    y: list = field(default_factory=list)
    before: list = field(default_factory=list)
    after: list = field(default_factory=list)


def samples_of(task, columns, seed):
    random = np.random.default_rng(seed)
    x = getattr(random, columns)(size=(SAMPLES, COLUMNS))
    y = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * random.normal(size=SAMPLES)
    return x, np.searchsorted(np.quantile(y, [0.3, 0.7]), y) if task == "classification" else y


def theirs(task, x, y, *, double=False):
    """pytabkit's training in float32, or in float64 from the first step on."""
    from pytabkit.models.training.lightning_modules import TabNNModule

    trained = Trained()

    def converted(batch):
        return {name: v.double() if double and v.is_floating_point() else v for name, v in batch.items()}

    with pytest.MonkeyPatch.context() as patch:
        training, validation = TabNNModule.training_step, TabNNModule.validation_step

        def recorded(module, batch, number):
            if double and not trained.before:
                module.double()
            trained.before = trained.before or parameters(module)
            trained.x.append(batch["x_cont"][0].numpy().copy())
            trained.y.append(batch["y"][0].numpy().copy())
            loss = training(module, converted(batch), number)
            trained.after = parameters(module)
            return loss

        patch.setattr(TabNNModule, "training_step", recorded)
        patch.setattr(TabNNModule, "validation_step", lambda module, batch, i: validation(module, converted(batch), i))
        kind = {"classification": pytabkit.RealMLP_TD_S_Classifier, "regression": pytabkit.RealMLP_TD_S_Regressor}[task]
        kind(n_epochs=EPOCHS, batch_size=BATCH, random_state=0, device="cpu", n_threads=1).fit(x, y)
    assert len(trained.x) == 100
    return trained


def parameters(module):
    """The scale, then weights and biases of each layer, in the standard parametrization."""
    scale, *layers = (each.detach().numpy()[0].astype(np.float64) for each in module.model.parameters())
    weights = (each / math.sqrt(len(each)) for each in layers[::2])
    return [scale[0], *(part for w, b in zip(weights, layers[1::2], strict=True) for part in (w, b[0]))]


def ours(task, peer, precision):
    """The parameters after the same steps here."""
    rows, first, places = np.unique(np.concatenate(peer.x), axis=0, return_index=True, return_inverse=True)
    y = np.concatenate(peer.y)[first]
    assert len(rows) == 160
    scale, *layers = peer.before
    np.testing.assert_array_equal(scale, 1.0)
    recipe = dr.preset("realmlp-s", task, len(rows)).replace(
        preparation=dr.Preparation(), stopping=None, scaling="none", epochs=EPOCHS, batch_size=BATCH
    )
    data = dr.Dataset(train=(rows, y.argmax(axis=1) if task == "classification" else y))
    start = list(zip(layers[::2], layers[1::2], strict=True))
    steps = [list(epoch) for epoch in places.reshape(EPOCHS, -1, BATCH)]
    model = dr.train(recipe, data, initial_parameters=start, batches=steps, precision=precision).model
    found = [model.shape.scale(np.asarray(model.parameters))]
    return found + [part for layer in model.layers for part in layer]


def distance(one, other):
    """The largest relative distance of two runs, over the scale, the weights and the biases of each layer."""
    pairs = zip(one, other, strict=True)
    return max(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in pairs)


@pytest.mark.parametrize(
    ("task", "columns"),
    [("classification", "lognormal"), ("regression", "lognormal"), ("regression", "normal")],
)
def test_the_weights_after_a_hundred_steps_are_those_of_pytabkit(task, columns):
    peer = theirs(task, *samples_of(task, columns, 0))
    assert distance(ours(task, peer, "float32"), peer.after) < 1e-4
    assert np.abs(peer.after[0] - 1).max() > 0.1


def test_float64_is_followed_on_all_data_and_float32_departs_from_it_no_more_than_in_pytabkit():
    """The slope of SELU jumps at 0: a unit's sum that rounding moves across it changes a whole gradient.

    So runs of 32 bits part from those of 64 here as in pytabkit, on some data by 1e-2, on others by 1e-6.
    """
    own, peers = [], []
    for seed in SEEDS:
        x, y = samples_of("classification", "normal", seed)
        single, double = (theirs("classification", x, y, double=double) for double in (False, True))
        assert distance(ours("classification", double, "float64"), double.after) < 1e-6
        own.append(distance(ours("classification", single, "float32"), double.after))
        peers.append(distance(single.after, double.after))
    assert max(peers) > 1e-3
    assert np.mean(np.log(own)) < np.mean(np.log(peers)) + np.log(5)
    assert min(own) < 1e-5


@pytest.mark.parametrize(("name", "theirs"), [("realmlp", "RealMLP_TD"), ("realmlp-s", "RealMLP_TD_S")])
def test_the_constants_of_training_are_pytabkits_but_for_half_of_the_epochs(name, theirs):
    from pytabkit.models.sklearn.default_params import DefaultParams

    for task, ending in {"classification": "CLASS", "regression": "REG"}.items():
        own, peer = dr.preset(name, task, 1_000), getattr(DefaultParams, f"{theirs}_{ending}")
        assert own.epochs == peer["n_epochs"] // (2 if name == "realmlp" else 1)
        assert (own.optimizer.learning_rate, own.optimizer.beta2) == (peer["lr"], peer["sq_mom"])
        assert (list(own.network.hidden), own.network.activation.name) == (peer["hidden_sizes"], peer["act"])


@pytest.mark.parametrize(("rows", "seed"), [(5, 0), (133, 4), (2000, 12)])
def test_the_benchmark_validates_on_the_rows_of_pytabkit(rows, seed):
    from benchmarks.tables.validation import split
    from pytabkit.models.data.data import DictDataset, TensorInfo
    from pytabkit.models.data.splits import RandomSplitter

    data = DictDataset({"y": torch.zeros(rows, 1)}, {"y": TensorInfo(feat_shape=[1])})
    theirs = RandomSplitter(seed=seed, first_fraction=0.8).get_idxs(data)
    for own, other in zip(split(rows, seed), theirs, strict=True):
        np.testing.assert_array_equal(own, other)
