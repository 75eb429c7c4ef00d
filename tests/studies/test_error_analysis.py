"""The analysis, with errors counted by hand, its intervals beside published and simulated ones, and its advice."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact, ttest_1samp

import deltarule as dr
from deltarule.studies.diagnose import (
    Baseline,
    ErrorEstimate,
    Remedy,
    analyze_errors,
    analyze_run,
    baselines_of,
    certainly_above,
    check_reference_error,
    course_of,
    difference,
    error_of,
)
from deltarule.studies.diagnose.estimates import mean_interval, mean_test, sign_test
from deltarule.training import Epoch

CHECKOUT = Path(__file__).parents[2]
if str(CHECKOUT) not in sys.path:
    sys.path.append(str(CHECKOUT))

from benchmarks.advice import MADE, followed  # noqa: E402

counts = ErrorEstimate.of_counts


@pytest.mark.parametrize(("wrong", "n"), [(0, 1), (1, 1), (0, 20), (4, 180), (90, 180), (179, 180), (13, 10_000)])
def test_the_interval_of_a_share_is_wilsons(wrong, n):
    expected = binomtest(wrong, n).proportion_ci(0.95, method="wilson")
    found = counts(wrong, n)
    assert found.value == wrong / n
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)


# Newcombe (1998), "Interval estimation for the difference between independent proportions", table II, method 10.
@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 10), -0.2775, 0.2775),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(a, b, low, high):
    gap, lowest, highest = difference(counts(*a), counts(*b))
    assert gap == pytest.approx(a[0] / a[1] - b[0] / b[1])
    assert (round(lowest, 4), round(highest, 4)) == (low, high)


def test_the_interval_of_a_mean_square():
    found = ErrorEstimate.of_squares([1.0, 2.0, 3.0, 4.0])
    half = 3.182446 * math.sqrt(5 / 3) / 2  # without skewness it is Student's
    assert (found.value, found.low, found.high) == pytest.approx((2.5, max(2.5 - half, 0), 2.5 + half), abs=1e-5)
    assert ErrorEstimate.of_squares([2.0]).high == math.inf
    assert ErrorEstimate.of_squares([3.0, 3.0]) == ErrorEstimate(3.0, 3.0, 3.0, 2, is_rate=False)
    scaled = ErrorEstimate.of_squares(np.array([1.0, 2.0, 2.0, 9.0]) * 1e-12)
    plain = ErrorEstimate.of_squares([1.0, 2.0, 2.0, 9.0])
    assert scaled.high == pytest.approx(plain.high * 1e-12)
    assert plain.high - plain.value > plain.value - plain.low


SQUARES = {
    "normal": (lambda rng, shape: rng.normal(size=shape) ** 2, 1.0, 0.935),
    "laplace": (lambda rng, shape: rng.laplace(size=shape) ** 2, 2.0, 0.925),
    "student, 5 degrees": (lambda rng, shape: rng.standard_t(5, size=shape) ** 2, 5 / 3, 0.905),
    "lognormal": (lambda rng, shape: rng.lognormal(size=shape), math.exp(0.5), 0.92),
    "uniform": (lambda rng, shape: rng.uniform(size=shape), 0.5, 0.945),
}


@pytest.mark.parametrize("errors", SQUARES)
@pytest.mark.parametrize("n", [50, 200])
def test_intervals_of_skewed_errors_cover_the_mean(errors, n):
    draw, mean, least = SQUARES[errors]
    rows = draw(np.random.default_rng(1), (2000, n))
    found = np.array([mean_interval(row)[1:] for row in rows])
    covered = np.mean((found[:, 0] <= mean) & (mean <= found[:, 1]))
    half = 1.959964 * rows.std(axis=1, ddof=1) / math.sqrt(n)
    normal = np.mean(np.abs(rows.mean(axis=1) - mean) <= half)
    assert least <= covered <= 0.97
    assert covered >= normal - 0.01


@pytest.mark.parametrize("draw", [SQUARES["normal"][0], SQUARES["student, 5 degrees"][0], SQUARES["lognormal"][0]])
def test_variance_is_seldom_found_where_there_is_none(draw):
    rng = np.random.default_rng(2)
    estimates = [[ErrorEstimate.of_squares(draw(rng, n)) for n in (300, 60)] for _ in range(1000)]
    assert np.mean([certainly_above(held, train) for train, held in estimates]) <= 0.03


def test_paired_tests_are_those_of_scipy():
    for more, less in [(0, 0), (3, 0), (5, 2), (40, 31)]:
        p = binomtest(more, more + less, alternative="greater").pvalue if more + less else 1.0
        assert sign_test(more, less) == pytest.approx(p, abs=1e-12)
    values = np.random.default_rng(0).normal(-0.3, 1, 20)
    assert mean_test(values) == pytest.approx(ttest_1samp(values, 0, alternative="less").pvalue, abs=1e-12)


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_certainty_agrees_with_fishers_exact_test(n, m, data):
    wrong, other = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    p = fisher_exact([[wrong, n - wrong], [other, m - other]], alternative="greater").pvalue
    found = certainly_above(counts(wrong, n), counts(other, m))
    if abs(p - 0.025) > 1e-9:
        assert found == (p <= 0.025 and difference(counts(wrong, n), counts(other, m))[1] > 0)


@pytest.mark.parametrize(
    ("train", "validation", "reference", "variance", "bias"),
    [
        ((0, 1437), (4, 180), None, True, False),
        ((2, 1437), (18, 180), None, True, False),
        ((143, 1437), (20, 180), None, False, True),  # 10 % and 11 %: bias or noise alone
        ((143, 1437), (20, 180), 0.10, False, False),  # the same, where 10 % is the lowest that can be reached
        ((143, 1437), (50, 180), 0.02, True, True),
        ((0, 1437), (1, 180), None, False, False),  # one answer is chance
        ((0, 4), (0, 4), None, False, False),
        ((1, 1437), (0, 180), None, False, False),  # certainly above 0, but not by an amount that matters
        ((500, 50_000), (130, 10_000), None, False, True),  # 0.3 percentage points do not matter
        ((500, 50_000), (230, 10_000), 0.0098, True, False),
        ((200, 1000), (2, 10), 0.0, False, True),  # bias is a property of the training set, however few validate
        ((200, 1000), (2, 10), None, False, True),
        ((0, 1000), (200, 1000), 0.2, False, False),  # nothing can be gained below the reference
        ((0, 1000), (200, 1000), 0.1, True, False),
    ],
)
def test_known_numbers(train, validation, reference, variance, bias):
    found = analyze_errors(counts(*train), counts(*validation), reference)
    assert (found.variance, found.bias) == (variance, bias)
    assert ("Good" in str(found)) <= (not variance and not bias)
    assert ("no reference error was given" in str(found)) == (bias and reference is None)
    assert str(found).startswith("The training error is ")
    assert f"{validation[0]:,} of {validation[1]:,}" in found.sentences[0]
    assert not any(remedy.change for remedy in found.remedies)  # errors alone support no change of a recipe


def test_too_few_samples_are_said_to_be_so():
    found = str(analyze_errors(counts(5, 142), counts(2, 15)))
    assert "15 validation samples cannot tell" in found
    needed = int(found.partition("about ")[2].split()[0].replace(",", ""))
    assert needed > 15
    assert analyze_errors(counts(5, 142), counts(round(2 / 15 * needed * 1.2), round(needed * 1.2))).variance


def test_good_says_what_could_be_missed():
    found = str(analyze_errors(counts(0, 1000), counts(0, 100)))
    assert "Good: no sign of bias or of variance" in found
    assert "up to 3.7 percentage points could be missed" in found


def test_without_validation_nothing_is_said_of_variance():
    found = analyze_errors(counts(300, 1000))
    assert found.bias
    assert not found.variance
    assert found.gap is None
    assert "nothing is known of variance" in str(found)
    assert found.to_json()["gap"] is None


def constant(train, validation=None, certain=1):
    """A baseline that always gives the same answer."""
    return Baseline("always answering the mean", False, train, validation, (1.0, 0.5, 1.5), certain, 1.0)  # noqa: FBT003


def test_numbers_in_place_of_classes():
    rng = np.random.default_rng(0)
    train, validation = rng.chisquare(1, 300), 4 * rng.chisquare(1, 100)
    estimates = ErrorEstimate.of_squares(train), ErrorEstimate.of_squares(validation)
    found = analyze_errors(*estimates, 0.9)
    assert found.variance
    assert not found.bias
    assert found.sentences[0].startswith("The training RMSE is 1 (over 300 samples), the validation RMSE 1.99")
    assert "%" not in str(found).replace("95 %", "")
    alike = analyze_errors(ErrorEstimate.of_squares(train), ErrorEstimate.of_squares(train[:100]), 0.0)
    assert alike.bias
    assert not alike.variance


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e9])
def test_a_regression_that_leaves_next_to_nothing_is_no_bias(scale):
    left = scale * 0.0012 * np.random.default_rng(0).chisquare(1, 1000)  # R² of 0.9988
    train, held = ErrorEstimate.of_squares(left), ErrorEstimate.of_squares(left[:200])
    assert not analyze_errors(train, held).bias
    known = analyze_errors(train, held, baselines=[constant(ErrorEstimate.of_squares(left / 0.0012), held)])
    assert not known.bias
    assert not known.variance
    assert not known.remedies
    assert "Good" in str(known)


@given(st.integers(1, 3000), st.integers(1, 3000), st.data())
def test_every_analysis_can_be_said(n, m, data):
    train, held = counts(data.draw(st.integers(0, n)), n), counts(data.draw(st.integers(0, m)), m)
    found = analyze_errors(train, held, data.draw(st.none() | st.floats(0, 1)))
    assert all(sentence.endswith(".") for sentence in found.sentences)
    assert found.variance <= (held.value > train.value)
    assert found.bias <= (train.value > 0)


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=20), st.lists(st.floats(0, 1e12), min_size=1, max_size=20))
def test_every_analysis_on_numbers_can_be_said(train, validation):
    found = analyze_errors(ErrorEstimate.of_squares(train), ErrorEstimate.of_squares(validation))
    assert "nan" not in str(found)
    assert "inf" not in str(found)
    assert found.to_json()["variance"] is found.variance


def epochs_of(validation, train=None):
    """Epochs with these losses; the training loss falls unless it is given."""
    train = np.linspace(1, 0.1, len(validation)) if train is None else train
    return [Epoch(i + 1, t, t, 0.5, v, v, 0.5, 0.1) for i, (t, v) in enumerate(zip(train, validation, strict=True))]


ADULT = [0.3141, 0.3178, 0.3169, 0.3188, 0.3185, 0.3522, 0.3234, 0.3263, 0.3491, 0.3415, 0.3406]


@pytest.mark.parametrize(
    ("losses", "epochs", "overfitted", "early", "falling"),
    [
        (ADULT, 100, True, True, False),
        ([1 / k for k in range(1, 21)], 20, False, False, True),
        ([1 / k for k in range(1, 21)], 100, False, False, False),  # ended by something else
        ([0.5 + 0.01 * (k % 3) for k in range(20)], 20, False, False, False),
        ([*np.linspace(1, 0.5, 15), *np.linspace(0.5, 0.8, 10)[1:]], 100, True, False, False),
    ],
)
def test_the_course_of_a_history(losses, epochs, overfitted, early, falling):
    found = course_of(epochs_of(losses), epochs)
    assert (found.overfitted, found.early, found.falling) == (overfitted, early, falling)
    assert found.best == int(np.argmin(losses)) + 1


def test_a_course_that_says_nothing():
    assert course_of(epochs_of([1.0, 0.9]), 2) is None
    assert course_of(epochs_of([math.nan] * 9), 9) is None
    rng = np.random.default_rng(0)
    level = [course_of(epochs_of(0.5 + 0.02 * rng.normal(size=20)), 20) for _ in range(200)]
    assert np.mean([course.overfitted for course in level]) < 0.1
    assert np.mean([course.falling for course in level]) < 0.05


def linear(validation, gap, *, certain=0, chance=1.0):
    """A linear baseline whose validation error exceeds the network's by `gap`."""
    return Baseline("a linear model", True, validation, validation, (gap, gap - 0.01, gap + 0.01), certain, chance)  # noqa: FBT003


