"""Training with precision="bfloat16": a network's steps against NumPy, its evaluation, and its predictions."""

from __future__ import annotations

import numpy as np
import pytest

import deltarule as dr
from deltarule.engines.compiled.runtime.engine import Compiled
from deltarule.errors import RecipeError
from deltarule.native.bfloat16 import multiply_in_pairs, paired
from deltarule.training.plan import plan_text
from deltarule.training.preparing import prepared

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(60, 13)).astype(np.float32), RNG.normal(size=(60, 3)).astype(np.float32)
DATA = dr.Dataset(train=(X, Y), validation=(X[:21], Y[:21]))
RATE = 0.3
RECIPE = dr.Recipe(
    network=dr.Network(hidden=(27,), activation="tanh"),
    loss="half_squared_error",
    optimizer=dr.SGD(RATE),
    batch_size=15,
    epochs=2,
    scaling="none",
    target_scaling="none",
    stopping=None,
)
ORDER = [[np.arange(start, start + 15) for start in range(0, 60, 15)] for _ in range(2)]


def stepped(layers, x, y):
    """One step of gradient descent in NumPy; only the three products' operands are rounded."""
    (w1, b1), (w2, b2) = layers
    a = np.tanh(multiply_in_pairs(x, w1, b1))
    dz2 = (multiply_in_pairs(a, w2, b2) - y) / np.float32(len(x))
    dz1 = multiply_in_pairs(dz2, w2.T) * (1 - a * a)
    gradients = (multiply_in_pairs(x.T, dz1), dz1.sum(0)), (multiply_in_pairs(a.T, dz2), dz2.sum(0))
    return [
        tuple((w - np.float32(RATE) * g).astype(np.float32) for w, g in zip(layer, of_layer, strict=True))
        for layer, of_layer in zip(layers, gradients, strict=True)
    ]


@pytest.fixture(scope="module")
def runs():
    start = [
        (RNG.normal(size=sizes).astype(np.float32) / np.float32(4), np.zeros(sizes[1], np.float32))
        for sizes in ((13, 27), (27, 3))
    ]
    made = {
        precision: dr.train(RECIPE, DATA, precision=precision, initial_parameters=start, batches=iter(ORDER))
        for precision in ("bfloat16", "float32")
    }
    layers = start
    for batch in (batch for epoch in ORDER for batch in epoch):
        layers = stepped(layers, X[batch], Y[batch])
    return made, layers


def distance(model, layers):
    pairs = zip((*model.weights, *model.biases), (*(w for w, _ in layers), *(b for _, b in layers)), strict=True)
    return max(np.abs(one - other).max() for one, other in pairs)


def test_steps_are_those_of_rounded_products(runs):
    made, layers = runs
    assert distance(made["bfloat16"].model, layers) < 1e-6
    assert distance(made["float32"].model, layers) > 1e-4
    assert made["bfloat16"].model.theta.dtype == np.float32


def test_evaluation_rounds_and_a_model_does_not(runs):
    run, (first, second) = runs[0]["bfloat16"], runs[1]
    outputs = {}
    for name, multiply in (("rounded", multiply_in_pairs), ("plain", lambda a, b, start: a @ b + start)):
        outputs[name] = multiply(np.tanh(multiply(X[:21], *first)), *second)
    losses = {name: 0.5 * np.mean(((z - Y[:21]) ** 2).sum(1)) for name, z in outputs.items()}
    assert run.history[-1].validation_loss == pytest.approx(losses["rounded"], rel=2e-5)
    assert losses["plain"] != pytest.approx(losses["rounded"], rel=5e-5)
    predicted = run.model.predict(X[:21])
    assert np.abs(predicted - outputs["plain"]).max() < 2e-4
    assert np.abs(predicted - outputs["rounded"]).max() > 5e-4


def test_images_of_digits_are_learnt_as_well():
    data = dr.load_dataset("digits")
    recipe = dr.Recipe(network=dr.Network(hidden=(64,)), epochs=8, stopping=None)
    scores = [dr.train(recipe, data, precision=each).history[-1].validation_score for each in ("bfloat16", "float32")]
    assert scores == pytest.approx([scores[1]] * 2, abs=0.02)
    assert min(scores) > 0.93


def test_an_unknown_precision_is_named():
    with pytest.raises(RecipeError, match=r"float32.*float64.*bfloat16.*got.*bfloat8"):
        dr.train(RECIPE, DATA, precision="bfloat8")


@pytest.mark.parametrize(("hidden", "threads"), [((40, 64), 1), ((64, 48), 2), ((112, 112), 3)])
def test_weights_are_kept_in_pairs_as_they_change(hidden, threads):
    recipe = RECIPE.replace(network=dr.Network(hidden=hidden), optimizer="adam")
    engine = Compiled(prepared(recipe, dr.Dataset(train=(np.tile(X, (1, 2)), Y)))[0], "bfloat16", threads)
    engine.advance(2, np.inf)
    team = engine._team
    kept = [block for block in team._layout.every if team._layout.keeps_pairs(block)]
    assert len(kept) > len(hidden)
    for block in kept:
        size, stride = block.fan_in, block.stride
        weights = team._region(0)[block.offset :][: size * stride].reshape(size, stride)
        pairs = paired(weights)
        assert (team._pairs[block.offset :][: pairs.size].reshape(pairs.shape) == pairs).all()
    printed = plan_text(recipe, DATA, n_threads=1, precision="bfloat16")
    assert "slots, bfloat16 pairs = " in printed


def test_a_constraint_leaves_no_pairs_behind():
    for changes in ({"constraint": dr.MaxNorm(0.5)}, {"clipping": dr.ClipByNorm(0.1)}):
        recipe = RECIPE.replace(network=dr.Network(hidden=(40, 64)), **changes)
        one, two = (dr.train(recipe, DATA, precision="bfloat16", n_threads=n).model.theta for n in (1, 2))
        assert one.tobytes() == two.tobytes()
        assert not Compiled(prepared(recipe, DATA)[0], "bfloat16", 1)._team._pairs.size
