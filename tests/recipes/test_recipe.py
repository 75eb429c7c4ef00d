"""Fields of recipes that are refused with what was expected, before anything trains."""

import pytest

import deltarule as dr
from deltarule.errors import RecipeError


@pytest.mark.parametrize("given", [[("yes", 2.0, 1.0)], [("yes",)], ["ab"], [{"yes": 1.0, "no": 2.0}], 2.0, "equal"])
def test_class_weights_are_pairs_of_a_label_and_a_number(given):
    with pytest.raises(RecipeError, match="Expected weights of classes for class_weight"):
        dr.Recipe(class_weight=given)


@pytest.mark.parametrize("count", [1, 4])
def test_each_hidden_layer_has_one_activation(count):
    with pytest.raises(RecipeError, match=rf"for each of 2 hidden layers for activation, got {count}"):
        dr.Network(hidden=(8, 4), activation=["relu"] * count)


def test_noise_of_members_is_after_their_activations():
    with pytest.raises(RecipeError, match="Expected 1 with noise_before_activation=True for members, got 4"):
        dr.Network(members=4, noise_before_activation=True)


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("field", ["dropout", "noise"])
def test_the_input_and_each_hidden_layer_have_one_dropout_and_noise(field, count):
    with pytest.raises(RecipeError, match=rf"Expected 3 {field} .* for {field}, got {count}"):
        dr.Network(hidden=(8, 4), **{field: [0.1] * count})
