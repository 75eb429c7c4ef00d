"""What the diagnosis's baselines count, on models whose probabilities are known."""

import numpy as np
import pytest

import deltarule as dr
from deltarule.studies.diagnose.baselines import ranks


def ranked(x, y, weights):
    """Whether the softmax of `weights` times x ranks the samples better than chance."""
    recipe = dr.Recipe(
        network=dr.Network(hidden=()),
        optimizer=dr.SGD(1e-300),  # moves nothing
        epochs=1,
        stopping=None,
        scaling="none",
        task="classification",
    )
    data = dr.Dataset(train=(np.asarray(x, np.float64)[:, None], np.asarray(y)))
    layers = [(np.array([weights], np.float64), np.zeros(len(weights)))]
    model = dr.train(recipe, data, engine="reference", initial_parameters=layers).model
    return ranks(model, data.train)


@pytest.mark.parametrize("middle", [0, 1, 2])
def test_of_three_classes_any_may_be_ranked(middle):
    """One class lies above 0 and one below; the probability of the third, around 0, ranks nothing."""
    place = np.arange(1.0, 13.0)
    above, below = (middle + 1) % 3, (middle + 2) % 3
    x = np.concatenate([place, -place, place, -place])
    y = np.repeat([above, below, middle, middle], len(place))
    weights = np.zeros(3)
    weights[above], weights[below] = 0.1, -0.1
    assert ranked(x, y, weights)
    assert not ranked(x, y, -weights)


def test_two_classes_are_one_test_at_the_whole_level():
    """22 of 25 pairs in order: z = 0.38 / √(11 / 300) = 1.98, whose one-sided p is 0.0236; 21 of 25 give 0.038."""
    assert ranked(np.arange(10), [0, 0, 0, 1, 0, 1, 0, 1, 1, 1], [0.0, 0.1])
    assert not ranked(np.arange(10), [0, 0, 1, 0, 0, 1, 0, 1, 1, 1], [0.0, 0.1])
