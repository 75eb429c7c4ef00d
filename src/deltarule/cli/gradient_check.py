"""`deltarule gradient-check`: compare backpropagation with finite differences in accuracy and cost."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from deltarule.cli import options
from deltarule.cli.shared import shares
from deltarule.cli.terminal import print_json, print_lines
from deltarule.cli.train import train

_NETWORK = ("hidden", "activation", "loss")


@shares(train, [*_NETWORK, "setting", "recipe_file", *options.DATA])
def gradient_check(
    data: Annotated[
        str,
        typer.Argument(help=options.DATA_HELP, metavar="DATA"),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    **shared: Any,
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

    typed = {name: shared[name] for name in _NETWORK}
    recipe = options.recipe_of(typed, shared["setting"] or (), shared["recipe_file"])
    dataset = options.load(data, **options.source_of(shared), seed=recipe.seed, progress=True)
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
        print_lines([str(found)])
