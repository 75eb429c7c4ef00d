"""`deltarule train`: train a model on a data set, report its metrics, draw its pictures and give a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from deltarule.cli import options
from deltarule.cli.augmentations import AUGMENT_HELP
from deltarule.cli.running import finish, run_to_its_end
from deltarule.cli.terminal import words_of
from deltarule.cli.words import names_of
from deltarule.data import Dataset
from deltarule.engines.registry import ENGINES
from deltarule.errors import RecipeError
from deltarule.formulas.metrics import METRICS
from deltarule.recipes import Recipe
from deltarule.recipes.recipe import TASKS
from deltarule.studies.verdict import check_reference_error
from deltarule.training import epochs
from deltarule.training.folder import RunFolder, check_free

NETWORK, LEARNING, STOPPING, DATA, RESULT = "Network", "Optimization", "Stopping", "Data", "Output"
_USUAL = Recipe()
_UNITS = ",".join(map(str, _USUAL.network.hidden)) or "none"
_PATIENCE = "none" if _USUAL.stopping is None else _USUAL.stopping.patience


def _option(flag: str, text: str, panel: str, metavar: str | None = None) -> Any:
    return typer.Option(flag, help=text, rich_help_panel=panel, metavar=metavar, show_default=False)


def train(
    data: Annotated[
        str,
        typer.Argument(
            help=options.DATA_HELP,
            metavar="DATA",
        ),
    ],
    hidden: Annotated[
        str | None,
        _option(
            "--hidden",
            f"Comma-separated numbers of units of the hidden layers, or none (default: {_UNITS}).",
            NETWORK,
            "UNITS",
        ),
    ] = None,
    activation: Annotated[
        str | None,
        _option(
            "--activation",
            f"Activation of the hidden layers, or a comma-separated list with one for each (default: relu): "
            f"{names_of('activation')}.",
            NETWORK,
            "NAME",
        ),
    ] = None,
    dropout: Annotated[
        str | None,
        _option(
            "--dropout",
            "Dropout rate of the hidden layers, or a list starting with the input's (default: 0).",
            NETWORK,
            "RATE",
        ),
    ] = None,
    noise: Annotated[
        str | None,
        _option(
            "--noise",
            "Standard deviation of the Gaussian noise added to the scaled inputs, or a list starting with the input's "
            "(default: 0).",
            NETWORK,
            "DEVIATION",
        ),
    ] = None,
    normalization: Annotated[
        str | None,
        _option(
            "--normalization",
            f"Normalization of the hidden layers' pre-activations (default: none): {names_of('normalization')}.",
            NETWORK,
            "NAME",
        ),
    ] = None,
    initializer: Annotated[
        str | None,
        _option(
            "--initializer",
            f"Distribution of the initial weights (default: auto): {names_of('initializer')}.",
            NETWORK,
            "NAME",
        ),
    ] = None,
    loss: Annotated[
        str | None,
        _option("--loss", f"Loss to minimise (default: auto): {names_of('loss')}.", LEARNING, "NAME"),
    ] = None,
    task: Annotated[
        str | None,
        _option(
            "--task",
            f"Task (default: auto, inferred from the targets and the loss): {', '.join(TASKS)}.",
            LEARNING,
            "NAME",
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        _option(
            "--optimizer", f"Optimizer (default: {_USUAL.optimizer.name}): {names_of('optimizer')}.", LEARNING, "NAME"
        ),
    ] = None,
    learning_rate: Annotated[
        float | None, _option("--learning-rate", "Learning rate (default: the optimizer's).", LEARNING, "RATE")
    ] = None,
    schedule: Annotated[
        str | None,
        _option(
            "--schedule",
            f"Learning rate schedule (default: {_USUAL.schedule.name}): {names_of('schedule')}.",
            LEARNING,
            "NAME",
        ),
    ] = None,
    l1: Annotated[
        float | None, _option("--l1", "L1 regularization strength (default: 0).", LEARNING, "STRENGTH")
    ] = None,
    l2: Annotated[
        float | None, _option("--l2", "L2 regularization strength (default: 0).", LEARNING, "STRENGTH")
    ] = None,
    max_norm: Annotated[
        float | None,
        _option("--max-norm", "Maximum norm of each hidden unit's incoming weights (default: none).", LEARNING, "NORM"),
    ] = None,
    clip_norm: Annotated[
        float | None, _option("--clip-norm", "Maximum global norm of the gradient (default: none).", LEARNING, "NORM")
    ] = None,
    average: Annotated[
        float | None,
        _option(
            "--average",
            "Decay of an exponential moving average (EMA) of the weights, which replaces the weights in prediction, "
            "for example 0.999 (default: none).",
            LEARNING,
            "DECAY",
        ),
    ] = None,
    class_weight: Annotated[
        str | None,
        _option(
            "--class-weight",
            "Class weights: balanced, or CLASS=WEIGHT pairs, for example yes=2,no=1 (default: none).",
            LEARNING,
            "WEIGHTS",
        ),
    ] = None,
    batch_size: Annotated[
        int | None, _option("--batch-size", f"Samples per batch (default: {_USUAL.batch_size}).", LEARNING, "SAMPLES")
    ] = None,
    scaling: Annotated[
        str | None,
        _option(
            "--scaling",
            "Scaling of the inputs: auto, none, unit, standard, pooled, or a divisor (default: auto).",
            LEARNING,
            "NAME",
        ),
    ] = None,
    augment: Annotated[list[str] | None, _option("--augment", AUGMENT_HELP, LEARNING, "NAME=VALUE")] = None,
    seed: Annotated[
        int | None,
        _option(
            "--seed",
            f"Random seed of the split, the initial weights, the batches and dropout (default: {_USUAL.seed}).",
            LEARNING,
            "NUMBER",
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        _option(
            "--set",
            "Any other field of the recipe, for example optimizer.beta1=0.8; repeatable.",
            LEARNING,
            "FIELD=VALUE",
        ),
    ] = None,
    recipe_file: Annotated[
        Path | None,
        _option(
            "--recipe",
            "Recipe to start from: a JSON file, or the folder of a run.",
            LEARNING,
            "FILE",
        ),
    ] = None,
    number_of_epochs: Annotated[
        int | None,
        _option("--epochs", f"Maximum number of epochs (default: {_USUAL.epochs}).", STOPPING, "NUMBER"),
    ] = None,
    patience: Annotated[
        str | None,
        _option(
            "--patience",
            f"Epochs without improvement before early stopping, or none to run all epochs (default: {_PATIENCE}).",
            STOPPING,
            "EPOCHS",
        ),
    ] = None,
    monitor: Annotated[
        str | None,
        _option(
            "--monitor",
            "Validation metric of early stopping: loss, score, or one that --metric takes (default: loss).",
            STOPPING,
            "METRIC",
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        _option(
            "--metric",
            f"Metric of the validation set after each epoch; repeatable: {', '.join(METRICS)}, or any scorer of "
            "scikit-learn.",
            STOPPING,
            "NAME",
        ),
    ] = None,
    evaluate_train: Annotated[
        bool | None,
        typer.Option(
            "--evaluate-train",
            help="Evaluate the training set after each epoch instead of averaging over its batches.",
            rich_help_panel=STOPPING,
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        _option("--target", "Target column of a table; repeatable, for several targets.", DATA, "COLUMN"),
    ] = None,
    types: Annotated[
        list[str] | None,
        _option(
            "--type",
            "Type of a table's column: number, category, boolean, date or ignored; repeatable (default: inferred).",
            DATA,
            "COLUMN=TYPE",
        ),
    ] = None,
    group_by: Annotated[
        str | None,
        _option("--group-by", "Column whose equal values are kept in one set (default: none).", DATA, "COLUMN"),
    ] = None,
    order_by: Annotated[
        str | None,
        _option(
            "--order-by",
            "Column of dates or numbers to split by: earliest rows for training, latest for testing (default: none).",
            DATA,
            "COLUMN",
        ),
    ] = None,
    image_size: Annotated[
        str | None, _option("--image-size", "Size that images are resized to, for example 28x28.", DATA, "HEIGHTxWIDTH")
    ] = None,
    data_dir: Annotated[
        Path | None,
        _option(
            "--data-dir",
            "Folder with the files of mnist, fashion or kmnist (default: the download cache).",
            DATA,
            "FOLDER",
        ),
    ] = None,
    validation: Annotated[
        str | None, _option("--validation", "Fraction or number of validation samples (default: 0.1).", DATA, "SIZE")
    ] = None,
    test: Annotated[
        str | None, _option("--test", "Fraction or number of test samples (default: 0.1).", DATA, "SIZE")
    ] = None,
    reference_error: Annotated[
        float | None,
        _option(
            "--reference-error",
            "Best achievable error, human or of another method, used by the verdict: 0.02 is an error rate of 2 %; "
            "for regression a mean squared error.",
            RESULT,
            "ERROR",
        ),
    ] = None,
    engine: Annotated[
        str | None,
        _option("--engine", f"Engine (default: {next(iter(ENGINES))}): {', '.join(ENGINES)}.", RESULT, "NAME"),
    ] = None,
    out: Annotated[
        Path | None,
        _option("--out", "Folder of the run, new or empty (default: runs/DATA-1, -2, …).", RESULT, "FOLDER"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.", rich_help_panel=RESULT)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Suppress messages and progress.", rich_help_panel=RESULT)
    ] = False,
) -> None:
    """Train a network on a data set and report its performance.

    Early stopping monitors the validation set.
    The test set is evaluated once, at the end.
    The run's folder contains the recipe, the history, the model and two pictures.

    Examples:

    \b
    deltarule train digits
    deltarule train digits --hidden 256,128 --dropout 0.2 --seed 1
    deltarule train moons --hidden 5,2 --optimizer momentum --learning-rate 0.1
    deltarule train digits --augment rotation=10 --augment translation=1
    deltarule train diabetes --hidden none --l2 0.01 --json
    deltarule train people.csv --target income --type zip=category
    deltarule train mnist --data-dir my/files --set optimizer.beta1=0.8
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    typed = {
        "hidden": hidden,
        "activation": activation,
        "dropout": dropout,
        "noise": noise,
        "normalization": normalization,
        "initializer": initializer,
        "loss": loss,
        "task": task,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "schedule": schedule,
        "l1": l1,
        "l2": l2,
        "max_norm": max_norm,
        "clip_norm": clip_norm,
        "average": average,
        "class_weight": class_weight,
        "batch_size": batch_size,
        "epochs": number_of_epochs,
        "patience": patience,
        "monitor": monitor,
        "metric": metric or None,
        "scaling": scaling,
        "augment": augment,
        "evaluate_train": evaluate_train,
        "seed": seed,
    }
    words = words_of(quiet)
    recipe = options.recipe_of(typed, setting or (), recipe_file)
    if out is not None:
        check_free(out)
    dataset = options.load(
        data,
        data_dir=data_dir,
        validation=validation,
        test=test,
        seed=recipe.seed,
        progress=not quiet,
        target=target,
        types=options.types_of(types),
        image_size=image_size,
        group_by=group_by,
        order_by=order_by,
    )
    recipe, dataset = _with_validation(recipe, dataset, asked_for_none=validation, patience=patience)
    under_way = epochs(recipe, dataset) if engine is None else epochs(recipe, dataset, engine=engine)
    check_reference_error(reference_error, share=under_way.recipe.task != "regression")
    folder = RunFolder.create(out) if out is not None else RunFolder.next_of("runs", dataset.name or Path(data).name)
    dealt = dict(zip(options.SPLIT, (validation, test, group_by, order_by), strict=True))
    folder.write_split(data, dealt)
    ended = run_to_its_end(under_way, dataset, folder, words)
    finish(ended, dataset, folder, words, reference_error, as_json=as_json)


def _with_validation(
    recipe: Recipe, dataset: Dataset, *, asked_for_none: str | None, patience: str | None
) -> tuple[Recipe, Dataset]:
    """Add a validation set for early stopping; where the user disabled validation, remove early stopping instead."""
    if (recipe.stopping is None and not recipe.metrics) or dataset.validation is not None:
        return recipe, dataset
    if asked_for_none is None:
        return recipe, dataset.with_validation(seed=recipe.seed)
    if patience is not None:
        raise RecipeError("a validation part for early stopping", "--validation 0", "--validation 0.1")
    if recipe.watched_metrics:
        raise RecipeError("a validation set for metrics of each epoch", "--validation 0", "--validation 0.1")
    return recipe.replace(stopping=None), dataset
