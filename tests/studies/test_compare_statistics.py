"""The statistics of comparisons: their error rates and coverage by simulation, and their definitions.

`scripts/simulate-comparisons` measures the same rates for more distributions, with more repetitions.
"""

import itertools

import numpy as np
import pytest
from scipy import stats

from deltarule.studies.compare import statistics
from deltarule.studies.compare.mean_inference import LEVEL, mean_inference, resamples_for
from deltarule.studies.compare.sample_scores import SampleScores
from deltarule.studies.compare.trial import CURVES, Finished

REPETITIONS = 300
RIGHT, SAMPLES = 0.95, 180


def at_most(rate):
    """The rejections that a rate exceeds by chance with a probability of 1 %."""
    return stats.binom.ppf(0.99, REPETITIONS, rate)


def scores(generator, n, right=RIGHT):
    """Accuracies: an effect of the seed, shared by all variants, and the variation of each."""
    luck = generator.normal(0, 0.01, n)
    return generator.binomial(SAMPLES, np.clip(right + luck, 0, 1)) / SAMPLES


@pytest.mark.parametrize(("n", "variants"), [(10, 3), (14, 2)])
def test_where_variants_do_not_differ_few_comparisons_report_a_difference(n, variants):
    generator = np.random.default_rng(n)
    announced = 0
    for _ in range(REPETITIONS):
        every = [scores(generator, n) for _ in range(variants)]
        p = [statistics.difference(*pair).p for pair in itertools.combinations(every, 2)]
        announced += min(statistics.holm(p)) <= LEVEL
    assert announced <= at_most(0.05)


@pytest.mark.parametrize("n", [8, 10, 20])
@pytest.mark.parametrize(
    ("draw", "rate"),
    [
        (lambda r, n: r.normal(0, 1, n), 0.05),
        (lambda r, n: r.standard_t(3, n), 0.05),
        (lambda r, n: r.exponential(1, n) - 1, 0.055),
        # The sign-flip test alone rejects 10 % of these.
        (lambda r, n: r.lognormal(0, 0.75, n) - np.exp(0.75**2 / 2), 0.065),
        # And 11 to 16 % of these.
        (lambda r, n: r.chisquare(1, n) - 1, 0.06),
    ],
    ids=["normal", "heavy tails", "exponential", "lognormal", "chi-squared"],
)
def test_errors_are_bounded_for_skewed_and_heavy_tailed_differences_of_mean_0(draw, rate, n):
    generator = np.random.default_rng(n)
    found = [mean_inference(draw(generator, n)) for _ in range(REPETITIONS)]
    assert sum(each.p <= LEVEL for each in found) <= at_most(rate)
    assert sum(not each.low <= 0 <= each.high for each in found) <= at_most(rate)


@pytest.mark.parametrize("n", [6, 9, 13, 14, 30])
def test_the_interval_has_the_values_that_the_test_does_not_reject(n):
    generator = np.random.default_rng(n)
    for _ in range(20):
        d = generator.exponential(1, n).round(2)
        found = mean_inference(d)
        width = found.high - found.low
        for end, inside in ((found.low, 1), (found.high, -1)):
            assert mean_inference(d - end - inside * 1e-6 * width).p > LEVEL
            assert mean_inference(d - end + inside * 1e-6 * width).p <= LEVEL


def test_where_variants_diverge_equally_often_neither_test_reports_a_difference():
    generator = np.random.default_rng(7)
    announced = covered = 0
    for _ in range(REPETITIONS):
        pair = [np.where(generator.random(12) < 0.25, -np.inf, generator.normal(0, 1, 12)) for _ in range(2)]
        found = statistics.difference(*pair)
        rates = statistics.failure_rates(*(np.isinf(each).tolist() for each in pair))
        p = [each.p for each in (found, rates) if each.tested]
        announced += bool(p) and min(statistics.holm(p)) <= LEVEL
        covered += found.low <= 0 <= found.high
    assert announced <= at_most(0.05)
    assert covered >= REPETITIONS - at_most(0.05)


def test_the_test_of_divergence_is_mcnemars():
    first, second = [True] * 9 + [False] * 4, [True] * 2 + [False] * 10 + [True]
    found = statistics.failure_rates(first, second)
    assert (found.n, found.first, found.second, found.discordant) == (13, 9, 3, 8)
    assert found.p == pytest.approx(2 * stats.binom.cdf(1, 8, 0.5))
    assert statistics.failure_rates([True], [True]).p == 1.0


@pytest.mark.parametrize("n", [5, 10, 20])
def test_intervals_cover_a_known_difference(n):
    generator = np.random.default_rng(100 + n)
    margin, held = 0.02, 0
    for _ in range(REPETITIONS):
        first, second = scores(generator, n, 0.96), scores(generator, n, 0.96 - margin)
        found = statistics.difference(first, second)
        held += found.low <= margin <= found.high
    assert held >= 0.93 * REPETITIONS


@pytest.mark.parametrize(("seeds", "samples"), [(6, 50), (10, 180)])
def test_intervals_with_test_samples_cover_the_difference_for_new_samples(seeds, samples):
    generator = np.random.default_rng(seeds)
    held, alone = 0, 0
    for _ in range(REPETITIONS):
        difficulty = generator.normal(0, 0.5, (2, 1, samples)) + generator.normal(0, 1, (1, 1, samples))
        right = (1.5 + difficulty + generator.normal(0, 0.5, (2, seeds, samples)) > 0).astype(float)
        found = statistics.difference(*right.mean(axis=2), statistics.sample_error(right[0] - right[1]))
        held += found.total_low <= 0 <= found.total_high
        alone += found.low <= 0 <= found.high
    assert held >= 0.93 * REPETITIONS > alone


