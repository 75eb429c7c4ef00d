"""Which engine trains: the one that is asked for, or the reference engine where the compiled one lacks a part."""

from dataclasses import dataclass

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import EngineWarning
from deltarule.formulas import Embedding

X = np.random.default_rng(0).normal(size=(20, 3))
DATA = dr.Dataset(train=(X, X[:, 0]))


@dataclass(frozen=True)
class Line(Embedding):
    """A trained factor of each column: a x."""

    name = "line"

    @property
    def width(self):
        return 1

    @property
    def shapes(self):
        return {"a": ()}

    def initial(self, seed, columns):
        return {"a": np.ones(columns)}

    def value(self, x, parts):
        return (x * parts["a"])[:, :, None]

    def gradient(self, x, d, parts):
        return {"a": np.sum(x * d[:, :, 0], axis=0)}


def test_what_the_compiled_engine_lacks_is_named_and_the_reference_engine_trains():
    recipe = dr.Recipe(network=dr.Network(hidden=(4,), embedding=Line()), epochs=1, stopping=None)
    with pytest.warns(EngineWarning, match=r"has no .*embedding.* yet: the reference engine trains"):
        found = dr.train(recipe, DATA, engine="compiled").model
    wanted = dr.train(recipe, DATA, engine="reference").model  # without a warning
    np.testing.assert_array_equal(found.theta, wanted.theta)
