"""Laws of every initializer, and of the random numbers behind them."""

import numpy as np
import pytest

from deltarule.engines.parameters import first, layers
from deltarule.formulas import registered
from deltarule.formulas.random import Purpose, kept, normal, permutation, philox, uniform, words
from deltarule.recipes import Network

INITIALIZERS = [cls() for cls in registered("initializer")]


@pytest.mark.parametrize("initializer", INITIALIZERS, ids=repr)
def test_the_drawn_deviation_is_the_stated_one(initializer):
    sizes = (300, 200, 100)
    (weights, _), (second, _) = layers(first(Network(hidden=(200,), initializer=initializer), sizes, 7), sizes)
    for drawn, fans in ((weights, (300, 200)), (second, (200, 100))):
        scale = initializer.scale(*fans) / (np.sqrt(3) if initializer.distribution == "uniform" else 1)
        assert drawn.std() == pytest.approx(scale, rel=0.02)
        assert abs(drawn.mean()) <= 4 * scale / np.sqrt(drawn.size)


def test_philox_meets_its_published_values():
    """Known answers of Random123 for philox4x32-10."""
    ones = 0xFFFFFFFF
    assert [int(w) for w in philox((ones,) * 4, (ones << 32) | ones)] == [
        0x408F276D,
        0x41C83B0E,
        0xA20BC7C6,
        0x6D5451FD,
    ]
    counter = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
    assert [int(w) for w in philox(counter, 0x299F31D0_A4093822)] == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def test_a_number_depends_on_its_place_alone():
    small, large = words(5, Purpose.WEIGHTS, (3, 6), layer=2), words(5, Purpose.WEIGHTS, (10, 40), layer=2)
    assert (small == large[:3, :6]).all()
    assert (small != words(6, Purpose.WEIGHTS, (3, 6), layer=2)).any()
    assert (small != words(5, Purpose.BIASES, (3, 6), layer=2)).any()
    assert (small != words(5, Purpose.WEIGHTS, (3, 6), layer=2, step=1)).any()


def test_uniform_and_normal_have_their_moments_and_tails():
    from scipy import stats

    assert stats.kstest(uniform(1, Purpose.WEIGHTS, (200, 500)).ravel(), "uniform").pvalue > 1e-3
    assert stats.kstest(normal(1, Purpose.WEIGHTS, (200, 500)).ravel(), "norm").pvalue > 1e-3


def test_the_normal_quantile_is_scipys():
    from scipy import special

    from deltarule.formulas.random import normal_quantile

    p = np.concatenate([np.logspace(-10, -0.31, 500), 1 - np.logspace(-10, -0.31, 500)])
    assert normal_quantile(p) == pytest.approx(special.ndtri(p), rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("n", [1, 2, 5, 1000])
def test_a_permutation_meets_every_sample_once_and_differs_by_epoch(n):
    assert sorted(permutation(3, 0, n)) == list(range(n))
    if n > 4:
        assert (permutation(3, 0, n) != permutation(3, 1, n)).any()


def test_permutations_are_fair():
    counts = np.zeros((4, 4))
    for epoch in range(4000):
        counts[np.arange(4), permutation(0, epoch, 4)] += 1
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000 * 0.75)


def test_dropout_keeps_the_stated_share():
    assert kept(0, 1, 1, 400, 500, 0.3).mean() == pytest.approx(0.7, abs=0.005)
    assert kept(0, 1, 1, 4, 5, 0.0).all()
