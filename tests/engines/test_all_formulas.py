"""Every registered formula on the compiled engine, in its forms: two epochs equal the reference's."""

import numpy as np
import pytest

import deltarule as dr
from deltarule.engines.compiled.codegen import formula_kernels
from deltarule.formulas import CELU, ELU, GELU, LeakyReLU, registered

SMOOTH, CLASSES, NUMBERS = dr.SoftmaxCrossEntropy(), np.arange(30) % 3, "numbers"
ACTIVATIONS = [
    *(cls() for cls in registered("activation") if cls.granularity == "elementwise"),
    *(LeakyReLU(0.3), ELU(0.5), CELU(0.5), GELU(approximate="tanh")),
]
LOSSES = [
    *(cls() for cls in registered("loss")),
    *(dr.Huber(inverse_link="exponential", delta=0.3), dr.LogCosh(inverse_link="softplus"), dr.Quantile(quantile=0.9)),
    *(dr.SigmoidCrossEntropy(label_smoothing=0.1), dr.SoftmaxCrossEntropy(label_smoothing=0.1)),
    *(dr.SigmoidFocal(gamma=0.0), dr.SoftmaxFocal(gamma=0.0), dr.SoftmaxFocal(gamma=0.5), dr.Hinge(squared=True)),
]
PENALTIES = [
    *(cls(0.01) for cls in registered("penalty")),
    *(dr.L1(0.01, proximal=True), dr.ElasticNet(0.01, l1_ratio=0.3, proximal=True)),
]
OPTIMIZERS = [
    *(cls() for cls in registered("optimizer") if cls.granularity == "elementwise"),
    *(dr.Momentum(dampening=0.5, velocity="gradients"), dr.Nesterov(velocity="gradients"), dr.AdaGrad(initial=0.1)),
    *(dr.RMSProp(momentum=0.9), dr.RMSProp(centered=True), dr.RMSProp(centered=True, momentum=0.5)),
    *(dr.RMSProp(epsilon_place="inside"), dr.AMSGrad(epsilon_place="before_correction")),
    *(dr.Adamax(epsilon_place="gradient"), dr.NAdam(momentum_decay=0.0), dr.RAdam(beta2=0.9)),
    *(dr.AdamW(weight_decay=0.1), dr.Lion(weight_decay=0.1)),
]


def both(precision, y=CLASSES, activation="tanh", **fields):
    """θ after two epochs, from the reference and from the compiled engine; the losses of their batches behind it."""
    x = np.random.default_rng(0).normal(size=(30, 5))
    network = dr.Network(hidden=(7, 6), activation=activation, bias_initializer="glorot_uniform")
    usual = {"optimizer": dr.SGD(0.1), "loss": SMOOTH, "epochs": 2, "batch_size": 8, "stopping": None}
    recipe = dr.Recipe(**{"network": network, **usual, **fields})
    data = dr.Dataset(train=(x, y))
    reference = dr.train(recipe, data, engine="reference", record="batch")
    compiled = dr.train(recipe, data, engine="compiled", precision=precision, n_threads=1, record="batch")
    return [np.concatenate([run.model.theta, run.batch_losses]) for run in (reference, compiled)]


def agree(precision, **fields):
    reference, compiled = both(precision, **fields)
    tolerance = {"float64": 1e-10, "float32": 2e-3}[precision]
    np.testing.assert_allclose(compiled, reference, rtol=tolerance, atol=tolerance)


PRECISIONS = pytest.mark.parametrize("precision", ["float64", "float32"])


@PRECISIONS
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_activations(activation, precision):
    agree(precision, activation=(activation, "tanh"), optimizer=dr.SGD(0.02))


@PRECISIONS
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_losses(loss, precision):
    numbers = np.abs(np.random.default_rng(1).normal(size=(30, 3))) + 0.1
    y = CLASSES if loss.domain == "unit" else numbers
    agree(precision, loss=loss, y=y, optimizer=dr.SGD(0.02))


@PRECISIONS
@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_penalties(penalty, precision):
    agree(precision, penalty=penalty)


@PRECISIONS
@pytest.mark.parametrize("perturbation", [cls() for cls in registered("perturbation")], ids=repr)
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_perturbations(perturbation, normalization, precision):
    network = dr.Network(
        hidden=(7, 6), activation="tanh", normalization=normalization, dropout=0.2, noise=0.1, input_scale=True
    )
    agree(precision, perturbation=perturbation, network=network)


@PRECISIONS
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_optimizers(optimizer, precision):
    agree(precision, optimizer=optimizer)


@PRECISIONS
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_padding_of_zeros_stays_zero(optimizer, precision):
    arrays = np.zeros((2 + len(optimizer.slots), 16), precision)
    formula_kernels.update(optimizer, dr.L2(0.1), precision).run([*arrays, arrays[0], *arrays[2:]])
    assert (arrays == 0).all()


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("k", [1, 3])
def test_huge_outputs_stay_finite(loss, k):
    z = np.zeros((4, 16), np.float32)
    z[:, :k] = np.array([[1e4], [-1e4], [0.0], [50.0]])
    y, dz, losses = np.zeros_like(z), np.zeros_like(z), np.zeros(4, np.float32)
    y[:, 0] = 1.0
    formula_kernels.loss(loss, np.float32).run([z, y, dz, losses], width=k)
    assert np.isfinite(dz).all()
    assert np.isfinite(losses).all()


@PRECISIONS
def test_the_complementary_error_function_keeps_its_digits(precision):
    z = np.concatenate([np.linspace(-12, 12, 3001), [0.0, -0.0, np.inf, 1e4, -1e4]]).astype(precision)
    z, a = np.resize(z, 3008), np.empty(3008, precision)
    formula_kernels.activation_value(GELU(), precision).run([z, a])
    wanted = GELU().value(z.astype(np.float64))
    tiny, eps = np.finfo(precision).tiny, np.finfo(precision).eps
    np.testing.assert_allclose(a, np.where(np.abs(wanted) < 20 * tiny, a, wanted), rtol=150 * eps, atol=20 * tiny)
