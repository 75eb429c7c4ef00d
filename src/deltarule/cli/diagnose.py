"""`deltarule diagnose`: what is wrong with a trained network, how it is known, and what may help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from deltarule.cli.data_options import SPLIT
from deltarule.cli.interrupts import interrupts
from deltarule.cli.option_groups import (
    DATA_HELP,
    RESULT,
    DataFolder,
    group_of,
    json_option,
    option,
    quiet_option,
    with_groups,
)
from deltarule.cli.prediction_samples import dataset_as_trained
from deltarule.cli.terminal import console, messages_of, print_json, progress_bar, say
from deltarule.errors import DataError, ModelError, OutputError
from deltarule.language import message
from deltarule.models import Model
from deltarule.models.ensemble import load_predictor
from deltarule.studies.diagnose import Diagnosis, Severity, check_reference_error, diagnose_model
from deltarule.studies.diagnose.attempts import SEEDS
from deltarule.training.folder import data_of, model_path, read_history, split_of

REMEDIES = 3
"""The number of remedies that `--try` tries."""
REPORT = "diagnosis.html"

_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: ""}


@dataclass(frozen=True)
class DiagnosisChoice:
    """What was typed to say how a network is diagnosed, and where the report is written."""

    tried: Annotated[
        bool, option("--try", "Train networks with the best remedies beside the present recipe, and compare them.")
    ] = False
    remedies: Annotated[
        int, option("--remedies", f"Number of remedies to try (default: {REMEDIES}).", metavar="NUMBER")
    ] = REMEDIES
    seeds: Annotated[int, option("--seeds", f"Networks trained per remedy (default: {SEEDS}).", metavar="NUMBER")] = (
        SEEDS
    )
    short: Annotated[bool, option("--short", "Train nothing beside the network, as the end of train does.")] = False
    reference_error: Annotated[
        float | None,
        option(
            "--reference-error",
            "Best achievable error, human or of another method: 0.02 is an error rate of 2 %; for regression a mean "
            "squared error.",
            metavar="ERROR",
        ),
    ] = None
    data_dir: DataFolder = None
    output: Annotated[
        Path | None,
        option("--output", f"File of the report, .html (default: {REPORT} in the run's folder).", RESULT, "FILE"),
    ] = None
    as_json: Annotated[bool, json_option(RESULT)] = False
    quiet: Annotated[bool, quiet_option(RESULT)] = False


@with_groups
def diagnose(
    model_file: Annotated[
        Path,
        typer.Argument(help="Folder of a run, or a model file.", metavar="RUN", show_default=False),
    ],
    data: Annotated[
        str | None,
        typer.Argument(help=f"{DATA_HELP} Default: the data of the run.", metavar="DATA", show_default=False),
    ] = None,
    *,
    chosen: Annotated[DiagnosisChoice, group_of(DiagnosisChoice)],
) -> None:
    """Diagnose a trained network: what is wrong, how it is known, and what may help.

    The data are split as in training; the test set is not used. Other methods and
    about 15 further networks are trained to find out. The report is an HTML file.

    Examples:

    \b
    deltarule diagnose runs/digits-1
    deltarule diagnose runs/digits-1 --try
    deltarule diagnose model.safetensors people.csv --short --json
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    messages = messages_of(chosen.quiet)
    target = _report_file(model_file, chosen.output)
    model = load_predictor(model_path(model_file))
    if not isinstance(model, Model):
        raise ModelError("a single network to diagnose", f"an ensemble of {len(model.networks)}", "deltarule show")
    name = data_of(model_file) if data is None else data
    if name is None:
        raise DataError("the data of the run, which its folder does not name", None, "deltarule diagnose RUN DATA")
    check_reference_error(chosen.reference_error, is_rate=model.labelled)
    dataset = dataset_as_trained(model, name, chosen.data_dir, split_of(model_file, name, SPLIT), quiet=chosen.quiet)
    history = read_history(model_file)
    try:
        with progress_bar(message("Trying remedies" if chosen.tried else "Diagnosing"), 1, messages) as bar:
            found = diagnose_model(
                model,
                dataset,
                history,
                reference_error=chosen.reference_error,
                short=chosen.short,
                try_remedies=chosen.remedies if chosen.tried else 0,
                seeds=chosen.seeds,
                progress=lambda each: bar.reached(each.done, each.total, f"{each.done} of {each.total} networks"),
            )
    except KeyboardInterrupt:
        say(message("Interrupted; nothing was written."), console)
        interrupts.said()
        raise typer.Exit(interrupts.code) from None
    if chosen.as_json:
        print_json(found.to_json())
    _print(found, quiet=chosen.quiet)
    if target is not None:
        found.write(target)
        say(message("The report is {path}.", path=target), messages)


def _report_file(model_file: Path, output: Path | None) -> Path | None:
    """Return the file of the report: in the run's folder, unless it is given; None for a model's file alone."""
    if output is None:
        return model_file / REPORT if model_file.is_dir() else None
    if output.suffix.lower() not in {".html", ".htm"}:
        raise OutputError("a report's name that ends in .html", str(output), "--output diagnosis.html")
    return output


def _print(found: Diagnosis, *, quiet: bool) -> None:
    messages = messages_of(quiet)
    messages.print()
    if found.errors is not None:
        for sentence in found.errors.sentences:
            say(sentence, messages)
        messages.print()
    for finding in found.findings:
        say(str(finding), messages, style=_COLORS[finding.severity])
        for remedy in finding.remedies:
            option_text = f": add {remedy.options}" if remedy.change else ""
            say(f"  May help, not tried: {remedy.text}{option_text}", messages)
    if not found.findings:
        say(message("Nothing wrong was found."), messages)
    for attempt in found.attempts:
        say(f"Tried: {attempt}", messages, style="green" if attempt.helped else "")
    messages.print()
