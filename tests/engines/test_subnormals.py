"""Numbers below the smallest normal one are 0 in the compiled engine, and in no other code of the calling thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import deltarule as dr

TINY = np.finfo(np.float32).tiny


def keeps_subnormals():
    """Whether NumPy calculates with subnormal numbers in this thread."""
    half = np.full(64, TINY) * np.float32(0.5)
    return bool(np.all(half > 0) and np.all(half + half == TINY))


def without_inputs():
    return dr.Dataset(train=(np.zeros((64, 8), np.float32), np.zeros(64)))


def halved(times, n_threads=1):
    """A linear network whose weights were divided by 2 so often, nothing else acting on them."""
    recipe = dr.Recipe(
        network=dr.Network(hidden=()), optimizer=dr.SGD(1.0), penalty=dr.L2(0.5), scaling="none",
        batch_size=64, epochs=times, stopping=None,
    )  # fmt: skip
    return dr.train(recipe, without_inputs(), n_threads=n_threads).model


@pytest.mark.parametrize("n_threads", [1, 2])
def test_training_leaves_no_subnormal_weight(n_threads):
    w = np.abs(halved(140, n_threads).layers[0][0])  # about 2⁻¹⁴⁰ in float32 as IEEE 754 has it
    assert np.all((w == 0.0) | (w >= TINY))
    assert np.all(w < 2 * TINY)
    assert keeps_subnormals()


def test_a_prediction_below_the_smallest_normal_number_is_zero():
    model = halved(118)
    x = np.eye(8, dtype=np.float32)
    assert np.all(np.abs(model.raw_outputs(x)) > TINY)
    assert np.all(model.raw_outputs(x * np.float32(2.0**-20)) == 0.0)
    assert keeps_subnormals()


@dataclass(frozen=True)
class Watching(dr.Muon):
    """Muon, which notes whether its own calculations keep subnormal numbers."""

    def step(self, *arguments, **named):
        SEEN.append(keeps_subnormals())
        return super().step(*arguments, **named)


SEEN: list[bool] = []


def test_formulas_that_step_in_python_keep_subnormal_numbers():
    recipe = dr.Recipe(network=dr.Network(hidden=(4,)), optimizer=Watching(), epochs=2, stopping=None)
    for n_threads in (1, 2):
        dr.train(recipe, dr.load_dataset("xor"), n_threads=n_threads)
    assert SEEN
    assert all(SEEN)
    assert keeps_subnormals()
