"""`deltarule ensemble`: join trained networks in one model file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from deltarule.cli.option_groups import json_option, option, quiet_option
from deltarule.cli.terminal import messages_of, print_json, say
from deltarule.errors import OutputError
from deltarule.language import message
from deltarule.models import Model
from deltarule.models.ensemble import Ensemble, load_predictor
from deltarule.training.folder import model_path


def ensemble(
    model_files: Annotated[
        list[Path],
        typer.Argument(
            help="Model files, or folders of runs; of a file with several networks all are taken.",
            metavar="MODEL",
            show_default=False,
        ),
    ],
    output: Annotated[Path, option("--output", "New model file: .safetensors.", metavar="FILE")],
    as_json: Annotated[bool, json_option()] = False,
    quiet: Annotated[bool, quiet_option()] = False,
) -> None:
    """Join trained networks in one model file, a committee that predicts the mean of their predictions.

    The networks take the same samples and predict the same classes or numbers.
    They may differ in all else: seed, recipe, size.

    Examples:

    \b
    deltarule ensemble runs/mnist-1 runs/mnist-2 runs/mnist-3 --output committee.safetensors
    deltarule predict committee.safetensors mnist
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    if output.suffix != ".safetensors":
        raise OutputError("a .safetensors file", str(output), "--output committee.safetensors")
    if output.exists():
        raise OutputError("a new file", f"{output}, which exists")
    networks = [each for path in model_files for each in _networks(load_predictor(model_path(path)))]
    joined = Ensemble(networks)
    joined.save(output)
    parameters = sum(each.shape.trained for each in networks)
    if len(networks) == 1:
        said = message("One network, {parameters:,} parameters, is in {path}.", parameters=parameters, path=output)
    else:
        said = message(
            "{n} networks, {parameters:,} parameters together, are in {path}.",
            n=len(networks),
            parameters=parameters,
            path=output,
        )
    say(said, messages_of(quiet))
    if as_json:
        result: dict[str, Any] = {"networks": len(networks), "parameters": parameters, "output": str(output)}
        print_json(result)


def _networks(found: Model | Ensemble) -> tuple[Model, ...]:
    """Return the networks of a model's file."""
    return found.networks if isinstance(found, Ensemble) else (found,)
