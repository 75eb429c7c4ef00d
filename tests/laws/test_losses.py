"""Laws of every loss that is registered, with every link it takes."""

import dataclasses

import numpy as np
import pytest

from deltarule.errors import RecipeError
from deltarule.formulas import (
    AbsoluteError,
    HalfSquaredError,
    Hinge,
    Huber,
    PoissonLoss,
    Quantile,
    SigmoidCrossEntropy,
    SigmoidFocal,
    SoftmaxCrossEntropy,
    SoftmaxFocal,
    registered,
)

LINKS = [cls.name for cls in registered("activation") if cls.granularity == "elementwise"]


def losses():
    for cls in registered("loss"):
        if "inverse_link" in {field.name for field in dataclasses.fields(cls)}:
            yield from (cls(inverse_link=link) for link in LINKS)
        else:
            yield cls()


LOSSES = list(losses())


FORMS = [
    *LOSSES,
    Huber(delta=0.3),
    Quantile(quantile=0.9),
    Hinge(squared=True),
    *(cls(label_smoothing=0.2) for cls in (SigmoidCrossEntropy, SoftmaxCrossEntropy)),
    *(cls(gamma=gamma) for cls in (SigmoidFocal, SoftmaxFocal) for gamma in (0.0, 0.5, 1.0, 5.0)),
]


def targets(loss, n, k, generator):
    if loss.domain in ("non_negative", "positive"):
        return generator.exponential(size=(n, k)) + 0.1
    if loss.output.granularity == "rowwise":
        return np.eye(k)[generator.integers(k, size=n)]
    return generator.random((n, k)) if loss.domain == "unit" else generator.normal(size=(n, k))


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("loss", FORMS, ids=repr)
def test_the_gradient_is_the_derivative_along_a_random_direction(loss, k):
    generator = np.random.default_rng(k)
    z, y = generator.normal(size=(40, k)) * 2, targets(loss, 40, k, generator)
    direction, h = generator.normal(size=z.shape), 1e-6
    difference = np.sum(loss.value(z + h * direction, y) - loss.value(z - h * direction, y)) / (2 * h)
    slope = np.sum(loss.gradient(z, y) * direction)
    assert slope == pytest.approx(difference, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("loss", FORMS, ids=repr)
def test_the_precise_gradient_is_the_gradient(loss, k):
    generator = np.random.default_rng(k)
    z, y = generator.normal(size=(40, k)) * 2, targets(loss, 40, k, generator)
    z[:3] = 0.5  # several outputs are the largest
    y[20:] *= 0.7  # targets need not sum to 1
    assert loss.precise_gradient(z, y) == pytest.approx(loss.gradient(z, y), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("loss", [SigmoidCrossEntropy(), SoftmaxCrossEntropy()], ids=repr)
def test_the_precise_gradient_keeps_its_digits(loss):
    z, y = np.array([[60.0, 0.0, -1.0]], np.float32), np.array([[1.0, 0.0, 0.0]], np.float32)
    right = np.exp(-60.0) if isinstance(loss, SigmoidCrossEntropy) else np.exp(-60.0) + np.exp(-61.0)
    assert loss.gradient(z, y)[0, 0] == 0.0
    assert loss.precise_gradient(z, y)[0, 0] == pytest.approx(-right, rel=1e-6)


@pytest.mark.parametrize("loss", FORMS, ids=repr)
def test_shapes_and_extremes(loss):
    z = np.array([[-1e4, 1e4, 0.0], [0.0, 0.0, 0.0], [1e4, 1e4, 1e4]])
    y = np.eye(3)
    assert loss.value(z, y).shape == (3,)
    assert loss.gradient(z, y).shape == (3, 3)
    assert np.isfinite(loss.value(z, y)).all()
    assert np.isfinite(loss.gradient(z, y)).all()
    one = loss.value(z[:1, :1], y[:1, :1])
    assert one.shape == (1,)
    assert np.isfinite(one).all()


@pytest.mark.parametrize(
    "loss", [SigmoidCrossEntropy(), SoftmaxCrossEntropy(), HalfSquaredError(), PoissonLoss()], ids=repr
)
def test_canonical_pairs_send_back_a_minus_y(loss):
    generator = np.random.default_rng(0)
    z, y = generator.normal(size=(20, 4)), np.eye(4)[generator.integers(4, size=20)]
    assert loss.gradient(z, y) == pytest.approx(loss.output.value(z) - y, abs=1e-15)


def test_softmax_is_no_link_of_a_squared_error():
    with pytest.raises(RecipeError, match="softmax_cross_entropy"):
        HalfSquaredError(inverse_link="softmax")


def test_two_classes_of_softmax_are_the_sigmoid_of_their_difference():
    z = np.random.default_rng(1).normal(size=(30, 2))
    y = np.eye(2)[np.arange(30) % 2]
    one = SigmoidCrossEntropy().value(z[:, 1:] - z[:, :1], y[:, 1:])
    assert SoftmaxCrossEntropy().value(z, y) == pytest.approx(one, rel=1e-12)


@pytest.mark.parametrize("loss", [SigmoidCrossEntropy, SoftmaxCrossEntropy])
def test_smoothed_labels_are_labels(loss):
    generator = np.random.default_rng(2)
    z, y = generator.normal(size=(20, 4)), np.eye(4)[generator.integers(4, size=20)]
    share = 0.5 if loss is SigmoidCrossEntropy else 0.25
    plain, smooth = loss(), loss(label_smoothing=0.1)
    softer = 0.9 * y + 0.1 * share
    assert smooth.value(z, y) == pytest.approx(plain.value(z, softer), rel=1e-14)
    assert smooth.gradient(z, y) == pytest.approx(plain.output.value(z) - softer, abs=1e-15)


@pytest.mark.parametrize(("focal", "plain"), [(SigmoidFocal, SigmoidCrossEntropy), (SoftmaxFocal, SoftmaxCrossEntropy)])
def test_without_focus_it_is_cross_entropy(focal, plain):
    generator = np.random.default_rng(3)
    z, y = generator.normal(size=(20, 4)) * 3, np.eye(4)[generator.integers(4, size=20)]
    assert focal(gamma=0.0).value(z, y) == pytest.approx(plain().value(z, y), rel=1e-12)
    assert focal(gamma=0.0).gradient(z, y) == pytest.approx(plain().gradient(z, y), abs=1e-14)
    assert (focal(gamma=2.0).value(z, y) < plain().value(z, y)).all()


def test_huber_lies_between_its_limits_and_half_a_quantile_is_half_the_distance():
    z, y = np.random.default_rng(4).normal(size=(2, 30, 2)) * 3
    assert Huber(delta=1e6).value(z, y) == pytest.approx(HalfSquaredError().value(z, y), rel=1e-12)
    assert Huber(delta=1e-9).value(z, y) / 1e-9 == pytest.approx(AbsoluteError().value(z, y), rel=1e-7)
    assert Quantile().value(z, y) == pytest.approx(0.5 * AbsoluteError().value(z, y), rel=1e-12)


def test_the_best_constant_under_a_quantile_loss_is_the_quantile():
    y = np.random.default_rng(5).normal(size=(1001, 1))
    grid = np.sort(y[:, 0])
    costs = [Quantile(quantile=0.9).value(np.full_like(y, z), y).sum() for z in grid]
    assert grid[np.argmin(costs)] == pytest.approx(np.quantile(y, 0.9))
