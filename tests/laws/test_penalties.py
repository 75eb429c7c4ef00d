"""Laws of every penalty that is registered."""

import numpy as np
import pytest

from deltarule.formulas import L1, L2, ElasticNet, registered

PENALTIES = [
    *(cls(0.3) for cls in registered("penalty")),
    *(ElasticNet(0.3, l1_ratio=share) for share in (0.0, 0.2, 1.0)),
]
W = np.linspace(-3, 3, 100)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_the_gradient_is_the_derivative(penalty):
    h = 1e-6
    difference = (penalty.value(W + h) - penalty.value(W - h)) / (2 * h)
    assert penalty.gradient(W) == pytest.approx(difference, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("penalty", [p for p in PENALTIES if hasattr(type(p), "proximal")], ids=repr)
def test_prox_is_the_minimum_of_its_definition(penalty):
    step = 0.7
    grid = np.linspace(-4, 4, 80001)
    for w in (-2.0, -0.1, 0.0, 0.15, 1.3):
        objective = 0.5 * (grid - w) ** 2 + step * penalty.value(grid)
        assert penalty.prox(w, step) == pytest.approx(grid[np.argmin(objective)], abs=2e-4)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_no_weight_costs_nothing_and_none_is_negative(penalty):
    assert penalty.value(0.0) == 0
    assert (penalty.value(W) >= 0).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_an_elastic_net_is_both(share):
    both, one, two = ElasticNet(0.3, l1_ratio=share), L1(0.3 * share), L2(0.3 * (1 - share))
    assert both.value(W) == pytest.approx(one.value(W) + two.value(W), rel=1e-14)
    assert both.gradient(W) == pytest.approx(one.gradient(W) + two.gradient(W), rel=1e-14)
