"""Errors for unknown fields and arguments: where else the name belongs, also of names that other libraries use."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, TypeVar

from deltarule.errors import UnknownArgument, nearest
from deltarule.formulas.formula import normalized

Class = TypeVar("Class", bound=type[Any])

_NETWORK = "Recipe(network=Network({}))"
_ADAM = "Recipe(optimizer=Adam({}))"
_STOPPING = "Recipe(stopping=EarlyStopping({}))"

ELSEWHERE: dict[str, tuple[str, str]] = {
    "hidden": ("network.hidden", _NETWORK.format("hidden=(128, 64)")),
    "activation": ("network.activation", _NETWORK.format('activation="relu"')),
    "dropout": ("network.dropout", _NETWORK.format("dropout=0.2")),
    "noise": ("network.noise", _NETWORK.format("noise=0.1")),
    "normalization": ("network.normalization", _NETWORK.format('normalization="batch"')),
    "initializer": ("network.initializer", _NETWORK.format('initializer="he"')),
    "bias_initializer": ("network.bias_initializer", _NETWORK.format('bias_initializer="zeros"')),
    "input_scale": ("network.input_scale", _NETWORK.format("input_scale=True")),
    "parametric_activation": ("network.parametric_activation", _NETWORK.format("parametric_activation=1.0")),
    "parametrization": ("network.parametrization", _NETWORK.format('parametrization="ntk"')),
    "embedding": ("network.embedding", _NETWORK.format('embedding="pbld"')),
    "category_embedding": ("network.category_embedding", _NETWORK.format("category_embedding=8")),
    "members": ("network.members", _NETWORK.format("members=32")),
    "member_form": ("network.member_form", _NETWORK.format('member_form="mini"')),
    "ties": ("stopping.ties", _STOPPING.format('ties="last"')),
    "learning_rate": ("optimizer.learning_rate", _ADAM.format("learning_rate=0.001")),
    "beta1": ("optimizer.beta1", _ADAM.format("beta1=0.9")),
    "beta2": ("optimizer.beta2", _ADAM.format("beta2=0.999")),
    "epsilon": ("optimizer.epsilon", _ADAM.format("epsilon=1e-8")),
    "momentum": ("optimizer.momentum", "Recipe(optimizer=Momentum(momentum=0.9))"),
    "weight_decay": ("optimizer.weight_decay", "Recipe(optimizer=AdamW(weight_decay=0.01))"),
    "l2": ("penalty", "Recipe(penalty=L2(1e-4))"),
    "l1": ("penalty", "Recipe(penalty=L1(1e-4))"),
    "max_norm": ("constraint", "Recipe(constraint=MaxNorm(3.0))"),
    "clip_norm": ("clipping", "Recipe(clipping=ClipByNorm(1.0))"),
    "average": ("averaging", "Recipe(averaging=ExponentialAverage(0.999))"),
    "patience": ("stopping.patience", _STOPPING.format("patience=10")),
    "monitor": ("stopping.monitor", _STOPPING.format('monitor="score"')),
    "min_improvement": ("stopping.min_improvement", _STOPPING.format("min_improvement=0.001")),
    "restore_best": ("stopping.restore_best", _STOPPING.format("restore_best=True")),
    "augment": ("augmentation", 'Recipe(augmentation="rotation")'),
    "numbers": ("preparation.numbers", 'Recipe(preparation=Preparation(numbers="quantiles"))'),
    "categories": ("preparation.categories", 'Recipe(preparation=Preparation(categories="ordinal"))'),
    "missing": ("preparation.missing", 'Recipe(preparation=Preparation(missing="median"))'),
    "categories_at_most": ("preparation.categories_at_most", "Recipe(preparation=Preparation(categories_at_most=100))"),
    "embedded_above": ("preparation.embedded_above", "Recipe(preparation=Preparation(embedded_above=8))"),
    "arrays": ("preparation.arrays", "Recipe(preparation=Preparation(arrays=True))"),
}
"""Where the fields of a recipe's parts and the shell's options belong: the path, and a recipe that sets it."""

FOREIGN = {
    "lr": "learning_rate", "eta": "learning_rate", "step_size": "learning_rate", "learning_rate_init": "learning_rate",
    "betas": "beta1", "beta_1": "beta1", "beta_2": "beta2", "eps": "epsilon",
    "hidden_layer_sizes": "hidden", "hidden_layers": "hidden", "hidden_units": "hidden", "hidden_size": "hidden",
    "layers": "hidden", "units": "hidden", "activation_function": "activation", "ps": "dropout",
    "dropout_rate": "dropout", "drop_rate": "dropout", "batch_norm": "normalization", "use_bn": "normalization",
    "kernel_initializer": "initializer", "weight_init": "initializer", "kernel_regularizer": "l2", "alpha": "l2",
    "wd": "weight_decay", "reg_lambda": "l2", "min_delta": "min_improvement", "early_stopping": "patience",
    "n_iter_no_change": "patience", "restore_best_weights": "restore_best", "tol": "min_improvement",
    "clipnorm": "clip_norm", "grad_clip": "clip_norm", "gradient_clip_val": "clip_norm", "ema": "average",
}  # fmt: skip
"""Names in other libraries of what belongs elsewhere in a recipe."""

FOREIGN_FIELDS = {
    "n_epochs": "epochs", "num_epochs": "epochs", "max_epochs": "epochs", "max_iter": "epochs", "n_iter": "epochs",
    "bs": "batch_size", "batch": "batch_size", "minibatch_size": "batch_size", "solver": "optimizer",
    "opt": "optimizer", "opt_func": "optimizer", "criterion": "loss", "loss_function": "loss", "loss_fn": "loss",
    "loss_func": "loss", "objective": "loss", "random_state": "seed", "random_seed": "seed", "rng": "seed",
    "scheduler": "schedule", "lr_scheduler": "schedule", "regularization": "penalty", "regularizer": "penalty",
    "model": "network", "net": "network", "architecture": "network", "class_weights": "class_weight",
    "preprocessing": "preparation", "scaler": "scaling", "normalize": "scaling", "augmentations": "augmentation",
}  # fmt: skip
"""Names in other libraries of a recipe's own fields."""


