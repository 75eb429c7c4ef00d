"""The options of a recipe: its fields under short names, with the text that each takes and its help.

The shell's options, `--set`, `--vary`, `dr.vary` and the messages of errors are all made from `OPTIONS`.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deltarule.formulas import registered
from deltarule.formulas.metrics import METRICS
from deltarule.recipes.recipe import TASKS, Recipe
from deltarule.recipes.text_values import WORDS, augmentations_of, is_none, number, plain

NETWORK, LEARNING, STOPPING = "Network", "Optimization", "Stopping"


@dataclass(frozen=True)
class Option:
    """A field of a recipe under a short name.

    name : "learning_rate".
    path : of the field in the recipe's JSON: "optimizer.learning_rate".
    panel, metavar, help : for help texts; {default} and {names} in the help are filled in by `described`.
    example : valid text for it.
    read : conversion of text to the field's value.
    otherwise : another valid text, and what it means.
    kind : of the formulas whose names it takes.
    formula : the formula of which it sets one number, "l2.strength"; the number 0 or None stands for no formula.
    flag : whether it takes no value and sets the field to True.
    repeatable : whether it may be given several times, for a list.
    """

    name: str
    path: str
    panel: str
    metavar: str
    help: str
    example: str
    read: Callable[[str], Any]
    otherwise: tuple[str, str] | None = None
    kind: str | None = None
    formula: str | None = None
    flag: bool = False
    repeatable: bool = False

    @property
    def described(self) -> str:
        """The help text, with the default and the names of formulas."""
        node: Any = Recipe().to_json(all_fields=True)
        for part in self.path.split("."):
            node = node.get(part)
        default = node["name"] if isinstance(node, dict) else text_of(node)
        names = [] if self.kind is None else names_of(self.kind)
        return self.help.format(default=default, names=", ".join(names))

    def value(self, text: Any) -> Any:
        """Return what the text means; text that is JSON of an object or a list is read as such, for any option."""
        if not isinstance(text, str):
            return text
        if text.lstrip()[:1] in ("{", "["):
            return plain(text)
        return self.read(text)

    def hint(self, nearest: str | None) -> str:
        """Return a valid text for the option: the nearest known name, or else the example."""
        return self.example if nearest is None else nearest

    def json(self, value: Any) -> Any:
        """Return what the recipe's JSON has in place of a value: for a number of a formula, the formula."""
        if self.formula is None or value is None:
            return value
        name, _, field = self.formula.partition(".")
        return {"name": name, field: value}


def names_of(kind: str) -> list[str]:
    """Return the names of the formulas of a kind that a recipe takes.

    >>> "relu" in names_of("activation"), "softmax" in names_of("activation")
    (True, False)
    """
    return [cls.name for cls in registered(kind) if cls.name != "softmax"]


def text_of(value: Any, comma: str = ",") -> str:
    """Return a value as text that an option takes; `comma` is between the elements of a list.

    >>> text_of([128, 64]), text_of([]), text_of(None), text_of(1e-4), text_of({"name": "sgd", "learning_rate": 0.1})
    ('128,64', 'none', 'none', '0.0001', 'sgd(learning_rate=0.1)')
    """
    if isinstance(value, Mapping):
        fields = ", ".join(f"{name}={text_of(each, comma)}" for name, each in value.items() if name != "name")
        return f"{value.get('name', '')}({fields})" if fields else str(value.get("name", ""))
    if isinstance(value, (list, tuple)):
        return comma.join(text_of(each, "=") for each in value) or "none"
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _name(text: str) -> Any:
    return text.strip()


def _number_or_none(text: str) -> Any:
    return None if is_none(text) else number(text)


def _patience(text: str) -> Any:
    return math.inf if text.strip().lower() == "never" else _number_or_none(text)


def _name_or_none(text: str) -> Any:
    return None if is_none(text) else text.strip()


def _units(text: str) -> list[Any]:
    return [] if is_none(text) else [number(part) for part in re.split("[,x]", text)]


def _numbers(text: str) -> Any:
    parts = [number(part) for part in re.split("[,x]", text)]
    return parts if len(parts) > 1 else parts[0]


def _names(text: str) -> Any:
    parts = [part.strip() for part in text.split(",")]
    return parts if len(parts) > 1 else parts[0]


def _metrics(text: str) -> list[str]:
    return [part.strip() for part in re.split("[,+]", text)]


def _truth(text: str) -> Any:
    return WORDS.get(text.strip().lower(), text)


