"""The parameters of the estimators: checked when `fit` starts, and converted to a recipe."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np

from deltarule.engines.registry import ENGINES, PRECISIONS
from deltarule.errors import RecipeError, UnknownName, nearest
from deltarule.formulas import (
    L1,
    L2,
    SGD,
    Adam,
    ElasticNet,
    HalfSquaredError,
    Loss,
    MaxNorm,
    Momentum,
    Nesterov,
    Optimizer,
    Penalty,
    PoissonLoss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    formula,
)
from deltarule.formulas.formula import normalized
from deltarule.recipes import EarlyStopping, Network, Preparation, Recipe, Scaling
from deltarule.recipes.checks import boolean, fraction, integer, one_of
from deltarule.recipes.recipe import augmentations

Check: TypeAlias = Callable[[str, Any], object]


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Raise RecipeError for the first parameter with an invalid value.

    >>> check_parameters({"alpha": -1})
    Traceback (most recent call last):
        ...
    deltarule.errors.RecipeError: Expected a number of at least 0 for alpha, got -1.
    """
    for name, check in _CHECKS.items():
        if name in parameters:
            check(name, parameters[name])


def hidden_sizes(given: Any) -> tuple[int, ...]:
    """Return the units of the hidden layers, given as one number or a sequence.

    >>> hidden_sizes(100), hidden_sizes([20, 10])
    ((100,), (20, 10))
    """
    sizes = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    instead = "hidden_layer_sizes=(100,)"
    return tuple(integer("hidden_layer_sizes", size, 1, instead) for size in sizes)


def stochastic(solver: Any) -> bool:
    """Return whether a solver uses batches, as all but L-BFGS do."""
    return normalized(solver) != "lbfgs"


def _number(expected: str, holds: Callable[[float], bool]) -> Check:
    def check(name: str, value: Any) -> None:
        number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
        if not number or not holds(float(value)):
            raise RecipeError(expected, repr(value), field=name)

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


def _boolean(name: str, value: Any) -> None:
    boolean(name, bool(value) if isinstance(value, np.bool_) else value)


def _batch_size(name: str, value: Any) -> None:
    if not (isinstance(value, str) and value == "auto"):
        integer(name, value, 1, 'batch_size="auto"')


def _patience(name: str, value: Any) -> None:
    if not (isinstance(value, Real) and float(value) == math.inf):
        integer(name, value, 1, "n_iter_no_change=10, or infinity to run all epochs")


def _verbose(name: str, value: Any) -> None:
    valid = isinstance(value, (bool, np.bool_)) or (isinstance(value, Integral) and int(value) >= 0) or value == "bar"
    if not valid:
        raise RecipeError('True, False, an integer or "bar"', repr(value), 'verbose="bar"', field=name)


def _threads(name: str, value: Any) -> None:
    if value is not None:
        integer(name, value, 1, "n_threads=None, to let the engine choose")


def _known(kind: str, *others: str) -> Check:
    """Check that a name, or each of several, is registered or one of the others; formulas and JSON pass."""

    def check(name: str, value: Any) -> None:
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(each, str) and each not in others:
                _registered(kind, name, each, alone=each is value)

    return check


def _registered(kind: str, name: str, spec: str, *, alone: bool = True) -> None:
    """Refuse a name that is not registered; `alone` says whether it is the parameter's whole value."""
    try:
        formula(kind, spec)
    except UnknownName as error:
        instead = f"{name}={error.nearest!r}" if alone and error.nearest else None
        raise UnknownName(error.expected, error.value, instead, field=name, nearest=error.nearest) from None


def _solver(name: str, value: Any) -> None:
    if not isinstance(value, (str, Optimizer, Mapping)):
        expected = '"sgd", "adam", "lbfgs", or another optimizer by its name or as a formula'
        raise RecipeError(expected, repr(value), 'solver="adam"', field=name)
    if isinstance(value, str):
        _registered("optimizer", name, value)


def _scoring(name: str, value: Any) -> None:
    if value is None or callable(value) or value == "loss":
        return
    from sklearn.metrics import get_scorer_names

    if value not in get_scorer_names():
        guess = nearest(str(value), get_scorer_names())
        expected = 'None, "loss", or one of scikit-learn\'s scorers'
        raise UnknownName(expected, repr(value), f"{name}={guess!r}" if guess else None, field=name)


def _class_weight(name: str, value: Any) -> None:
    if value is not None and value != "balanced" and not isinstance(value, (Mapping, list)):
        raise RecipeError('None, "balanced" or a dictionary', repr(value), f'{name}="balanced"', field=name)


def _prepare(name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        Preparation.of(value)
    elif not (value is None or isinstance(value, Preparation) or (isinstance(value, str) and value == "auto")):
        raise RecipeError('None, "auto" or a Preparation', repr(value), f'{name}="auto"', field=name)


def _image_shape(name: str, value: Any) -> None:
    if value is None:
        return
    instead = f"{name}=(28, 28), or {name}=(32, 32, 3) for images in colour"
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
    "shuffle": _boolean,
    "tol": _not_negative,
    "verbose": _verbose,
    "warm_start": _boolean,
    "momentum": lambda name, value: fraction(name, value, "momentum=0.9"),
    "nesterovs_momentum": _boolean,
    "early_stopping": _boolean,
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
    "precision": lambda name, value: value is None or one_of(name, value, PRECISIONS),
    "n_threads": _threads,
}


