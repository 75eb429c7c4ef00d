"""`deltarule predict`: predict with a saved model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy.typing as npt
import typer

from deltarule.cli.data_options import SPLIT, notes
from deltarule.cli.option_groups import (
    AverageOver,
    DataFolder,
    ModelPath,
    group_of,
    option,
    quiet_option,
    with_groups,
)
from deltarule.cli.prediction_file import check_ending, columns_of, write_predictions
from deltarule.cli.prediction_samples import samples_to_predict
from deltarule.cli.terminal import messages_of, print_json, print_lines, say
from deltarule.data import Part
from deltarule.errors import DataError
from deltarule.language import count_of, message
from deltarule.models import Model
from deltarule.models.ensemble import Ensemble, load_predictor
from deltarule.models.model import score_of
from deltarule.recipes.text_values import copies_of
from deltarule.training.folder import model_path, split_of
from deltarule.training.metrics import as_data

_PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class PredictionChoice:
    """What was typed to say which predictions are wanted, and where."""

    part: Annotated[
        str | None,
        option(
            "--part",
            "Set to predict: train, validation or test (default: test; for a table's file, all rows).",
            metavar="PART",
        ),
    ] = None
    probabilities: Annotated[
        bool, option("--proba", "Print the probability of each class, below a header of the classes' names.")
    ] = False
    output: Annotated[
        Path | None,
        option(
            "--output",
            "File for the predictions, with the probability of each class: .csv or .parquet; replaced if it exists.",
            metavar="FILE",
        ),
    ] = None
    average_over: AverageOver = None
    strict: Annotated[
        bool,
        option("--strict", "Fail for unseen categories and values far out of the training range, instead of a note."),
    ] = False
    as_json: Annotated[
        bool,
        option("--json", "Print one JSON object: predictions, and accuracy or r2 if targets are known."),
    ] = False
    quiet: Annotated[bool, quiet_option()] = False


@with_groups
def predict(
    model_file: ModelPath,
    data: Annotated[
        str,
        typer.Argument(
            help="File of rows with the columns of the training data (CSV, Parquet, …), or - for rows from standard "
            "input (CSV or JSON lines); a .npy file of samples, images, or the name or folder of a data set.",
            metavar="DATA",
            show_default=False,
        ),
    ],
    chosen: Annotated[PredictionChoice, group_of(PredictionChoice)],
    data_dir: DataFolder = None,
) -> None:
    """Predict with a model and print one line for each sample, or write a file.

    The data of the training run are split as in training, and other data by the
    default split with the model's seed, so the test set contains unseen samples.
    Where targets are known, the score is printed to standard error.

    Examples:

    \b
    deltarule predict runs/digits-1 digits
    deltarule predict runs/digits-1 digits --part validation --json
    deltarule predict runs/iris-1/model.safetensors flowers.csv --proba
    deltarule predict runs/people-1 new_people.csv --output predictions.csv
    deltarule predict runs/fashion-1 fashion --average-over mirror
    cat new_people.csv | deltarule predict runs/people-1 -
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    if chosen.part is not None and chosen.part not in _PARTS:
        raise DataError(f"a part: {', '.join(_PARTS)}", repr(chosen.part), "--part test")
    if chosen.output is not None:
        check_ending(chosen.output, data)
    model = load_predictor(model_path(model_file))
    split = split_of(model_file, data, SPLIT)
    with samples_to_predict(model, data, chosen.part, data_dir, split, quiet=chosen.quiet) as (x, known):
        _predict(model, x, known, chosen)


def _predict(model: Model | Ensemble, x: Any, known: Part | None, chosen: PredictionChoice) -> None:
    """Predict, and print or write the predictions."""
    output, messages = chosen.output, messages_of(chosen.quiet)
    copies = None if chosen.average_over is None else copies_of(chosen.average_over)
    with notes(quiet=chosen.quiet):
        try:
            predictions = model.predict(x, strict=chosen.strict, average_over=copies)
        except DataError as error:
            if error.suggestion != "strict=False":
                raise
            raise error.replace(suggestion="the command without --strict") from None
    wanted = chosen.probabilities or (output is not None and model.labelled)
    probabilities = model.predict_proba(x, strict=None, average_over=copies) if wanted else None
    score = None if known is None else score_of(predictions, known.y, labelled=model.labelled)
    if score is not None and not chosen.as_json:
        say(_sentence(score, len(predictions), labelled=model.labelled), messages)
    if output is not None:
        write_predictions(output, columns_of(model, predictions, probabilities))
        if len(predictions) == 1:
            say(message("The prediction of one sample is in {path}.", path=output), messages)
        else:
            said = message("The predictions of {n:,} samples are in {path}.", n=len(predictions), path=output)
            say(said, messages)
    if chosen.as_json:
        print_json(_result(model, predictions, probabilities, score))
    elif output is None:
        _print_predictions(model, predictions, probabilities)


def _print_predictions(model: Model | Ensemble, predictions: npt.NDArray[Any], probabilities: Any) -> None:
    """Print a line for each sample: its prediction, or the probability of each class."""
    if probabilities is not None:
        labels = [] if model.classes is None else [_name(model, label) for label in model.classes.tolist()]
        _print_rows(labels or model.target_names, ("\t".join(f"{each:.6f}" for each in row) for row in probabilities))
    else:
        _print_rows(model.target_names, (_line(model, prediction) for prediction in predictions.tolist()))


def _print_rows(names: Sequence[str], rows: Iterable[str]) -> None:
    """Print a header, if there are names, and the rows."""
    header = "\t".join(" ".join(name.split()) for name in names)
    print_lines([*([header] if header else []), *rows])


def _result(
    model: Model | Ensemble, predictions: npt.NDArray[Any], probabilities: Any, score: float | None
) -> dict[str, Any]:
    """Return the JSON of predictions: labels as in the data, and the names of the classes where they have any."""
    result: dict[str, Any] = {"predictions": predictions.tolist()}
    if model.classes is not None and model.class_names is not None:
        result["names"] = [model.name_of(label) for label in predictions.tolist()]
    if model.target_names:
        result["targets"] = list(model.target_names)
    if probabilities is not None:
        if model.classes is not None:
            result["classes"] = model.classes.tolist()
        result["probabilities"] = probabilities.tolist()
    if score is not None:
        result["accuracy" if model.labelled else "r2"] = as_data(score)
    return result


def _name(model: Model | Ensemble, label: Any) -> str:
    """Return a class's name on one line."""
    return " ".join(model.name_of(label).splitlines())


def _line(model: Model | Ensemble, prediction: Any) -> str:
    if model.classes is not None:
        return _name(model, prediction)
    if model.multilabel:
        return "\t".join(map(str, prediction))
    return (
        "\t".join(f"{number:.10g}" for number in prediction) if isinstance(prediction, list) else f"{prediction:.10g}"
    )


def _sentence(score: float, samples: int, *, labelled: bool) -> str:
    """Return the score as a sentence."""
    if not labelled:
        return f"R² {score:.4f} on {count_of(samples, 'sample')}."
    return f"Accuracy {100 * score:.2f} % on {count_of(samples, 'sample')}."
