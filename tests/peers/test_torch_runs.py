"""Whole training runs beside PyTorch's: the same network, batches and settings give the same weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import deltarule as dr

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
S, clip = torch.optim.lr_scheduler, torch.nn.utils

SAMPLES, BATCH, EPOCHS, UNITS = 50, 16, 4, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(SAMPLES, 5))
CLASSES = np.arange(SAMPLES) % 3
ROWS = [np.arange(SAMPLES)[at : at + BATCH] for at in range(0, SAMPLES, BATCH)]
"""The last batch has 2 samples, and its mean is its own."""
SHARES = (0.5, 1.0, 3.0)


@pytest.fixture(autouse=True)
def _float64():
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(usual)


@dataclass(frozen=True)
class Pair:
    """Settings here and there, and how close the outputs come."""

    ours: dict[str, Any] = field(default_factory=dict)
    loss: dict[str, Any] = field(default_factory=dict)
    schedule: Any = None
    clipping: Any = None
    normalization: Any = None
    decay: float = 0.0
    averaging: float = 0.0
    activation: Any = torch.nn.Tanh
    rtol: float = 1e-9


def network(normalization=None):
    return dr.Network(hidden=(UNITS,), activation="tanh", normalization=normalization)


PAIRS = {
    "plain": Pair(),
    "label smoothing": Pair({"loss": dr.SoftmaxCrossEntropy(label_smoothing=0.1)}, {"label_smoothing": 0.1}),
    "class weights": Pair({"class_weight": dict(enumerate(SHARES))}, {"weight": SHARES}),
    "a schedule": Pair({"schedule": dr.StepDecay(0.5, every=5)}, schedule=lambda o: S.StepLR(o, 5, 0.5)),
    "a warm-up": Pair(
        {"schedule": dr.WarmUp(4, first=0.2, then="cosine")},
        schedule=lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.2, 1.0, 4), S.CosineAnnealingLR(o, 4 * EPOCHS - 4)], [4]),
    ),
    "decay": Pair({"penalty": dr.L2(0.3)}, decay=0.3),
    "clipping by value": Pair(
        {"clipping": dr.ClipByValue(0.02)}, clipping=lambda parameters: clip.clip_grad_value_(parameters, 0.02)
    ),
    # Theirs divides by the norm + 10⁻⁶.
    "clipping by norm": Pair(
        {"clipping": dr.ClipByNorm(0.1)}, clipping=lambda parameters: clip.clip_grad_norm_(parameters, 0.1), rtol=1e-4
    ),
    "batch normalisation": Pair(
        {"network": network(dr.BatchNormalization())}, normalization=lambda: torch.nn.BatchNorm1d(UNITS)
    ),
    "layer normalisation": Pair(
        {"network": network(dr.LayerNormalization())}, normalization=lambda: torch.nn.LayerNorm(UNITS)
    ),
    "milestones": Pair(
        {"schedule": dr.Milestones((1 / 4, 3 / 4), factor=0.3)}, schedule=lambda o: S.MultiStepLR(o, [4, 12], 0.3)
    ),
    "a parametric rectifier": Pair(
        {"network": dr.Network(hidden=(UNITS,), activation="relu", parametric_activation=0.75)},
        activation=lambda: torch.nn.PReLU(UNITS, init=0.25),
    ),
    "averaging": Pair({"averaging": dr.ExponentialAverage(0.9)}, averaging=0.9),
}


def trained(pair):
    """Their network, its first weights, and the network to predict with."""
    torch.manual_seed(1)
    between = [pair.normalization()] if pair.normalization else []
    model = torch.nn.Sequential(torch.nn.Linear(5, UNITS), *between, pair.activation(), torch.nn.Linear(UNITS, 3))
    linear = [model[0], model[-1]]
    start = [(each.weight.detach().numpy().T.copy(), each.bias.detach().numpy().copy()) for each in linear]
    weights = [each.weight for each in linear]
    rest = [each for each in model.parameters() if all(each is not weight for weight in weights)]
    groups = [{"params": weights, "weight_decay": pair.decay}, {"params": rest, "weight_decay": 0.0}]
    settings = {name: torch.tensor(each) if name == "weight" else each for name, each in pair.loss.items()}
    optimizer, loss = torch.optim.SGD(groups, 0.1, momentum=0.8), torch.nn.CrossEntropyLoss(**settings)
    scheduler = pair.schedule(optimizer) if pair.schedule else None
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(pair.averaging)
    mean = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=average)
    for _ in range(EPOCHS):
        for rows in ROWS:
            optimizer.zero_grad()
            loss(model(torch.tensor(X[rows])), torch.tensor(CLASSES[rows])).backward()
            if pair.clipping:
                pair.clipping(model.parameters())
            optimizer.step()
            mean.update_parameters(model)
            if scheduler:
                scheduler.step()
    return start, (mean.module if pair.averaging else model).eval()


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step:UserWarning")
def test_whole_runs(name, engine):
    pair = PAIRS[name]
    start, theirs = trained(pair)
    usual = {"network": network(), "optimizer": dr.Momentum(0.1, momentum=0.8, velocity="gradients")}
    recipe = dr.Recipe(
        **{**usual, **pair.ours}, batch_size=BATCH, epochs=EPOCHS, stopping=None, scaling="none", task="classification"
    )
    how = {"initial_parameters": start, "batches": [ROWS] * EPOCHS, "engine": engine, "precision": "float64"}
    model = dr.train(recipe, dr.Dataset(train=(X, CLASSES)), **how).model
    close = {"rtol": pair.rtol, "atol": 1e-3 * pair.rtol}
    for (w, b), each in zip(model.layers, [theirs[0], theirs[-1]], strict=True):
        assert_allclose(w, each.weight.detach().numpy().T, **close)
        assert_allclose(b, each.bias.detach().numpy(), **close)
    assert_allclose(model.raw_outputs(X), theirs(torch.tensor(X)).detach().numpy(), **close)
    assert np.abs(model.layers[0][0] - start[0][0]).max() > 0.01
