"""Errors for unknown fields and arguments: where else the name belongs, also of names that other libraries use."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from deltarule.errors import UnknownArgument, nearest
from deltarule.formulas.formula import normalized

Class = TypeVar("Class", bound=type[Any])

ELSEWHERE = {
    "hidden": "Recipe(network=Network(hidden=(128, 64)))",
    "activation": 'Recipe(network=Network(activation="relu"))',
    "dropout": "Recipe(network=Network(dropout=0.2))",
    "noise": "Recipe(network=Network(noise=0.1))",
    "normalization": 'Recipe(network=Network(normalization="batch"))',
    "initializer": 'Recipe(network=Network(initializer="he"))',
    "bias_initializer": 'Recipe(network=Network(bias_initializer="zeros"))',
    "input_scale": "Recipe(network=Network(input_scale=True))",
    "parametric_activation": "Recipe(network=Network(parametric_activation=1.0))",
    "parametrization": 'Recipe(network=Network(parametrization="ntk"))',
    "embedding": 'Recipe(network=Network(embedding="pbld"))',
    "category_embedding": "Recipe(network=Network(category_embedding=8))",
    "members": "Recipe(network=Network(members=32))",
    "member_form": 'Recipe(network=Network(member_form="mini"))',
    "noise_before_activation": "Recipe(network=Network(noise_before_activation=True))",
    "learning_rate": "Recipe(optimizer=Adam(learning_rate=0.001))",
    "beta1": "Recipe(optimizer=Adam(beta1=0.9))",
    "beta2": "Recipe(optimizer=Adam(beta2=0.999))",
    "epsilon": "Recipe(optimizer=Adam(epsilon=1e-8))",
    "momentum": "Recipe(optimizer=Momentum(momentum=0.9))",
    "weight_decay": "Recipe(optimizer=AdamW(weight_decay=0.01))",
    "l2": "Recipe(penalty=L2(1e-4))",
    "l1": "Recipe(penalty=L1(1e-4))",
    "max_norm": "Recipe(constraint=MaxNorm(3.0))",
    "clip_norm": "Recipe(clipping=ClipByNorm(1.0))",
    "average": "Recipe(averaging=ExponentialAverage(0.999))",
    "adversarial": "Recipe(perturbation=FastGradient(1.0))",
    "patience": "Recipe(stopping=EarlyStopping(patience=10))",
    "monitor": 'Recipe(stopping=EarlyStopping(monitor="score"))',
    "min_improvement": "Recipe(stopping=EarlyStopping(min_improvement=0.001))",
    "restore_best": "Recipe(stopping=EarlyStopping(restore_best=True))",
    "ties": 'Recipe(stopping=EarlyStopping(ties="last"))',
    "augment": 'Recipe(augmentation="rotation")',
    "numbers": 'Recipe(preparation=Preparation(numbers="quantiles"))',
    "categories": 'Recipe(preparation=Preparation(categories="ordinal"))',
    "missing": 'Recipe(preparation=Preparation(missing="median"))',
    "categories_at_most": "Recipe(preparation=Preparation(categories_at_most=100))",
    "robust_categories": 'Recipe(preparation=Preparation(robust_categories=True, numbers="robust"))',
    "embedded_above": "Recipe(preparation=Preparation(embedded_above=8))",
    "arrays": "Recipe(preparation=Preparation(arrays=True))",
}
"""Recipes that set the fields of a recipe's parts and the shell's options, by their names."""

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
        return _elsewhere(elsewhere)
    if field is not None:
        return f"Recipe({field}=...)"
    guess = nearest(name.lower(), [*known, *ELSEWHERE])
    return guess if guess is None or guess in known else _elsewhere(guess)


def _elsewhere(name: str) -> str:
    """Return where a field is, and a recipe that sets it.

    >>> _elsewhere("dropout"), _elsewhere("l2")
    ('network.dropout, in Recipe(network=Network(dropout=0.2))', 'penalty, in Recipe(penalty=L2(1e-4))')
    """
    return f"{path_in(ELSEWHERE[name])}, in {ELSEWHERE[name]}"


def path_in(example: str) -> str:
    """Return the path of the field that an example sets first.

    >>> path_in("Recipe(network=Network(dropout=0.2))"), path_in("Recipe(penalty=L2(1e-4))")
    ('network.dropout', 'penalty')
    """
    return ".".join(re.findall(r"\(([a-z]\w*)=", example))


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
