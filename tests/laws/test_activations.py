"""Laws of every activation that is registered."""

import numpy as np
import pytest

from deltarule.formulas import registered

ACTIVATIONS = [cls() for cls in registered("activation") if cls.reach == "element"]
POINTS = np.concatenate([np.linspace(-6, 6, 400) + 0.0123, [-0.9, 0.7]])


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: a.name)
def test_the_slope_is_the_derivative(activation):
    h = 1e-6
    difference = (activation.value(POINTS + h) - activation.value(POINTS - h)) / (2 * h)
    assert activation.slope(POINTS, activation.value(POINTS)) == pytest.approx(difference, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: a.name)
def test_extreme_sums_stay_finite(activation):
    z = np.array([-1e4, -100.0, 0.0, 100.0, 1e4])
    a = activation.value(z)
    assert np.isfinite(a).all()
    assert np.isfinite(activation.slope(z, a)).all()


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: a.name)
def test_a_number_and_an_array_agree(activation):
    a = activation.value(POINTS)
    assert float(activation.value(float(POINTS[3]))) == a[3]
    assert float(activation.slope(float(POINTS[3]), float(a[3]))) == activation.slope(POINTS, a)[3]
