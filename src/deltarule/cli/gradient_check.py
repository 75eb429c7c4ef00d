"""`deltarule gradient-check`: compare backpropagation with finite differences in accuracy and cost."""

from __future__ import annotations

from typing import Annotated

from deltarule.cli.data_options import DATA_OPTIONS, DataChoice
from deltarule.cli.option_groups import Data, json_option, with_groups
from deltarule.cli.recipe_options import RecipeChoice, recipe_options
from deltarule.cli.terminal import print_json, print_sentence


@with_groups
def gradient_check(
    data: Data,
    as_json: Annotated[bool, json_option()] = False,
    *,
    network: Annotated[RecipeChoice, recipe_options(only=("hidden", "activation", "loss"))],
    source: Annotated[DataChoice, DATA_OPTIONS],
) -> None:
    """Compare the gradient of backpropagation with finite differences, in accuracy and cost.

    Finite differences need two forward passes for each weight and bias;
    backpropagation needs one forward and one backward pass in total.

    Examples:

    \b
    deltarule gradient-check digits
    deltarule gradient-check moons --hidden 5,2 --activation tanh
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    from deltarule.studies.gradient_check import gradient_check as check

    recipe = network.recipe()
    dataset = source.load(data, seed=recipe.seed, progress=True)
    found = check(recipe, dataset)
    if as_json:
        print_json(
            {
                "largest_relative_error": found.largest_relative_error,
                "parameters": found.parameters,
                "numerical_passes": found.numerical_passes,
                "numerical_seconds": found.numerical_seconds,
                "backward_seconds": found.backward_seconds,
            }
        )
    else:
        print_sentence(str(found))
