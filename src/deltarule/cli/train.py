"""`deltarule train`: from the name of a data set to a model, with its figures, its pictures and its verdict."""

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
from deltarule.recipes import Recipe
from deltarule.studies.verdict import check_reference_error
from deltarule.training import epochs
from deltarule.training.folder import RunFolder, check_free

NETWORK, LEARNING, STOPPING, DATA, RESULT = "Network", "Learning", "When to stop", "Data", "Result"
_USUAL = Recipe()
_UNITS = ",".join(map(str, _USUAL.network.hidden)) or "none"
_PATIENCE = "" if _USUAL.stopping is None else f"; usually {_USUAL.stopping.patience}"


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
        _option("--hidden", f"Units of each hidden layer; none: no hidden layer; usually {_UNITS}.", NETWORK, "UNITS"),
    ] = None,
    activation: Annotated[
        str | None,
        _option(
            "--activation",
            f"Of the hidden layers, one or one for each: {names_of('activation')}.",
            NETWORK,
            "NAME",
        ),
    ] = None,
    dropout: Annotated[
        str | None,
        _option(
            "--dropout",
            "Share of hidden units left out at each step, such as 0.2; or a list, the input's first: 0.1,0.2,0.2.",
            NETWORK,
            "SHARE",
        ),
    ] = None,
    noise: Annotated[
        str | None,
        _option(
            "--noise",
            "Standard deviation of normal noise on the scaled inputs at each step; or a list, the input's first.",
            NETWORK,
            "DEVIATION",
        ),
    ] = None,
    normalization: Annotated[
        str | None,
        _option(
            "--normalization",
            f"Of hidden layers' weighted sums: none, {names_of('normalization')}.",
            NETWORK,
            "NAME",
        ),
    ] = None,
    initializer: Annotated[
        str | None,
        _option("--initializer", f"Of the first weights: auto, {names_of('initializer')}.", NETWORK, "NAME"),
    ] = None,
    loss: Annotated[
        str | None,
        _option("--loss", f"What is made small: auto, {names_of('loss')}.", LEARNING, "NAME"),
    ] = None,
    optimizer: Annotated[
        str | None,
        _option("--optimizer", f"{names_of('optimizer')}; usually {_USUAL.optimizer.name}.", LEARNING, "NAME"),
    ] = None,
    learning_rate: Annotated[
        float | None, _option("--learning-rate", "Usually the optimizer's own.", LEARNING, "RATE")
    ] = None,
    schedule: Annotated[
        str | None,
        _option("--schedule", f"Of the learning rate: {names_of('schedule')}.", LEARNING, "NAME"),
    ] = None,
    l1: Annotated[float | None, _option("--l1", "Penalty on the size of the weights.", LEARNING, "STRENGTH")] = None,
    l2: Annotated[float | None, _option("--l2", "Penalty on the squares of the weights.", LEARNING, "STRENGTH")] = None,
    max_norm: Annotated[
        float | None, _option("--max-norm", "Limit to the weights into each hidden unit.", LEARNING, "NORM")
    ] = None,
    clip_norm: Annotated[
        float | None, _option("--clip-norm", "Limit to the norm of the whole gradient.", LEARNING, "NORM")
    ] = None,
    average: Annotated[
        float | None,
        _option("--average", "Let a running mean of the weights predict; its decay, such as 0.999.", LEARNING, "DECAY"),
    ] = None,
    class_weight: Annotated[
        str | None,
        _option("--class-weight", "How much classes count: balanced, or yes=2,no=1.", LEARNING, "WEIGHTS"),
    ] = None,
    batch_size: Annotated[
        int | None, _option("--batch-size", f"Samples in each step; usually {_USUAL.batch_size}.", LEARNING, "SAMPLES")
    ] = None,
    scaling: Annotated[
        str | None,
        _option(
            "--scaling",
            "Of the inputs: auto, none, unit, standard, pooled, or a number to divide by.",
            LEARNING,
            "NAME",
        ),
    ] = None,
    augment: Annotated[list[str] | None, _option("--augment", AUGMENT_HELP, LEARNING, "NAME=VALUE")] = None,
    seed: Annotated[
        int | None,
        _option(
            "--seed",
            f"Decides the split, the first weights, the order, dropout; usually {_USUAL.seed}.",
            LEARNING,
            "NUMBER",
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        _option(
            "--set", "Any other field of the recipe, such as optimizer.beta1=0.8; repeatable.", LEARNING, "FIELD=VALUE"
        ),
    ] = None,
    recipe_file: Annotated[
        Path | None,
        _option("--recipe", "Start from this recipe: a JSON file, or the folder of a run.", LEARNING, "FILE"),
    ] = None,
    number_of_epochs: Annotated[
        int | None,
        _option(
            "--epochs", f"Passes over the training part, at the most; usually {_USUAL.epochs}.", STOPPING, "NUMBER"
        ),
    ] = None,
    patience: Annotated[
        str | None,
        _option(
            "--patience",
            f"Epochs without improvement before training ends; none: run all epochs{_PATIENCE}.",
            STOPPING,
            "EPOCHS",
        ),
    ] = None,
    monitor: Annotated[
        str | None,
        _option("--monitor", "What has to improve on the validation part: loss or score.", STOPPING, "FIGURE"),
    ] = None,
    evaluate_train: Annotated[
        bool | None,
        typer.Option(
            "--evaluate-train",
            help="Take each epoch's training figures over the whole part at its end, not over its batches.",
            rich_help_panel=STOPPING,
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None, _option("--target", "Of a table: the column to be predicted.", DATA, "COLUMN")
    ] = None,
    types: Annotated[
        list[str] | None,
        _option(
            "--type",
            "Of a table: what a column is, where its values do not tell: number, category, boolean, date, ignored; "
            "repeatable.",
            DATA,
            "COLUMN=TYPE",
        ),
    ] = None,
    group_by: Annotated[
        str | None, _option("--group-by", "Rows with the same value here are all in one part.", DATA, "COLUMN")
    ] = None,
    order_by: Annotated[
        str | None,
        _option(
            "--order-by", "A date or a number: the earliest rows are learnt from, the latest test.", DATA, "COLUMN"
        ),
    ] = None,
    image_size: Annotated[
        str | None, _option("--image-size", "What images are brought to, such as 28x28.", DATA, "HEIGHTxWIDTH")
    ] = None,
    data_dir: Annotated[
        Path | None, _option("--data-dir", "Where the files of mnist, fashion, kmnist lie.", DATA, "FOLDER")
    ] = None,
    validation: Annotated[
        str | None, _option("--validation", "Share of the samples, or their number; usually 0.1.", DATA, "SHARE")
    ] = None,
    test: Annotated[
        str | None, _option("--test", "Share of the samples, or their number; usually 0.1.", DATA, "SHARE")
    ] = None,
    reference_error: Annotated[
        float | None,
        _option(
            "--reference-error",
            "What can be reached at best, by people or another method, for the verdict: 0.02 for 2 % wrong.",
            RESULT,
            "ERROR",
        ),
    ] = None,
    engine: Annotated[str | None, _option("--engine", f"Who computes: {', '.join(ENGINES)}.", RESULT, "NAME")] = None,
    out: Annotated[
        Path | None, _option("--out", "The run's folder, new or empty; usually runs/DATA-1, -2, ….", RESULT, "FOLDER")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.", rich_help_panel=RESULT)
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No words, no progress.", rich_help_panel=RESULT)] = False,
) -> None:
    """Train a network on a data set, and say how good it is.

    Early stopping watches the validation part.
    The test part is looked at once, at the end.
    The run's folder holds the recipe, the history, the model and two pictures.

    Examples:

    \b
    deltarule train digits
    deltarule train digits --hidden 256,128 --dropout 0.2 --seed 1
    deltarule train moons --hidden 5,2 --optimizer momentum --learning-rate 0.1
    deltarule train digits --augment rotation=10 --augment translation=1
    deltarule train diabetes --hidden none --l2 0.01 --json
    deltarule train people.csv --target income --type zip=category
    deltarule train mnist --data-dir my/files --set optimizer.beta1=0.8
    """  # noqa: D301, D412 - Typer keeps the lines after \b apart
    typed = {
        "hidden": hidden,
        "activation": activation,
        "dropout": dropout,
        "noise": noise,
        "normalization": normalization,
        "initializer": initializer,
        "loss": loss,
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
    check_reference_error(reference_error, share=under_way.recipe.task == "classification")
    folder = RunFolder.create(out) if out is not None else RunFolder.next_of("runs", dataset.name or Path(data).name)
    dealt = dict(zip(options.SPLIT, (validation, test, group_by, order_by), strict=True))
    folder.write_split(data, dealt)
    ended = run_to_its_end(under_way, dataset, folder, words)
    finish(ended, dataset, folder, words, reference_error, as_json=as_json)


def _with_validation(
    recipe: Recipe, dataset: Dataset, *, asked_for_none: str | None, patience: str | None
) -> tuple[Recipe, Dataset]:
    """Early stopping needs a validation part: without one there is neither, unless nobody said so."""
    if recipe.stopping is None or dataset.validation is not None:
        return recipe, dataset
    if asked_for_none is None:
        return recipe, dataset.with_validation(seed=recipe.seed)
    if patience is not None:
        raise RecipeError("a validation part for early stopping", "--validation 0", "--validation 0.1")
    return recipe.replace(stopping=None), dataset
