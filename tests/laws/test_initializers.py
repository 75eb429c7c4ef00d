"""Laws of every initializer, and of the random numbers behind them."""

import tracemalloc

import numpy as np
import pytest

from deltarule.engines.parameters import first, layers
from deltarule.errors import RecipeError
from deltarule.formulas import (
    Constant,
    DataDeviation,
    GlorotNormal,
    He,
    LeCun,
    Orthogonal,
    TruncatedNormal,
    registered,
)
from deltarule.formulas.initializers import Initializer, drawn
from deltarule.formulas.random import (
    Purpose,
    kept,
    natural_logarithm,
    normal,
    permutation,
    philox,
    quantile,
    uniform,
    words,
)
from deltarule.recipes import Network

INITIALIZERS = [
    *(cls() for cls in registered("initializer")),
    *(cls(truncated=True) for cls in (LeCun, GlorotNormal, He)),
    Orthogonal(gain=1.7),
]


@pytest.mark.parametrize(
    "initializer", [each for each in INITIALIZERS if each.name != "constant" and each.fits != "biases"], ids=repr
)
def test_the_drawn_deviation_is_the_stated_one(initializer):
    sizes = (300, 200, 100)
    (weights, _), (second, _) = layers(first(Network(hidden=(200,), initializer=initializer), sizes, 7), sizes)
    for came, fans in ((weights, (300, 200)), (second, (200, 100))):
        scale = initializer.scale(*fans) / (np.sqrt(3) if initializer.distribution == "uniform" else 1)
        assert came.std() == pytest.approx(scale, rel=0.02)
        assert abs(came.mean()) <= 4 * scale / np.sqrt(came.size)


@pytest.mark.parametrize("initializer", INITIALIZERS, ids=repr)
def test_the_same_seed_gives_the_same_weights_and_another_layer_others(initializer):
    shape = (40, 30)
    one, again, other = (drawn(initializer, 3, Purpose.WEIGHTS, layer, shape, shape) for layer in (0, 0, 1))
    assert (one == again).all()
    assert (one != other).any() == (initializer.name not in ("zeros", "constant", "data_points"))
    for units in (1, 5):
        biases = drawn(initializer, 3, Purpose.BIASES, 0, (1, units), (units, units))
        assert biases.shape == (1, units)
        assert np.isfinite(biases).all()


def test_a_constant_is_that_number():
    assert (drawn(Constant(-0.25), 0, Purpose.BIASES, 0, (1, 7), (7, 7)) == -0.25).all()


@pytest.mark.parametrize("shape", [(30, 10), (10, 30), (20, 20)])
def test_orthogonal_columns_or_rows_are_at_right_angles(shape):
    w = drawn(Orthogonal(gain=2.0), 1, Purpose.WEIGHTS, 0, shape, shape)
    few = w if shape[0] >= shape[1] else w.T
    assert few.T @ few == pytest.approx(4.0 * np.eye(min(shape)), abs=1e-12)


def test_orthogonal_matrices_are_fair():
    """Over many seeds each entry of a uniform orthogonal matrix has mean 0 and variance 1/n."""
    many = np.array([drawn(Orthogonal(), seed, Purpose.WEIGHTS, 0, (3, 3), (3, 3)) for seed in range(2000)])
    assert np.abs(many.mean(axis=0)).max() < 5 * np.sqrt(1 / 3 / 2000)
    assert (many**2).mean(axis=0) == pytest.approx(np.full((3, 3), 1 / 3), abs=0.04)


def test_truncated_numbers_end_at_two_deviations():
    from scipy import stats

    shape = (200, 500)
    w = drawn(TruncatedNormal(0.05), 1, Purpose.WEIGHTS, 0, shape, shape) / 0.05
    assert np.abs(w).max() < 2
    assert stats.kstest(w.ravel(), stats.truncnorm(-2, 2).cdf).pvalue > 1e-3
    assert np.abs(drawn(He(truncated=True), 1, Purpose.WEIGHTS, 0, shape, shape)).max() > 2 * He().scale(200, 500)


def test_an_unknown_distribution_is_refused():
    class Odd(Initializer):
        distribution = "odd"

        def scale(self, fan_in, fan_out):
            return 1.0

    with pytest.raises(RecipeError, match="odd"):
        drawn(Odd(), 1, Purpose.WEIGHTS, 0, (2, 2), (2, 2))


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


@pytest.mark.parametrize("shape", [(1, 3), (1, 20_001), (3, 9_000), (30_001, 1), (1_500, 37)])
def test_many_random_numbers_are_those_of_their_places_and_need_little_memory(shape):
    p = (words(3, Purpose.WEIGHTS, shape, 2, 1).astype(np.float64) + 0.5) / 2.0**32
    assert (uniform(3, Purpose.WEIGHTS, shape, 2, 1) == p).all()
    whole = quantile(p - 0.5, np.minimum(p, 1.0 - p), natural_logarithm)
    tracemalloc.start()
    drawn = normal(3, Purpose.WEIGHTS, shape, 2, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (drawn == whole).all()
    assert peak < 2 * drawn.nbytes + 30 * 8 * max(8_192, shape[1])


def test_inputs_that_differ_by_rounding_alone_leave_the_weights_as_they_were_drawn():
    """Where all samples are equal, the products of some libraries differ in the last digit from row to row."""
    generator = np.random.default_rng(0)
    w = generator.normal(size=(30, 8))
    noise = 1.0 + 1e-16 * generator.integers(-2, 3, size=(50, 30))
    np.testing.assert_array_equal(DataDeviation().fitted(noise, w, 0, 0), w)
    np.testing.assert_array_equal(DataDeviation().fitted(noise - 1.0, w, 0, 1), w)
    # A first layer's inputs may be small.
    small = 1e-20 * generator.normal(size=(50, 30))
    np.testing.assert_allclose(np.std(small @ DataDeviation().fitted(small, w, 0, 0), axis=0), 1.0)
