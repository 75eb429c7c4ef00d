"""RealMLP-TD-S beside pytabkit's: from the same first weights, with the same batches, in float32."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.peers.table_data import data_of

import deltarule as dr

pytest.importorskip("torch", reason="PyTorch is not installed")
pytabkit = pytest.importorskip("pytabkit", reason="pytabkit is not installed")

SAMPLES, COLUMNS, BATCH, EPOCHS = 200, 5, 32, 20
"""Of 160 training samples five batches an epoch: 100 steps."""


class Trained:
    """pytabkit's training, recorded: the batches, and the parameters before the first and after the last step."""

    def __init__(self, task, monkeypatch):
        from pytabkit.models.training.lightning_modules import TabNNModule

        self.x, self.y, self.before, self.after = [], [], [], []
        original = TabNNModule.training_step

        def recorded(module, batch, number):
            self.before = self.before or self._parameters(module)
            self.x.append(batch["x_cont"][0].numpy().copy())
            self.y.append(batch["y"][0].numpy().copy())
            loss = original(module, batch, number)
            self.after = self._parameters(module)
            return loss

        monkeypatch.setattr(TabNNModule, "training_step", recorded)
        data = data_of(task, SAMPLES, COLUMNS).train
        kind = {"classification": pytabkit.RealMLP_TD_S_Classifier, "regression": pytabkit.RealMLP_TD_S_Regressor}[task]
        kind(n_epochs=EPOCHS, batch_size=BATCH, random_state=0, device="cpu", n_threads=1).fit(data.x, data.y)

    @staticmethod
    def _parameters(module):
        """The scale, and the weights and biases of each layer, in the standard parametrization."""
        scale, *layers = (each.detach().numpy()[0].astype(np.float64) for each in module.model.parameters())
        pairs = zip(layers[::2], layers[1::2], strict=True)
        return scale[0], [(weights / math.sqrt(len(weights)), biases[0]) for weights, biases in pairs]


@pytest.mark.filterwarnings("ignore")  # Lightning's
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_weights_after_a_hundred_steps_are_those_of_pytabkit(task, monkeypatch):
    peer = Trained(task, monkeypatch)
    assert len(peer.x) == 100
    rows, first, places = np.unique(np.concatenate(peer.x), axis=0, return_index=True, return_inverse=True)
    y = np.concatenate(peer.y)[first]
    assert len(rows) == 160
    scale, layers = peer.before
    np.testing.assert_array_equal(scale, 1.0)
    recipe = dr.preset("realmlp-s", task, len(rows)).replace(
        preparation=dr.Preparation(), stopping=None, scaling="none", epochs=EPOCHS,
        batch_size=BATCH,
    )  # fmt: skip
    steps = places.reshape(EPOCHS, -1, BATCH)
    data = dr.Dataset(train=(rows, y.argmax(axis=1) if task == "classification" else y))
    run = dr.train(recipe, data, initial_parameters=layers, batches=[list(epoch) for epoch in steps])
    scale, layers = peer.after
    shape, theta = run.model.shape, np.asarray(run.model.parameters, dtype=np.float64)
    pairs = [(shape.scale(theta), scale)]
    for own, expected in zip(run.model.layers, layers, strict=True):
        pairs += zip(own, expected, strict=True)
    for own, expected in pairs:
        assert np.linalg.norm(own - expected) < 1e-4 * np.linalg.norm(expected)
    assert np.abs(scale - 1).max() > 0.1