def _class_weight(text: str) -> Any:
    word = text.strip().lower()
    if word in {"none", "balanced"}:
        return None if word == "none" else word
    pairs = [part.rpartition("=") for part in text.split(",")]
    return [[number(label), number(weight)] for label, _, weight in pairs]


class _Augmentations(Option):
    """The option for augmentations, whose hint has the default values of the augmentation that is meant."""

    def hint(self, nearest: str | None) -> str:
        cls = next((each for each in registered("augmentation") if nearest in (each.name, each.__name__)), None)
        if cls is None:
            return self.example
        fields = [field for field in dataclasses.fields(cls) if field.name != "probability"]
        return f"{cls.name}{'=' if fields else ''}{','.join(f'{field.default:g}' for field in fields)}"


OPTIONS: tuple[Option, ...] = (
    Option(
        "hidden", "network.hidden", NETWORK, "UNITS",
        "Comma-separated numbers of units of the hidden layers, or none (default: {default}).",
        "128,64", _units, ("none", "for no hidden layer"),
    ),
    Option(
        "activation", "network.activation", NETWORK, "NAME",
        "Activation of the hidden layers, or a comma-separated list with one for each (default: {default}): {names}.",
        "relu", _names, kind="activation",
    ),
    Option(
        "dropout", "network.dropout", NETWORK, "RATE",
        "Dropout rate of the hidden layers, or a list starting with the input's (default: 0).", "0.2", _numbers,
    ),
    Option(
        "noise", "network.noise", NETWORK, "NUMBER",
        "Standard deviation of the Gaussian noise added to the scaled inputs, or a list starting with the input's "
        "(default: 0).", "0.1", _numbers,
    ),
    Option(
        "noise_before_activation", "network.noise_before_activation", NETWORK, "",
        "Add the noise of hidden layers to their pre-activations.", "", _truth, flag=True,
    ),
    Option(
        "normalization", "network.normalization", NETWORK, "NAME",
        "Normalization of the hidden layers' pre-activations (default: {default}): {names}.",
        "batch", _name_or_none, kind="normalization",
    ),
    Option(
        "initializer", "network.initializer", NETWORK, "NAME",
        "Distribution of the initial weights, or a comma-separated list with one for each layer (default: {default}): "
        "{names}.", "auto", _names, kind="initializer",
    ),
    Option(
        "embedding", "network.embedding", NETWORK, "NAME",
        "Embedding of numeric inputs (default: {default}): {names}.", "pbld", _name_or_none, kind="embedding",
    ),
    Option(
        "input_scale", "network.input_scale", NETWORK, "", "Give each input of the first layer a trained factor.",
        "", _truth, flag=True,
    ),
    Option(
        "parametric_activation", "network.parametric_activation", NETWORK, "START",
        "Initial value of a trained α of each hidden unit, whose output is z + α (σ(z) − z) (default: {default}).",
        "1", _number_or_none,
    ),
    Option(
        "parametrization", "network.parametrization", NETWORK, "NAME",
        "Parametrization of the weights: standard, or ntk, the neural tangent parametrization (default: {default}).",
        "ntk", _name,
    ),
    Option(
        "loss", "loss", LEARNING, "NAME", "Loss to minimise (default: {default}): {names}.", "auto", _name, kind="loss"
    ),
    Option(
        "task", "task", LEARNING, "NAME",
        f"Task (default: auto, inferred from the targets and the loss): {', '.join(TASKS)}.", "classification", _name,
    ),
    Option(
        "optimizer", "optimizer", LEARNING, "NAME", "Optimizer (default: {default}): {names}.",
        "adam", _name, kind="optimizer",
    ),
    Option(
        "learning_rate", "optimizer.learning_rate", LEARNING, "RATE",
        "Learning rate (default: the optimizer's).", "0.001", number,
    ),
    Option(
        "schedule", "schedule", LEARNING, "NAME", "Learning rate schedule (default: {default}): {names}.",
        "cosine", _name, kind="schedule",
    ),
    Option(
        "dropout_schedule", "dropout_schedule", LEARNING, "NAME",
        "Schedule of the dropout rates (default: {default}), by the same names.", "flat_cosine", _name_or_none,
        kind="schedule",
    ),
    Option(
        "decay_schedule", "decay_schedule", LEARNING, "NAME",
        "Schedule of the optimizer's weight decay (default: {default}), by the same names.", "flat_cosine",
        _name_or_none, kind="schedule",
    ),
    Option(
        "l1", "penalty", LEARNING, "STRENGTH", "L1 regularization strength (default: 0).",
        "0.0001", _number_or_none, formula="l1.strength",
    ),
    Option(
        "l2", "penalty", LEARNING, "STRENGTH", "L2 regularization strength (default: 0).",
        "0.0001", _number_or_none, formula="l2.strength",
    ),
    Option(
        "max_norm", "constraint", LEARNING, "NORM",
        "Maximum norm of each hidden unit's incoming weights (default: none).",
        "3", _number_or_none, formula="max_norm.limit",
    ),
    Option(
        "clip_norm", "clipping", LEARNING, "NORM", "Maximum global norm of the gradient (default: none).",
        "1", _number_or_none, formula="norm.limit",
    ),
    Option(
        "average", "averaging", LEARNING, "DECAY",
        "Decay of an exponential moving average (EMA) of the weights, which replaces the weights in prediction, "
        "for example 0.999 (default: none).", "0.999", _number_or_none, formula="exponential_average.decay",
    ),
    Option(
        "adversarial", "perturbation", LEARNING, "DISTANCE",
        "Adversarial training: move each training sample by this Euclidean distance, in units of the scaled inputs, "
        "in the direction that increases its loss (default: none).", "1", _number_or_none,
        formula="fast_gradient.epsilon",
    ),
    Option(
        "class_weight", "class_weight", LEARNING, "WEIGHTS",
        "Class weights: balanced, or CLASS=WEIGHT pairs, for example yes=2,no=1 (default: none).",
        "balanced", _class_weight, ("yes=2,no=1", "for weights by class"),
    ),
    Option(
        "batch_size", "batch_size", LEARNING, "SAMPLES", "Samples per batch (default: {default}).", "32", number,
    ),
    Option(
        "drop_last", "drop_last", LEARNING, "", "Leave out the last batch of an epoch if it is incomplete.",
        "", _truth, flag=True,
    ),
    Option(
        "clamp_predictions", "clamp_predictions", LEARNING, "",
        "Hold predicted numbers within the range of the training targets.", "", _truth, flag=True,
    ),
    Option(
        "scaling", "scaling", LEARNING, "NAME",
        "Scaling of the inputs: auto, none, unit, standard, pooled, or a divisor (default: {default}).",
        "standard", number,
    ),
    _Augmentations(
        "augment", "augmentation", LEARNING, "NAME=VALUE",
        "Augmentation of the training samples: {names}; with values in the order of its fields or by name, for example "
        "rotation=10 or elastic=34,4,probability=0.5; repeatable.",
        "rotation=15", augmentations_of, kind="augmentation", repeatable=True,
    ),
    Option(
        "seed", "seed", LEARNING, "NUMBER",
        "Random seed of the split, the initial weights, the batches and dropout (default: {default}).", "0", number,
    ),
    Option("epochs", "epochs", STOPPING, "NUMBER", "Maximum number of epochs (default: {default}).", "100", number),
    Option(
        "patience", "stopping.patience", STOPPING, "EPOCHS",
        "Epochs without improvement before early stopping; none to run all epochs, or never to restore the best of all "
        "(default: {default}).",
        "10", _patience, ("none", "to run all epochs"),
    ),
    Option(
        "monitor", "stopping.monitor", STOPPING, "METRIC",
        "Validation metric of early stopping: loss, score, or one that --metric takes (default: {default}).",
        "loss", _name,
    ),
    Option(
        "metric", "metrics", STOPPING, "NAME",
        f"Metric of the validation set after each epoch; repeatable: {', '.join(METRICS)}, or any scorer of "
        "scikit-learn.",
        "roc_auc", _metrics, repeatable=True,
    ),
    Option(
        "evaluate_train", "evaluate_train", STOPPING, "",
        "Evaluate the training set after each epoch instead of averaging over its batches.", "", _truth, flag=True,
    ),
)  # fmt: skip
"""In the order of help texts."""

TEXT_FIELDS: tuple[Option, ...] = tuple(
    Option(path.rpartition(".")[2], path, "", "", "", example, _name)
    for path, example in {
        "target_scaling": "auto",
        "preparation.numbers": "quantiles",
        "preparation.categories": "one_hot",
        "preparation.missing": "median",
        "stopping.ties": "last",
    }.items()
)
"""Fields without an option whose text is not a number; "none" is one of their values."""
