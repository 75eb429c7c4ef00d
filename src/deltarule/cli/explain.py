"""`deltarule explain`: why a model predicts what it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from deltarule.cli.data_options import SPLIT, notes
from deltarule.cli.option_groups import DataFolder, ModelPath, group_of, json_option, option, quiet_option, with_groups
from deltarule.cli.prediction_samples import samples_to_predict
from deltarule.cli.terminal import messages_of, print_json, print_lines, say
from deltarule.errors import DataError
from deltarule.language import message
from deltarule.models import Model
from deltarule.models.ensemble import Ensemble, load_predictor
from deltarule.studies.explain import Explanation, explain
from deltarule.training.folder import model_path, split_of


@dataclass(frozen=True)
class ExplanationChoice:
    """What was typed to say which explanation is wanted, and where."""

    part: Annotated[
        str | None,
        option(
            "--part",
            "Set to explain: train, validation or test (default: test; for a table's file, all rows).",
            metavar="PART",
        ),
    ] = None
    rows: Annotated[
        int, option("--rows", "Largest number of samples, the first ones.", metavar="NUMBER", show_default=True)
    ] = 1000
    background: Annotated[
        str | None,
        option(
            "--background",
            "Data whose values replace features that are left out (default: the data's training set, or its rows).",
            metavar="DATA",
        ),
    ] = None
    method: Annotated[
        str,
        option("--method", "Method: shapley, integrated-gradients or deeplift.", metavar="NAME", show_default=True),
    ] = "shapley"
    raw: Annotated[
        bool, option("--raw", "Explain the weighted sums of the last layer instead of probabilities or numbers.")
    ] = False
    of: Annotated[
        str | None, option("--class", "Class or target to explain in the picture (default: the last).", metavar="NAME")
    ] = None
    row: Annotated[
        int | None, option("--row", "Sample that the picture explains, from 0 (default: all).", metavar="NUMBER")
    ] = None
    picture: Annotated[
        Path | None, option("--picture", "File for the picture: .png, .svg or .pdf.", metavar="FILE")
    ] = None
    as_json: Annotated[bool, json_option()] = False
    quiet: Annotated[bool, quiet_option()] = False


@with_groups
def explain_predictions(
    model_file: ModelPath,
    data: Annotated[
        str,
        typer.Argument(
            help="File of rows with the columns of the training data (CSV, Parquet, …), a .npy file of samples, "
            "images, or the name or folder of a data set.",
            metavar="DATA",
            show_default=False,
        ),
    ],
    chosen: Annotated[ExplanationChoice, group_of(ExplanationChoice)],
    data_dir: DataFolder = None,
) -> None:
    """Explain predictions: how much each feature contributes to them.

    Shapley values, exact for up to 12 features, otherwise sampled with standard
    errors. Features are the raw columns of a table, or the numbers of a sample.

    Examples:

    \b
    deltarule explain runs/iris-1 iris
    deltarule explain runs/iris-1 iris --class setosa --row 0 --picture why.png
    deltarule explain runs/people-1 new_people.csv --json
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    if chosen.rows < 1:
        raise DataError("at least 1 sample", f"{chosen.rows}", "--rows 100", field="rows")
    if chosen.picture is None:
        for name, value in (("class", chosen.of), ("row", chosen.row)):
            if value is not None:
                raise DataError("a file for the picture of it", "none", "--picture why.png", field=name)
    model = load_predictor(model_path(model_file))
    split = split_of(model_file, data, SPLIT)
    with samples_to_predict(model, data, chosen.part, data_dir, split, quiet=chosen.quiet) as (x, _):
        behind = _background(model, x, data, chosen, data_dir, split)
        with notes(quiet=chosen.quiet):
            method = chosen.method.strip().lower().replace("-", "_")
            found = explain(model, x[: chosen.rows], behind, method=method, raw=chosen.raw)
    if chosen.picture is not None:
        found.plot(chosen.of, row=chosen.row).save(chosen.picture)
        say(message("The picture is in {path}.", path=chosen.picture), messages_of(chosen.quiet))
    if chosen.as_json:
        print_json(found.to_json())
    else:
        print_lines(_text(found).splitlines())


def _background(
    model: Model | Ensemble, x: Any, data: str, chosen: ExplanationChoice, data_dir: Path | None, split: Any
) -> Any:
    """Return the background samples: other data, the training set of the data, or the samples themselves."""
    if chosen.background is not None:
        with samples_to_predict(model, chosen.background, None, data_dir, {}, quiet=chosen.quiet) as (behind, _):
            return behind
    if isinstance(model, Ensemble):
        return x
    try:
        with samples_to_predict(model, data, "train", data_dir, split, quiet=True) as (behind, known):
            return x if known is None else behind
    except DataError:  # new rows, without targets or from standard input, have no training set
        return x


def _text(found: Explanation) -> str:
    """Return the importances, and how exact they are."""
    errors = found.errors
    if found.method != "shapley":
        how = f"{found.method.replace('_', ' ')} over {found.background} background samples"
    elif not np.any(errors):
        how = f"Exact Shapley values over {found.background} background samples"
    else:
        largest = float(np.nanmax(errors))
        how = f"Shapley values over {found.background} background samples, standard errors up to {largest:.2g}"
    return f"{found}\n{how[0].upper()}{how[1:]}."
