"""Errors on data with copies of samples: they are no further evidence, and trained validation samples are none."""

import sys
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr
from deltarule.data import without_copies
from deltarule.studies.diagnose import Baseline, ErrorEstimate, analyze_errors, analyze_run
from deltarule.training import Epoch

CHECKOUT = Path(__file__).parents[2]
if str(CHECKOUT) not in sys.path:
    sys.path.append(str(CHECKOUT))

from benchmarks.advice import MADE, followed  # noqa: E402

TURNED = [(0.6, 0.6), (0.5, 0.55), *((0.4 - 0.02 * i, 0.56 + 0.02 * i) for i in range(12))]


def test_copies_within_the_sets_are_counted_once():
    data, recipe = MADE["duplicated rows"](0)
    found = without_copies(data)
    assert (len(found.data.train), len(found.data.validation), found.trained) == (200, 50, 0)
    said = analyze_run(dr.train(recipe, data), data)
    assert said.sentences[:2] == (
        "600 of 800 training samples are copies of others and are not counted again.",
        "150 of 200 validation samples are copies of others and are not counted again.",
    )
    assert " of 50; " in said.sentences[2]
    assert all(each.validation.n == 50 for each in said.baselines)


def test_validation_samples_that_were_trained_on_are_not_counted():
    data, recipe = MADE["copies across sets"](0)
    found = without_copies(data)
    known = {row.tobytes() for row in data.train.x}
    fresh = {row.tobytes() for row in data.validation.x} - known
    assert (found.data.validation is None, found.trained) == (not fresh, 1 - len(fresh) / 200)
    said = analyze_run(dr.train(recipe.replace(epochs=6), data), data)
    assert "validation samples are also training samples and are not counted." in said.sentences[1]
    assert not any(each.change for each in said.remedies)
    assert "epoch" not in str(said)  # the history is that of samples that were trained on


def test_nothing_is_said_of_variance_where_all_validation_samples_were_trained_on():
    x = np.random.default_rng(0).normal(size=(60, 3))
    data = dr.Dataset((x, [0, 1] * 30), (x[:20], [0, 1] * 10))
    said = analyze_run(dr.train(dr.Recipe(epochs=3), data), data)
    assert said.gap is None
    assert said.sentences[0] == "20 of 20 validation samples are also training samples and are not counted."


@pytest.mark.parametrize("y", [lambda rng: rng.integers(0, 2, 500), lambda rng: (rng.uniform(size=500) < 0.02) * 1])
def test_equal_rows_of_a_table_with_few_values_are_not_copies(y):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, size=(500, 2)).astype(float)
    targets = y(rng)
    data = dr.Dataset((x[:400], targets[:400]), (x[400:], targets[400:]))
    assert without_copies(data).data is data


def test_copies_in_tables_and_regressions_are_found():
    rows = {"height": [1.5, 1.6, 1.5, 1.7], "city": ["a", "b", "a", "b"], "income": [1.5, 2.5, 1.5, 3.5]}
    table = dr.load_dataset(rows, target="income", split="official")
    found = without_copies(table)
    assert len(found.data.train) == 3
    assert found.sentences == ("1 of 4 training samples is a copy of another and is not counted again.",)
    several = dr.Dataset((np.array([[1.0], [1.0], [2.0]]), np.array([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]])))
    assert len(without_copies(several).data.train) == 2
    digits = dr.load_dataset("digits")
    assert without_copies(digits).data is digits


def test_a_smaller_network_needs_a_linear_model_that_certainly_comes_near():
    history = [Epoch(i + 1, t, t, 0, v, v, 0, 0.1) for i, (t, v) in enumerate(TURNED)]
    counts = ErrorEstimate.of_counts

    def advised(high):
        linear = Baseline(
            "a linear model",
            linear=True,
            train=counts(60, 400),
            validation=counts(27, 100),
            difference=(0.02, 0.04 - high, high),
        )
        constant = Baseline("always 0", linear=False, train=counts(200, 400), validation=counts(50, 100), certain=1)
        said = analyze_errors(
            counts(20, 400), counts(25, 100), history=history, recipe=dr.Recipe(), baselines=(constant, linear)
        )
        return [each.text for each in said.remedies if each.change]

    assert advised(0.06) == ["a smaller network"]
    assert advised(0.07) == []


def test_the_linear_model_is_advised_as_it_was_tried():
    """Of 40 samples there are two batches: the network's small steps would not train the linear model."""
    data, recipe = MADE["50 rows"](10)
    (outcome,) = followed("50 rows", data, recipe, 6)
    assert outcome.difference > 0.02
    assert outcome.remedy.change["learning_rate"] == 0.02
    linear = outcome.remedy.applied(recipe)
    (_, tried) = analyze_run(dr.train(recipe.replace(seed=1), data), data).baselines
    for field in ("network", "optimizer", "schedule", "batch_size", "epochs", "stopping"):
        assert getattr(linear, field).__class__ is getattr(tried.recipe, field).__class__
        assert field == "network" or getattr(linear, field) == getattr(tried.recipe, field)
    assert linear.network.hidden == ()


def test_followed_advice_on_duplicated_rows_does_not_lower_the_test_score():
    for draw in (3, 4):
        assert not any(outcome.worse for outcome in followed("duplicated rows", *MADE["duplicated rows"](draw), 6))
