"""Extreme values: finite, right and without warnings, by NumPy and by the compiled kernels.

Sums of ±10⁴, where exponentials would overflow; equal outputs; gradients of 0; one sample; one unit; and where the
formula's own growth allows it ±10³⁰⁰. Warnings are errors in these tests, so a NumPy method that overflows on the way
fails by itself.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.laws.test_losses import FORMS

import deltarule as dr
from deltarule.engines.compiled.codegen import formula_kernels
from deltarule.formulas import CELU, ELU, GELU, LeakyReLU, registered

PRECISIONS = (np.float64, np.float32)
ACTIVATIONS = [
    *(cls() for cls in registered("activation") if cls.granularity == "elementwise"),
    LeakyReLU(0.3),
    ELU(0.5),
    CELU(0.5),
    GELU(approximate="tanh"),
]
FAR = 1e4

LIMITS = {
    "identity": (-FAR, FAR),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-FAR / (1 + FAR), FAR / (1 + FAR)),
    "exponential": (0.0, np.exp(60.0) * (1 + FAR - 60)),
    "relu": (0.0, FAR),
    "softplus": (0.0, FAR),
    "silu": (0.0, FAR),
    "gelu": (0.0, FAR),
    "mish": (0.0, FAR),
}
"""What a is at z = −10⁴ and 10⁴."""


def padded(dtype, array):
    """Rows of whole vectors, as the engine has them."""
    full = np.zeros((len(array), -(-array.shape[1] // 16) * 16), dtype)
    full[:, : array.shape[1]] = array
    return full


def values_by(activation, z, dtype):
    """Value and slope by the kernels."""
    z = np.resize(z, 16).astype(dtype)
    a, dz = np.empty_like(z), np.ones_like(z)
    formula_kernels.activation_value(activation, dtype).run([z, a])
    formula_kernels.activation_slope(activation, dtype).run([dz, z, a, dz])
    return a, dz


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_activations_far_from_zero(activation):
    z = np.array([-FAR, FAR, -300.0, 300.0, 0.0, -0.0, 1e-300, -1e-300])
    a = activation.value(z)
    slope = activation.slope(z, a)
    assert np.isfinite(a).all()
    assert np.isfinite(slope).all()
    if activation.name in LIMITS:
        assert a[:2] == pytest.approx(LIMITS[activation.name], rel=1e-12, abs=1e-300)
    # Beyond their bends all are straight or flat, so the difference along a long way is the slope.
    if activation.name != "softsign":
        along = (activation.value(2.0 * z[:2]) - a[:2]) / z[:2]
        assert slope[:2] == pytest.approx(along, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_activations_far_from_zero_compiled(activation, dtype):
    z = np.array([-FAR, FAR, -300.0, 300.0, 0.0, 50.0, -50.0, 1e-30])
    a, slope = values_by(activation, z, dtype)
    exact = activation.value(z)
    assert a[:8] == pytest.approx(exact, rel=1e-5 if dtype == np.float32 else 1e-12, abs=1e-30)
    assert slope[:8] == pytest.approx(activation.slope(z, exact), rel=1e-5, abs=1e-20 if dtype == np.float32 else 1e-30)


STEEP = ("gelu",)
"""z³ or z² on the way: ±10³⁰⁰ has no such number."""


@pytest.mark.parametrize("activation", [each for each in ACTIVATIONS if each.name not in STEEP], ids=repr)
def test_activations_near_the_end_of_the_numbers(activation):
    z = np.array([-1e270, 1e270])
    a = activation.value(z)
    assert np.isfinite(a).all()
    assert np.isfinite(activation.slope(z, a)).all()


def targets(loss, n, k):
    """The two ends of what a target may be, and something between."""
    ends = {"unit": (0.0, 1.0, 0.3), "non_negative": (0.0, 7.0, 1.0), "positive": (1e-3, 7.0, 1.0)}
    y = np.resize(ends.get(loss.domain, (-2.0, 0.0, 5.0)), (n, k))
    return np.eye(k)[np.arange(n) % k] if loss.output.granularity == "rowwise" else y


BATCHES = {
    "far apart": np.array([[FAR, -FAR, 0.0], [-FAR, FAR, 0.0], [0.0, 0.0, FAR], [-FAR, -FAR, FAR]]),
    "all far above": np.full((2, 3), FAR),
    "all far below": np.full((2, 3), -FAR),
    "all equal": np.zeros((3, 3)),
    "one sample": np.array([[-FAR, 0.5, FAR]]),
    "one output": np.array([[FAR], [-FAR], [0.0]]),
    "one number": np.array([[0.0]]),
}


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("loss", FORMS, ids=repr)
def test_losses(loss, batch):
    z = BATCHES[batch]
    y = targets(loss, *z.shape)
    losses, gradient = loss.value(z, y), loss.gradient(z, y)
    assert losses.shape == (len(z),)
    assert gradient.shape == z.shape
    assert np.isfinite(losses).all()
    assert np.isfinite(gradient).all()
    if loss.domain == "unit":
        assert (losses >= 0).all()
    for dtype in PRECISIONS:
        z_, y_ = padded(dtype, z), padded(dtype, y)
        dz, came = np.empty_like(z_), np.empty(len(z), dtype)
        # A square of e⁶⁰ · 10⁴ is beyond 32 bits, and so would a network's loss be that has gone so far.
        if dtype == np.float32 and max(np.abs(losses).max(), np.abs(gradient).max()) > 1e35:
            continue
        formula_kernels.loss(loss, dtype).run([z_, y_, dz, came], width=z.shape[1], scale=1.0)
        close = {"rel": 1e-5 if dtype == np.float32 else 1e-11, "abs": 1e-6 if dtype == np.float32 else 1e-13}
        assert came == pytest.approx(losses, **close)
        assert dz[:, : z.shape[1]] == pytest.approx(gradient, **close)


@pytest.mark.parametrize("k", [1, 2, 10])
def test_equal_outputs_share_evenly(k):
    z, y = np.full((1, k), 123.4), np.eye(k)[:1]
    assert dr.SoftmaxCrossEntropy().value(z, y) == pytest.approx([np.log(k)], abs=1e-14)
    assert dr.SoftmaxCrossEntropy().gradient(z, y) == pytest.approx(1 / k - y, abs=1e-15)
    assert dr.SoftmaxFocal(gamma=2.0).value(z, y) == pytest.approx([(1 - 1 / k) ** 2 * np.log(k)], abs=1e-14)


def test_certain_answers_cost_nothing_when_right_and_their_distance_when_wrong():
    right, wrong = np.array([[FAR, 0.0]]), np.array([[0.0, FAR]])
    y = np.array([[1.0, 0.0]])
    assert dr.SoftmaxCrossEntropy().value(right, y) == 0
    assert dr.SoftmaxCrossEntropy().value(wrong, y) == FAR
    assert dr.SigmoidCrossEntropy().value(-wrong, y) == pytest.approx([np.log(2)])
    assert dr.SigmoidCrossEntropy().value(wrong, y) == pytest.approx([np.log(2) + FAR])
    for focal in (dr.SoftmaxFocal(), dr.SigmoidFocal()):
        assert focal.value(wrong, y)[0] == pytest.approx(FAR, rel=1e-3)


OPTIMIZERS = [
    *(cls() for cls in registered("optimizer") if cls.granularity == "elementwise"),
    dr.Momentum(velocity="gradients"),
    dr.Nesterov(velocity="gradients"),
    dr.RMSProp(centered=True, momentum=0.9),
    dr.Adam(epsilon_place="inside"),
    dr.Adam(epsilon_place="before_correction"),
    dr.Adamax(epsilon_place="gradient"),
    dr.AdaGrad(initial=0.1),
]


def after(optimizer, w, gradients):
    slots = [np.zeros_like(w) for _ in optimizer.slots]
    for t, g in enumerate(gradients, start=1):
        w, *slots = optimizer.step(w, g, t, *slots)
    return np.array([w, *slots])


def after_kernels(optimizer, w, gradients, dtype):
    arrays = [np.resize(w, 16).astype(dtype), *(np.zeros(16, dtype) for _ in optimizer.slots)]
    kernel = formula_kernels.update(optimizer, None, dtype)
    for t, g in enumerate(gradients, start=1):
        kernel.run([arrays[0], np.resize(g, 16).astype(dtype), *arrays[1:], *arrays], t=float(t), rate=1.0)
    return np.array(arrays)[:, : len(w)]


W = np.array([1.0, -1.0, 0.0, 1e4])


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_without_gradients_nothing_moves_but_what_decays(optimizer):
    gradients = np.zeros((20, 4))
    ends = after(optimizer, W, gradients)
    decay = getattr(optimizer, "weight_decay", 0.0)
    assert ends[0] == pytest.approx((1 - optimizer.learning_rate * decay) ** 20 * W, rel=1e-14)
    assert (ends[1:] == 0).all()
    for dtype in PRECISIONS:
        rounding = 1e-5 if dtype == np.float32 else 1e-13
        assert after_kernels(optimizer, W, gradients, dtype) == pytest.approx(ends, rel=rounding)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("size", [1e-12, 1e4, 1e8])
def test_gradients_of_any_size_give_finite_steps(optimizer, size):
    gradients = size * np.random.default_rng(0).normal(size=(20, 4))
    gradients[5:8] = 0
    ends = after(optimizer, W, gradients)
    assert np.isfinite(ends).all()
    for dtype in PRECISIONS:
        came = after_kernels(optimizer, W, gradients, dtype)
        assert np.isfinite(came).all()
        if dtype == np.float64:
            assert came == pytest.approx(ends, rel=1e-9, abs=1e-12 * max(size, 1.0))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_late_step_is_finite(optimizer):
    for t in (10**6, 10**12, 10**15):
        slots = [np.full(4, 0.5) for _ in optimizer.slots]
        assert np.isfinite(np.array(optimizer.step(W, np.ones(4), t, *slots))).all()


PENALTIES = [
    *(cls() for cls in registered("penalty")),
    dr.L1(0.1, proximal=True),
    dr.ElasticNet(0.1, l1_ratio=0.0),
    dr.ElasticNet(0.1, l1_ratio=1.0, proximal=True),
]


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@pytest.mark.parametrize("w", [0.0, -0.0, FAR, -FAR, 1e-300, 1e150])
def test_penalties(penalty, w):
    value, gradient = float(penalty.value(w)), float(penalty.gradient(w))
    assert np.isfinite([value, gradient]).all()
    assert value >= 0
    assert gradient == 0 if w == 0 else gradient * w >= 0
    if penalty.takes_prox:
        assert 0 <= float(penalty.prox(abs(w), 0.1)) <= abs(w)
    if abs(w) <= FAR:
        for dtype in PRECISIONS:
            total = np.zeros(1)
            formula_kernels.penalty_value(penalty, dtype).run([np.full(16, w, dtype), total])
            assert total[0] == pytest.approx(16 * value, rel=1e-6, abs=1e-40)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("loss", [cls() for cls in registered("loss")], ids=repr)
def test_a_batch_of_one_a_single_unit_and_inputs_that_are_huge(loss, units, engine):
    """A network of one unit, one sample in a batch, one input that is 10⁴ and one that is the same for all."""
    x = np.array([[FAR, 1.0], [-FAR, 1.0], [0.0, 1.0]])
    y = np.arange(3) % 2 if loss.domain == "unit" else np.array([0.5, 1.0, 2.0])
    recipe = dr.Recipe(
        network=dr.Network(hidden=(units,), activation="tanh"),
        loss=loss,
        optimizer="sgd",
        batch_size=1,
        epochs=2,
        stopping=None,
        scaling="none",
    )
    run = dr.train(recipe, dr.Dataset(train=(x, y)), engine=engine)
    assert np.isfinite(run.model.theta).all()
    assert np.isfinite(run.history[-1].train_loss)
    assert run.model.predict(x[:1]).shape == (1,)
