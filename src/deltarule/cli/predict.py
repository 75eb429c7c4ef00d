"""`deltarule predict` and `deltarule show`: predict with a saved model, and describe it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy.typing as npt
import typer

from deltarule.cli.options import SPLIT, notes
from deltarule.cli.questions import questions
from deltarule.cli.terminal import finite, print_json, print_lines, print_table, say, table_of
from deltarule.data import Part
from deltarule.errors import DataError
from deltarule.models import Model, layer_table, load_model
from deltarule.recipes import Recipe
from deltarule.training.folder import model_path, split_of

_MODEL = typer.Argument(
    help="Model file (.safetensors or .json), or the folder of a run.",
    metavar="MODEL",
    show_default=False,
)
_PARTS = ("train", "validation", "test")


def predict(
    model_file: Annotated[Path, _MODEL],
    data: Annotated[
        str,
        typer.Argument(
            help="File of rows with the columns of the training data (CSV, Parquet, …), a .npy file of samples, "
            "images, or the name or folder of a data set.",
            metavar="DATA",
            show_default=False,
        ),
    ],
    part: Annotated[
        str | None,
        typer.Option(
            "--part",
            help="Set to predict: train, validation or test (default: test; for a table's file, all rows).",
            metavar="PART",
            show_default=False,
        ),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--proba", help="Print the probability of each class, below a header of the classes' names.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Fail for unseen categories and values far out of the training range, instead of a note."
        ),
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Folder with the files of mnist, fashion or kmnist.", show_default=False),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object: predictions, and accuracy or r2 if targets are known."),
    ] = False,
) -> None:
    """Predict with a model and print one line for each sample.

    The data of the training run are split as in training, and other data by the
    default split with the model's seed, so the test set contains unseen samples.
    Where targets are known, the score is printed to standard error.

    Examples:

    \b
    deltarule predict runs/digits-1 digits
    deltarule predict runs/digits-1 digits --part validation --json
    deltarule predict runs/iris-1/model.safetensors flowers.csv --proba
    deltarule predict runs/people-1 new_people.csv
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    if part is not None and part not in _PARTS:
        raise DataError(f"a part: {', '.join(_PARTS)}", repr(part), "--part test")
    model = load_model(model_path(model_file))
    x, known = questions(model, data, part, data_dir, split_of(model_file, data, SPLIT))
    with notes():
        predictions = model.predict(x, strict=strict)
    shares = model.predict_proba(x, strict=None) if probabilities else None
    if known is not None and not as_json:
        say(_score(model, known))
    if as_json:
        print_json(_result(model, predictions, shares, known))
    elif shares is not None:
        labels = [] if model.classes is None else [_name(model, label) for label in model.classes.tolist()]
        header = "\t".join(labels or model.target_names)
        print_lines([*([header] if header else []), *("\t".join(f"{share:.6f}" for share in row) for row in shares)])
    else:
        names = "\t".join(" ".join(name.split()) for name in model.target_names)
        print_lines([*([names] if names else []), *(_line(model, prediction) for prediction in predictions.tolist())])


