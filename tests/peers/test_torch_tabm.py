"""TabM beside a plain float64 reimplementation in PyTorch, member by member: the same batches, the same weights."""

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

SAMPLES, BATCH, EPOCHS, COLUMNS, UNITS, MEMBERS = 100, 32, 30, 5, (12, 11), 3
RATE, DECAY, DROPOUT, BINS = 2e-2, 3e-2, 0.1, 6
EMBEDDINGS = {
    "none": None,
    "piecewise linear": dr.embeddings.PiecewiseLinear(bins=BINS, outputs=3),
    "rectified": dr.embeddings.PiecewiseLinear(bins=BINS, outputs=3, form="rectified"),
    "periodic": dr.embeddings.Periodic(4, 0.5, outputs=3),
}
CASES = [
    ("classification", "batch_ensemble", "none"),
    ("classification", "mini", "piecewise linear"),
    ("regression", "batch_ensemble", "piecewise linear"),
    ("classification", "mini", "rectified"),
    ("regression", "mini", "periodic"),
]


def recipe_of(task, form, embedding):
    uniform = {"name": "he_uniform", "negative_slope": math.sqrt(5)}
    network = dr.Network(
        hidden=UNITS,
        dropout=DROPOUT,
        members=MEMBERS,
        member_form=form,
        embedding=embedding,
        initializer=uniform,
        bias_initializer=uniform,
    )
    return dr.Recipe(
        network=network,
        optimizer=dr.AdamW(RATE, weight_decay=DECAY),
        groups={"biases": {"decay": 0.0}},
        clipping=dr.ClipByNorm(0.3),
        batch_size=BATCH,
        epochs=EPOCHS,
        stopping=None,
        scaling="none",
        task=task,
    )


class TabM:
    """The parameters of a problem as tensors, one list for each kind, and each member as a separate network."""

    def __init__(self, problem):
        self.problem, shape, theta = problem, problem.shape, problem.theta
        self.outputs = shape.outputs
        self.weights, self.biases = (list(map(self.leaf, each)) for each in zip(*shape.layers(theta), strict=True))
        self.adapters = {name: self.leaf(part) for name, part in shape.adapters(theta).items()}
        self.stage = {name: self.leaf(part) for name, part in shape.stage_parts(theta).items()}
        self.edges = {name: torch.tensor(part) for name, part in shape.stage_fitted(theta).items()}
        own_biases = {name for name in self.adapters if name.endswith("c")}
        self.decaying = [*self.weights, *self.stage.values()]
        self.decaying += [leaf for name, leaf in self.adapters.items() if name not in own_biases]
        self.plain = [*self.biases[-1:], *(self.adapters[name] for name in own_biases)]
        self.plain += [] if own_biases else self.biases[:-1]

    def leaf(self, values):
        return torch.tensor(np.array(values), dtype=torch.float64, requires_grad=True)

    def embedded(self, x):
        if not self.stage:
            return x
        if not self.edges:
            u = 2 * math.pi * x[:, :, None] * self.stage["frequencies"]
            h = torch.cat([torch.cos(u), torch.sin(u)], dim=2)
            v = (h[:, :, :, None] * self.stage["weights"]).sum(dim=2) + self.stage["biases"]
            return torch.relu(v).flatten(1)
        edges = self.edges["edges"]
        e = (x[:, :, None] - edges[:, :-1]) / (edges[:, 1:] - edges[:, :-1])
        first, inner, last = e[:, :, :1].clamp(max=1), e[:, :, 1:-1].clamp(0, 1), e[:, :, -1:].clamp(min=0)
        e = torch.cat([first, inner, last], dim=2)
        v = (e[:, :, :, None] * self.stage["weights"]).sum(dim=2) + self.stage["biases"]
        if "linear" not in self.stage:  # version A, and its activation
            return torch.relu(v).flatten(1)
        return (v + x[:, :, None] * self.stage["linear"]).flatten(1)

    def member(self, i, x, masks=None):
        """The outputs of one member."""
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            if layer == len(UNITS):
                columns = slice(i * self.outputs, (i + 1) * self.outputs)
                return x @ w[:, columns] + b[columns]
            r, s, c = (self.adapters.get(f"{layer}.{name}") for name in "rsc")
            z = (x if r is None else x * r[i]) @ w
            z = z + b if s is None else z * s[i] + c[i]
            x = torch.relu(z)
            if masks is not None:
                x = x * masks[layer][:, i]
        raise AssertionError

    def loss(self, z, y):
        return F.cross_entropy(z, y) if self.outputs > 1 else ((z - y) ** 2).mean()

    def train(self):
        optimizer = torch.optim.AdamW(
            [{"params": self.decaying, "weight_decay": DECAY}, {"params": self.plain, "weight_decay": 0.0}], RATE
        )
        samples, step = self.problem.train, 0
        for batches in self.problem.epochs():
            for rows in batches:
                step += 1
                n, masks = len(rows), []
                for layer, units in enumerate(UNITS, start=1):
                    drawn = kept(0, layer, step, n * MEMBERS, units, DROPOUT).reshape(n, MEMBERS, units)
                    masks.append(torch.tensor(drawn / (1 - DROPOUT)))
                x, y = self.embedded(torch.tensor(samples.inputs(rows))), torch.tensor(samples.y(rows))
                optimizer.zero_grad()
                losses = [self.loss(self.member(i, x, masks), y) for i in range(MEMBERS)]
                torch.stack(losses).mean().backward()
                gradients = [leaf.grad for leaf in [*self.decaying, *self.plain]]
                norm = torch.sqrt(sum((g**2).sum() for g in gradients))
                for g in gradients:
                    g *= min(1.0, 0.3 / norm.item())
                optimizer.step()
        return step

    def predict(self, x):
        with torch.no_grad():
            each = [self.member(i, self.embedded(torch.tensor(x))) for i in range(MEMBERS)]
            made = [F.softmax(z, dim=1) if self.outputs > 1 else z for z in each]
            return torch.stack(made).mean(dim=0).numpy()


@pytest.fixture(autouse=True)
def _one_thread():
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(usual)


@pytest.mark.parametrize(("task", "form", "embedding"), CASES)
def test_tabm_is_followed_float_by_float(task, form, embedding):
    data = data_of(task, SAMPLES, COLUMNS)
    problem, _ = prepared(recipe_of(task, form, EMBEDDINGS[embedding]), data)
    engine = Reference(problem)
    while not engine.finished:
        engine.advance(EPOCHS, math.inf)
    theirs = TabM(problem)
    assert theirs.train() == problem.steps == 120
    for mine, leaves in (
        ([part for pair in problem.shape.layers(engine.theta) for part in pair],
         [leaf for pair in zip(theirs.weights, theirs.biases, strict=True) for leaf in pair]),
        (problem.shape.adapters(engine.theta).values(), theirs.adapters.values()),
        (problem.shape.stage_parts(engine.theta).values(), theirs.stage.values()),
    ):  # fmt: skip
        for part, leaf in zip(mine, leaves, strict=True):
            assert_allclose(part, leaf.detach().numpy(), rtol=1e-9, atol=1e-11)
    assert np.abs(engine.theta - problem.theta).max() > 0.1
    model = dr.train(problem.recipe, data, engine="reference").model
    x = data.train.x
    if task == "classification":
        assert_allclose(model.predict_proba(x), theirs.predict(x), rtol=1e-9, atol=1e-11)
    else:
        shift, factor = model.target_scaling.shift, model.target_scaling.factor
        assert_allclose((model.predict(x)[:, None] - shift) * factor, theirs.predict(x), rtol=1e-9, atol=1e-11)
