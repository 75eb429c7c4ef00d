"""`deltarule illustrate`: draw a picture of real training runs and explain it in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deltarule.cli.option_groups import Seed, json_option, option, quiet_option
from deltarule.cli.terminal import messages_of, print_json, print_sentence, print_table, say, table_of
from deltarule.errors import RecipeError
from deltarule.experiments.illustrations import ILLUSTRATIONS
from deltarule.experiments.illustrations import illustrate as made_of
from deltarule.figures.style import save
from deltarule.language import message


def illustrate(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of the illustration (default: list them).", metavar="NAME", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, option("--output", "File of the picture: .png, .svg or .pdf (default: NAME.png).", metavar="FILE")
    ] = None,
    seed: Seed = 0,
    as_json: Annotated[bool, json_option()] = False,
    quiet: Annotated[bool, quiet_option()] = False,
) -> None:  # fmt: skip
    """Draw a textbook illustration from real training runs and explain it in a sentence.

    Each illustration takes seconds. The same seed gives the same picture.

    Examples:

    \b
    deltarule illustrate
    deltarule illustrate learning-rate
    deltarule illustrate overfitting --seed 3 --output moons.svg
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    if name is None:
        if output is not None:
            first = next(iter(ILLUSTRATIONS))
            raise RecipeError(
                "a name of an illustration for --output", "none", f"deltarule illustrate {first} --output {output}"
            )
        _list(as_json)
        return
    found = made_of(name, seed)
    path = save(found.picture(), output if output is not None else Path(f"{name}.png"))
    if as_json:
        print_json({"name": name, "seed": seed, "sentence": found.sentence, "facts": found.facts, "picture": str(path)})
    elif not quiet:
        print_sentence(found.sentence)
    say(message("The picture is in {path}.", path=path), messages_of(quiet))


def _list(as_json: bool) -> None:
    if as_json:
        print_json({name: each.shows for name, each in ILLUSTRATIONS.items()})
    else:
        rows = [(name, each.shows) for name, each in ILLUSTRATIONS.items()]
        print_table(table_of(("Name", "What it shows"), rows))