def show(
    model_file: Annotated[Path, _MODEL],
    picture: Annotated[
        Path | None,
        typer.Option(
            "--picture", help="File for a diagram of the network: .png, .svg or .pdf.", metavar="FILE",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:  # fmt: skip
    """Show a model: its layers, their shapes and parameters, and how it was trained.

    Examples:

    \b
    deltarule show runs/digits-1
    deltarule show runs/digits-1 --picture network.svg
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    path = model_path(model_file)
    model = load_model(path)
    layers = layer_table(model)
    total = sum(parameters for *_, parameters in layers)
    recipe = model.recipe
    if picture is not None:
        _draw(model, picture)
    if as_json:
        print_json(
            {
                "layers": [
                    {"name": name, "inputs": weights.shape[0], "units": weights.shape[1], "activation": activation}
                    | {"parameters": parameters}
                    for (name, _, activation, parameters), weights in zip(layers, model.weights, strict=True)
                ],
                "sizes": list(model.sizes),
                "parameters": total,
                "input_shape": list(model.input_shape),
                "classes": None if model.classes is None else model.classes.tolist(),
                "encoding": None if model.encoding is None else model.encoding.to_json(),
                "class_names": None if model.class_names is None else list(model.class_names),
                "recipe": recipe.to_json(),
            }
        )
        return
    rows = [(name, shape, activation, f"{parameters:,}") for name, shape, activation, parameters in layers]
    columns = ("Layer", "Weights", "Activation", "Parameters")
    print_table(table_of(columns, [*rows, ("", "", "together", f"{total:,}")], numbers=("Parameters",)))
    print_lines(["", *_described(model)])


def _draw(model: Model, path: Path) -> None:
    """Write the diagram of a network, with its weights."""
    from deltarule.figures.network import network_picture
    from deltarule.figures.style import save

    hidden = (f"{name.capitalize()}\n{activation}" for name, _, activation, _ in layer_table(model))
    save(network_picture(model.sizes, ["Input", *hidden], model.weights), path)
    say(f"The diagram is in {path}.")


def _described(model: Model) -> list[str]:
    """Return lines that describe how a model was trained."""
    recipe = model.recipe
    predicts = "regression"
    if model.multilabel:
        predicts = f"{model.sizes[-1]} labels"
    if model.classes is not None:
        names = [model.name_of(label) for label in model.classes.tolist()]
        predicts = f"{len(names)} classes: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
    rates = recipe.network.dropout_rates
    rule = recipe.stopping
    stopping = "none" if rule is None else f"after {rule.patience} epochs without a better validation {rule.monitor}"
    facts = {
        "Input": _input(model),
        "Predicts": predicts if model.encoding is None else f"{', '.join(model.encoding.targets) or 'y'}: {predicts}",
        "Loss": _formula(recipe.loss),
        "Optimizer": _formula(recipe.optimizer),
        "Penalty": _penalties(recipe),
        "Dropout": ", ".join(f"{rate:g}" for rate in rates) + " (input first)" if any(rates) else "none",
        **_further(recipe),
        "Batches": f"of {recipe.batch_size}, at most {recipe.epochs} epochs",
        "Early stopping": stopping,
        "Seed": str(recipe.seed),
    }
    return [f"{name + ':':<16}{fact}" for name, fact in facts.items()]


def _penalties(recipe: Recipe) -> str:
    if isinstance(recipe.penalty, tuple):
        return ", ".join("none" if each is None else _formula(each) for each in recipe.penalty) + " (layer by layer)"
    return "none" if recipe.penalty is None else _formula(recipe.penalty)


def _further(recipe: Recipe) -> dict[str, str]:
    """Return the optional settings of a recipe that are in use."""
    deviations = recipe.network.noise_deviations
    formulas = {
        "Normalization": recipe.network.normalization,
        "Schedule": recipe.schedule if recipe.schedule.name != "constant" else None,
        "Clipping": recipe.clipping,
        "Constraint": recipe.constraint,
        "Averaging": recipe.averaging,
    }
    facts = {name: _formula(each) for name, each in formulas.items() if each is not None}
    if any(deviations):
        facts["Noise"] = ", ".join(f"{deviation:g}" for deviation in deviations) + " (input first)"
    if recipe.augmentation:
        facts["Augmentation"] = "; ".join(map(_formula, recipe.augmentation))
    if recipe.class_weight is not None:
        pairs = recipe.class_weight
        facts["Class weights"] = pairs if isinstance(pairs, str) else ", ".join(f"{k} {v:g}" for k, v in pairs)
    return facts


def _input(model: Model) -> str:
    """Describe a model's input: the columns of a table, or an array."""
    scaling = model.recipe.scaling.to_json()
    encoding = model.encoding
    if encoding is None:
        return f"{' × '.join(map(str, model.input_shape))}, scaling {scaling}"
    names = [f"{column.name} ({column.kind})" for column in encoding.columns]
    shown = f"{', '.join(names[:20])}{', …' if len(names) > 20 else ''}"
    preparation = ", ".join(f"{name} {value}" for name, value in model.recipe.preparation.to_json().items())
    columns = f"{len(names)} column{'' if len(names) == 1 else 's'}"
    return f"{columns} as {model.sizes[0]} inputs: {shown}; {preparation.replace('_', ' ')}"


def _formula(each: Any) -> str:
    fields = {name: value for name, value in each.to_json().items() if name != "name"}
    inside = ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in fields.items()
    )
    return f"{each.name} ({inside})" if inside else str(each.name)


def _result(model: Model, predictions: npt.NDArray[Any], shares: Any, known: Part | None) -> dict[str, Any]:
    """Return the JSON of predictions: labels as in the data, and the names of the classes where they have any."""
    result: dict[str, Any] = {"predictions": predictions.tolist()}
    if model.classes is not None and model.class_names is not None:
        result["names"] = [model.name_of(label) for label in predictions.tolist()]
    if model.target_names:
        result["targets"] = list(model.target_names)
    if shares is not None:
        if model.classes is not None:
            result["classes"] = model.classes.tolist()
        result["probabilities"] = shares.tolist()
    if known is not None:
        score = finite(model.score(known.x, known.y))
        result["accuracy" if model.labelled else "r2"] = score
    return result


def _name(model: Model, label: Any) -> str:
    """Return a class's name on one line."""
    return " ".join(model.name_of(label).splitlines())


def _line(model: Model, prediction: Any) -> str:
    if model.classes is not None:
        return _name(model, prediction)
    if model.multilabel:
        return "\t".join(map(str, prediction))
    return (
        "\t".join(f"{number:.10g}" for number in prediction) if isinstance(prediction, list) else f"{prediction:.10g}"
    )


def _score(model: Model, known: Part) -> str:
    """Return the score as a sentence."""
    score = model.score(known.x, known.y)
    if not model.labelled:
        return f"R² {score:.4f} on {len(known):,} samples."
    return f"Accuracy {100 * score:.2f} % on {len(known):,} samples."
