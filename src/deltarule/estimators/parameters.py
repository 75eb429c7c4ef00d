"""The parameters of the estimators: what each may be, checked when `fit` begins."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np

from deltarule.engines.registry import ENGINES
from deltarule.errors import RecipeError, UnknownName, nearest
from deltarule.formulas import Optimizer, formula
from deltarule.formulas.formula import normalized
from deltarule.recipes import Preparation
from deltarule.recipes.checks import boolean, fraction, integer, one_of
from deltarule.recipes.recipe import augmentations

Check: TypeAlias = Callable[[str, Any], object]


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Raise RecipeError for the first parameter whose value cannot be meant.

    >>> check_parameters({"alpha": -1})
    Traceback (most recent call last):
        ...
    deltarule.errors.RecipeError: Expected a number of at least 0 for alpha, got -1.
    """
    for name, check in _CHECKS.items():
        if name in parameters:
            check(name, parameters[name])


def hidden_sizes(given: Any) -> tuple[int, ...]:
    """The units of the hidden layers: of one number, or of a sequence of them.

    >>> hidden_sizes(100), hidden_sizes([20, 10])
    ((100,), (20, 10))
    """
    sizes = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    instead = "hidden_layer_sizes=(100,)"
    return tuple(integer("hidden_layer_sizes", size, 1, instead) for size in sizes)


def stochastic(solver: Any) -> bool:
    """Whether a solver steps batch by batch: all but L-BFGS."""
    return normalized(solver) != "lbfgs"


def _number(words: str, holds: Callable[[float], bool]) -> Check:
    def check(name: str, value: Any) -> None:
        number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
        if not number or not holds(float(value)):
            raise RecipeError(words, repr(value), field=name)

    return check


def _choice(*choices: str) -> Check:
    return lambda name, value: one_of(name, value, choices)


def _learning_rate(name: str, value: Any) -> None:
    choices = ("constant", "invscaling", "adaptive")
    if value in choices:
        return
    guess = nearest(str(value), choices)
    instead = f"learning_rate_init={value}" if isinstance(value, Real) else f"{name}={guess!r}" if guess else None
    raise RecipeError(f"one of {', '.join(map(repr, choices))}", repr(value), instead, field=name)


def _at_least_one(name: str, value: Any) -> None:
    integer(name, value, 1)


def _truth(name: str, value: Any) -> None:
    boolean(name, bool(value) if isinstance(value, np.bool_) else value)


def _batch_size(name: str, value: Any) -> None:
    if not (isinstance(value, str) and value == "auto"):
        integer(name, value, 1, 'batch_size="auto"')


def _patience(name: str, value: Any) -> None:
    if not (isinstance(value, Real) and float(value) == math.inf):
        integer(name, value, 1, "n_iter_no_change=10, or infinity to run all epochs")


def _verbose(name: str, value: Any) -> None:
    known = isinstance(value, (bool, np.bool_)) or (isinstance(value, Integral) and int(value) >= 0) or value == "bar"
    if not known:
        raise RecipeError(f'True, False, an integer or "bar" for {name}', repr(value), 'verbose="bar"')


def _threads(name: str, value: Any) -> None:
    if value is not None:
        integer(name, value, 1, "n_threads=None, which lets the engine choose")


def _known(kind: str, *others: str) -> Check:
    """That a name, or each of several, is registered or one of the others; formulas and JSON speak for themselves."""

    def check(name: str, value: Any) -> None:
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(each, str) and each not in others:
                _registered(kind, name, each, alone=each is value)

    return check


def _registered(kind: str, name: str, spec: str, *, alone: bool = True) -> None:
    """Refuse a name that is not registered; what is offered names the parameter where it is all of its value."""
    try:
        formula(kind, spec)
    except UnknownName as error:
        instead = f"{name}={error.suggestion}" if alone and error.suggestion else error.suggestion
        raise UnknownName(f"{error.expected} for {name}", error.value, instead) from None


def _solver(name: str, value: Any) -> None:
    if not isinstance(value, (str, Optimizer, Mapping)):
        wanted = f'"sgd", "adam", "lbfgs", or another optimizer by its name or as a formula, for {name}'
        raise RecipeError(wanted, repr(value), 'solver="adam"')
    if isinstance(value, str):
        _registered("optimizer", name, value)


def _scoring(name: str, value: Any) -> None:
    if value is None or callable(value) or value == "loss":
        return
    from sklearn.metrics import get_scorer_names

    if value not in get_scorer_names():
        guess = nearest(str(value), get_scorer_names())
        wanted = f'None, "loss", or a scorer of scikit-learn\'s for {name}'
        raise UnknownName(wanted, repr(value), f"{name}={guess!r}" if guess else None)


def _class_weight(name: str, value: Any) -> None:
    if value is not None and value != "balanced" and not isinstance(value, (Mapping, list)):
        raise RecipeError(f'None, "balanced" or a dictionary for {name}', repr(value), f'{name}="balanced"')


def _prepare(name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        Preparation.of(value)
    elif not (value is None or isinstance(value, Preparation) or (isinstance(value, str) and value == "auto")):
        raise RecipeError(f'None, "auto" or a Preparation for {name}', repr(value), f'{name}="auto"')


def _image_shape(name: str, value: Any) -> None:
    if value is None:
        return
    instead = f"{name}=(28, 28), or {name}=(32, 32, 3) for images in colours"
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) not in (2, 3):
        raise RecipeError("height and width, or height, width and channels", repr(value), instead, field=name)
    for side in value:
        integer(name, side, 1, instead)


_not_negative = _number("a number of at least 0", lambda x: x >= 0)
_positive = _number("a number above 0", lambda x: x > 0)

_CHECKS: dict[str, Check] = {
    "hidden_layer_sizes": lambda _, value: hidden_sizes(value),
    "activation": _known("activation"),
    "solver": _solver,
    "alpha": _not_negative,
    "l1": _not_negative,
    "max_norm": lambda name, value: value is None or _positive(name, value),
    "batch_size": _batch_size,
    "learning_rate": _learning_rate,
    "learning_rate_init": _positive,
    "power_t": _not_negative,
    "max_iter": _at_least_one,
    "shuffle": _truth,
    "tol": _not_negative,
    "verbose": _verbose,
    "warm_start": _truth,
    "momentum": lambda name, value: fraction(name, value, "momentum=0.9"),
    "nesterovs_momentum": _truth,
    "early_stopping": _truth,
    "validation_fraction": lambda name, value: fraction(name, value, "validation_fraction=0.1"),
    "beta_1": lambda name, value: fraction(name, value, "beta_1=0.9"),
    "beta_2": lambda name, value: fraction(name, value, "beta_2=0.999"),
    "epsilon": _positive,
    "n_iter_no_change": _patience,
    "max_fun": _at_least_one,
    "class_weight": _class_weight,
    "scoring": _scoring,
    "prepare": _prepare,
    "schedule": _known("schedule"),
    "initializer": _known("initializer", "auto"),
    "augmentation": lambda _, value: augmentations(value),
    "image_shape": _image_shape,
    "n_ensemble": _at_least_one,
    "engine": _choice(*ENGINES),
    "n_threads": _threads,
}
