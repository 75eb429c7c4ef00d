"""The calls that start, iterate over, and resume training."""

from __future__ import annotations

import os
from typing import Any

from deltarule.data import load_dataset
from deltarule.deprecation import renamed_arguments
from deltarule.engines.problem import Order
from deltarule.errors import CheckpointError, DeltaruleError
from deltarule.recipes import Recipe
from deltarule.training.arguments import Data, OnEpoch, checked_recipe, dataset_of, explained_arguments
from deltarule.training.checkpoints import SECONDS, Checkpoints
from deltarule.training.loop import Training
from deltarule.training.preparing import Start
from deltarule.training.progress import shown
from deltarule.training.run import Run

__all__ = ["epochs", "resume", "train"]

_renamed = renamed_arguments(start="initial_parameters", order="batches")


@_renamed
@explained_arguments
def train(
    recipe: Recipe,
    data: Data,
    y: Any = None,
    *,
    engine: str = "compiled",
    precision: str = "float32",
    n_threads: int | None = None,
    initial_parameters: Start = None,
    batches: Order | None = None,
    record: str | None = None,
    progress: bool | None = None,
    on_epoch: OnEpoch | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = SECONDS,
) -> Run:
    """Train a network by a recipe.

    data : a `Dataset`; or (x, y) or (x, y, weights); or x alone, an array or a data frame, followed by y.
    y : the targets of x, or the name of the data frame's column to predict. All samples of x and y are training
        samples, of which early stopping holds out a tenth.
    engine : "compiled", or "reference" for the definition in float64 NumPy.
    precision : "float32", "float64" or "bfloat16", of the compiled engine; with "bfloat16" the operands of the matrix
        products are rounded to 16 bits, and all else is float32.
    n_threads : number of threads; None uses all cores where a step is large enough to benefit, otherwise one. The
        weights do not depend on it, to the last bit.
    initial_parameters : initial weights (fan_in, fan_out) and biases (fan_out,), a pair for each layer; or a seed for
        them alone, in place of the recipe's; or a `Model` to fine-tune, whose preprocessing is kept: it must have the
        recipe's network except for noise and dropout, and the task and classes of the data.
    batches : for each epoch an iterable of index arrays into the training set; repeats are allowed.
    record : "batch" records each batch's loss before its update, "batch_after" after it, in `run.batch_losses`.
    progress : whether to show progress; None shows it in a notebook, and on standard error if it is a terminal.
    on_epoch : a function called with each `Epoch` before the next starts; if it returns True, training stops.
    checkpoint : a folder for the state of the run, written about every `checkpoint_seconds` seconds, at Ctrl-C, and at
        the end. The same call with the same folder continues an interrupted run; the result equals that of a run
        without interruption, to the last bit.

    Raises `Diverged` if the loss or the weights are no longer finite; its `.run` has the last finite weights.

    >>> import deltarule as dr
    >>> run = dr.train(dr.Recipe(epochs=2, stopping=None), dr.load_dataset("iris"))
    >>> len(run.history), run.model
    (2, Model(4-128-64-3, 9,091 parameters, 3 classes))
    """
    training = Training(
        checked_recipe(recipe), dataset_of(data, y), engine=engine, precision=precision, n_threads=n_threads,
        initial_parameters=initial_parameters, batches=batches, record=record,
    )  # fmt: skip
    return _finished(training.keep(_checkpoints(checkpoint, checkpoint_seconds)), progress, on_epoch)


def _finished(training: Training, progress: bool | None, on_epoch: OnEpoch | None) -> Run:
    """Train to the end, and return the run."""
    score = "accuracy" if training.recipe.task != "regression" else "R²"
    with shown(progress, training.recipe.epochs, score) as display:
        training.finish(on_epoch=on_epoch, display=display)
    return training.run


@_renamed
@explained_arguments
def epochs(
    recipe: Recipe,
    data: Data,
    y: Any = None,
    *,
    engine: str = "compiled",
    precision: str = "float32",
    n_threads: int | None = None,
    initial_parameters: Start = None,
    batches: Order | None = None,
    record: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = SECONDS,
) -> Training:
    """Return training as an iterable, which yields each `Epoch` before the next one starts.

    The arguments are those of `train`. `.model` and `.run` are available at any time; `.stop()` ends the loop.

    >>> import deltarule as dr
    >>> training = dr.epochs(dr.Recipe(epochs=3, stopping=None), dr.load_dataset("iris"))
    >>> [epoch.number for epoch in training]
    [1, 2, 3]
    >>> training.run.status
    'finished'
    """
    training = Training(
        checked_recipe(recipe), dataset_of(data, y), engine=engine, precision=precision, n_threads=n_threads,
        initial_parameters=initial_parameters, batches=batches, record=record,
    )  # fmt: skip
    return training.keep(_checkpoints(checkpoint, checkpoint_seconds))


def _checkpoints(folder: str | os.PathLike[str] | None, seconds: float) -> Checkpoints | None:
    return None if folder is None else Checkpoints(folder, seconds)


@explained_arguments
def resume(
    folder: str | os.PathLike[str],
    data: Data | None = None,
    y: Any = None,
    *,
    n_threads: int | None = None,
    batches: Order | None = None,
    progress: bool | None = None,
    on_epoch: OnEpoch | None = None,
    checkpoint_seconds: float = SECONDS,
) -> Run:
    """Continue a run from the newest checkpoint in a folder, and return it as `train` does.

    The recipe, the engine and the precision are those of the checkpoint. The result equals that of a run without
    interruption, to the last bit. A run that has ended is returned as it is.

    folder : the folder given to `train` as `checkpoint`.
    data, y : the same data as before, as for `train`; None loads a data set that `load_dataset` knows by name.
    batches : the same as before, where they were given.

    Raises `CheckpointError` where there is no checkpoint, where it is damaged, where the data are others, or where the
    run started from a model: `train` with that model continues it.

    >>> import deltarule as dr
    >>> recipe, folder = dr.Recipe(epochs=20, stopping=None), "runs/resumed"
    >>> for epoch in dr.epochs(recipe, dr.load_dataset("iris"), checkpoint=folder):
    ...     if epoch.number == 3:
    ...         break  # a crash, for example
    >>> dr.resume(folder)
    Run(finished, 20 epochs, ...)
    """
    checkpoints = Checkpoints(folder, checkpoint_seconds, any_start=True)
    found = checkpoints.newest()
    if found is None:
        raise CheckpointError("a folder with a checkpoint", f"{folder}: none", "train(recipe, data, checkpoint=folder)")
    run = found.run
    if run.fine_tunes:
        instead = f"train(recipe, data, initial_parameters=model, checkpoint={os.fspath(folder)!r})"
        raise CheckpointError("the model that the run started from", "none", instead, field="initial_parameters")
    dataset = _named(run.name, os.fspath(folder)) if data is None else dataset_of(data, y)
    training = Training(
        run.recipe, dataset, engine=run.engine, precision=run.precision, n_threads=n_threads,
        batches=batches, record=run.record,
    )  # fmt: skip
    return _finished(training.keep(checkpoints), progress, on_epoch)


def _named(name: str, folder: str) -> Any:
    """Return the data set of a checkpoint by its name."""
    try:
        return load_dataset(name)
    except DeltaruleError as error:
        expected = "the data of the run, which cannot be loaded by a name"
        raise CheckpointError(expected, "none", f"resume({folder!r}, data)", field="data") from error
