"""Formulas beside PyTorch's: the same numbers in float64 and, by the compiled kernels, in float32; fifty steps where
there are steps.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.peers import kernels
from tests.peers.steps import GRADIENTS, START, path

import deltarule as dr
from deltarule import formulas

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional
optim, S = torch.optim, torch.optim.lr_scheduler

RNG = np.random.default_rng(1)
EXACT = {"rtol": 1e-12, "atol": 1e-14}


@pytest.fixture(autouse=True)
def _float64():
    """NAdam's product of momenta is kept in the default precision, whatever the parameters have."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(usual)


def theirs(make, gradients=GRADIENTS, start=START):
    w = torch.nn.Parameter(torch.tensor(start))
    optimizer, met = make([w]), []
    for g in gradients:
        w.grad = torch.tensor(g)
        optimizer.step()
        met.append(w.detach().numpy().copy())
    return np.array(met)


OPTIMIZERS = {
    "SGD": (dr.SGD(0.1), lambda w: optim.SGD(w, 0.1)),
    "SGD momentum": (dr.Momentum(0.1, momentum=0.8), lambda w: optim.SGD(w, 0.1, momentum=0.8)),
    "SGD momentum, velocity of gradients": (
        dr.Momentum(0.1, momentum=0.8, velocity="gradients"),
        lambda w: optim.SGD(w, 0.1, momentum=0.8),
    ),
    "SGD nesterov": (dr.Nesterov(0.1, momentum=0.8), lambda w: optim.SGD(w, 0.1, momentum=0.8, nesterov=True)),
    "SGD nesterov, velocity of gradients": (
        dr.Nesterov(0.1, momentum=0.8, velocity="gradients"),
        lambda w: optim.SGD(w, 0.1, momentum=0.8, nesterov=True),
    ),
    "SGD dampening": (
        dr.Momentum(0.1, momentum=0.8, dampening=0.5, first="undamped"),
        lambda w: optim.SGD(w, 0.1, momentum=0.8, dampening=0.5),
    ),
    "SGD dampening, velocity of gradients": (
        dr.Momentum(0.1, momentum=0.8, dampening=0.5, velocity="gradients", first="undamped"),
        lambda w: optim.SGD(w, 0.1, momentum=0.8, dampening=0.5),
    ),
    "Adagrad": (dr.AdaGrad(0.1, epsilon=1e-10), lambda w: optim.Adagrad(w, 0.1)),
    "Adagrad, initial": (
        dr.AdaGrad(0.1, epsilon=1e-10, initial=0.5),
        lambda w: optim.Adagrad(w, 0.1, initial_accumulator_value=0.5),
    ),
    "Adadelta": (dr.AdaDelta(), optim.Adadelta),
    "RMSprop": (dr.RMSProp(0.01, epsilon=1e-8), optim.RMSprop),
    "RMSprop momentum": (dr.RMSProp(0.01, epsilon=1e-8, momentum=0.7), lambda w: optim.RMSprop(w, momentum=0.7)),
    "RMSprop centered": (dr.RMSProp(0.01, epsilon=1e-8, centered=True), lambda w: optim.RMSprop(w, centered=True)),
    "RMSprop both": (
        dr.RMSProp(0.01, epsilon=1e-8, centered=True, momentum=0.7),
        lambda w: optim.RMSprop(w, centered=True, momentum=0.7),
    ),
    "Adam": (dr.Adam(), optim.Adam),
    "Adam amsgrad": (dr.AMSGrad(), lambda w: optim.Adam(w, amsgrad=True)),
    "AdamW": (dr.AdamW(), optim.AdamW),
    "AdamW, decay 0.3": (dr.AdamW(0.05, weight_decay=0.3), lambda w: optim.AdamW(w, 0.05, weight_decay=0.3)),
    "Adamax": (dr.Adamax(epsilon_place="gradient"), optim.Adamax),
    "NAdam": (dr.NAdam(), optim.NAdam),
    "NAdam, decay 0": (dr.NAdam(momentum_decay=0.0), lambda w: optim.NAdam(w, momentum_decay=0.0)),
    "RAdam": (dr.RAdam(), optim.RAdam),
    "RAdam, beta2 0.8": (dr.RAdam(beta2=0.8), lambda w: optim.RAdam(w, betas=(0.9, 0.8))),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    ours, make = OPTIMIZERS[name]
    assert_allclose(path(ours), theirs(make), **EXACT)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_in_32_bits(name):
    """A centred variance is a difference, of which 32 bits leave little where gradients are all but equal."""
    ours, make = OPTIMIZERS[name]
    numbers = GRADIENTS.astype(np.float32), START.astype(np.float32)
    wanted = theirs(make, *numbers)
    assert_allclose(path(ours, *numbers), wanted, **kernels.SINGLE)
    assert_allclose(kernels.path(ours, *numbers), wanted, **kernels.SINGLE)


@pytest.mark.parametrize("nesterov", [False, True])
def test_under_a_schedule_their_velocity_is_of_gradients(nesterov):
    rule = dr.Nesterov if nesterov else dr.Momentum
    w, v, met = START, np.zeros_like(START), []
    for t, g in enumerate(GRADIENTS, start=1):
        w, v = rule(0.1 * float(dr.StepDecay(0.5, every=9).rate(t, 50)), momentum=0.8, velocity="gradients").step(
            w, g, t, v
        )
        met.append(w)
    parameter = torch.nn.Parameter(torch.tensor(START))
    optimizer = optim.SGD([parameter], 0.1, momentum=0.8, nesterov=nesterov)
    scheduler, theirs = S.StepLR(optimizer, 9, 0.5), []
    for g in GRADIENTS:
        parameter.grad = torch.tensor(g)
        optimizer.step()
        scheduler.step()
        theirs.append(parameter.detach().numpy().copy())
    assert_allclose(met, theirs, **EXACT)


COUPLED = {
    "SGD": (dr.SGD(0.1), lambda w: optim.SGD(w, 0.1, weight_decay=0.3)),
    "Adagrad": (dr.AdaGrad(0.1, epsilon=1e-10), lambda w: optim.Adagrad(w, 0.1, weight_decay=0.3)),
    "Adadelta": (dr.AdaDelta(), lambda w: optim.Adadelta(w, weight_decay=0.3)),
    "RMSprop": (dr.RMSProp(0.01, epsilon=1e-8), lambda w: optim.RMSprop(w, weight_decay=0.3)),
    "Adam": (dr.Adam(), lambda w: optim.Adam(w, weight_decay=0.3)),
    "Adamax": (dr.Adamax(epsilon_place="gradient"), lambda w: optim.Adamax(w, weight_decay=0.3)),
    "NAdam": (dr.NAdam(), lambda w: optim.NAdam(w, weight_decay=0.3)),
    "RAdam": (dr.RAdam(), lambda w: optim.RAdam(w, weight_decay=0.3)),
}


@pytest.mark.parametrize("name", COUPLED)
def test_weight_decay_in_the_gradient_is_l2(name):
    ours, make = COUPLED[name]
    assert_allclose(path(ours, penalty=dr.L2(0.3)), theirs(make), rtol=1e-11, atol=1e-13)


@pytest.mark.skipif(not hasattr(optim, "Muon"), reason="before PyTorch 2.9")
@pytest.mark.parametrize("scale", ["shape", "rms"])
@pytest.mark.parametrize("nesterov", [True, False])
def test_muon(nesterov, scale):
    """Theirs multiplies matrices in 16 bits, and holds weights as (outputs, inputs)."""
    ours = dr.Muon(0.1, momentum=0.9, nesterov=nesterov, weight_decay=0.1, scale=scale)
    w, m = RNG.normal(size=(6, 9)), np.zeros((6, 9))
    parameter = torch.nn.Parameter(torch.tensor(w.T.copy()))
    adjusted = "match_rms_adamw" if scale == "rms" else "original"
    muon = optim.Muon([parameter], 0.1, 0.1, 0.9, nesterov=nesterov, adjust_lr_fn=adjusted)
    for t in range(1, 11):
        g = RNG.normal(size=w.shape)
        w, m, *_ = ours.step(w, g, t, m)
        parameter.grad = torch.tensor(g.T.copy())
        muon.step()
    assert_allclose(w, parameter.detach().numpy().T, atol=0.02)


# --- Activations ------------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "identity": (formulas.Identity(), lambda z: z * 1.0),
    "exponential": (formulas.Exponential(), torch.exp),
    "sigmoid": (formulas.Sigmoid(), F.sigmoid),
    "hardsigmoid": (formulas.HardSigmoid(), F.hardsigmoid),
    "tanh": (formulas.Tanh(), F.tanh),
    "softsign": (formulas.Softsign(), F.softsign),
    "relu": (formulas.ReLU(), F.relu),
    "leaky_relu": (formulas.LeakyReLU(), F.leaky_relu),
    "leaky_relu 0.3": (formulas.LeakyReLU(0.3), lambda z: F.leaky_relu(z, 0.3)),
    "elu": (formulas.ELU(), F.elu),
    "elu 0.5": (formulas.ELU(0.5), lambda z: F.elu(z, 0.5)),
    "selu": (formulas.SELU(), F.selu),
    "celu": (formulas.CELU(), F.celu),
    "celu 0.5": (formulas.CELU(0.5), lambda z: F.celu(z, 0.5)),
    "gelu": (formulas.GELU(), F.gelu),
    "gelu tanh": (formulas.GELU(approximate="tanh"), lambda z: F.gelu(z, approximate="tanh")),
    "silu": (formulas.SiLU(), F.silu),
    "mish": (formulas.Mish(), F.mish),
    "softplus": (formulas.Softplus(), F.softplus),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_slopes(name):
    """Between −18 and 18: their softplus is z itself beyond 20. The slope of their hardsigmoid is ⅙ in 32 bits."""
    ours, function = ACTIVATIONS[name]
    z = np.clip(np.concatenate([RNG.normal(size=500) * 4, np.linspace(-18, 18, 301) + 0.01]), -18, 18)
    tensor = torch.tensor(z, requires_grad=True)
    a = function(tensor)
    a.sum().backward()
    value = ours.value(z)
    assert_allclose(value, a.detach().numpy(), rtol=1e-12, atol=1e-14)
    assert_allclose(
        ours.slope(z, value), tensor.grad.numpy(), rtol=1e-7 if name == "hardsigmoid" else 1e-12, atol=2e-14
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_slopes_in_32_bits(name):
    ours, function = ACTIVATIONS[name]
    z = np.clip(RNG.normal(size=500) * 4, -18, 18).astype(np.float32)
    tensor = torch.tensor(z, requires_grad=True)
    a = function(tensor)
    a.sum().backward()
    value, slope = kernels.activated(ours, z)
    assert_allclose(value, a.detach().numpy(), **kernels.SINGLE)
    assert_allclose(slope, tensor.grad.numpy(), **kernels.SINGLE)


def test_their_softplus_is_z_beyond_20():
    z = np.array([19.0, 21.0])
    assert F.softplus(torch.tensor(z)).numpy()[1] == 21.0
    assert formulas.Softplus().value(z)[1] == pytest.approx(21.0 + np.exp(-21.0), rel=1e-15)
    assert formulas.Softplus().value(z)[0] == pytest.approx(F.softplus(torch.tensor(z)).numpy()[0], rel=1e-15)


def test_every_activation_is_compared():
    met = {ours.name for ours, _ in ACTIVATIONS.values()}
    assert met == {cls.name for cls in formulas.registered("activation") if cls.__module__.startswith("deltarule")} - {
        "softmax"
    }


def test_softmax():
    z = RNG.normal(size=(20, 7)) * 5
    assert_allclose(formulas.Softmax().value(z), F.softmax(torch.tensor(z), dim=1).numpy(), rtol=1e-13)


# --- Losses -----------------------------------------------------------------------------------------------------------

K = 4
Z = RNG.normal(size=(30, K)) * 3
CHOICES = np.eye(K)[RNG.integers(K, size=30)]
MIXED = 0.7 * CHOICES + 0.3 * CHOICES[::-1]
LABELS = (RNG.random((30, K)) < 0.5).astype(float)
NUMBERS = RNG.normal(size=(30, K)) * 3
COUNTS = RNG.poisson(3.0, size=(30, K)).astype(float)


def smoothed(y, share):
    return 0.9 * y + 0.1 * share


LOSSES = {
    "MSELoss": (dr.SquaredError(), NUMBERS, lambda z, y: F.mse_loss(z, y, reduction="none")),
    "MSELoss / 2": (dr.HalfSquaredError(), NUMBERS, lambda z, y: 0.5 * F.mse_loss(z, y, reduction="none")),
    "MSELoss of a sigmoid": (
        dr.SquaredError(inverse_link="sigmoid"),
        LABELS,
        lambda z, y: F.mse_loss(F.sigmoid(z), y, reduction="none"),
    ),
    "L1Loss": (dr.AbsoluteError(), NUMBERS, lambda z, y: F.l1_loss(z, y, reduction="none")),
    "HuberLoss": (dr.Huber(delta=0.7), NUMBERS, lambda z, y: F.huber_loss(z, y, reduction="none", delta=0.7)),
    "SmoothL1Loss": (
        dr.Huber(delta=0.7),
        NUMBERS,
        lambda z, y: 0.7 * F.smooth_l1_loss(z, y, reduction="none", beta=0.7),
    ),
    "log cosh": (dr.LogCosh(), NUMBERS, lambda z, y: torch.log(torch.cosh(z - y))),
    "pinball": (
        dr.Quantile(quantile=0.8),
        NUMBERS,
        lambda z, y: torch.maximum(0.8 * (y - z), -0.2 * (y - z)),
    ),
    "PoissonNLLLoss": (dr.PoissonLoss(), COUNTS, lambda z, y: F.poisson_nll_loss(z, y, reduction="none")),
    "Gamma": (
        dr.GammaLoss(),
        COUNTS + 0.5,
        lambda z, y: -torch.distributions.Gamma(1.0, torch.exp(-z)).log_prob(y),
    ),
    "BCEWithLogitsLoss": (
        dr.SigmoidCrossEntropy(),
        LABELS,
        lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none"),
    ),
    "BCEWithLogitsLoss, smoothed": (
        dr.SigmoidCrossEntropy(label_smoothing=0.1),
        LABELS,
        lambda z, y: F.binary_cross_entropy_with_logits(z, smoothed(y, 0.5), reduction="none"),
    ),
    "CrossEntropyLoss": (
        dr.SoftmaxCrossEntropy(),
        CHOICES,
        lambda z, y: F.cross_entropy(z, y.argmax(1), reduction="none")[:, None],
    ),
    "CrossEntropyLoss, smoothed": (
        dr.SoftmaxCrossEntropy(label_smoothing=0.1),
        CHOICES,
        lambda z, y: F.cross_entropy(z, y.argmax(1), reduction="none", label_smoothing=0.1)[:, None],
    ),
    "CrossEntropyLoss of mixed targets, smoothed": (
        dr.SoftmaxCrossEntropy(label_smoothing=0.1),
        MIXED,
        lambda z, y: F.cross_entropy(z, y, reduction="none", label_smoothing=0.1)[:, None],
    ),
    "focal": (
        dr.SigmoidFocal(gamma=2.0),
        LABELS,
        lambda z, y: (
            F.binary_cross_entropy_with_logits(z, y, reduction="none")
            * (1 - torch.where(y > 0.5, F.sigmoid(z), 1 - F.sigmoid(z))) ** 2
        ),
    ),
    "focal of softmax": (
        dr.SoftmaxFocal(gamma=1.5),
        CHOICES,
        lambda z, y: -(y * (1 - F.softmax(z, 1)) ** 1.5 * F.log_softmax(z, 1)),
    ),
    "hinge": (dr.Hinge(), LABELS, lambda z, y: F.relu(1 - (2 * y - 1) * z)),
    "squared hinge": (dr.Hinge(squared=True), LABELS, lambda z, y: F.relu(1 - (2 * y - 1) * z) ** 2),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_their_gradients(name):
    ours, y, function = LOSSES[name]
    z = torch.tensor(Z, requires_grad=True)
    losses = function(z, torch.tensor(y)).sum(1)
    losses.sum().backward()
    assert_allclose(ours.value(Z, y), losses.detach().numpy(), rtol=1e-12, atol=1e-14)
    assert_allclose(ours.gradient(Z, y), z.grad.numpy(), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_their_gradients_in_32_bits(name):
    ours, y, function = LOSSES[name]
    z = torch.tensor(Z, dtype=torch.float32, requires_grad=True)
    losses = function(z, torch.tensor(y, dtype=torch.float32)).sum(1)
    losses.sum().backward()
    value, gradient = kernels.lost(ours, Z, y)
    assert_allclose(value, losses.detach().numpy(), **kernels.SINGLE)
    assert_allclose(gradient, z.grad.numpy(), **kernels.SINGLE)


def test_every_loss_is_compared():
    met = {ours.name for ours, *_ in LOSSES.values()}
    assert met == {cls.name for cls in formulas.registered("loss") if cls.__module__.startswith("deltarule")}


# --- Schedules --------------------------------------------------------------------------------------------------------

STEPS = 60
SCHEDULES = {
    "ConstantLR": (dr.ConstantRate(), lambda o: S.ConstantLR(o, factor=1.0)),
    "StepLR": (dr.StepDecay(0.3, every=7), lambda o: S.StepLR(o, 7, 0.3)),
    "ExponentialLR": (dr.ExponentialDecay(0.9, every=1), lambda o: S.ExponentialLR(o, 0.9)),
    "PolynomialLR": (dr.PolynomialDecay(2.0, steps=40), lambda o: S.PolynomialLR(o, 40, 2.0)),
    "LinearLR": (dr.LinearToZero(steps=40), lambda o: S.LinearLR(o, 1.0, 0.0, 40)),
    "CosineAnnealingLR": (
        dr.CosineDecay(end=0.1),
        lambda o: S.CosineAnnealingLR(o, STEPS, eta_min=0.1 * o.defaults["lr"]),
    ),
    "CosineAnnealingWarmRestarts": (
        dr.CosineRestarts(10, end=0.1),
        lambda o: S.CosineAnnealingWarmRestarts(o, 10, eta_min=0.1 * o.defaults["lr"]),
    ),
    "CosineAnnealingWarmRestarts, T_mult": (
        dr.CosineRestarts(8, growth=2.0),
        lambda o: S.CosineAnnealingWarmRestarts(o, 8, T_mult=2),
    ),
    "OneCycleLR": (dr.OneCycle(), lambda o: S.OneCycleLR(o, o.defaults["lr"], STEPS, cycle_momentum=False)),
    "OneCycleLR linear": (
        dr.OneCycle(shape="linear", peak=0.4, first=0.1, end=0.001),
        lambda o: S.OneCycleLR(
            o,
            o.defaults["lr"],
            STEPS,
            pct_start=0.4,
            anneal_strategy="linear",
            cycle_momentum=False,
            div_factor=10,
            final_div_factor=100,
        ),
    ),
    "LinearLR, then CosineAnnealingLR": (
        dr.WarmUp(10, first=0.2, then=dr.CosineDecay()),
        lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.2, 1.0, 10), S.CosineAnnealingLR(o, STEPS - 10)], [10]),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step:UserWarning")  # their SequentialLR's own
def test_schedules(name):
    ours, make = SCHEDULES[name]
    optimizer = optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.05)
    scheduler, rates = make(optimizer), []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert_allclose(0.05 * ours.rate(np.arange(1, STEPS + 1), STEPS), rates, rtol=1e-11, atol=1e-14)


def test_their_cosine_rises_again_beyond_its_length():
    optimizer = optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    scheduler, rates = S.CosineAnnealingLR(optimizer, 20), []
    for _ in range(30):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    ours = dr.CosineDecay(steps=20).rate(np.arange(1, 31), 30)
    assert_allclose(ours[:21], rates[:21], rtol=1e-11, atol=1e-14)
    assert rates[29] > 0.4 > ours[29] == 0


@pytest.mark.parametrize("mode", ["abs", "rel"])
@pytest.mark.parametrize("cooldown", [0, 3])
def test_reduce_on_plateau(mode, cooldown):
    """Their patience is one less: it is how many epochs may pass, ours how many make the rate fall."""
    losses = np.abs(RNG.normal(size=200)) + np.linspace(3, 0, 200)
    optimizer = optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    scheduler = S.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=4, threshold=0.01, threshold_mode=mode, cooldown=cooldown, min_lr=1e-3, eps=0
    )
    ours = dr.ReduceOnPlateau(0.5, 5, 0.01, relative=mode == "rel", cooldown=cooldown, smallest=1e-3)
    state = ours.start
    for loss in losses:
        state = ours.watch(loss, *state)
        scheduler.step(loss)
        assert float(ours.rate(1, 1, *state)) == optimizer.param_groups[0]["lr"]


# --- First weights ----------------------------------------------------------------------------------------------------


def test_first_weights_have_their_scales():
    """Their linear layers hold (outputs, inputs); the widths are compared by large samples."""
    from deltarule.formulas.initializers import drawn
    from deltarule.formulas.random import Purpose

    fan_in, fan_out, init = 500, 300, torch.nn.init
    torch.manual_seed(0)
    cases = [
        (formulas.GlorotUniform(), init.xavier_uniform_),
        (formulas.GlorotNormal(), init.xavier_normal_),
        (formulas.GlorotUniform(gain=1.7), lambda w: init.xavier_uniform_(w, 1.7)),
        (formulas.GlorotNormal(gain=1.7), lambda w: init.xavier_normal_(w, 1.7)),
        (formulas.He(negative_slope=0.3), lambda w: init.kaiming_normal_(w, a=0.3)),
        (formulas.HeUniform(negative_slope=0.3), lambda w: init.kaiming_uniform_(w, a=0.3)),
        (formulas.HeUniform(negative_slope=5**0.5), lambda w: torch.nn.Linear(fan_in, fan_out).weight.detach()),
        (formulas.He(), lambda w: init.kaiming_normal_(w, nonlinearity="relu")),
        (formulas.HeUniform(), lambda w: init.kaiming_uniform_(w, nonlinearity="relu")),
        (formulas.LeCun(), lambda w: init.kaiming_normal_(w, nonlinearity="linear")),
        (formulas.TruncatedNormal(0.05), lambda w: init.trunc_normal_(w, std=0.05, a=-0.1, b=0.1)),
        (formulas.Orthogonal(1.5), lambda w: init.orthogonal_(w, 1.5)),
    ]
    for ours, fill in cases:
        w = fill(torch.empty(fan_out, fan_in, dtype=torch.float64)).numpy()
        own = drawn(ours, 0, Purpose.WEIGHTS, 0, (fan_in, fan_out), (fan_in, fan_out))
        assert own.std() == pytest.approx(w.std(), rel=0.01), ours
        assert np.abs(own).max() == pytest.approx(np.abs(w).max(), rel=0.01 if "niform" in ours.name else 0.3), ours


def test_biases_of_their_layers_are_as_wide_as_the_weights():
    torch.manual_seed(0)
    layer = torch.nn.Linear(500, 30000)
    assert layer.bias.abs().max().item() == pytest.approx(formulas.HeUniform(negative_slope=5**0.5).scale(500, 1), 1e-3)


def test_dropout_divides_by_what_is_kept():
    torch.manual_seed(0)
    assert set(torch.nn.Dropout(0.2)(torch.ones(1000)).tolist()) == {0.0, 1 / (1 - 0.2)}
