"""Laws of every loss that is registered, with every link it takes."""

import dataclasses

import numpy as np
import pytest

from deltarule.errors import RecipeError
from deltarule.formulas import HalfSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy, registered

LINKS = [cls.name for cls in registered("activation") if cls.reach == "element"]


def losses():
    for cls in registered("loss"):
        if "link" in {field.name for field in dataclasses.fields(cls)}:
            yield from (cls(link=link) for link in LINKS)
        else:
            yield cls()


LOSSES = list(losses())


def targets(loss, n, k, generator):
    if loss.output.reach == "row":
        return np.eye(k)[generator.integers(k, size=n)]
    return generator.random((n, k)) if loss.domain == "unit" else generator.normal(size=(n, k))


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_the_gradient_is_the_derivative_along_a_random_direction(loss, k):
    generator = np.random.default_rng(k)
    z, y = generator.normal(size=(40, k)) * 2, targets(loss, 40, k, generator)
    direction, h = generator.normal(size=z.shape), 1e-6
    difference = np.sum(loss.value(z + h * direction, y) - loss.value(z - h * direction, y)) / (2 * h)
    slope = np.sum(loss.gradient(z, y) * direction)
    assert slope == pytest.approx(difference, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_shapes_and_extremes(loss):
    z = np.array([[-1e4, 1e4, 0.0], [0.0, 0.0, 0.0], [1e4, 1e4, 1e4]])
    y = np.eye(3)
    assert loss.value(z, y).shape == (3,)
    assert loss.gradient(z, y).shape == (3, 3)
    assert np.isfinite(loss.value(z, y)).all()
    assert np.isfinite(loss.gradient(z, y)).all()


@pytest.mark.parametrize("loss", [SigmoidCrossEntropy(), SoftmaxCrossEntropy(), HalfSquaredError()], ids=repr)
def test_canonical_pairs_send_back_a_minus_y(loss):
    generator = np.random.default_rng(0)
    z, y = generator.normal(size=(20, 4)), np.eye(4)[generator.integers(4, size=20)]
    assert loss.gradient(z, y) == pytest.approx(loss.output.value(z) - y, abs=1e-15)


def test_softmax_is_no_link_of_a_squared_error():
    with pytest.raises(RecipeError, match="softmax_cross_entropy"):
        HalfSquaredError(link="softmax")


def test_two_classes_of_softmax_are_the_sigmoid_of_their_difference():
    z = np.random.default_rng(1).normal(size=(30, 2))
    y = np.eye(2)[np.arange(30) % 2]
    one = SigmoidCrossEntropy().value(z[:, 1:] - z[:, :1], y[:, 1:])
    assert SoftmaxCrossEntropy().value(z, y) == pytest.approx(one, rel=1e-12)
