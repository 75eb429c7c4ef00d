"""Suspicious labels: by hand, on flipped labels, and in pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import DataError
from deltarule.studies.suspicious_labels import confident_joint, joint_distribution, pruned


def test_the_confident_joint_by_hand():
    p = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.3, 0.7], [0.9, 0.1]])
    codes = np.array([0, 0, 0, 1, 1])
    # Thresholds: (0.8 + 0.6 + 0.1) / 3 = 0.5 and (0.7 + 0.1) / 2 = 0.4; row 1 reaches both, and 0 is the larger.
    counts = confident_joint(p, codes)
    assert counts.tolist() == [[2, 1], [1, 1]]
    joint = joint_distribution(counts, codes)
    np.testing.assert_allclose(joint, [[0.4, 0.2], [0.2, 0.2]])
    rows, suggested = pruned(p, codes, joint)
    assert rows.tolist() == [2, 4]
    assert suggested.tolist() == [1, 0]


def test_a_class_without_a_confident_sample_is_taken_as_right():
    joint = joint_distribution(np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([0, 0, 1]))
    np.testing.assert_allclose(joint, [[2 / 3, 0], [0, 1 / 3]])


def test_flipped_labels_of_digits_are_found_with_names_and_pictures():
    digits, draws = dr.load_dataset("digits"), np.random.default_rng(0)
    y = digits.train.y.copy()
    flipped = np.sort(draws.choice(len(y), len(y) // 20, replace=False))
    y[flipped] = (y[flipped] + draws.integers(1, 10, len(flipped))) % 10
    oof = dr.out_of_fold(dr.Recipe(epochs=30), digits.train.x, y)
    found = dr.suspicious_labels(oof, digits.train.x, y)
    hits = np.intersect1d(found.rows, flipped)
    assert len(hits) > 0.85 * len(flipped)
    assert len(hits) > 0.75 * len(found)
    assert found.noise_rate == pytest.approx(0.05, abs=0.03)
    assert (np.diff(found.probabilities) >= 0).all()
    strict = dr.suspicious_labels(oof, digits.train.x, y, strict=True)
    assert len(strict) < len(found)
    assert np.isin(strict.rows, flipped).mean() > np.isin(found.rows, flipped).mean()
    right = found.suggested[np.isin(found.rows, flipped)] == digits.train.y[hits[np.argsort(np.argsort(
        found.rows[np.isin(found.rows, flipped)]))]].astype(str)  # fmt: skip
    assert right.mean() > 0.9
    assert "(given" in found.picture().axes_[0].texts[0].get_text()
    assert json.loads(json.dumps(found.to_json()))["class_names"] == [str(digit) for digit in range(10)]
    assert "suspicious labels among" in str(found)


def test_clean_labels_are_left_alone():
    iris = dr.load_dataset("iris")
    found = dr.suspicious_labels(dr.Recipe(epochs=30), iris.train)
    assert len(found) < 12
    with pytest.raises(DataError, match="images"):
        found.picture()


def test_numbers_have_no_suspicious_labels():
    x = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.raises(DataError, match="labels of classes"):
        dr.suspicious_labels(dr.Recipe(epochs=2), x, x[:, 0])