def unknown_field(cls: type[Any], name: str) -> UnknownArgument:
    """Return the error for a name that is not a field of a dataclass, with where it belongs.

    >>> from deltarule.recipes import Recipe
    >>> print(unknown_field(Recipe, "lr"))
    Expected a field of Recipe (network, ...), got 'lr'. Try: optimizer.learning_rate, in
    Recipe(optimizer=Adam(learning_rate=0.001))
    """
    known = [each.name for each in dataclasses.fields(cls)]
    return UnknownArgument(f"a field of {cls.__name__} ({', '.join(known)})", repr(name), suggestion(name, known))


def suggestion(name: str, known: Sequence[str]) -> str | None:
    """Return what a name means: one of the known fields, where else it belongs in a recipe, or a similar name.

    >>> suggestion("n_epochs", ["epochs"]), suggestion("units", ["hidden"]), suggestion("dropuot", ["dropout"])
    ('epochs', 'hidden', 'dropout')
    """
    own = _found(name, {each: each for each in known})
    field = _found(name, {each: each for each in FOREIGN_FIELDS.values()} | FOREIGN_FIELDS)
    elsewhere = _found(name, {each: each for each in ELSEWHERE} | FOREIGN)
    for each in (own, field, elsewhere):
        if each in known:
            return each
    if elsewhere is not None:
        return "{}, in {}".format(*ELSEWHERE[elsewhere])
    if field is not None:
        return f"Recipe({field}=...)"
    guess = nearest(name.lower(), [*known, *ELSEWHERE])
    return guess if guess is None or guess in known else "{}, in {}".format(*ELSEWHERE[guess])


def _found(name: str, names: dict[str, str]) -> str | None:
    return next((meaning for each, meaning in names.items() if normalized(each) == normalized(name)), None)


def explained(cls: Class) -> Class:
    """Let a dataclass's constructor refuse unknown fields with an error that says where they belong.

    >>> @explained
    ... @dataclasses.dataclass
    ... class Point:
    ...     x: float = 0.0
    >>> Point(z=1.0)
    Traceback (most recent call last):
        ...
    deltarule.errors.UnknownArgument: Expected a field of Point (x), got 'z'.
    """
    construct, known = cls.__init__, tuple(each.name for each in dataclasses.fields(cls))

    @functools.wraps(construct)
    def checked(self: Any, *positional: Any, **fields: Any) -> None:
        for name in fields:
            if name not in known:
                raise unknown_field(cls, name)
        construct(self, *positional, **fields)

    setattr(cls, "__init__", checked)  # noqa: B010 - a type checker allows no other constructor
    return cls
