"""`deltarule plan`: what each thread does in a training step."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from deltarule.cli import options
from deltarule.cli.shared import shares
from deltarule.cli.terminal import print_lines
from deltarule.cli.train import train
from deltarule.errors import RecipeError

_RECIPE = {"number_of_epochs": "epochs"} | {name: name for name in options.OPTIONS if name != "epochs"}
"""The options of `train` that define its recipe, and their names in `options.OPTIONS`."""


@shares(train, [*_RECIPE, "setting", "recipe_file", *options.DATA])
def plan(
    data: Annotated[str, typer.Argument(help=options.DATA_HELP, metavar="DATA")],
    threads: Annotated[
        int | None,
        typer.Option("--threads", help="Number of threads (default: as in training).", metavar="NUMBER", min=1),
    ] = None,
    **shared: Any,
) -> None:
    """Show what each thread does in a training step and in evaluation.

    Nothing is trained. Each line is an instruction of the compiled engine.
    z1[1/2] is the first half of the rows of z1; z1[:, 0:16] are its first 16 columns.

    Examples:

    \b
    deltarule plan digits
    deltarule plan digits --hidden 128 --dropout 0.2 --threads 2
    deltarule plan digits --recipe runs/digits-1
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    from deltarule.training.plan import plan_text

    typed = {name: shared[option] for option, name in _RECIPE.items()}
    recipe = options.recipe_of(typed, shared["setting"] or (), shared["recipe_file"])
    dataset = options.load(data, **options.source_of(shared), seed=recipe.seed)
    try:
        text = plan_text(recipe, dataset, n_threads=threads)
    except RecipeError as error:
        raise RecipeError(error.expected, error.value, "--optimizer adam") from None
    print_lines(text.splitlines())
