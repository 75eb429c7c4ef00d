"""From an estimator's parameters to a recipe: the same training in deltarule's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deltarule.errors import RecipeError, UnknownName, nearest
from deltarule.estimators.parameters import hidden_sizes
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
from deltarule.recipes import EarlyStopping, Network, Recipe, Scaling

# scikit-learn's names of outputs where they are not ours.
_OUTPUTS = {"sigmoid": "logistic", "exponential": "exp"}


def output_name(loss: Loss) -> str:
    """The name of a loss's link, as scikit-learn calls it.

    >>> output_name(SigmoidCrossEntropy()), output_name(SoftmaxCrossEntropy())
    ('logistic', 'softmax')
    """
    return _OUTPUTS.get(loss.output.name, loss.output.name)


def class_loss(spec: Any, *, several: bool) -> Loss:
    """The loss of a classifier; `several` where one of more than two classes is to be told."""
    if normalized(spec) in ("logloss", "crossentropy"):
        return SoftmaxCrossEntropy() if several else SigmoidCrossEntropy()
    return _registered(spec, "log_loss")


def number_loss(spec: Any) -> Loss:
    """The loss of a regressor; scikit-learn's names mean what they mean there."""
    theirs: dict[str, type[Loss]] = {
        "squarederror": HalfSquaredError,
        "mse": HalfSquaredError,
        "poisson": PoissonLoss,
        "crossentropy": SigmoidCrossEntropy,
    }
    if normalized(spec) in theirs:
        return theirs[normalized(spec)]()
    loss = _registered(spec, "squared_error", "poisson")
    if loss.output.granularity == "rowwise":
        raise RecipeError("a loss for numbers", loss.name, 'loss="squared_error"')
    return loss


def _registered(spec: Any, *theirs: str) -> Loss:
    """A registered loss; where there is none of that name, those that scikit-learn has are offered too."""
    try:
        return formula("loss", spec)  # type: ignore[no-any-return]
    except UnknownName as error:
        guess = nearest(str(spec), theirs)
        wanted = f"{', '.join(map(repr, theirs))}, or {error.expected}"
        raise UnknownName(wanted, error.value, repr(guess) if guess else error.suggestion) from None


def network_of(parameters: Mapping[str, Any]) -> Network:
    """The network that the parameters describe; its first weights are drawn elsewhere where `initializer` is "auto"."""
    activation, initializer = parameters["activation"], parameters["initializer"]
    layered = isinstance(activation, (list, tuple))
    return Network(
        hidden=hidden_sizes(parameters["hidden_layer_sizes"]),
        activation=tuple(activation) if layered else activation,
        dropout=parameters["dropout"],
        normalization=parameters["normalization"],
        initializer=initializer,
    )


def optimizer_of(parameters: Mapping[str, Any], learning_rate: float | None = None) -> Optimizer:
    """The optimizer of `solver`, at its first rate or another one.

    A name takes `learning_rate_init`; a formula has a rate of its own.
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
    """`alpha` and `l1`, both divided by each batch's weight."""
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
    """Everything that decides the training, but for the order of the samples and when it stops."""
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
