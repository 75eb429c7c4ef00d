"""`deltarule import`: convert a network of another library to a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deltarule.cli.option_groups import option, quiet_option
from deltarule.cli.terminal import messages_of, say
from deltarule.errors import OutputError
from deltarule.language import message
from deltarule.models.importing import import_model


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="ONNX file, state_dict of PyTorch (.safetensors), Keras's .weights.h5, or .json of network2.",
            metavar="FILE",
            show_default=False,
        ),
    ],
    out: Annotated[Path, option("--output", "Model file to write: .safetensors.", metavar="MODEL")],
    activation: Annotated[
        str | None,
        option(
            "--activation",
            "Activation of the hidden layers, where the file has none, or a comma-separated list of one for each.",
            metavar="NAME",
        ),
    ] = None,
    output_activation: Annotated[
        str | None,
        option(
            "--output-activation",
            "Activation of the output, where the file has none: softmax, sigmoid or identity (default: by classes).",
            metavar="NAME",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        option("--classes", "Comma-separated classes in the order of the outputs (default: none).", metavar="NAMES"),
    ] = None,
    quiet: Annotated[bool, quiet_option()] = False,
) -> None:
    """Convert a network of ONNX, PyTorch, Keras or network2 to a model file.

    The model predicts as the other library does. Nothing in the file is run.

    Examples:

    \b
    deltarule import network.onnx --output network.safetensors
    deltarule import state_dict.safetensors --activation relu --classes no,yes --output network.safetensors
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    if out.suffix != ".safetensors":
        raise OutputError("a .safetensors file", str(out), "--output network.safetensors")
    hidden = None if activation is None else activation.split(",") if "," in activation else activation
    names = None if classes is None else [name.strip() for name in classes.split(",")]
    model = import_model(file, activation=hidden, output_activation=output_activation, classes=names)
    model.save(out)
    say(message("{name} is in {folder}.", name=repr(model), folder=out), messages_of(quiet))
