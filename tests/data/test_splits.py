"""Splits: disjoint, covering, of the sizes asked for, by class, the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deltarule as dr
from deltarule.data import Split, default_split, proportions_of_the_texts, split
from deltarule.data.strata import counts_by_class, random_order, stratified_parts
from deltarule.errors import DataError

quick = settings(max_examples=60, deadline=None)
class_counts = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def rows_of(data):
    return {name: part.x.ravel().tolist() for name, part in data.parts.items()}


@quick
@given(class_counts, st.floats(0, 0.4), st.floats(0, 0.4), st.booleans(), st.booleans(), st.integers(0, 2**40))
def test_every_sample_is_in_exactly_one_part(counts, validation, test, stratified, shuffled, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    n = len(y)
    chosen = Split(validation=validation, test=test, stratified=stratified, shuffled=shuffled, seed=seed)
    if n - sum(max(1, round(share * n)) for share in (validation, test) if share) < 1:
        with pytest.raises(DataError, match="at least one sample for train"):
            split(np.arange(n).reshape(-1, 1), y, chosen)
        return
    data = split(np.arange(n).reshape(-1, 1), y, chosen, weights=np.arange(1, n + 1))
    rows = rows_of(data)
    assert sorted(row for part in rows.values() for row in part) == list(range(n))
    assert tuple(len(rows.get(name, [])) for name in ("train", "validation", "test")) == chosen.sizes(n)
    for part in data.parts.values():
        assert np.array_equal(part.y, y[part.x.ravel()])
        assert np.array_equal(part.weights, part.x.ravel() + 1)
    assert rows == rows_of(split(np.arange(n).reshape(-1, 1), y, chosen))


@quick
@given(class_counts, st.data())
def test_stratified_counts(counts, data):
    counts = np.array(counts)
    n = int(counts.sum())
    second = data.draw(st.integers(0, n - 1))
    third = data.draw(st.integers(0, n - 1 - second))
    sizes = (n - second - third, second, third)
    table = counts_by_class(counts, sizes)
    assert table.min() >= 0
    assert table.sum(axis=0).tolist() == list(sizes)
    assert table.sum(axis=1).tolist() == counts.tolist()
    used = [p for p in range(3) if sizes[p]]
    enough = counts >= len(used)
    if all(sizes[p] >= enough.sum() for p in used):
        assert table[np.ix_(enough, used)].all()


@quick
@given(st.lists(st.integers(30, 400), min_size=2, max_size=12), st.floats(0.1, 0.3), st.floats(0.1, 0.3))
def test_classes_keep_their_proportions(counts, validation, test):
    counts = np.array(counts)
    sizes = Split(validation=validation, test=test).sizes(int(counts.sum()))
    quota = np.outer(counts, sizes) / counts.sum()
    assert np.abs(counts_by_class(counts, sizes) - quota).max() < 2.5


def test_a_rare_class_is_in_every_part():
    y = np.array(["common"] * 97 + ["rare"] * 3)
    data = split(np.zeros((100, 1)), y)
    assert [part.y.tolist().count("rare") for part in data.parts.values()] == [1, 1, 1]


def test_a_class_of_one_goes_to_train():
    y = np.array([0] * 99 + [1])
    assert 1 in split(np.zeros((100, 1)), y).train.y


def test_numbers_are_not_stratified_and_images_stay_images():
    x = np.zeros((50, 4, 5), np.uint8)
    data = split(x, np.linspace(0, 1, 50), name="ramp", source="made here")
    assert data.train.x.shape == (40, 4, 5)
    assert data.train.x.dtype == np.uint8
    assert (data.name, data.source) == ("ramp", "made here")


def test_the_same_seed_means_the_same_parts_for_ever():
    # These numbers follow from Philox alone; they may change in no version.
    assert random_order(8, seed=0).tolist() == [0, 3, 7, 5, 1, 2, 6, 4]
    parts = stratified_parts(np.array([0, 1] * 4), [4, 2, 2], seed=1)
    assert [part.tolist() for part in parts] == [[2, 0, 1, 5], [4, 7], [3, 6]]


def test_seeds_differ():
    assert rows_of(split(np.arange(99).reshape(-1, 1), [0, 1, 2] * 33, Split(seed=1))) != rows_of(
        split(np.arange(99).reshape(-1, 1), [0, 1, 2] * 33, Split(seed=2))
    )


def test_unshuffled_parts_are_consecutive_views():
    x = np.arange(70).reshape(-1, 1)
    data = split(x, np.zeros(70, int), Split(50, 10, 10, shuffled=False))
    assert rows_of(data) == {"train": [*range(50)], "validation": [*range(50, 60)], "test": [*range(60, 70)]}
    assert np.shares_memory(data.train.x, x)


@pytest.mark.parametrize(
    ("n", "sizes"),
    [
        (3, (1, 1, 1)),
        (10, (8, 1, 1)),
        (1797, (1437, 180, 180)),
        (99_999, (79_999, 10_000, 10_000)),
        (100_000, (80_000, 10_000, 10_000)),
        (1_000_000, (980_000, 10_000, 10_000)),
    ],
)
def test_default(n, sizes):
    assert default_split(n).sizes(n) == sizes


def test_default_meets_the_texts():
    assert proportions_of_the_texts(10_000) == (0.6, 0.2, 0.2)
    assert proportions_of_the_texts(1_000_000) == (0.98, 0.01, 0.01)
    assert proportions_of_the_texts(5_000_000) == (0.995, 0.0025, 0.0025)
    n = 1_000_000
    assert Split(*proportions_of_the_texts(n)).sizes(n) == default_split(n).sizes(n)


@pytest.mark.parametrize(
    ("arguments", "sizes"),
    [
        ({}, (80, 10, 10)),
        ({"test": 0.2}, (70, 10, 20)),
        ({"validation": 0, "test": 0.3}, (70, 0, 30)),
        ({"validation": 0.0, "test": 0}, (100, 0, 0)),
        ({"train": 0.6, "validation": 0.2, "test": 0.2}, (60, 20, 20)),
        ({"train": 70, "validation": 20, "test": 10}, (70, 20, 10)),
        ({"validation": 1, "test": np.int64(2)}, (97, 1, 2)),
        ({"validation": 0.001, "test": 0.001}, (98, 1, 1)),
    ],
)
def test_sizes(arguments, sizes):
    assert Split(**arguments).sizes(100) == sizes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train": 0.7}, "add up to 1"),
        ({"test": 1.5}, "number of samples .* for test"),
        ({"test": -1}, "number of samples .* for test"),
        ({"validation": float("nan")}, "number of samples .* for validation"),
        ({"validation": True}, "number of samples .* for validation"),
        ({"validation": "10%"}, "number of samples .* for validation"),
        ({"test": None}, "number of samples .* for test"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_split_that_cannot_be_meant(arguments, message):
    with pytest.raises(DataError, match=message):
        Split(**arguments)


@pytest.mark.parametrize(
    ("chosen", "n", "message"),
    [
        (Split(50, 10, 10), 100, "sets that add up to 100"),
        (Split(train=0.5, validation=10, test=10), 100, "sets that add up to 100"),
        (Split(), 2, "at least one sample for train"),
        (Split(validation=60, test=60), 100, "at least one sample for train"),
        (Split(validation=0.5, test=0.5), 100, "at least one sample for train"),
    ],
)
def test_a_split_that_does_not_fit(chosen, n, message):
    with pytest.raises(DataError, match=message):
        split(np.zeros((n, 1)), np.zeros(n), chosen)


@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer"])
@pytest.mark.parametrize("seed", [0, 1])
def test_stratified_sets_are_in_random_order(name, seed):
    """Neighbours are of one class as often as chance has it, in the validation and in the test set."""
    data = dr.load_dataset(name, seed=seed)
    for part in (data.validation, data.test):
        chance = np.sum((np.bincount(part.y) / len(part)) ** 2)
        alike = np.mean(part.y[1:] == part.y[:-1])
        assert alike < chance + 3.5 * np.sqrt(chance * (1 - chance) / len(part))
        assert len(np.unique(part.y[: len(part) // 2])) == len(np.unique(part.y))


def test_the_order_of_training_samples_is_that_of_the_seeds_first_draw():
    """Recorded results depend on it."""
    y = np.array([0, 1] * 8)
    order = np.argsort(np.random.Philox(3).random_raw(16), kind="stable")
    train, held = stratified_parts(y, [12, 4], seed=3)
    assert np.array_equal(train, order[np.isin(order, train)])
    assert sorted([*train, *held]) == list(range(16))