def test_a_large_difference_is_significant():
    generator = np.random.default_rng(0)
    found = [statistics.difference(scores(generator, 10, 0.95), scores(generator, 10, 0.85)) for _ in range(20)]
    assert all(each.significant and each.mean > 0 for each in found)


def test_the_probability_of_winning_is_that_of_a_new_seed():
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(REPETITIONS):
        found = statistics.difference(generator.normal(0.5, 1, 15), np.zeros(15))
        held += found.beats_low <= stats.norm.cdf(0.5) <= found.beats_high
    assert held >= 0.92 * REPETITIONS


def test_p_is_the_larger_one_of_the_sign_flip_test_and_the_bootstrap():
    d = np.array([0.3, 0.1, 0.2, -0.1, 0.4, 0.2])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1)
    means = (signs * d[:, None]).mean(axis=0)
    flipped = np.mean(np.abs(means) >= d.mean() - 1e-12)
    every = np.array(np.meshgrid(*[d] * 6)).reshape(6, -1)  # all 6⁶ resamples in place of 9,999
    variance = np.maximum(every.var(axis=0, ddof=1), 0.01 * d.var(ddof=1))
    t = (every.mean(axis=0) - d.mean()) / np.sqrt(variance / 6)
    observed = d.mean() / (d.std(ddof=1) / np.sqrt(6))
    bootstrap = 2 * min(np.mean(t >= observed), np.mean(t <= observed))
    assert statistics.difference(d, np.zeros(6)).p == pytest.approx(max(flipped, bootstrap), abs=0.01)


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


def test_a_swapped_difference_is_that_of_the_swapped_variants():
    generator = np.random.default_rng(3)
    one, other = scores(generator, 8), scores(generator, 8, 0.9)
    found, swapped = statistics.difference(one, other, 0.01), statistics.difference(other, one, 0.01).swapped
    names = ("mean", "p", "beats", "beats_low", "low", "high", "total_low", "total_high")
    assert [getattr(found, name) for name in names] == pytest.approx([getattr(swapped, name) for name in names])


def test_the_old_name_of_significant_warns():
    with pytest.warns(DeprecationWarning, match="significant"):
        assert statistics.difference(np.arange(1, 9), np.zeros(8)).seen


def test_holm_never_falls_and_never_passes_one():
    p = np.random.default_rng(0).random(9)
    adjusted = np.array(statistics.holm(list(p)))
    order = np.argsort(p)
    assert (np.diff(adjusted[order]) >= 0).all()
    assert (adjusted >= p).all()
    assert adjusted.max() <= 1
    assert adjusted[order[0]] == min(1, 9 * p[order[0]])


@pytest.mark.parametrize("tests", [1, 3, 10, 45, 300])
def test_with_the_seeds_needed_a_large_difference_is_significant_and_with_fewer_none_is(tests):
    n = statistics.seeds_needed(tests)
    smallest = []
    for k in (n - 1, n):
        gains = 1 + np.random.default_rng(k).normal(0, 0.01, k)
        smallest.append(statistics.difference(gains, np.zeros(k), resamples=resamples_for(tests)).p * tests)
    assert smallest[0] > LEVEL >= smallest[1]


@pytest.mark.parametrize("values", [[1.0, 0.0, 1.0] * 7, [0.25, -3.0, 1e9, np.nan], []])
def test_sample_scores_are_packed(values):
    packed = SampleScores.of(values)
    assert SampleScores.from_json(packed.to_json()) == packed
    expected = np.clip(np.nan_to_num(values), -65504, 65504)
    assert packed.values == pytest.approx(expected)
    assert len(packed.content) == (-(-len(values) // 8) if packed.kind == "bits" else 2 * len(values))


@pytest.mark.parametrize(
    "change",
    [
        {"count": 4},
        {"count": "3"},
        {"count": -1},
        {"kind": "text"},
        {"content": "?"},
        {"content": 3},
        {"more": 1},
        {"kind": "bits", "count": -1, "content": ""},
        {"content": "AHwAfAB8"},
    ],
)
def test_sample_scores_of_a_foreign_file_are_a_value_error(change):
    with pytest.raises(ValueError, match="expected"):
        SampleScores.from_json({**SampleScores.of([0.5, 0.2, 0.1]).to_json(), **change})


NETWORK = Finished(
    "adam", 0, "key", "finished", 0.9, 0.1, 0.8, 0.2, 2, 1, 0.5, {name: [1.0, 0.5] for name in CURVES}, [0.3]
)


def test_a_network_is_read_as_it_was_written():
    assert Finished.from_json(NETWORK.to_json()) == NETWORK


@pytest.mark.parametrize(
    "change",
    [
        {"seed": -1},
        {"seed": 2**64},
        {"seed": True},
        {"best_epoch": 3},
        {"epochs": 1},
        {"score": "0.9"},
        {"variant": 1},
        {"curves": {"train_loss": [1.0]}},
        {"batch_losses": 0.3},
        {"more": 1},
    ],
)
def test_a_network_of_a_foreign_file_is_a_value_error(change):
    with pytest.raises(ValueError, match="expected"):
        Finished.from_json({**NETWORK.to_json(), **change})
    with pytest.raises(ValueError, match="expected"):
        Finished.from_json([])
