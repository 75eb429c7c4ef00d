"""`deltarule show`: describe a saved model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from deltarule.cli.option_groups import ModelPath, json_option, option
from deltarule.cli.terminal import print_facts, print_json, print_lines, print_table, say, table_of
from deltarule.models import Model, layer_table
from deltarule.models.ensemble import Ensemble, load_predictor
from deltarule.recipes import EarlyStopping, Recipe
from deltarule.training.folder import model_path


def show(
    model_file: ModelPath,
    picture: Annotated[
        Path | None, option("--picture", "File for a diagram of the network: .png, .svg or .pdf.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Show a model: its layers, their shapes and parameters, and how it was trained.

    Examples:

    \b
    deltarule show runs/digits-1
    deltarule show runs/digits-1 --picture network.svg
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    path = model_path(model_file)
    loaded = load_predictor(path)
    model = loaded.networks[0] if isinstance(loaded, Ensemble) else loaded
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
                    for (name, _, activation, parameters), weights in zip(_of_layers(model), model.weights, strict=True)
                ],
                "sizes": list(model.sizes),
                "parameters": total,
                "input_shape": list(model.input_shape),
                "classes": None if model.classes is None else model.classes.tolist(),
                "encoding": None if model.encoding is None else model.encoding.to_json(),
                "class_names": None if model.class_names is None else list(model.class_names),
                "recipe": recipe.to_json(),
                **_of_ensemble(loaded),
            }
        )
        return
    rows = [(name, shape, activation, f"{parameters:,}") for name, shape, activation, parameters in layers]
    columns = ("Layer", "Weights", "Activation", "Parameters")
    print_table(table_of(columns, [*rows, ("", "", "together", f"{total:,}")], numbers=("Parameters",)))
    print_lines([""])
    print_facts(_facts(model) | _ensemble_facts(loaded))


def _of_layers(model: Model) -> list[tuple[str, str, str, int]]:
    """Return the rows of the layers, without that of the inputs."""
    return layer_table(model)[-len(model.layers) :]


def _of_ensemble(loaded: Model | Ensemble) -> dict[str, Any]:
    """Return the JSON of what an ensemble has beside its first network; nothing for a single network."""
    if not isinstance(loaded, Ensemble):
        return {}
    samples = len(loaded.scores)
    return {"networks": len(loaded.networks), "temperature": loaded.temperature, "out_of_fold_samples": samples}


def _ensemble_facts(loaded: Model | Ensemble) -> dict[str, str]:
    """Return what an ensemble has beside its first network, which is shown; nothing for a single network."""
    if not isinstance(loaded, Ensemble):
        return {}
    several = len(loaded.networks)
    networks = f"{several}; the mean of their predictions is the model's, the first is shown" if several > 1 else "1"
    calibrated = {"Temperature": f"{loaded.temperature:.4g}"} if loaded.labelled else {}
    return {"Networks": networks, **calibrated, "Intervals": f"from {len(loaded.scores):,} out-of-fold samples"}


def _draw(model: Model, path: Path) -> None:
    """Write the diagram of a network, with its weights."""
    from deltarule.figures.network import network_picture
    from deltarule.figures.style import save

    hidden = (f"{name.capitalize()}\n{activation}" for name, _, activation, _ in _of_layers(model))
    save(network_picture(model.sizes, ["Input", *hidden], model.weights), path)
    say(f"The diagram is in {path}.")


def _facts(model: Model) -> dict[str, str]:
    """Return how a model was trained, by names."""
    recipe = model.recipe
    predicts = f"{model.shape.outputs} labels" if model.multilabel else "regression"
    if model.classes is not None:
        names = [model.name_of(label) for label in model.classes.tolist()]
        predicts = f"{len(names)} classes: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
    rates = recipe.network.dropout_rates
    return {
        "Input": _input(model),
        "Predicts": predicts if model.encoding is None else f"{', '.join(model.encoding.targets) or 'y'}: {predicts}",
        "Loss": _formula(recipe.loss),
        "Optimizer": _formula(recipe.optimizer),
        "Penalty": _penalties(recipe),
        "Dropout": ", ".join(f"{rate:g}" for rate in rates) + " (input first)" if any(rates) else "none",
        **_further(recipe),
        "Batches": f"of {recipe.batch_size}, at most {recipe.epochs} epochs",
        "Early stopping": _stopping(recipe.stopping),
        "Seed": str(recipe.seed),
    }


def _penalties(recipe: Recipe) -> str:
    if isinstance(recipe.penalty, tuple):
        return ", ".join("none" if each is None else _formula(each) for each in recipe.penalty) + " (layer by layer)"
    return "none" if recipe.penalty is None else _formula(recipe.penalty)


def _further(recipe: Recipe) -> dict[str, str]:
    """Return the optional settings of a recipe that are in use."""
    network, deviations = recipe.network, recipe.network.noise_deviations
    formulas = {
        "Normalization": network.normalization,
        "Embedding": network.embedding,
        "Schedule": recipe.schedule if recipe.schedule.name != "constant" else None,
        "Schedule of dropout": recipe.dropout_schedule,
        "Schedule of decay": recipe.decay_schedule,
        "Clipping": recipe.clipping,
        "Constraint": recipe.constraint,
        "Averaging": recipe.averaging,
    }
    facts = {name: _formula(each) for name, each in formulas.items() if each is not None}
    parts = {
        "a factor for each input": network.input_scale,
        "parametric activations": network.parametric_activation is not None,
        "the neural tangent parametrization": network.parametrization == "ntk",
        f"{network.members} members ({network.member_form})": network.members > 1,
    }
    if any(parts.values()):
        facts["Parts"] = ", ".join(name for name, is_given in parts.items() if is_given)
    groups = {name: _factors(each) for name, each in recipe.groups.to_json().items()}
    if any(groups.values()):
        facts["Groups"] = "; ".join(f"{name} {factors}" for name, factors in groups.items() if factors)
    if any(deviations):
        facts["Noise"] = ", ".join(f"{deviation:g}" for deviation in deviations) + " (input first)"
    if recipe.augmentation:
        facts["Augmentation"] = "; ".join(map(_formula, recipe.augmentation))
    if recipe.class_weight is not None:
        pairs = recipe.class_weight
        facts["Class weights"] = pairs if isinstance(pairs, str) else ", ".join(f"{k} {v:g}" for k, v in pairs)
    return facts


def _factors(group: Mapping[str, float] | Sequence[Mapping[str, float]]) -> str:
    """Describe the factors of a group of parameters, or of each layer's, that are not 1; empty if all are."""
    if isinstance(group, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} × {factor:g}" for name, factor in group.items() if factor != 1)
    layers = [_factors(each) for each in group]
    return "(" + " | ".join(each or "× 1" for each in layers) + ", layer by layer)" if any(layers) else ""


def _stopping(rule: EarlyStopping | None) -> str:
    if rule is None:
        return "none"
    if rule.patience is None:
        return f"none; the model is that of the best validation {rule.monitor}"
    return f"after {rule.patience} epochs without a better validation {rule.monitor}"


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
    return f"{columns} as {model.shape.inputs} inputs: {shown}; {preparation.replace('_', ' ')}"


def _formula(each: Any) -> str:
    fields = {name: value for name, value in each.to_json().items() if name != "name"}
    inside = ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in fields.items()
    )
    return f"{each.name} ({inside})" if inside else str(each.name)
