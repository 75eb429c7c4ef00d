"""`deltarule predict` and `deltarule show`: what a saved model says, and what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from deltarule.cli import options
from deltarule.cli.terminal import print_json, print_lines, print_table, table_of
from deltarule.data import Part
from deltarule.errors import DataError, DataFileError
from deltarule.models import Model, layer_table, load_model
from deltarule.recipes import Recipe
from deltarule.training.evaluating import evaluate
from deltarule.training.folder import model_path

_MODEL = typer.Argument(
    help="A model's file (.safetensors, or readable .json), or the folder of a run.",
    metavar="MODEL",
    show_default=False,
)
_PARTS = ("train", "validation", "test")


def predict(
    model_file: Annotated[Path, _MODEL],
    data: Annotated[
        str,
        typer.Argument(
            help="The name of a data set, a folder of IDX files, a .npy file of samples, or a .csv file of numbers.",
            metavar="DATA",
            show_default=False,
        ),
    ],
    part: Annotated[
        str, typer.Option("--part", help="Of a data set: train, validation or test.", metavar="PART")
    ] = "test",
    probabilities: Annotated[
        bool, typer.Option("--proba", help="Print the probability of each class, under a line of their names.")
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Where the files of mnist, fashion, kmnist lie.", show_default=False),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object: predictions, and accuracy (or r2) if labels are known."),
    ] = False,
) -> None:
    """Predict with a model: one line for each sample.

    A data set is split as `deltarule train` does by default with the model's own seed, so its test part holds samples
    that the model has not seen.

    Examples:

    \b
    deltarule predict runs/digits-1 digits
    deltarule predict runs/digits-1 digits --part validation --json
    deltarule predict runs/iris-1/model.safetensors flowers.csv --proba
    """  # noqa: D301, D412 - Typer keeps the lines after \b apart
    if part not in _PARTS:
        raise DataError(f"a part: {', '.join(_PARTS)}", repr(part), "--part test")
    model = load_model(model_path(model_file))
    known: Part | None = None
    if Path(data).suffix.lower() in {".npy", ".csv"}:
        x = _array(Path(data))
    else:
        dataset = options.load(data, data_dir=data_dir, seed=model.recipe.seed, progress=True)
        known = dataset.parts.get(part)
        if known is None:
            raise DataError(f"a part that {data} has: {', '.join(dataset.parts)}", repr(part))
        x = known.x
    predictions = model.predict(x)
    shares = model.predict_proba(x) if probabilities else None
    if as_json:
        print_json(_result(model, predictions, shares, known))
    elif shares is not None:
        assert model.classes is not None
        header = "\t".join(model.name_of(label) for label in model.classes.tolist())
        print_lines([header, *("\t".join(f"{share:.6f}" for share in row) for row in shares)])
    else:
        print_lines(_line(model, prediction) for prediction in predictions.tolist())


def show(
    model_file: Annotated[Path, _MODEL],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show a model: its layers, their shapes and parameters, and how it was trained.

    Example:

    \b
    deltarule show runs/digits-1
    """  # noqa: D301, D412 - Typer keeps the lines after \b apart
    path = model_path(model_file)
    model = load_model(path)
    layers = layer_table(model)
    total = sum(parameters for *_, parameters in layers)
    recipe = model.recipe
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
                "class_names": None if model.class_names is None else list(model.class_names),
                "recipe": recipe.to_json(),
            }
        )
        return
    rows = [(name, shape, activation, f"{parameters:,}") for name, shape, activation, parameters in layers]
    columns = ("Layer", "Weights", "Activation", "Parameters")
    print_table(table_of(columns, [*rows, ("", "", "together", f"{total:,}")], numbers=("Parameters",)))
    print_lines(["", *_described(model)])


def _described(model: Model) -> list[str]:
    """How a model was trained, a line each."""
    recipe = model.recipe
    shape = " × ".join(map(str, model.input_shape))
    predicts = "numbers"
    if model.classes is not None:
        names = [model.name_of(label) for label in model.classes.tolist()]
        predicts = f"{len(names)} classes: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
    rates = recipe.network.dropout_rates
    rule = recipe.stopping
    stopping = "none" if rule is None else f"after {rule.patience} epochs without a better validation {rule.monitor}"
    facts = {
        "Input": f"{shape}, scaling {recipe.scaling.to_json()}",
        "Predicts": predicts,
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
    """What few recipes have, where this one has it."""
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
    if recipe.class_weight is not None:
        pairs = recipe.class_weight
        facts["Class weights"] = pairs if isinstance(pairs, str) else ", ".join(f"{k} {v:g}" for k, v in pairs)
    return facts


def _formula(each: Any) -> str:
    fields = {name: value for name, value in each.to_json().items() if name != "name"}
    inside = ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in fields.items()
    )
    return f"{each.name} ({inside})" if inside else str(each.name)


def _result(model: Model, predictions: npt.NDArray[Any], shares: Any, known: Part | None) -> dict[str, Any]:
    """The JSON of predictions: labels as the data have them, beside their names where there are any."""
    result: dict[str, Any] = {"predictions": predictions.tolist()}
    if model.classes is not None and model.class_names is not None:
        result["names"] = [model.name_of(label) for label in predictions.tolist()]
    if shares is not None and model.classes is not None:
        result["classes"] = model.classes.tolist()
        result["probabilities"] = shares.tolist()
    if known is not None:
        found = evaluate(model, known)
        score = found.score if found.score == found.score else None
        result["accuracy" if model.classes is not None else "r2"] = score
    return result


def _line(model: Model, prediction: Any) -> str:
    if model.classes is not None:
        return model.name_of(prediction)
    return (
        "\t".join(f"{number:.10g}" for number in prediction) if isinstance(prediction, list) else f"{prediction:.10g}"
    )


def _array(path: Path) -> npt.NDArray[Any]:
    """The samples in a .npy file, or the numbers in a .csv file with or without a line of names."""
    try:
        if path.suffix.lower() == ".npy":
            # Mapped, a header that claims more than the file holds is refused before any memory is asked for.
            x: npt.NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
        else:
            x = _csv(path)
    except OSError as error:
        raise DataFileError("a file of samples", f"{path}: {error.strerror or error}") from error
    except (ValueError, EOFError, OverflowError, SyntaxError) as error:
        if path.suffix.lower() == ".csv":
            raise DataFileError("rows of as many numbers each", f"{path}: {str(error).splitlines()[0]}") from error
        came = f"{path}, which is cut short, foreign, or holds objects"
        raise DataFileError("an array of numbers in a .npy file", came) from error
    if x.dtype.kind not in "fiub" or x.ndim < 2:
        raise DataFileError("numbers of shape (n, …)", f"{path}: {x.dtype} of shape {x.shape}")
    if len(x) == 0:
        raise DataFileError("at least one sample", f"{path}, which has none")
    return x


def _csv(path: Path) -> npt.NDArray[np.float64]:
    lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if lines and not _all_numbers(lines[0]):
        lines = lines[1:]
    if not lines:
        raise ValueError("no rows of numbers")
    return np.loadtxt(lines, delimiter=",", ndmin=2, dtype=np.float64)


def _all_numbers(line: str) -> bool:
    try:
        [float(cell) for cell in line.split(",")]
    except ValueError:
        return False
    return True
