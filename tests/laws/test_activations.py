"""Laws of every activation that is registered."""

import numpy as np
import pytest

from deltarule.formulas import CELU, ELU, GELU, SELU, Exponential, LeakyReLU, Mish, ReLU, Softplus, registered

ACTIVATIONS = [
    *(cls() for cls in registered("activation") if cls.granularity == "elementwise"),
    LeakyReLU(0.3),
    ELU(0.5),
    CELU(0.5),
    GELU(approximate="tanh"),
]
POINTS = np.concatenate([np.linspace(-6, 6, 400) + 0.0123, [-0.9, 0.7]])


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_the_slope_is_the_derivative(activation):
    h = 1e-6
    difference = (activation.value(POINTS + h) - activation.value(POINTS - h)) / (2 * h)
    assert activation.slope(POINTS, activation.value(POINTS)) == pytest.approx(difference, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_extreme_sums_stay_finite(activation):
    z = np.array([-1e4, -100.0, 0.0, 100.0, 1e4])
    a = activation.value(z)
    assert np.isfinite(a).all()
    assert np.isfinite(activation.slope(z, a)).all()
    for each in z:
        assert np.isfinite(float(activation.slope(float(each), activation.value(float(each)))))


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_a_number_and_an_array_agree(activation):
    a = activation.value(POINTS)
    assert float(activation.value(float(POINTS[3]))) == a[3]
    assert float(activation.slope(float(POINTS[3]), float(a[3]))) == activation.slope(POINTS, a)[3]


def test_selu_keeps_mean_0_and_variance_1():
    z, weight = np.polynomial.hermite_e.hermegauss(200)
    a = SELU().value(z)
    weight = weight / weight.sum()
    assert weight @ a == pytest.approx(0.0, abs=3e-3)
    assert weight @ a**2 == pytest.approx(1.0, abs=3e-3)


def test_relatives_agree_where_they_should():
    z = POINTS
    assert CELU(1.0).value(z) == pytest.approx(ELU(1.0).value(z), rel=1e-14)
    assert LeakyReLU(0.0).value(z) == pytest.approx(ReLU().value(z), abs=0)
    assert Mish().value(z) == pytest.approx(z * np.tanh(Softplus().value(z)), rel=1e-13)
    assert GELU().value(z) == pytest.approx(GELU(approximate="tanh").value(z), abs=5e-4)


def test_the_exponential_goes_on_along_its_tangent():
    assert Exponential().value(60.0) == pytest.approx(np.exp(60.0), rel=1e-15)
    assert Exponential().value(62.0) == pytest.approx(3 * np.exp(60.0), rel=1e-15)


def test_gelu_keeps_its_digits_far_below_0():
    from scipy import special

    z = np.linspace(-30, -2, 50)
    assert GELU().value(z) == pytest.approx(z * special.ndtr(z), rel=1e-12)