def advised(train, held, *, baselines, losses=None, recipe=None, reference=None):
    """The changes that an analysis gives."""
    history = None if losses is None else epochs_of(losses)
    found = analyze_errors(train, held, reference, history=history, recipe=recipe or dr.Recipe(), baselines=baselines)
    return [dict(remedy.change) for remedy in found.remedies if remedy.change]


def test_changes_of_the_recipe_need_their_evidence():
    same, falling = counts(140, 1000), [1 / k for k in range(1, 21)]
    known = constant(counts(240, 1000), counts(240, 1000))
    near, far = linear(counts(150, 1000), 0.01, certain=1), linear(counts(300, 1000), 0.16, certain=1)
    assert advised(same, same, baselines=[known, near], losses=ADULT) == [{"hidden": (16,)}]
    assert advised(same, same, baselines=[known, far], losses=ADULT) == []  # its size is worth something
    assert advised(same, same, baselines=[known], losses=ADULT) == []
    better = linear(counts(100, 1000), -0.04, certain=-1, chance=0.001)
    assert advised(same, same, baselines=[known, better]) == [{"hidden": ()}]
    likely = linear(counts(130, 1000), -0.01, chance=0.08)
    assert advised(same, same, baselines=[known, likely]) == []
    assert advised(counts(0, 1000), same, baselines=[known, likely]) == [{"hidden": ()}]
    short = dr.Recipe(epochs=20)
    assert advised(same, same, baselines=[known, far], losses=falling, recipe=short) == [{"epochs": 40}]
    assert advised(counts(0, 1000), counts(0, 1000), baselines=[known, far], losses=falling, recipe=short) == []
    assert advised(same, same, baselines=[known, far], reference=0.02) == [{"hidden": (256, 128)}]
    assert advised(same, same, baselines=[known, far], reference=0.02, losses=ADULT) == []
    plain = dr.Recipe(network=dr.Network(hidden=()))
    assert advised(same, same, baselines=[known], losses=ADULT, recipe=plain) == []


