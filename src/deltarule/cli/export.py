"""`deltarule export`: write a model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from deltarule.cli.data_options import SPLIT
from deltarule.cli.option_groups import DataFolder, ModelPath, option, quiet_option
from deltarule.cli.prediction_samples import samples_to_predict
from deltarule.cli.terminal import messages_of, say
from deltarule.errors import DataError, ModelError
from deltarule.language import count_of
from deltarule.models import Model
from deltarule.models.ensemble import Ensemble, load_predictor
from deltarule.models.export import ENDINGS, target_of
from deltarule.models.export.quantization import rounded_predictions
from deltarule.training.folder import model_path, split_of


def export(
    model_file: ModelPath,
    to: Annotated[
        str | None,
        option("--to", f"Kind of export: {', '.join(ENDINGS)} (default: by the ending of --output).", metavar="KIND"),
    ] = None,
    output: Annotated[
        Path | None,
        option("--output", "File to write (default: beside the model, for example model.onnx).", metavar="FILE"),
    ] = None,
    name: Annotated[
        str | None,
        option("--name", "What the public names of C begin with (default: the file's name).", metavar="NAME"),
    ] = None,
    int8: Annotated[
        bool, option("--int8", "Store the weights of C as integers of 8 bits, a quarter of their size.")
    ] = False,
    data: Annotated[
        str | None,
        option(
            "--data",
            "Data on which --int8 is compared with the model, as `deltarule predict` takes them.",
            metavar="DATA",
        ),
    ] = None,
    data_dir: DataFolder = None,
    quiet: Annotated[bool, quiet_option()] = False,
) -> None:
    """Export a model: a raw row in, probabilities or numbers out, without deltarule.

    Preprocessing is included: scaling, categories, missing values.

    Examples:

    \b
    deltarule export runs/digits-1 --to onnx
    deltarule export runs/digits-1 --to c --output digits.c
    deltarule export runs/digits-1 --to c --int8 --data digits
    deltarule export runs/people-1 --output people.mjs
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    path = model_path(model_file)
    if to is None and output is None:
        raise ModelError(f"one of {', '.join(ENDINGS)} for --to", "none", "--to onnx")
    if data is not None and not int8:
        raise DataError("--data with --int8", "--data alone", "--int8 --data DATA")
    target = target_of(path if output is None else output, to)
    if int8 and target != "c":
        raise ModelError("--to c for --int8", f"--to {target}", "--to c --int8")
    file = path.with_suffix(ENDINGS[target]) if output is None else output
    model = load_predictor(path)
    written = model.export(file, target, name=name, int8=int8)
    messages = messages_of(quiet)
    say(f"The model is in {' and '.join(f'{each} ({_size(each)})' for each in written)}.", messages)
    if data is not None:
        split = split_of(model_file, data, SPLIT)
        with samples_to_predict(model, data, None, data_dir, split, quiet=quiet) as (x, known):
            say(_loss_of_rounding(model, x, None if known is None else known.y), messages)


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1000:,.1f} kB"


def _loss_of_rounding(model: Model | Ensemble, x: Any, y: Any) -> str:
    """Return a sentence with the scores of the model and of its weights as integers."""
    exact, rounded = model.predict(x, strict=None), rounded_predictions(model.description(), x, model.encoding)
    n = count_of(len(exact), "sample")
    if y is None:
        if model.labelled:
            return f"With integers, {100 * np.mean(exact == rounded):.2f} % of the predictions for {n} are the same."
        return f"With integers, predictions for {n} differ by at most {np.abs(exact - rounded).max():.4g}."
    from deltarule.models.model import score_of

    before, after = (score_of(each, y, labelled=model.labelled) for each in (exact, rounded))
    if model.labelled:
        return f"Accuracy on {n}: {100 * before:.2f} %, with integers {100 * after:.2f} %."
    return f"R² on {n}: {before:.4f}, with integers {after:.4f}."
