"""Fields of recipes that are refused with what was expected, before anything trains."""

import pytest

import deltarule as dr
from deltarule.errors import RecipeError


@pytest.mark.parametrize("given", [[("yes", 2.0, 1.0)], [("yes",)], ["ab"], [{"yes": 1.0, "no": 2.0}], 2.0, "equal"])
def test_class_weights_are_pairs_of_a_label_and_a_number(given):
    with pytest.raises(RecipeError, match="Expected weights of classes for class_weight"):
        dr.Recipe(class_weight=given)
