"""A user's own formulas on the compiled engine: a copy of a built-in one becomes the same code."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

CHECKOUT = Path(__file__).parents[2]
if str(CHECKOUT) not in sys.path:
    sys.path.append(str(CHECKOUT))

from benchmarks.own_formulas import OwnAdam, OwnCrossEntropy, OwnReLU, compare  # noqa: E402
from benchmarks.workloads import WORKLOADS  # noqa: E402

import deltarule as dr  # noqa: E402
from deltarule.formulas import Activation  # noqa: E402

NETWORK = dr.Network(hidden=(20, 10))
BUILT_IN = dr.Recipe(network=NETWORK, loss="softmax_cross_entropy", optimizer="adam", epochs=3, stopping=None)
OWN = BUILT_IN.replace(
    network=NETWORK.replace(activation=OwnReLU()), loss=OwnCrossEntropy(), optimizer=OwnAdam(learning_rate=1e-3)
)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_copies_give_the_weights_of_the_built_in_formulas(precision):
    digits = dr.load_dataset("digits")
    one, other = (dr.train(recipe, digits, precision=precision) for recipe in (BUILT_IN, OWN))
    rounding = 1e-12 if precision == "float64" else 1e-5
    np.testing.assert_allclose(one.model.theta, other.model.theta, rtol=rounding, atol=rounding)
    assert other.history[-1].train_loss < other.history[0].train_loss


def test_the_comparison_of_speed_measures_both():
    found = compare(repetitions=1, epochs=1, workload=replace(WORKLOADS[0], samples=1280))
    assert found["largest_difference_of_weights"] < 1e-5
    assert all(microseconds > 0 for microseconds in found["microseconds_a_step"].values())
    assert found["own_to_built_in"] > 0


@pytest.mark.parametrize(("former", "present"), [("row", "rowwise"), ("element", "elementwise"), ("matrix", "matrix")])
def test_the_former_name_of_granularity_still_works(former, present):
    with pytest.warns(DeprecationWarning, match=r"OwnSoftmax.reach is deprecated.*Use: granularity") as warned:

        @dataclass(frozen=True)
        class OwnSoftmax(Activation):
            reach = former

    assert warned[0].filename == __file__
    assert OwnSoftmax.granularity == present
