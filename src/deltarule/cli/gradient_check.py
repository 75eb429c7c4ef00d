"""`deltarule gradient-check`: is backpropagation right, and what does it save?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deltarule.cli import options
from deltarule.cli.terminal import print_json, print_lines


def gradient_check(
    data: Annotated[
        str,
        typer.Argument(help="A data set: its name, a file or a folder, as `deltarule train` takes it.", metavar="DATA"),
    ],
    hidden: Annotated[
        str | None, typer.Option("--hidden", help="Units of each hidden layer, such as 20,10.", metavar="UNITS")
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option("--activation", help=f"{options.names_of('activation')}.", metavar="NAME"),
    ] = None,
    loss: Annotated[
        str | None, typer.Option("--loss", help=f"auto, {options.names_of('loss')}.", metavar="NAME")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other field of the recipe; repeatable.", metavar="FIELD=VALUE"),
    ] = None,
    recipe_file: Annotated[
        Path | None, typer.Option("--recipe", help="Start from this recipe: a JSON file, or a run's folder.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Of a table: the column to be predicted.", metavar="COLUMN")
    ] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="What a column is; repeatable.", metavar="COLUMN=TYPE")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where the files of mnist, fashion, kmnist lie.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare the gradient by backpropagation with one by differences, and what each costs.

    Differences need two forward passes for every weight and bias; backpropagation needs one pass each way for all.

    Examples:

    \b
    deltarule gradient-check digits
    deltarule gradient-check moons --hidden 5,2 --activation tanh
    """  # noqa: D301, D412 - Typer keeps the lines after \b apart
    from deltarule.studies.gradient_check import gradient_check as check

    recipe = options.recipe_of({"hidden": hidden, "activation": activation, "loss": loss}, setting or (), recipe_file)
    dataset = options.load(
        data, data_dir=data_dir, seed=recipe.seed, progress=True, target=target, types=options.types_of(types)
    )
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
