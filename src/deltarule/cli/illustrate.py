"""`deltarule illustrate`: draw a picture of real training runs and explain it in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deltarule.cli.terminal import print_json, print_lines, print_table, say, table_of, words_of
from deltarule.errors import RecipeError
from deltarule.experiments.illustrations import ILLUSTRATIONS
from deltarule.experiments.illustrations import illustrate as made_of
from deltarule.figures.style import save


def illustrate(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of the illustration (default: list them).", metavar="NAME", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "--output", help="File of the picture: .png, .svg or .pdf (default: NAME.png).",
            metavar="FILE", show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Random seed.", metavar="NUMBER")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Suppress messages.")] = False,
) -> None:  # fmt: skip
    """Draw a textbook illustration from real training runs and explain it in a sentence.

    Each illustration takes seconds. The same seed gives the same picture.

    Examples:

    \b
    deltarule illustrate
    deltarule illustrate learning-rate
    deltarule illustrate overfitting --seed 3 --out moons.svg
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    if name is None:
        if out is not None:
            first = next(iter(ILLUSTRATIONS))
            raise RecipeError(
                "a name of an illustration for --out", "none", f"deltarule illustrate {first} --out {out}"
            )
        _list(as_json)
        return
    found = made_of(name, seed)
    path = save(found.picture(), out if out is not None else Path(f"{name}.png"))
    if as_json:
        print_json({"name": name, "seed": seed, "sentence": found.sentence, "facts": found.facts, "picture": str(path)})
    elif not quiet:
        print_lines([found.sentence])
    say(f"The picture is in {path}.", words_of(quiet))


def _list(as_json: bool) -> None:
    if as_json:
        print_json({name: each.shows for name, each in ILLUSTRATIONS.items()})
    else:
        rows = [(name, each.shows) for name, each in ILLUSTRATIONS.items()]
        print_table(table_of(("Name", "What it shows"), rows))
