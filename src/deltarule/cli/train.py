"""`deltarule train`: train a model on a data set, report its metrics, draw its pictures and give a short diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from deltarule.cli.data_options import DATA_OPTIONS, SPLIT, DataChoice
from deltarule.cli.option_groups import (
    ENGINE,
    PRECISION,
    RESULT,
    Data,
    engine_option,
    group_of,
    json_option,
    option,
    precision_option,
    quiet_option,
    with_groups,
)
from deltarule.cli.preset_option import checked_preset, first_recipe, preset_option, with_preset
from deltarule.cli.recipe_options import RecipeChoice, recipe_options
from deltarule.cli.resuming import interrupted_run, run_folder
from deltarule.cli.terminal import messages_of, say
from deltarule.cli.tracking import check_trackers, track_option, tracked_folder
from deltarule.cli.training_run import train_and_report
from deltarule.data import Dataset
from deltarule.errors import RecipeError
from deltarule.recipes import Recipe
from deltarule.studies.diagnose import check_reference_error
from deltarule.training import epochs
from deltarule.training.checkpoints import SECONDS, Checkpoints
from deltarule.training.folder import check_free, split_of
from deltarule.training.preparing import task_of

_REFERENCE_ERROR = option(
    "--reference-error",
    "Best achievable error, human or of another method, used by the diagnosis: 0.02 is an error rate of 2 %; "
    "for regression a mean squared error.",
    RESULT,
    "ERROR",
)


_TRACKED = ("Record each epoch for another program, too", "history.jsonl alone")


@dataclass(frozen=True)
class TrainingChoice:
    """What was typed to say how a network is trained, and what is reported and written."""

    preset_name: Annotated[str | None, preset_option()] = None
    reference_error: Annotated[float | None, _REFERENCE_ERROR] = None
    engine: Annotated[str, engine_option(RESULT)] = ENGINE
    precision: Annotated[str, precision_option(RESULT)] = PRECISION
    output: Annotated[
        Path | None,
        option("--output", "Folder of the run, new or empty (default: runs/DATA-1, -2, …).", RESULT, "FOLDER"),
    ] = None
    track: Annotated[list[str] | None, track_option(*_TRACKED)] = None
    resume: Annotated[
        Path | None,
        option(
            "--resume",
            "Folder of an interrupted run to continue on the same data; its recipe is used where no option gives one.",
            RESULT,
            "RUN",
        ),
    ] = None
    checkpoint_every: Annotated[
        float, option("--checkpoint-every", "Seconds between two checkpoints (default: 60).", RESULT, "SECONDS")
    ] = SECONDS
    metrics_only: Annotated[
        bool, option("--metrics-only", "Report the metrics alone, without diagnosis and pictures: sooner.", RESULT)
    ] = False
    as_json: Annotated[bool, json_option(RESULT)] = False
    quiet: Annotated[bool, quiet_option(RESULT)] = False


@with_groups
def train(
    data: Data,
    network: Annotated[RecipeChoice, recipe_options()],
    source: Annotated[DataChoice, DATA_OPTIONS],
    chosen: Annotated[TrainingChoice, group_of(TrainingChoice)],
) -> None:
    """Train a network on a data set and report its performance.

    Early stopping monitors the validation set.
    The test set is evaluated once, at the end.
    The run's folder contains the recipe, the history, the model and two pictures.
    A run that was interrupted continues with --resume and ends as it would have ended without interruption.

    Examples:

    \b
    deltarule train digits
    deltarule train digits --hidden 256,128 --dropout 0.2 --seed 1
    deltarule train moons --hidden 5,2 --optimizer momentum --learning-rate 0.1
    deltarule train digits --augment rotation=10 --augment translation=1
    deltarule train diabetes --hidden none --l2 0.01 --json
    deltarule train people.csv --target income --type zip=category
    deltarule train people.csv --target income --preset plain
    deltarule train mnist --data-dir my/files --set optimizer.beta1=0.8
    deltarule train digits --resume runs/digits-1
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    messages = messages_of(chosen.quiet)
    check_trackers(chosen.track)
    named = checked_preset(chosen.preset_name, network)
    recipe = first_recipe(named, network)
    engine, precision = chosen.engine, chosen.precision
    if chosen.resume is not None:
        known, engine, precision = interrupted_run(chosen.resume, chosen.output, engine, precision)
        recipe = recipe if network.given_any else known
        source = source.split_as(split_of(chosen.resume, data, SPLIT))
    elif chosen.output is not None:
        check_free(chosen.output)
    dataset = source.load(data, seed=recipe.seed, progress=not chosen.quiet)
    recipe, note = with_preset(named, network, recipe, dataset, resumed=chosen.resume is not None)
    recipe, dataset = _with_validation(
        recipe, dataset, asked_for_none=source.validation, patience=network.given("patience")
    )
    check_reference_error(chosen.reference_error, is_rate=task_of(recipe, dataset) != "regression")
    under_way = epochs(recipe, dataset, engine=engine, precision=precision)
    if note:
        say(note, messages)
    folder = run_folder(chosen.resume, chosen.output, dataset.name or Path(data).name)
    checkpoints = Checkpoints(folder.path, chosen.checkpoint_every, result=False)
    with checkpoints.held():
        under_way.keep(checkpoints)
        folder.write_split(data, source.split())
        train_and_report(
            under_way, dataset, tracked_folder(folder, chosen.track), messages, chosen.reference_error,
            metrics_only=chosen.metrics_only, as_json=chosen.as_json,
        )  # fmt: skip


def _with_validation(
    recipe: Recipe, dataset: Dataset, *, asked_for_none: str | None, patience: bool
) -> tuple[Recipe, Dataset]:
    """Add a validation set for early stopping; where the user disabled validation, remove early stopping instead."""
    if (recipe.stopping is None and not recipe.metrics) or dataset.validation is not None:
        return recipe, dataset
    if asked_for_none is None:
        return recipe, dataset.with_validation(seed=recipe.seed)
    if patience:
        raise RecipeError("a validation set for early stopping", "--validation 0", "--validation 0.1")
    if recipe.watched_metrics:
        raise RecipeError("a validation set for metrics of each epoch", "--validation 0", "--validation 0.1")
    return recipe.replace(stopping=None), dataset
