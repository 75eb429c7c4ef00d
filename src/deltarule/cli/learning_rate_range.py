"""`deltarule lr-range`: find suitable learning rates for a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from deltarule.cli import options
from deltarule.cli.shared import shares
from deltarule.cli.terminal import print_json, print_lines, say, words_of
from deltarule.cli.train import train
from deltarule.engines.registry import ENGINES
from deltarule.errors import OutputError, RecipeError

_TEST = "Test"
_DECIDED = {"learning_rate", "schedule", "epochs", "patience", "monitor", "metric", "evaluate_train"}
"""Fields that the test sets itself."""
_AS_IN_TRAINING = [name for name in options.OPTIONS if name not in _DECIDED]
_EXAMPLES = {
    "lowest": "--lowest 1e-6 --highest 10",
    "steps": "--steps 300",
    "seeds": "--seeds 3",
    "optimizer": "--optimizer adam",
}


def _option(flag: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(flag, help=text, rich_help_panel=_TEST, metavar=metavar)


@shares(train, [*_AS_IN_TRAINING, "setting", "recipe_file", *options.DATA])
def learning_rate_range(
    data: Annotated[
        str,
        typer.Argument(help=options.DATA_HELP, metavar="DATA"),
    ],
    lowest: Annotated[float, _option("--lowest", "Learning rate of the first step.", "RATE")] = 1e-6,
    highest: Annotated[float, _option("--highest", "Learning rate of the last step.", "RATE")] = 10.0,
    steps: Annotated[int, _option("--steps", "Number of batches in each run.", "NUMBER")] = 300,
    seeds: Annotated[int, _option("--seeds", "Number of runs to average.", "NUMBER")] = 3,
    engine: Annotated[str, _option("--engine", f"Engine: {', '.join(ENGINES)}.", "NAME")] = "compiled",
    output: Annotated[
        Path | None, _option("--output", "File of the picture: .png, .svg or .pdf (default: none).", "FILE")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.", rich_help_panel=_TEST)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Suppress messages and progress.", rich_help_panel=_TEST)
    ] = False,
    **shared: Any,
) -> None:
    """Suggest a learning rate by a range test: increase it with each batch and record the loss.

    The runs are short, start from the initial weights, and are not saved.
    Test the recipe that will be trained: suitable rates depend on its optimizer,
    its batch size and its network.

    Examples:

    \b
    deltarule lr-range digits
    deltarule lr-range moons --hidden 5,2 --optimizer sgd --output range.png
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    from deltarule.studies.learning_rate_range import learning_rate_range as test

    typed = {name: shared[name] for name in _AS_IN_TRAINING}
    recipe = options.recipe_of(typed, shared["setting"] or (), shared["recipe_file"])
    if output is not None and output.suffix.lower() not in {".png", ".svg", ".pdf"}:
        raise OutputError("a picture's name that ends in .png, .svg or .pdf", str(output), "--output range.png")
    dataset = options.load(data, **options.source_of(shared), seed=recipe.seed, progress=not quiet)
    try:
        found = test(recipe, dataset, lowest=lowest, highest=highest, steps=steps, seeds=seeds, engine=engine)
    except RecipeError as error:
        field = (error.suggestion or "").partition("=")[0]
        raise type(error)(error.expected, error.value, _EXAMPLES.get(field, error.suggestion)) from None
    if as_json:
        print_json(found.to_json())
    else:
        print_lines([str(found)])
    if output is not None:
        from deltarule.figures.rates import range_curve
        from deltarule.figures.style import plain, save

        title = f"{plain(dataset.name or Path(data).name)}: {recipe.optimizer.name}, batches of {recipe.batch_size}"
        marks = {"steepest": found.steepest, "largest": found.largest}
        save(range_curve(found.rates, found.losses, found.smoothed, **marks, title=title), output)
        say(f"The picture is in {output}.", words_of(quiet))
