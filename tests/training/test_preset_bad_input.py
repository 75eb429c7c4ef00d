"""Odd tables through `dr.train` with each preset: a sensible result, or clear words."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import deltarule as dr
from deltarule.errors import DataError
from deltarule.recipes.presets import PRESETS

DRAWN = np.random.default_rng(0)
X = DRAWN.normal(size=(60, 3))


def recipe_of(name, task, data, epochs=20):
    """The preset with a small network."""
    recipe = dr.preset(name, task, data)
    hidden = (8,) * len(recipe.network.hidden)
    network = recipe.network.replace(hidden=hidden, members=min(2, recipe.network.members))
    return recipe.replace(network=network, epochs=epochs)


def model_of(name, x, y, task="regression", epochs=20):
    data = dr.Dataset(train=(x, y))
    return dr.train(recipe_of(name, task, data, epochs), data).model


@pytest.mark.parametrize("name", PRESETS)
class TestPresets:
    def test_columns_that_are_constant_or_missing_tell_nothing(self, name):
        few = np.where(np.arange(60) < 3, X[:, 1], np.nan)
        frame = pd.DataFrame({"a": X[:, 0], "same": 3.0, "none": np.nan, "word": "w", "few": few})
        model = model_of(name, frame, X[:, 0], epochs=100)
        assert model.score(frame, X[:, 0]) > 0.5
        np.testing.assert_array_equal(model.predict(frame.assign(same=1e6), strict=None), model.predict(frame))

    def test_five_rows_and_a_class_with_a_single_sample(self, name):
        assert np.isfinite(model_of(name, X[:5], X[:5, 0]).predict(X)).all()
        labels = np.array(["a", "b"] * 29 + ["a", "rare"])
        assert model_of(name, X, labels, "classification").predict_proba(X).shape == (60, 3)
        with pytest.raises(DataError, match="at least two classes"):
            model_of(name, X, np.array(["a"] * 60), "classification")

    def test_ten_thousand_categories_are_learnt_and_unseen_ones_predicted(self, name):
        codes = np.array([f"id{number}" for number in range(10_000)])
        rows = pd.DataFrame({"who": codes, "a": DRAWN.normal(size=10_000), "y": DRAWN.normal(size=10_000)})
        data = dr.load_dataset(rows, target="y", types={"who": "category"})
        recipe = recipe_of(name, "regression", data, epochs=1)
        recipe = recipe.replace(preparation=replace(recipe.preparation, categories_at_most=20_000, embedded_above=8))
        network = recipe.network.replace(category_embedding=4)
        model = dr.train(recipe.replace(network=network, drop_last=False), data).model
        assert len(model.encoding.inputs) == 2
        new = pd.DataFrame({"who": ["id1", "new", None], "a": [0.1, 0.2, np.nan]})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # unseen category
            assert np.isfinite(model.predict(new)).all()

    def test_thousands_of_columns(self, name):
        embedded = name in ("realmlp", "realmlp-ple", "tabm")  # each column is several inputs
        wide = DRAWN.normal(size=(20, 2_000 if embedded else 10_000))
        assert np.isfinite(model_of(name, wide, wide[:, 0], epochs=1).predict(wide, strict=None)).all()