LOSSES = (None, ADULT, [1 / k for k in range(1, 21)])


@given(
    st.integers(0, 300),
    st.integers(0, 300),
    st.integers(-1, 1),
    st.sampled_from(LOSSES),
    st.none() | st.floats(0, 1),
)
def test_no_two_remedies_pull_in_opposite_directions(wrong, held, certain, losses, reference):
    known = constant(counts(300, 1000), counts(300, 1000))
    gap = certain * 0.05
    other = linear(
        counts(int(np.clip(held + 1000 * gap, 0, 1000)), 1000), gap, certain=certain, chance=0.5 + certain / 2
    )
    history = None if losses is None else epochs_of(losses)
    found = analyze_errors(
        counts(wrong, 1000), counts(held, 1000), reference,
        history=history, recipe=dr.Recipe(epochs=20), baselines=[known, other],
    )  # fmt: skip
    texts = " ".join(remedy.text for remedy in found.remedies)
    assert not ("larger" in texts and ("smaller" in texts or "no hidden" in texts or "regularization" in texts))
    assert sum("hidden" in remedy.change for remedy in found.remedies) <= 1
    if found.remedies and "longer" in texts:
        assert losses is not ADULT  # whose validation loss rose
    assert all(isinstance(remedy.applied(dr.Recipe()), dr.Recipe) for remedy in found.remedies)


