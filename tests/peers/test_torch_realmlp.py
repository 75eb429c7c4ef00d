"""RealMLP beside a plain float64 reimplementation in PyTorch: the same first weights and batches, the same weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.peers.table_data import data_of

import deltarule as dr
from deltarule.engines.reference import Reference
from deltarule.formulas.random import kept
from deltarule.training.preparing import prepared

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional

SAMPLES, BATCH, EPOCHS, COLUMNS, UNITS = 100, 32, 40, 5, (12, 11, 10)
"""Three batches an epoch, the incomplete fourth being left out: 120 steps."""
RATE = {"classification": 0.04, "regression": 0.07}
DECAY, DROPOUT, FREQUENCIES = 0.02, 0.15, 16


def recipe_of(task, *, simplified=True):
    """The fields of RealMLP's tuned defaults, or of their simplified form."""
    classes = task == "classification"
    outer = (
        {"initializer": [*["lecun"] * 3, "zeros"], "bias_initializer": [*["standard_normal"] * 3, "zeros"]}
        if simplified
        else {
            "dropout": DROPOUT,
            "parametric_activation": 1.0,
            "embedding": "pbld",
            "initializer": "data",
            "bias_initializer": "data_points",
        }
    )
    network = dr.Network(
        hidden=UNITS,
        activation="selu" if classes else "mish",
        input_scale=True,
        parametrization="ntk",
        **outer,
    )
    adam = {"learning_rate": RATE[task], "beta2": 0.95}
    groups = {"biases": {"learning_rate": 0.1, "decay": 0.0}, "scale": {"learning_rate": 6.0, "decay": 6.0}} | {
        name: {"learning_rate": 0.1, "decay": 0.1} for name in ("slopes", "embeddings")
    }
    regularized = {"dropout_schedule": "flat_cosine", "decay_schedule": "flat_cosine"}
    return dr.Recipe(
        network=network,
        loss=dr.SoftmaxCrossEntropy(label_smoothing=0.1) if classes else "squared_error",
        optimizer=dr.Adam(**adam) if simplified else dr.AdamW(**adam, weight_decay=DECAY),
        groups=groups,
        schedule="coslog",
        batch_size=BATCH,
        epochs=EPOCHS,
        drop_last=True,
        stopping=None,
        scaling="none",
        task=task,
        **({} if simplified else regularized),
    )


class Leaf:
    """A parameter with Adam's moments, its factor on the learning rate, and whether it decays."""

    def __init__(self, values, factor=1.0, *, decays=True):
        self.values = torch.tensor(np.array(values), dtype=torch.float64, requires_grad=True)
        self.factor, self.decays = factor, decays
        self.m, self.v = torch.zeros_like(self.values), torch.zeros_like(self.values)

    def step(self, t, rate, decay):
        rate *= self.factor
        with torch.no_grad():
            if self.decays:
                self.values *= 1 - decay * rate * self.factor  # the factor counts twice
            g = self.values.grad
            self.m = 0.9 * self.m + 0.1 * g
            self.v = 0.95 * self.v + 0.05 * g**2
            self.values -= rate * (self.m / (1 - 0.9**t)) / (torch.sqrt(self.v / (1 - 0.95**t)) + 1e-8)
        self.values.grad = None


class RealMLP:
    """The network in its own parametrization, z = x W / √d + b, with the first parameters of a problem."""

    def __init__(self, problem):
        shape, theta = problem.shape, problem.theta
        self.task = problem.recipe.task
        self.weights = [Leaf(w * math.sqrt(len(w))) for w, _ in shape.layers(theta)]
        self.biases = [Leaf(b, 0.1, decays=False) for _, b in shape.layers(theta)]
        self.scale = Leaf(shape.scale(theta), 6.0)
        self.slopes = [Leaf(slopes, 0.1) for slopes in shape.slopes_of(theta)]
        self.embedding = [Leaf(part, 0.1) for part in shape.stage_parts(theta).values()]

    @property
    def leaves(self):
        return [*self.weights, *self.biases, self.scale, *self.slopes, *self.embedding]

    def outputs(self, x, masks=None):
        if self.embedding:
            f, p, w, b = (leaf.values for leaf in self.embedding)
            h = torch.cos(2 * math.pi * x[:, :, None] * f + p)
            v = (h[:, :, :, None] * w).sum(dim=2) + b
            x = torch.cat([v, x[:, :, None]], dim=2).flatten(1)
        x = x * self.scale.values
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = x @ w.values / math.sqrt(len(w.values)) + b.values
            if layer == len(UNITS):
                return z
            x = F.selu(z) if self.task == "classification" else F.mish(z)
            if self.slopes:
                x = z + self.slopes[layer].values * (x - z)
            if masks is not None:
                x = x * masks[layer]
        raise AssertionError

    def loss(self, z, y):
        if self.task == "classification":
            smooth = 0.9 * y + 0.1 / y.shape[1]
            return -(smooth * F.log_softmax(z, dim=1)).sum(dim=1).mean()
        return ((z - y) ** 2).mean()

    def vector(self, shape):
        """The parameters in the layout of a shape."""
        with torch.no_grad():
            parts = [
                part
                for w, b in zip(self.weights, self.biases, strict=True)
                for part in (w.values / math.sqrt(len(w.values)), b.values)
            ]
            parts += [leaf.values for leaf in (self.scale, *self.slopes, *self.embedding)]
            vector = np.concatenate([part.numpy().ravel() for part in parts])
        assert len(vector) == shape.total
        return vector


def coslog(t):
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t)))


def flat_cosine(t):
    return 1.0 if t < 0.5 else 0.5 * (1 + math.cos(math.pi * (2 * t - 1)))


def train(problem, *, simplified):
    model, samples, step = RealMLP(problem), problem.train, 0
    total = EPOCHS * (SAMPLES // BATCH)
    for batches in problem.epochs():
        for rows in batches:
            t, step = step / total, step + 1
            masks = None
            if not simplified:
                p = DROPOUT * flat_cosine(t)
                drawn = [kept(0, layer, step, len(rows), units, p) for layer, units in enumerate(UNITS, start=1)]
                masks = [torch.tensor(each / (1 - p)) for each in drawn]
            x, y = torch.tensor(samples.inputs(rows)), torch.tensor(samples.y(rows))
            model.loss(model.outputs(x, masks), y).backward()
            for leaf in model.leaves:
                leaf.step(step, RATE[model.task] * coslog(t), 0.0 if simplified else DECAY * flat_cosine(t))
    return model, step


@pytest.fixture(autouse=True)
def _one_thread():
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(usual)


@pytest.mark.parametrize("simplified", [True, False], ids=["TD-S", "TD"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_realmlp_is_followed_float_by_float(task, simplified):
    data = data_of(task, SAMPLES, COLUMNS)
    problem, _ = prepared(recipe_of(task, simplified=simplified), data)
    engine = Reference(problem)
    while not engine.finished:
        engine.advance(EPOCHS, math.inf)
    model, steps = train(problem, simplified=simplified)
    assert steps == problem.steps == 120
    assert_allclose(engine.theta, model.vector(problem.shape), rtol=1e-9, atol=1e-11)
    x = data.train.x
    mine = dr.train(problem.recipe, data, engine="reference").model.raw_outputs(x)
    with torch.no_grad():
        assert_allclose(mine, model.outputs(torch.tensor(x)).numpy(), rtol=1e-9, atol=1e-11)
    assert np.abs(engine.theta - problem.theta).max() > 0.1
