"""The verdict, with errors counted by hand, and its intervals beside published and computed ones."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact

import deltarule as dr
from deltarule.studies.verdict import (
    BIAS_REMEDIES,
    VARIANCE_REMEDIES,
    ErrorEstimate,
    certainly_above,
    check_reference_error,
    difference,
    error_of,
    verdict,
)

share = ErrorEstimate.of_shares


@pytest.mark.parametrize(("wrong", "n"), [(0, 1), (1, 1), (0, 20), (4, 180), (90, 180), (179, 180), (13, 10_000)])
def test_the_interval_of_a_share_is_wilsons(wrong, n):
    expected = binomtest(wrong, n).proportion_ci(0.95, method="wilson")
    found = share(wrong, n)
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
    gap, lowest, highest = difference(share(*a), share(*b))
    assert gap == pytest.approx(a[0] / a[1] - b[0] / b[1])
    assert (round(lowest, 4), round(highest, 4)) == (low, high)


def test_the_interval_of_a_mean_square_is_the_normal_one():
    found = ErrorEstimate.of_squares([1.0, 2.0, 3.0, 4.0])
    half = 1.959964 * math.sqrt(5 / 3) / 2
    assert found.value == 2.5
    assert found.low == pytest.approx(2.5 - half, abs=1e-5)
    assert found.high == pytest.approx(2.5 + half, abs=1e-5)
    assert ErrorEstimate.of_squares([0.0, 0.0, 30.0]).low == 0.0
    assert ErrorEstimate.of_squares([2.0]).high == math.inf


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_certainty_agrees_with_fishers_exact_test(n, m, data):
    wrong, other = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    p = fisher_exact([[wrong, n - wrong], [other, m - other]], alternative="greater").pvalue
    found = certainly_above(share(wrong, n), share(other, m))
    if abs(p - 0.025) > 1e-9:
        assert found == (p <= 0.025 and difference(share(wrong, n), share(other, m))[1] > 0)


@pytest.mark.parametrize(
    ("train", "validation", "reference", "variance", "bias"),
    [
        ((0, 1437), (4, 180), None, True, False),
        ((2, 1437), (18, 180), None, True, False),
        ((143, 1437), (20, 180), None, False, True),  # 10 % and 11 %: bias alone
        ((143, 1437), (20, 180), 0.10, False, False),  # the same, where 10 % is as good as it gets
        ((143, 1437), (50, 180), 0.02, True, True),
        ((0, 1437), (1, 180), None, False, False),  # one answer is chance
        ((5, 142), (2, 15), None, False, False),
        ((0, 4), (0, 4), None, False, False),
        ((1, 1437), (0, 180), None, False, False),  # certainly above 0, but not so that anybody could see it
        ((500, 50_000), (100, 10_000), None, False, True),
        ((500, 50_000), (130, 10_000), None, True, True),
        ((500, 50_000), (130, 10_000), 0.0098, True, False),
    ],
)
def test_known_numbers(train, validation, reference, variance, bias):
    found = verdict(share(*train), share(*validation), reference)
    assert (found.variance, found.bias) == (variance, bias)
    assert 2 <= len(found.sentences) <= 3
    assert set(found.remedies) == {*(VARIANCE_REMEDIES if variance else ()), *(BIAS_REMEDIES if bias else ())}
    assert ("no reference error was given" in str(found)) == (reference is None and "Good" not in str(found))
    assert str(found).startswith("The training error is ")
    assert f"{validation[0]:,} of {validation[1]:,}" in found.sentences[0]


def test_the_larger_fault_comes_first():
    assert verdict(share(500, 50_000), share(130, 10_000)).sentences[1].startswith("Bias")
    assert verdict(share(143, 1437), share(50, 180), 0.02).sentences[1].startswith("Variance")
    assert verdict(share(500, 50_000), share(130, 10_000)).remedies[0] == BIAS_REMEDIES[0]


def test_too_few_samples_are_said_to_be_so():
    found = str(verdict(share(5, 142), share(2, 15)))
    assert "15 validation samples cannot tell" in found
    needed = int(found.partition("about ")[2].split()[0].replace(",", ""))
    assert needed > 15
    assert verdict(share(5, 142), share(round(2 / 15 * needed * 1.2), round(needed * 1.2))).variance


def test_good_says_what_could_go_unseen():
    found = str(verdict(share(0, 1000), share(0, 100)))
    assert "Good: no sign of bias or of variance" in found
    assert "up to 3.7 points" in found


def test_without_validation_nothing_is_said_of_variance():
    found = verdict(share(300, 1000))
    assert found.bias
    assert not found.variance
    assert found.gap is None
    assert "nothing can be said without a validation part" in str(found)
    assert found.to_json()["gap"] is None


def test_numbers_in_place_of_classes():
    generator = np.random.default_rng(0)
    train, validation = generator.chisquare(1, 300), 4 * generator.chisquare(1, 100)
    found = verdict(ErrorEstimate.of_squares(train), ErrorEstimate.of_squares(validation), 0.9)
    assert found.variance
    assert not found.bias
    assert "mean squared error" in str(found)
    assert "%" not in str(found).replace("95 %", "")
    alike = verdict(ErrorEstimate.of_squares(train), ErrorEstimate.of_squares(train[:100]), 0.0)
    assert alike.bias
    assert not alike.variance


@given(st.integers(1, 3000), st.integers(1, 3000), st.data())
def test_every_verdict_can_be_said(n, m, data):
    train, held = share(data.draw(st.integers(0, n)), n), share(data.draw(st.integers(0, m)), m)
    found = verdict(train, held, data.draw(st.none() | st.floats(0, 1)))
    assert all(sentence.endswith(".") for sentence in found.sentences)
    assert found.variance <= (held.value > train.value)
    assert found.bias <= (train.value > 0)


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=20), st.lists(st.floats(0, 1e12), min_size=1, max_size=20))
def test_every_verdict_on_numbers_can_be_said(train, validation):
    found = verdict(ErrorEstimate.of_squares(train), ErrorEstimate.of_squares(validation))
    assert "nan" not in str(found)
    assert "inf" not in str(found)
    assert found.to_json()["variance"] is found.variance


@pytest.mark.parametrize("reference", [-0.1, 1.5, math.nan])
def test_a_reference_that_is_no_error(reference):
    with pytest.raises(dr.DeltaruleError, match="reference error"):
        verdict(share(1, 10), share(1, 10), reference)
    with pytest.raises(dr.DeltaruleError, match="reference error"):
        check_reference_error(reference, share=True)


def test_errors_that_cannot_be():
    with pytest.raises(dr.DeltaruleError):
        share(3, 2)
    with pytest.raises(dr.DeltaruleError):
        share(0, 0)
    with pytest.raises(dr.DeltaruleError):
        ErrorEstimate.of_squares([])
    with pytest.raises(dr.DeltaruleError, match="one kind"):
        verdict(share(1, 10), ErrorEstimate.of_squares([1.0, 2.0]))


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