def test_a_remedy_is_a_change_of_the_recipe_in_python_and_in_the_shell():
    remedy = Remedy("longer training", {"epochs": 200})
    assert remedy.applied(dr.Recipe()).epochs == 200
    assert (remedy.options, str(remedy)) == ("--epochs 200", "longer training (epochs=200)")
    assert Remedy("no hidden layer", {"hidden": ()}).options == "--hidden none"
    assert Remedy("more training samples").applied(dr.Recipe()) == dr.Recipe()


def test_pure_noise_is_not_good():
    rng = np.random.default_rng(0)
    y = np.array(["well"] * 600)
    y[rng.choice(600, 17, replace=False)] = "sick"
    data = dr.Dataset(train=(rng.normal(size=(600, 8)), y)).with_validation(fraction=0.25)
    run = dr.train(dr.Recipe(), data)
    found = analyze_run(run, data)
    assert "Good" not in str(found)
    assert "do not show that the network is better than always answering 'well'" in str(found)
    assert not any(remedy.change for remedy in found.remedies)
    assert found.to_json()["baselines"][0]["name"] == "always answering 'well'"


def test_baselines_are_what_they_say():
    data = dr.load_dataset("breast_cancer")
    model = dr.train(dr.Recipe(), data).model
    always, line = baselines_of(model, data)
    labels, counts = np.unique(data.train.y, return_counts=True)
    most = labels[np.argmax(counts)]
    assert always.validation.value == pytest.approx(np.mean(data.validation.y != most))
    assert line.train.value < 0.05
    assert line.difference[0] == pytest.approx(line.validation.value - error_of(model, data.validation).value)
    assert always.certain == 1
    assert [
        each.linear for each in baselines_of(dr.train(dr.Recipe(network=dr.Network(hidden=())), data).model, data)
    ] == [False]
    numbers = dr.load_dataset("diabetes")
    always, line = baselines_of(dr.train(dr.Recipe(), numbers).model, numbers)
    assert always.train.value == pytest.approx(np.var(numbers.train.y))
    assert line.train.value < 0.6 * always.train.value
    again = baselines_of(dr.train(dr.Recipe(), numbers).model, numbers)
    assert again == (always, line)


