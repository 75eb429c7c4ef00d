"""What a network is and how it was trained, as texts by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deltarule.language import count_of
from deltarule.models.model_data import ModelData
from deltarule.recipes import EarlyStopping, Recipe

__all__ = ["facts_of", "layer_table"]


def layer_table(model: ModelData) -> list[tuple[str, str, str, int]]:
    """For each layer: its name, the shape of its weights, its activation, its number of trained parameters.

    Trained factors of the inputs, and embeddings, come first, as "inputs".
    """
    activations = [activation.name for activation in model.recipe.network.activations]
    output: Sequence[str] = [f"{model.loss.output.name} (of the loss)"]
    names = [f"hidden {number}" for number in range(1, len(activations) + 1)] + ["output"]
    shape = model.shape
    further = [
        sum(
            part.size
            for part in (
                *(each for state in model.states[layer : layer + 1] for each in (state.gamma, state.beta)),
                *shape.slopes_of(model.parameters)[layer : layer + 1],
                *(part for name, part in shape.adapters(model.parameters).items() if name.startswith(f"{layer}.")),
            )
        )
        for layer in range(len(activations))
    ]
    before = shape.sizes[0] * shape.input_scale
    before += sum(part.size for part in shape.stage_parts(model.parameters).values())
    embedding = model.recipe.network.embedding
    inputs = [("inputs", f"{shape.inputs} to {shape.sizes[0]}", "" if embedding is None else embedding.name, before)]
    return inputs * (before > 0) + [
        (name, " × ".join(map(str, weights.shape)), activation, weights.size + biases.size + more)
        for name, (weights, biases), activation, more in zip(
            names, model.layers, [*activations, *output], [*further, 0], strict=True
        )
    ]


def facts_of(model: ModelData) -> dict[str, str]:
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
        "Batches": f"of {recipe.batch_size}, at most {count_of(recipe.epochs, 'epoch')}",
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
        "Adversarial training": recipe.perturbation,
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
        facts["Noise"] += ", before the activations" * network.noise_before_activation
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
    return f"after {count_of(rule.patience, 'epoch')} without a better validation {rule.monitor}"


def _input(model: ModelData) -> str:
    """Describe a model's input: the columns of a table, or an array."""
    scaling = model.recipe.scaling.to_json()
    encoding = model.encoding
    if encoding is None:
        return f"{' × '.join(map(str, model.input_shape))}, scaling {scaling}"
    names = [f"{column.name} ({column.kind})" for column in encoding.columns]
    shown = f"{', '.join(names[:20])}{', …' if len(names) > 20 else ''}"
    preparation = ", ".join(f"{name} {value}" for name, value in model.recipe.preparation.to_json().items())
    columns = count_of(len(names), "column")
    return f"{columns} as {model.shape.inputs} inputs: {shown}; {preparation.replace('_', ' ')}"


def _formula(each: Any) -> str:
    fields = {name: value for name, value in each.to_json().items() if name != "name"}
    inside = ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in fields.items()
    )
    return f"{each.name} ({inside})" if inside else str(each.name)
