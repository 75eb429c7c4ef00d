"""`deltarule plan`: what each thread does in a training step."""

from __future__ import annotations

from typing import Annotated

from deltarule.cli.data_options import DATA_OPTIONS, DataChoice
from deltarule.cli.option_groups import Data, option, with_groups
from deltarule.cli.preset_option import checked_preset, first_recipe, preset_option, with_preset
from deltarule.cli.recipe_options import RecipeChoice, recipe_options
from deltarule.cli.terminal import print_lines, say


@with_groups
def plan(
    data: Data,
    threads: Annotated[
        int | None, option("--threads", "Number of threads (default: as in training).", metavar="NUMBER", min=1)
    ] = None,
    *,
    preset_name: Annotated[str | None, preset_option()] = None,
    network: Annotated[RecipeChoice, recipe_options()],
    source: Annotated[DataChoice, DATA_OPTIONS],
) -> None:
    """Show what each thread does in a training step and in evaluation.

    Nothing is trained. Each line is an instruction of the compiled engine.
    z1[1/2] is the first half of the rows of z1; z1[:, 0:16] are its first 16 columns.

    Examples:

    \b
    deltarule plan digits
    deltarule plan digits --hidden 128 --dropout 0.2 --threads 2
    deltarule plan digits --recipe runs/digits-1
    deltarule plan people.csv --target income --preset tabm
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    from deltarule.training.plan import plan_text

    named = checked_preset(preset_name, network)
    recipe = first_recipe(named, network)
    dataset = source.load(data, seed=recipe.seed)
    recipe, chosen = with_preset(named, network, recipe, dataset)
    lines = plan_text(recipe, dataset, n_threads=threads).splitlines()
    if chosen:
        say(chosen)
    print_lines(lines)