# scikit-learn's names of inverse links that differ from ours.
_OUTPUTS = {"sigmoid": "logistic", "exponential": "exp"}


def output_name(loss: Loss) -> str:
    """Return the name of a loss's inverse link in scikit-learn.

    >>> output_name(SigmoidCrossEntropy()), output_name(SoftmaxCrossEntropy())
    ('logistic', 'softmax')
    """
    return _OUTPUTS.get(loss.output.name, loss.output.name)


def class_loss(spec: Any, *, several: bool) -> Loss:
    """Return the loss of a classifier; `several` for more than two classes."""
    if normalized(spec) in ("logloss", "crossentropy"):
        return SoftmaxCrossEntropy() if several else SigmoidCrossEntropy()
    return _registered_loss(spec, "log_loss")


def number_loss(spec: Any) -> Loss:
    """Return the loss of a regressor; scikit-learn's names have its meaning."""
    of_sklearn: dict[str, type[Loss]] = {
        "squarederror": HalfSquaredError,
        "mse": HalfSquaredError,
        "poisson": PoissonLoss,
        "crossentropy": SigmoidCrossEntropy,
    }
    if normalized(spec) in of_sklearn:
        return of_sklearn[normalized(spec)]()
    loss = _registered_loss(spec, "squared_error", "poisson")
    if loss.output.granularity == "rowwise":
        raise RecipeError("a loss for regression", loss.name, 'loss="squared_error"')
    return loss


def _registered_loss(spec: Any, *of_sklearn: str) -> Loss:
    """Return a registered loss; the error for an unknown name also suggests scikit-learn's names."""
    try:
        return formula("loss", spec)  # type: ignore[no-any-return]
    except UnknownName as error:
        guess = nearest(str(spec), of_sklearn)
        expected = f"{', '.join(map(repr, of_sklearn))}, or {error.expected}"
        raise UnknownName(expected, error.value, field="loss", nearest=guess or error.nearest) from None


def network_of(parameters: Mapping[str, Any]) -> Network:
    """Return the network that the parameters describe; for `initializer="auto"` the fit draws the initial weights."""
    activation, initializer = parameters["activation"], parameters["initializer"]
    layered = isinstance(activation, (list, tuple))
    network = Network(
        hidden=hidden_sizes(parameters["hidden_layer_sizes"]),
        activation=tuple(activation) if layered else activation,
        dropout=parameters["dropout"],
        normalization=parameters["normalization"],
        initializer=initializer,
    )
    if any(each.fits for each in network.initializers()):
        wanted = "an initializer that does not depend on the data"
        raise RecipeError(wanted, repr(initializer), 'initializer="he"', field="initializer")
    return network


def optimizer_of(parameters: Mapping[str, Any], learning_rate: float | None = None) -> Optimizer:
    """Return the optimizer of `solver`, with its initial learning rate or another one.

    A name takes `learning_rate_init`; a formula has its own rate.
    """
    solver = parameters["solver"]
    rate = parameters["learning_rate_init"] if learning_rate is None else learning_rate
    if normalized(solver) == "adam":
        beta1, beta2 = parameters["beta_1"], parameters["beta_2"]
        return Adam(rate, beta1, beta2, parameters["epsilon"], epsilon_place="before_correction")
    if normalized(solver) == "sgd":
        momentum = parameters["momentum"]
        if momentum == 0:
            return SGD(rate)
        return (Nesterov if parameters["nesterovs_momentum"] else Momentum)(rate, momentum=momentum)
    optimizer: Optimizer = formula("optimizer", solver)
    if isinstance(solver, str):
        return optimizer.replace(learning_rate=rate)
    return optimizer if learning_rate is None else optimizer.replace(learning_rate=learning_rate)


def penalty_of(parameters: Mapping[str, Any]) -> Penalty | None:
    """Return the penalty of `alpha` and `l1`, both divided by each batch's weight."""
    l1, l2 = float(parameters["l1"]), float(parameters["alpha"])
    if not l1:
        return L2(l2, per_batch=True) if l2 else None
    return ElasticNet(l1 + l2, l1 / (l1 + l2), per_batch=True) if l2 else L1(l1, per_batch=True)


def recipe_of(
    parameters: Mapping[str, Any],
    loss: Loss,
    *,
    batch_size: int,
    learning_rate: float | None = None,
    stopping: EarlyStopping | None = None,
    seed: int = 0,
) -> Recipe:
    """Return the recipe: everything that decides training except the order of the samples and when it stops."""
    bound = parameters["max_norm"]
    return Recipe(
        network=network_of(parameters),
        loss=loss,
        optimizer=optimizer_of(parameters, learning_rate),
        penalty=penalty_of(parameters),
        constraint=None if bound is None else MaxNorm(bound),
        schedule=formula("schedule", "constant" if parameters["schedule"] is None else parameters["schedule"]),
        augmentation=parameters["augmentation"],
        batch_size=batch_size,
        epochs=int(parameters["max_iter"]),
        stopping=stopping,
        scaling=Scaling("none"),
        target_scaling="none",
        seed=seed,
    )
