"""Formulas beside Keras's: the same numbers in float64, fifty steps where there are steps.

Keras stands on JAX here, where some of its functions give 32 bits whatever they are given (`keras.ops.mean`, `tanh`):
what is made of them is compared to 10⁻⁵. Its losses are means over the outputs, ours sums: theirs are taken times k.
"""

from __future__ import annotations

import os
import tempfile
import types

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.peers import kernels
from tests.peers.steps import GRADIENTS, START, path

import deltarule as dr
from deltarule import formulas

jax = pytest.importorskip("jax", reason="JAX, which Keras stands on here, is not installed")
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("KERAS_HOME", tempfile.gettempdir())
keras = pytest.importorskip("keras", reason="Keras is not installed")
if keras.backend.backend() != "jax":
    pytest.skip(f"Keras stands on {keras.backend.backend()} rather than on JAX", allow_module_level=True)
optimizers, A, L = keras.optimizers, keras.activations, keras.losses
S = optimizers.schedules

RNG = np.random.default_rng(1)
EXACT, SINGLE = {"rtol": 1e-12, "atol": 1e-13}, {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(autouse=True, scope="module")
def _float64():
    usual, wide = keras.backend.floatx(), jax.config.jax_enable_x64
    keras.backend.set_floatx("float64")
    jax.config.update("jax_enable_x64", True)  # noqa: FBT003
    yield
    keras.backend.set_floatx(usual)
    jax.config.update("jax_enable_x64", wide)


def theirs(optimizer, dtype="float64"):
    w, met = keras.Variable(START, dtype=dtype), []
    for g in GRADIENTS.astype(dtype):
        optimizer.apply([keras.ops.convert_to_tensor(g)], [w])
        met.append(np.array(w.value))
    return np.array(met)


OPTIMIZERS = {
    "SGD": (dr.SGD(0.1), lambda: optimizers.SGD(0.1)),
    "SGD momentum": (dr.Momentum(0.1, momentum=0.8), lambda: optimizers.SGD(0.1, momentum=0.8)),
    "SGD nesterov": (dr.Nesterov(0.1, momentum=0.8), lambda: optimizers.SGD(0.1, momentum=0.8, nesterov=True)),
    "Adagrad": (dr.AdaGrad(0.01, epsilon=0.0, initial=0.1 + 1e-7), lambda: optimizers.Adagrad(0.01)),
    "Adadelta": (dr.AdaDelta(0.5, decay=0.95, epsilon=1e-7), lambda: optimizers.Adadelta(0.5)),
    "RMSprop": (dr.RMSProp(0.001, decay=0.9, epsilon_place="inside"), lambda: optimizers.RMSprop(0.001)),
    "RMSprop momentum": (
        dr.RMSProp(0.001, decay=0.9, momentum=0.7, epsilon_place="inside"),
        lambda: optimizers.RMSprop(0.001, momentum=0.7),
    ),
    "RMSprop centered": (
        dr.RMSProp(0.001, decay=0.9, centered=True, epsilon_place="inside"),
        lambda: optimizers.RMSprop(0.001, centered=True),
    ),
    "Adam": (dr.Adam(0.001, epsilon=1e-7, epsilon_place="before_correction"), lambda: optimizers.Adam(0.001)),
    "Adam amsgrad": (
        dr.AMSGrad(0.001, epsilon=1e-7, epsilon_place="before_correction"),
        lambda: optimizers.Adam(0.001, amsgrad=True),
    ),
    "AdamW": (
        dr.AdamW(0.01, epsilon=1e-7, epsilon_place="before_correction", weight_decay=0.3),
        lambda: optimizers.AdamW(0.01, weight_decay=0.3),
    ),
    "Adamax": (dr.Adamax(0.001, epsilon=1e-7), lambda: optimizers.Adamax(0.001)),
    "Nadam": (dr.NAdam(0.001, epsilon=1e-7, momentum_decay=1.0), lambda: optimizers.Nadam(0.001)),
    "Lion": (dr.Lion(0.001), lambda: optimizers.Lion(0.001)),
    "Lion, decay": (dr.Lion(0.001, weight_decay=0.3), lambda: optimizers.Lion(0.001, weight_decay=0.3)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    ours, make = OPTIMIZERS[name]
    assert_allclose(path(ours), theirs(make()), **EXACT)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_in_32_bits(name):
    ours, make = OPTIMIZERS[name]
    keras.backend.set_floatx("float32")
    wanted = theirs(make(), "float32")
    keras.backend.set_floatx("float64")
    assert_allclose(kernels.path(ours, GRADIENTS, START), wanted, **kernels.SINGLE)


def test_decay_of_others_is_decoupled():
    """w ← (1 − η λ) w before the step: of plain gradient descent that is L2."""
    assert_allclose(path(dr.SGD(0.1), penalty=dr.L2(0.3)), theirs(optimizers.SGD(0.1, weight_decay=0.3)), **EXACT)
    w, m, v, met = START, 0 * START, 0 * START, []
    for t, g in enumerate(GRADIENTS, start=1):
        w, m, v = dr.Adam(epsilon=1e-7, epsilon_place="before_correction").step(w * (1 - 0.001 * 0.3), g, t, m, v)
        met.append(w)
    assert_allclose(met, theirs(optimizers.Adam(0.001, weight_decay=0.3)), **EXACT)


# --- Activations ------------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "linear": (formulas.Identity(), A.linear),
    "exponential": (formulas.Exponential(), A.exponential),
    "sigmoid": (formulas.Sigmoid(), A.sigmoid),
    "hard_sigmoid": (formulas.HardSigmoid(), A.hard_sigmoid),
    "tanh": (formulas.Tanh(), A.tanh),
    "softsign": (formulas.Softsign(), A.softsign),
    "relu": (formulas.ReLU(), A.relu),
    "leaky_relu": (formulas.LeakyReLU(0.2), A.leaky_relu),
    "elu": (formulas.ELU(), A.elu),
    "selu": (formulas.SELU(), A.selu),
    "celu": (formulas.CELU(), A.celu),
    "gelu": (formulas.GELU(), A.gelu),
    "gelu tanh": (formulas.GELU(approximate="tanh"), lambda z: A.gelu(z, approximate=True)),
    "silu": (formulas.SiLU(), A.silu),
    "mish": (formulas.Mish(), A.mish),
    "softplus": (formulas.Softplus(), A.softplus),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_slopes(name):
    ours, function = ACTIVATIONS[name]
    z = np.concatenate([RNG.normal(size=500) * 4, np.linspace(-18, 18, 301) + 0.01])
    value = ours.value(z)
    tolerance = SINGLE if name == "tanh" else EXACT
    assert_allclose(value, function(jax.numpy.asarray(z)), **tolerance)
    slope = jax.grad(lambda z: function(z).sum())(jax.numpy.asarray(z))
    assert_allclose(ours.slope(z, value), slope, **tolerance)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_slopes_in_32_bits(name):
    ours, function = ACTIVATIONS[name]
    z = np.clip(RNG.normal(size=500) * 4, -18, 18).astype(np.float32)
    value, slope = kernels.activated(ours, z)
    assert_allclose(value, function(jax.numpy.asarray(z)), **kernels.SINGLE)
    wanted = jax.grad(lambda z: function(z).sum())(jax.numpy.asarray(z))
    assert_allclose(slope, wanted, **kernels.SINGLE)


# --- Losses -----------------------------------------------------------------------------------------------------------

K = 4
Z = RNG.normal(size=(30, K)) * 3
CHOICES = np.eye(K)[RNG.integers(K, size=30)]
LABELS = (RNG.random((30, K)) < 0.5).astype(float)
NUMBERS = RNG.normal(size=(30, K)) * 3
COUNTS = RNG.poisson(3.0, size=(30, K)).astype(float)

LOSSES = {
    "MeanSquaredError": (dr.SquaredError(), NUMBERS, lambda y, z: K * L.mean_squared_error(y, z)),
    "MeanAbsoluteError": (dr.AbsoluteError(), NUMBERS, lambda y, z: K * L.mean_absolute_error(y, z)),
    "Huber": (dr.Huber(delta=0.7), NUMBERS, lambda y, z: K * L.huber(y, z, delta=0.7)),
    "LogCosh": (dr.LogCosh(), NUMBERS, lambda y, z: K * L.log_cosh(y, z)),
    "BinaryCrossentropy": (
        dr.SigmoidCrossEntropy(),
        LABELS,
        lambda y, z: K * L.binary_crossentropy(y, z, from_logits=True),
    ),
    "BinaryCrossentropy, smoothed": (
        dr.SigmoidCrossEntropy(label_smoothing=0.1),
        LABELS,
        lambda y, z: K * L.binary_crossentropy(y, z, from_logits=True, label_smoothing=0.1),
    ),
    "CategoricalCrossentropy": (
        dr.SoftmaxCrossEntropy(),
        CHOICES,
        lambda y, z: L.categorical_crossentropy(y, z, from_logits=True),
    ),
    "CategoricalCrossentropy, smoothed": (
        dr.SoftmaxCrossEntropy(label_smoothing=0.1),
        CHOICES,
        lambda y, z: L.categorical_crossentropy(y, z, from_logits=True, label_smoothing=0.1),
    ),
    "Hinge": (dr.Hinge(), LABELS, lambda y, z: K * L.hinge(y, z)),
    "SquaredHinge": (dr.Hinge(squared=True), LABELS, lambda y, z: K * L.squared_hinge(y, z)),
}
# With an ε of 10⁻⁷ inside their logarithms.
NEARLY = {
    "Poisson": (dr.PoissonLoss(), COUNTS, lambda y, z: K * L.poisson(y, keras.ops.exp(z))),
    "BinaryFocalCrossentropy": (
        dr.SigmoidFocal(gamma=2.0),
        LABELS,
        lambda y, z: K * L.binary_focal_crossentropy(y, z, gamma=2.0, from_logits=True),
    ),
    "CategoricalFocalCrossentropy": (
        dr.SoftmaxFocal(gamma=2.0),
        CHOICES,
        lambda y, z: L.categorical_focal_crossentropy(y, z, alpha=1.0, gamma=2.0, from_logits=True),
    ),
}


@pytest.mark.parametrize("name", [*LOSSES, *NEARLY])
def test_losses_and_their_gradients(name):
    ours, y, function = (LOSSES | NEARLY)[name]
    z = Z if name in LOSSES else Z / 2
    tolerance = SINGLE if name in LOSSES else {"rtol": 1e-4, "atol": 1e-5}
    losses = function(jax.numpy.asarray(y), jax.numpy.asarray(z))
    gradient = jax.grad(lambda z: function(jax.numpy.asarray(y), z).sum())(jax.numpy.asarray(z))
    assert_allclose(ours.value(z, y), losses, **tolerance)
    assert_allclose(ours.gradient(z, y), gradient, **tolerance)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_their_gradients_in_32_bits(name):
    ours, y, function = LOSSES[name]
    z, y = (jax.numpy.asarray(array, dtype="float32") for array in (Z, y))
    value, gradient = kernels.lost(ours, np.asarray(z), np.asarray(y))
    assert_allclose(value, function(y, z), **kernels.SINGLE)
    assert_allclose(gradient, jax.grad(lambda z: function(y, z).sum())(z), **kernels.SINGLE)


def test_sample_weights_are_divided_by_the_number_of_samples():
    """Theirs is Σ wᵢ lossᵢ / m, ours Σ wᵢ lossᵢ / Σ wᵢ: the same where the weights' mean is 1."""
    weights = np.resize([0.5, 1.0, 1.5, 3.0], len(Z))
    theirs = L.CategoricalCrossentropy(from_logits=True)(CHOICES, Z, sample_weight=weights)
    ours = dr.SoftmaxCrossEntropy().value(Z, CHOICES) @ weights / len(Z)
    assert_allclose(ours, float(theirs), **SINGLE)


def test_penalties():
    """Theirs is without the ½."""
    w = RNG.normal(size=(5, 4))
    for ours, regularizer in (
        (dr.L1(0.3), keras.regularizers.L1(0.3)),
        (dr.L2(0.6), keras.regularizers.L2(0.3)),
        (dr.ElasticNet(0.2 + 0.6, l1_ratio=0.25), keras.regularizers.L1L2(0.2, 0.3)),
    ):
        assert_allclose(ours.value(w).sum(), float(regularizer(jax.numpy.asarray(w))), rtol=1e-13)


# --- Gradients and weights on the way, normalisation ------------------------------------------------------------------


def test_clipping():
    gradients = [RNG.normal(size=(5, 4)), RNG.normal(size=4)]
    tensors = [jax.numpy.asarray(each) for each in gradients]
    together = np.concatenate([each.ravel() for each in gradients])
    for theirs, ours in (
        (optimizers.SGD(clipvalue=0.3), dr.ClipByValue(0.3)),
        (optimizers.SGD(global_clipnorm=0.7), dr.ClipByNorm(0.7)),
    ):
        clipped = np.concatenate([np.asarray(each).ravel() for each in theirs._clip_gradients(tensors)])
        assert_allclose(ours.clipped(together), clipped, rtol=1e-6)


def test_max_norm():
    w = RNG.normal(size=(5, 4)) * np.array([0.1, 1.0, 3.0, 10.0])
    factor = dr.MaxNorm(2.0).factor(np.linalg.norm(w, axis=0))
    assert_allclose(w * factor, np.asarray(keras.constraints.MaxNorm(2.0)(jax.numpy.asarray(w))), rtol=1e-5)


def test_normalisations():
    z = RNG.normal(size=(20, 4)) * 3 + 1
    gamma, beta = RNG.normal(size=(2, 4))
    layers = keras.layers
    for ours, layer, axis in (
        (dr.BatchNormalization(momentum=0.99, epsilon=1e-3), layers.BatchNormalization(), 0),
        (dr.LayerNormalization(epsilon=1e-3), layers.LayerNormalization(), 1),
    ):
        layer.build(z.shape)
        layer.gamma.assign(gamma)
        layer.beta.assign(beta)
        m, v = z.mean(axis=axis, keepdims=True), z.var(axis=axis, keepdims=True)
        theirs = layer(jax.numpy.asarray(z), training=True)
        assert_allclose(ours.output(ours.normalized(z, m, v), gamma, beta), np.asarray(theirs), **SINGLE)
        if ours.keeps:
            mean, variance = ours.keep(0.0, 1.0, m[0], v[0] * 19 / 20, 20.0)
            assert_allclose(mean, np.asarray(layer.moving_mean.value), **SINGLE)
            assert_allclose(variance, np.asarray(layer.moving_variance.value), **SINGLE)


# --- Schedules --------------------------------------------------------------------------------------------------------

STEPS = 60
SCHEDULES = {
    "ExponentialDecay": (dr.ExponentialDecay(0.3, every=7), lambda: S.ExponentialDecay(0.05, 7, 0.3)),
    "ExponentialDecay staircase": (
        dr.StepDecay(0.3, every=7),
        lambda: S.ExponentialDecay(0.05, 7, 0.3, staircase=True),
    ),
    "InverseTimeDecay": (dr.InverseTimeDecay(0.5, every=7), lambda: S.InverseTimeDecay(0.05, 7, 0.5)),
    "PolynomialDecay": (
        dr.PolynomialDecay(2.0, end=0.1, steps=40),
        lambda: S.PolynomialDecay(0.05, 40, 0.005, power=2.0),
    ),
    "CosineDecay": (dr.CosineDecay(end=0.1, steps=40), lambda: S.CosineDecay(0.05, 40, alpha=0.1)),
    "CosineDecay, warm-up": (
        dr.WarmUp(10, first=0.2, then=dr.CosineDecay(steps=40)),
        lambda: S.CosineDecay(0.01, 40, warmup_target=0.05, warmup_steps=10),
    ),
    "CosineDecayRestarts": (
        dr.CosineRestarts(8, growth=2.0, shrink=0.7, end=0.1),
        lambda: S.CosineDecayRestarts(0.05, 8, t_mul=2.0, m_mul=0.7, alpha=0.1),
    ),
    "CosineDecayRestarts, equal periods": (
        dr.CosineRestarts(8),
        lambda: S.CosineDecayRestarts(0.05, 8, t_mul=1.0),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    ours, make = SCHEDULES[name]
    schedule = jax.jit(make())
    rates = [float(schedule(step)) for step in range(STEPS)]
    # Their cosines are of 32 bits.
    tolerance = SINGLE if "Cosine" in name else EXACT
    assert_allclose(0.05 * ours.rate(np.arange(1, STEPS + 1), STEPS), rates, **tolerance)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("cooldown", [0, 4])
def test_reduce_on_plateau(cooldown):
    """Their cooldown is one epoch shorter: the epoch in which it ends is counted."""
    losses = np.abs(RNG.normal(size=200)) + np.linspace(3, 0, 200)
    optimizer = optimizers.SGD(1.0)
    callback = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=5, min_delta=0.01, min_lr=1e-3, cooldown=cooldown)
    callback.set_model(types.SimpleNamespace(optimizer=optimizer))
    callback.on_train_begin()
    ours = dr.ReduceOnPlateau(0.5, 5, 0.01, smallest=1e-3, cooldown=max(cooldown - 1, 0))
    state = ours.start
    for epoch, loss in enumerate(losses):
        state = ours.watch(loss, *state)
        callback.on_epoch_end(epoch, {"val_loss": loss})
        assert float(ours.rate(1, 1, *state)) == pytest.approx(float(optimizer.learning_rate.value), rel=1e-6)


# --- First weights ----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_dense_layer_as_it_is_made():
    layer = keras.layers.Dense(300)
    layer.build((None, 500))
    assert layer.kernel_initializer.__class__.__name__ == "GlorotUniform"
    assert np.abs(layer.kernel.numpy()).max() == pytest.approx(formulas.GlorotUniform().scale(500, 300), rel=1e-3)
    assert (layer.bias.numpy() == 0).all()


def test_dropout_divides_by_what_is_kept():
    kept = np.unique(np.asarray(keras.layers.Dropout(0.2, seed=1)(np.ones((50, 20)), training=True)))
    assert kept == pytest.approx([0.0, 1.25], rel=1e-6)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_last_batch_holds_the_rest_and_its_mean_is_its_own():
    """`fit` over 2 epochs of 50 samples in batches of 16, the last of 2."""
    x, y = np.random.default_rng(1).normal(size=(50, 5)), np.arange(50) % 3
    network = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(3)])
    start = [(each.kernel.numpy(), each.bias.numpy()) for each in network.layers]
    loss = L.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizers.Adam(0.01), loss)
    network.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    optimizer = dr.Adam(0.01, epsilon=1e-7, epsilon_place="before_correction")
    recipe = dr.Recipe(
        network=dr.Network(hidden=(4,), activation="tanh"),
        optimizer=optimizer,
        batch_size=16,
        epochs=2,
        stopping=None,
        scaling="none",
    )
    order = [[np.arange(50)[at : at + 16] for at in range(0, 50, 16)]] * 2
    model = dr.train(
        recipe, dr.Dataset(train=(x, y)), initial_parameters=start, batches=order, engine="reference"
    ).model
    for (w, b), each in zip(model.layers, network.layers, strict=True):
        assert_allclose(w, each.kernel.numpy(), rtol=1e-4, atol=1e-5)
        assert_allclose(b, each.bias.numpy(), rtol=1e-4, atol=1e-5)


def test_first_weights_have_their_scales():
    from deltarule.formulas.initializers import drawn
    from deltarule.formulas.random import Purpose

    shape, init = (500, 300), keras.initializers
    cases = [
        (formulas.GlorotUniform(), init.GlorotUniform(1)),
        (formulas.GlorotNormal(truncated=True), init.GlorotNormal(1)),
        (formulas.He(truncated=True), init.HeNormal(1)),
        (formulas.HeUniform(), init.HeUniform(1)),
        (formulas.LeCun(truncated=True), init.LecunNormal(1)),
        (formulas.LeCunUniform(), init.LecunUniform(1)),
        (formulas.Normal(0.05), init.RandomNormal(0.0, 0.05, 1)),
        (formulas.TruncatedNormal(0.05), init.TruncatedNormal(0.0, 0.05, 1)),
        (formulas.Uniform(0.05), init.RandomUniform(-0.05, 0.05, 1)),
        (formulas.Orthogonal(1.5), init.Orthogonal(1.5, 1)),
    ]
    for ours, fill in cases:
        w = np.asarray(fill(shape))
        own = drawn(ours, 0, Purpose.WEIGHTS, 0, shape, shape)
        assert own.std() == pytest.approx(w.std(), rel=0.01), ours
        bounded = ours.distribution in ("uniform", "truncated")
        assert np.abs(own).max() == pytest.approx(np.abs(w).max(), rel=0.01 if bounded else 0.3), ours
