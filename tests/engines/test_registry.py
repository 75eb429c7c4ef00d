"""Which engine trains: the one that is asked for, or the reference engine where the compiled one lacks a part."""

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import EngineWarning

X = np.random.default_rng(0).normal(size=(20, 3))
DATA = dr.Dataset(train=(X, X[:, 0]))


def test_what_the_compiled_engine_lacks_is_named_and_the_reference_engine_trains():
    recipe = dr.Recipe(network=dr.Network(hidden=(4,), members=2), epochs=1, stopping=None)
    with pytest.warns(EngineWarning, match=r"has no network\.members yet: the reference engine trains"):
        found = dr.train(recipe, DATA, engine="compiled").model
    wanted = dr.train(recipe, DATA, engine="reference").model  # without a warning
    np.testing.assert_array_equal(found.predict(X), wanted.predict(X))
