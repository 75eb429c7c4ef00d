"""The folder of a run that `deltarule train` begins or continues."""

from __future__ import annotations

from pathlib import Path

from deltarule.cli.option_groups import ENGINE, PRECISION
from deltarule.cli.recipe_options import read_recipe
from deltarule.errors import CheckpointError, RecipeError
from deltarule.recipes import Recipe
from deltarule.training.checkpoints import Checkpoints
from deltarule.training.folder import MODEL, RECIPE, RunFolder


def run_folder(resume: Path | None, output: Path | None, name: str) -> RunFolder:
    """Return the folder to continue in, the requested one, or the next of the data set's name."""
    if resume is not None:
        return RunFolder(resume)
    return RunFolder.next_of("runs", name) if output is None else RunFolder.create(output)


def interrupted_run(folder: Path, output: Path | None, engine: str, precision: str) -> tuple[Recipe, str, str]:
    """Return the recipe, the engine and the precision of the interrupted run in a folder.

    engine, precision : those that were typed, or their defaults.

    Raises CheckpointError where there is no such run.
    """
    if output is not None:
        raise RecipeError("--resume or --output", "both", f"--resume {folder}")
    found = Checkpoints(folder).newest()
    if found is not None:
        run = found.run
        engine = run.engine if engine == ENGINE else engine
        return run.recipe, engine, run.precision if precision == PRECISION else precision
    ended = (folder / MODEL).is_file()
    if ended or not (folder / RECIPE).is_file():
        came = f"{folder}, {'whose run has ended' if ended else 'which has no checkpoint'}"
        raise CheckpointError("the folder of an interrupted run", came, "the command without --resume")
    return read_recipe(folder), engine, precision  # it ended before its first checkpoint, and starts again
