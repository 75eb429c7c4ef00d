"""`deltarule lr-range`: find suitable learning rates for a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from deltarule.cli.data_options import DATA_OPTIONS, DataChoice
from deltarule.cli.option_groups import ENGINE, Data, engine_option, json_option, option, quiet_option, with_groups
from deltarule.cli.preset_option import checked_preset, first_recipe, preset_option, with_preset
from deltarule.cli.recipe_options import RecipeChoice, recipe_options
from deltarule.cli.terminal import messages_of, print_json, print_sentence, say
from deltarule.errors import OutputError
from deltarule.language import message
from deltarule.recipes import Recipe

if TYPE_CHECKING:
    from deltarule.studies.learning_rate_range import LearningRateRange

_TEST = "Test"
_DECIDED = ("learning_rate", "schedule", "epochs", "patience", "monitor", "metric", "evaluate_train")
"""Fields that the test sets itself."""


@with_groups
def learning_rate_range(
    data: Data,
    lowest: Annotated[
        float, option("--lowest", "Learning rate of the first step.", _TEST, "RATE", show_default=True)
    ] = 1e-6,
    highest: Annotated[
        float, option("--highest", "Learning rate of the last step.", _TEST, "RATE", show_default=True)
    ] = 10.0,
    steps: Annotated[
        int, option("--steps", "Number of batches in each run.", _TEST, "NUMBER", show_default=True)
    ] = 300,
    seeds: Annotated[int, option("--seeds", "Number of runs to average.", _TEST, "NUMBER", show_default=True)] = 3,
    engine: Annotated[str, engine_option(_TEST)] = ENGINE,
    output: Annotated[
        Path | None, option("--output", "File of the picture: .png, .svg or .pdf (default: none).", _TEST, "FILE")
    ] = None,
    as_json: Annotated[bool, json_option(_TEST)] = False,
    quiet: Annotated[bool, quiet_option(_TEST)] = False,
    *,
    preset_name: Annotated[str | None, preset_option()] = None,
    network: Annotated[RecipeChoice, recipe_options(without=_DECIDED)],
    source: Annotated[DataChoice, DATA_OPTIONS],
) -> None:
    """Suggest a learning rate by a range test: increase it with each batch and record the loss.

    The runs are short, start from the initial weights, and are not saved.
    Test the recipe that will be trained: suitable rates depend on its optimizer,
    its batch size and its network. A table gets the preset that train would take.

    Examples:

    \b
    deltarule lr-range digits
    deltarule lr-range moons --hidden 5,2 --optimizer sgd --output range.png
    deltarule lr-range people.csv --target income --preset tabm
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    from deltarule.studies.learning_rate_range import learning_rate_range as test

    named = checked_preset(preset_name, network)
    recipe = first_recipe(named, network)
    if output is not None and output.suffix.lower() not in {".png", ".svg", ".pdf"}:
        raise OutputError("a picture's name that ends in .png, .svg or .pdf", str(output), "--output range.png")
    dataset = source.load(data, seed=recipe.seed, progress=not quiet)
    recipe, chosen = with_preset(named, network, recipe, dataset)
    if chosen:
        say(chosen, messages_of(quiet))
    found = test(recipe, dataset, lowest=lowest, highest=highest, steps=steps, seeds=seeds, engine=engine)
    if as_json:
        print_json(found.to_json())
    else:
        print_sentence(str(found))
        if chosen:
            print_sentence(_tuned(recipe))
    if output is not None:
        title = f"{dataset.name or Path(data).name}: {recipe.optimizer.name}, batches of {recipe.batch_size}"
        _draw(found, title, output)
        say(message("The picture is in {path}.", path=output), messages_of(quiet))


def _tuned(recipe: Recipe) -> str:
    """Return what to keep in mind before a preset's learning rate is replaced."""
    return message(
        "The preset's learning rate of {rate} was tuned with its schedule: compare both before a change.",
        rate=f"{recipe.optimizer.learning_rate:g}",
    )


def _draw(found: LearningRateRange, title: str, output: Path) -> None:
    """Write the picture of a range test."""
    from deltarule.figures.rates import range_curve
    from deltarule.figures.style import plain, save

    marks = {"steepest": found.steepest, "largest": found.largest}
    save(range_curve(found.rates, found.losses, found.smoothed, **marks, title=plain(title)), output)
