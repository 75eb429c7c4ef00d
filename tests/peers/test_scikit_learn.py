"""Formulas beside scikit-learn's: its networks' optimizers, activations and losses, and its measures of loss.

Whole training runs beside `MLPClassifier` and `MLPRegressor` are in test_equivalences.py.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import metrics
from sklearn.neural_network import MLPRegressor
from tests.peers import kernels

import deltarule as dr
from deltarule import formulas

REASON = "these parts of scikit-learn have moved"
base = pytest.importorskip("sklearn.neural_network._base", reason=REASON)
stochastic = pytest.importorskip("sklearn.neural_network._stochastic_optimizers", reason=REASON)

RNG = np.random.default_rng(0)
START = RNG.normal(size=9)
GRADIENTS = RNG.normal(size=(50, 9)) * np.array([0.0, 1e-4, 1e-2, 0.1, 1.0, 1.0, 3.0, 10.0, 100.0])
EXACT = {"rtol": 1e-12, "atol": 1e-14}

OPTIMIZERS = {
    "sgd": (dr.SGD(0.1), lambda w: stochastic.SGDOptimizer(w, 0.1, momentum=0.0, nesterov=False)),
    "momentum": (
        dr.Momentum(0.1, momentum=0.8),
        lambda w: stochastic.SGDOptimizer(w, 0.1, momentum=0.8, nesterov=False),
    ),
    "nesterov": (dr.Nesterov(0.1, momentum=0.8), lambda w: stochastic.SGDOptimizer(w, 0.1, momentum=0.8)),
    "adam": (dr.Adam(0.01, epsilon_place="before_correction"), lambda w: stochastic.AdamOptimizer(w, 0.01)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    ours, make = OPTIMIZERS[name]
    w, slots, theirs = START, [np.zeros_like(START) for _ in ours.slots], [START.copy()]
    optimizer = make(theirs)
    for t, g in enumerate(GRADIENTS, start=1):
        w, *slots = ours.step(w, g, t, *slots)
        optimizer.update_params(theirs, [g])
        assert_allclose(w, theirs[0], **EXACT)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_in_32_bits(name):
    ours, make = OPTIMIZERS[name]
    theirs, met = [START.astype(np.float32)], []
    optimizer = make(theirs)
    for g in GRADIENTS.astype(np.float32):
        optimizer.update_params(theirs, [g])
        met.append(theirs[0].copy())
    assert_allclose(kernels.path(ours, GRADIENTS, START), met, **kernels.SINGLE)


def test_inverse_scaling():
    """Of their time step n, the samples seen: our step is n + 1."""
    optimizer = stochastic.SGDOptimizer([START.copy()], 0.1, "invscaling", power_t=0.4)
    ours = dr.InverseTimeDecay(decay=1.0, every=1, power=0.4)
    for seen in (1, 50, 1000):
        optimizer.iteration_ends(seen)
        assert 0.1 * ours.rate(seen + 1, 10**6) == pytest.approx(optimizer.learning_rate, rel=1e-12)


@pytest.mark.parametrize("name", ["identity", "logistic", "tanh", "relu"])
def test_activations_and_their_slopes(name):
    ours = dr.formula("activation", name)
    z = RNG.normal(size=500) * 4
    a, delta = z.copy(), np.ones_like(z)
    base.ACTIVATIONS[name](a)
    base.DERIVATIVES[name](a, delta)
    assert_allclose(ours.value(z), a, **EXACT)
    # A logistic 1 − a is a difference: far from 0 the last digits decide.
    assert_allclose(ours.slope(z, ours.value(z)), delta, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["identity", "logistic", "tanh", "relu"])
def test_activations_and_their_slopes_in_32_bits(name):
    z = (RNG.normal(size=500) * 4).astype(np.float32)
    a, delta = z.copy(), np.ones_like(z)
    base.ACTIVATIONS[name](a)
    base.DERIVATIVES[name](a, delta)
    value, slope = kernels.activated(dr.formula("activation", name), z)
    assert_allclose(value, a, **kernels.SINGLE)
    assert_allclose(slope, delta, **kernels.SINGLE)


Z = RNG.normal(size=(30, 4)) * 2
CHOICES = np.eye(4)[RNG.integers(4, size=30)]
LABELS = (RNG.random((30, 4)) < 0.5).astype(float)
NUMBERS = RNG.normal(size=(30, 4))


def test_losses_of_networks():
    """Their squared loss is a mean over the outputs, too."""
    one = base.log_loss(CHOICES, formulas.Softmax().value(Z))
    each = base.binary_log_loss(LABELS, formulas.Sigmoid().value(Z))
    assert_allclose(dr.SoftmaxCrossEntropy().value(Z, CHOICES).mean(), one, rtol=1e-12)
    assert_allclose(dr.SigmoidCrossEntropy().value(Z, LABELS).mean(), each, rtol=1e-12)
    assert_allclose(dr.HalfSquaredError().value(Z, NUMBERS).mean(), 4 * base.squared_loss(NUMBERS, Z), rtol=1e-12)


def test_losses_of_networks_in_32_bits():
    z, cases = Z.astype(np.float32), []
    a, rest = formulas.Softmax().value(z), formulas.Sigmoid().value(z)
    cases.append((dr.SoftmaxCrossEntropy(), CHOICES, base.log_loss(CHOICES.astype(np.float32), a), a - CHOICES))
    cases.append(
        (dr.SigmoidCrossEntropy(), LABELS, base.binary_log_loss(LABELS.astype(np.float32), rest), rest - LABELS)
    )
    cases.append((dr.HalfSquaredError(), NUMBERS, 4 * base.squared_loss(NUMBERS.astype(np.float32), z), z - NUMBERS))
    for loss, y, mean, gradient in cases:
        losses, came = kernels.lost(loss, z, y)
        assert_allclose(losses.mean(), mean, **kernels.SINGLE)
        assert_allclose(came, gradient, **kernels.SINGLE)


def test_measures():
    y, z = NUMBERS[:, :1], Z[:, :1]
    q = dr.Quantile(quantile=0.8).value(z, y).mean()
    assert_allclose(q, metrics.mean_pinball_loss(y, z, alpha=0.8), rtol=1e-12)
    assert_allclose(dr.AbsoluteError().value(z, y).mean(), metrics.mean_absolute_error(y, z), rtol=1e-12)
    assert_allclose(dr.SquaredError().value(z, y).mean(), metrics.mean_squared_error(y, z), rtol=1e-12)
    labels = LABELS[:, 0].astype(int)
    assert_allclose(dr.Hinge().value(z, LABELS[:, :1]).mean(), metrics.hinge_loss(labels, z[:, 0]), rtol=1e-12)


@pytest.mark.parametrize(
    ("loss", "deviance"),
    [(dr.PoissonLoss(), metrics.mean_poisson_deviance), (dr.GammaLoss(), metrics.mean_gamma_deviance)],
    ids=["poisson", "gamma"],
)
def test_half_deviances(loss, deviance):
    """The deviance is twice what the loss is above its smallest, at a = y."""
    y, z = RNG.exponential(3.0, size=(30, 1)) + 0.1, Z[:, :1]
    above = loss.value(z, y) - loss.value(np.log(y), y)
    assert_allclose(2 * above.mean(), deviance(y[:, 0], np.exp(z[:, 0])), rtol=1e-12)


SAMPLES, BATCH, EPOCHS = 60, 20, 4
X = RNG.normal(size=(SAMPLES, 5))


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.skipif("loss" not in inspect.signature(MLPRegressor).parameters, reason="before scikit-learn 1.7")
def test_a_network_of_counts():
    counts = RNG.poisson(np.exp(0.3 * X[:, 0] + 1.0)).astype(float)
    usual = {"hidden_layer_sizes": (4,), "alpha": 0.8, "batch_size": BATCH, "shuffle": False, "tol": 0.0}
    usual |= {"loss": "poisson", "solver": "adam", "activation": "tanh", "max_iter": EPOCHS, "random_state": 0}
    first, last = (MLPRegressor(**usual, learning_rate_init=rate).fit(X, counts) for rate in (1e-300, 0.01))
    recipe = dr.Recipe(
        network=dr.Network(hidden=(4,), activation="tanh"),
        loss=dr.PoissonLoss(),
        optimizer=dr.Adam(0.01, epsilon_place="before_correction"),
        penalty=dr.L2(0.8 / BATCH),
        batch_size=BATCH,
        epochs=EPOCHS,
        stopping=None,
        scaling="none",
        task="regression",
    )
    start = list(zip(first.coefs_, first.intercepts_, strict=True))
    order = [np.arange(SAMPLES).reshape(-1, BATCH)] * EPOCHS
    model = dr.train(
        recipe, dr.Dataset(train=(X, counts)), initial_parameters=start, batches=order, engine="reference"
    ).model
    for (w, b), w_theirs, b_theirs in zip(model.layers, last.coefs_, last.intercepts_, strict=True):
        assert_allclose(w, w_theirs, rtol=1e-8, atol=1e-12)
        assert_allclose(b, b_theirs, rtol=1e-8, atol=1e-12)
    assert_allclose(model.predict(X), last.predict(X), rtol=1e-7)
