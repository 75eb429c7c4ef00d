"""The statistics of comparisons: what they promise, held by simulation, and what SciPy says of the same figures."""

import itertools

import numpy as np
import pytest
from scipy import stats

from deltarule.studies.compare import statistics

REPETITIONS = 200
RIGHT, SAMPLES = 0.95, 180


def scores(generator, n, right=RIGHT):
    """Accuracies as networks have them: a seed's own luck, shared by all variants, and what is each one's own."""
    luck = generator.normal(0, 0.01, n)
    return generator.binomial(SAMPLES, np.clip(right + luck, 0, 1)) / SAMPLES


@pytest.mark.parametrize(("n", "variants"), [(10, 3), (14, 2)])
def test_where_there_is_no_difference_none_is_announced(n, variants):
    generator = np.random.default_rng(n)
    announced = 0
    for _ in range(REPETITIONS):
        every = [scores(generator, n) for _ in range(variants)]
        p = [statistics.difference(*pair).p for pair in itertools.combinations(every, 2)]
        announced += min(statistics.holm(p)) <= statistics.LEVEL
    # 5 %, and what 200 repetitions may be off by chance with a probability of 1 %.
    assert announced <= stats.binom.ppf(0.99, REPETITIONS, 0.05)


@pytest.mark.parametrize("n", [5, 10, 20])
def test_intervals_hold_a_margin_that_is_known(n):
    generator = np.random.default_rng(100 + n)
    margin, held = 0.02, 0
    for _ in range(REPETITIONS):
        first, second = scores(generator, n, 0.96), scores(generator, n, 0.96 - margin)
        found = statistics.difference(first, second)
        held += found.low <= margin <= found.high
    assert held >= 0.93 * REPETITIONS


def test_a_large_difference_is_announced():
    generator = np.random.default_rng(0)
    found = [statistics.difference(scores(generator, 10, 0.95), scores(generator, 10, 0.85)) for _ in range(20)]
    assert all(each.seen and each.mean > 0 for each in found)


def test_the_probability_of_winning_is_that_of_a_new_seed():
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(REPETITIONS):
        found = statistics.difference(generator.normal(0.5, 1, 15), np.zeros(15))
        held += found.beats_low <= stats.norm.cdf(0.5) <= found.beats_high
    assert held >= 0.92 * REPETITIONS


def test_all_signs_are_counted_for_few_seeds():
    d = np.array([0.3, 0.1, 0.2, -0.1, 0.4, 0.2])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1)
    means = (signs * d[:, None]).mean(axis=0)
    found = statistics.difference(d, np.zeros(6))
    assert found.p == pytest.approx(np.mean(np.abs(means) >= d.mean() - 1e-12))


def test_the_effect_and_the_summary():
    d = np.array([1.0, 2.0, 4.0])
    assert statistics.difference(d, np.zeros(3)).effect == pytest.approx(d.mean() / d.std(ddof=1))
    assert statistics.difference(d * 0 + 1, np.zeros(3)).effect == np.inf
    found = statistics.summary([1.0, np.nan, 4.0])
    assert (found.n, found.mean, found.median, found.smallest, found.largest) == (2, 2.5, 2.5, 1.0, 4.0)
    assert np.isnan(statistics.summary([]).mean)
    assert statistics.interval([1.0]) == (-np.inf, np.inf)
    assert statistics.interval([0.5] * 6) == (0.5, 0.5)
    assert statistics.summary([0.98, 1.0, 1.0], (0, 1)).high == 1


def test_turned_round_it_is_the_other_way():
    generator = np.random.default_rng(3)
    one, other = scores(generator, 8), scores(generator, 8, 0.9)
    found, turned = statistics.difference(one, other), statistics.difference(other, one).turned
    assert (found.mean, found.p) == (turned.mean, turned.p)
    assert (found.beats, found.beats_low) == pytest.approx((turned.beats, turned.beats_low))
    assert (found.low, found.high) == pytest.approx((turned.low, turned.high), abs=0.004)


def test_holm_never_falls_and_never_passes_one():
    p = np.random.default_rng(0).random(9)
    adjusted = np.array(statistics.holm(list(p)))
    order = np.argsort(p)
    assert (np.diff(adjusted[order]) >= 0).all()
    assert (adjusted >= p).all()
    assert adjusted.max() <= 1
    assert adjusted[order[0]] == min(1, 9 * p[order[0]])


def test_the_seeds_needed_are_those_with_which_a_test_can_see():
    for pairs in (1, 3, 10):
        n = statistics.seeds_needed(pairs)
        least = [statistics.difference(np.arange(1, k + 1), np.zeros(k)).p * pairs for k in (n - 1, n)]
        assert least[0] > statistics.LEVEL >= least[1]


def test_many_pairs_are_each_as_they_are_alone():
    generator = np.random.default_rng(3)
    pairs = [(generator.normal(0, 1, n), generator.normal(0, 1, n)) for n in [*[9] * 30, 14, 5, 2, 1, 0]]
    pairs += [(np.ones(9), np.ones(9)), (np.ones(9), np.zeros(9))]
    assert repr(statistics.differences(pairs)) == repr([statistics.difference(*pair) for pair in pairs])