def test_a_run_without_a_validation_set():
    data = dr.Dataset(train=dr.load_dataset("iris").train)
    found = analyze_run(dr.train(dr.Recipe(epochs=5, stopping=None), data), data)
    assert found.gap is None
    assert not found.remedies
    split = analyze_run(dr.train(dr.Recipe(epochs=5), data), data)
    assert split.gap is not None


@pytest.mark.parametrize("name", ["noisy table", "linear truth", "few epochs"])
def test_followed_advice_does_not_lower_the_test_score(name):
    data, recipe = MADE[name](0)
    outcomes = followed(name, data, recipe, seeds=8)
    assert outcomes[0].remedy is not None
    assert not any(outcome.worse for outcome in outcomes)
    assert max(outcome.difference for outcome in outcomes) > 0.01
    assert all(outcome.row().count("|") == 7 for outcome in outcomes)


@pytest.mark.parametrize("name", ["pure noise", "already perfect", "leak"])
def test_no_change_is_advised_where_none_can_help(name):
    data, recipe = MADE[name](0)
    assert [outcome.remedy for outcome in followed(name, data, recipe)] == [None]


@pytest.mark.parametrize("reference", [-0.1, 1.5, math.nan])
def test_a_reference_that_is_no_error(reference):
    with pytest.raises(dr.DeltaruleError, match="reference error"):
        analyze_errors(counts(1, 10), counts(1, 10), reference)
    with pytest.raises(dr.DeltaruleError, match="reference error"):
        check_reference_error(reference, is_rate=True)


def test_errors_that_cannot_be():
    with pytest.raises(dr.DeltaruleError):
        counts(3, 2)
    with pytest.raises(dr.DeltaruleError):
        counts(0, 0)
    with pytest.raises(dr.DeltaruleError):
        ErrorEstimate.of_squares([])
    with pytest.raises(dr.DeltaruleError, match="one kind"):
        analyze_errors(counts(1, 10), ErrorEstimate.of_squares([1.0, 2.0]))


def test_the_error_of_a_model_is_counted_on_raw_labels():
    data = dr.load_dataset("iris")
    model = dr.train(dr.Recipe(epochs=3, stopping=None), data).model
    found = error_of(model, data.test)
    assert found.value == pytest.approx(1 - model.score(data.test.x, data.test.y))
    assert found.n == len(data.test)
    numbers = dr.load_dataset("diabetes")
    model = dr.train(dr.Recipe(epochs=3, stopping=None), numbers).model
    mean = np.mean((model.predict(numbers.test.x) - numbers.test.y) ** 2)
    assert error_of(model, numbers.test).value == pytest.approx(mean)


def test_it_is_not_good_where_a_linear_model_is_certainly_better():
    train, held, best = counts(0, 1000), counts(3, 1000), counts(1, 1000)
    beside = [constant(counts(500, 1000), counts(500, 1000)), linear(best, -0.002, certain=-1)]
    assert "Good" in str(analyze_errors(train, held, baselines=[beside[0], linear(best, -0.002)]))
    said = str(analyze_errors(train, held, baselines=beside))
    assert "The linear model is better" in said
    assert "Good" not in said
    assert "No sign of variance" in said
