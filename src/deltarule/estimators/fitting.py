"""One call of `fit` or `partial_fit`: its validation set and recipe, trained in batches or by L-BFGS."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.objective import Objective
from deltarule.engines.parameters import count, layers
from deltarule.engines.problem import Figure, Problem, Samples, StopRequested, never
from deltarule.engines.registry import objective_of
from deltarule.errors import DataError, RecipeError
from deltarule.estimators.descent import Descent, FitState, LossUnits, OptimizerState, Rules, Task
from deltarule.estimators.inputs import UNSCALED
from deltarule.estimators.parameters import recipe_of
from deltarule.estimators.reporting import FitCallbacks
from deltarule.formulas import Activation, Loss
from deltarule.formulas.augmentations import Augmentation
from deltarule.formulas.augmentations.composition import RawValues, check
from deltarule.recipes import EarlyStopping, Network, Recipe
from deltarule.recipes.recipe import augmentations
from deltarule.training.epoch import History
from deltarule.types import Booleans, Floats, Indices

# Patience of a rule that only records the best epoch, as `Descent` decides when to stop.
_UNLIMITED = 2**62


@dataclass(frozen=True)
class ValidationSet:
    """Samples that are scored after each epoch.

    samples : as the engine sees them.
    x, y, weights : as a scorer sees them: inputs (n, d), labels or numbers, and sample weights or None.
    """

    samples: Samples
    x: npt.NDArray[Any]
    y: npt.NDArray[Any]
    weights: Floats | None


@dataclass(frozen=True)
class FitCall:
    """The input of one call of `fit` or `partial_fit`.

    parameters : the estimator's, checked.
    samples, y : all training samples, and their targets as they were given.
    strata : classes (n, 1) whose frequencies a held-out validation set keeps, or None.
    theta : the initial parameters and state.
    validation : a validation set given to `fit`.
    score_from_metrics : returns the score as a function of an epoch's metrics, or None where they do not contain it.
    scorer : returns the score of a validation set as a function of θ.
    attributes : returns the estimator's attributes for predictions with θ.
    publish : updates the estimator's attributes of training, before callbacks.
    callbacks : scikit-learn's; None in `partial_fit`.
    """

    parameters: Mapping[str, Any]
    network: Network
    loss: Loss
    sizes: tuple[int, ...]
    samples: Samples
    y: npt.NDArray[Any]
    strata: Booleans | None
    theta: Floats
    random: np.random.RandomState
    validation: ValidationSet | None
    score_from_metrics: Callable[[Samples], Callable[[Floats], float] | None]
    scorer: Callable[[ValidationSet], Callable[[Floats], float]]
    attributes: Callable[[Floats], dict[str, Any]]
    publish: Callable[[], None]
    callbacks: FitCallbacks | None
    stop_requested: StopRequested = never


@dataclass(frozen=True)
class Fit:
    """The result of one call.

    history : the epochs; None for L-BFGS.
    """

    theta: Floats
    recipe: Recipe
    history: History | None = None


def descend(call: FitCall, state: FitState) -> Fit:
    """Train in batches, and update `state`; `partial_fit` continues with the optimizer's state."""
    parameters = call.parameters
    train, validation = _split(call)
    score, by_theta = (None, False) if validation is None else _score(call, validation)
    needs_seed = drops(parameters["dropout"]) or parameters["augmentation"] is not None
    seed = seed_from(call.random) if needs_seed else 0
    recipe_at = _recipes(call, len(train), seed, monitored=validation is not None)
    recipe = recipe_at(None).replace(stopping=None)
    if validation is None and recipe.schedule.watches:
        got, instead = f"{recipe.schedule.name!r} without one", "early_stopping=True, or fit(X_val=…)"
        raise RecipeError("a validation set for the schedule to monitor", got, instead)
    callbacks = call.callbacks

    def after_epoch(number: int, theta: Floats) -> bool:
        if callbacks is None or not callbacks.active:
            return False
        call.publish()
        return callbacks.after_epoch(number, lambda: call.attributes(theta))

    incremental = callbacks is None
    optimizer = state.optimizer if incremental else None
    task = Task(
        sizes=call.sizes,
        samples=train,
        theta=call.theta,
        optimizer=optimizer or OptimizerState(recipe_at(None).optimizer.learning_rate),
        recipe_at=recipe_at,
        random=call.random if parameters["shuffle"] else None,
        raw=raw_values(train, recipe.augmentation, parameters["image_shape"]),
        validation=None if validation is None else validation.samples,
        score=score,
        by_theta=by_theta,
        single_epoch=incremental,
        after_epoch=after_epoch,
        epoch_by_epoch=callbacks is not None and callbacks.active,
        stop_requested=call.stop_requested,
    )
    descent = Descent(task, Rules.of(parameters), state)
    descent.run()
    if callbacks is not None:
        callbacks.finish(lambda: call.attributes(descent.theta))
    spread = np.nan if validation is None else validation.samples.spread()
    return Fit(descent.theta, recipe, History(descent.table, (train.spread(), spread)))


def minimize(call: FitCall, state: FitState) -> Fit:
    """Minimize the objective of all samples by SciPy's L-BFGS-B in float64 (Liu and Nocedal, 1989); update `state`."""
    from scipy.optimize import minimize as minimize_objective

    parameters = call.parameters
    _check_full_batch(call)
    recipe = recipe_of({**parameters, "solver": "sgd"}, call.loss, batch_size=len(call.samples))
    problem = Problem(recipe, call.sizes, UNSCALED, call.samples, None, call.theta)
    objective: Objective = objective_of(problem, parameters["engine"], parameters["n_threads"])

    def report(intermediate_result: Any) -> None:
        sys.stdout.write(f"Objective = {intermediate_result.fun:.8f}\n")

    iterations = int(parameters["max_iter"])
    options = {"maxiter": iterations, "maxfun": parameters["max_fun"], "gtol": parameters["tol"]}
    after_iteration = report if parameters["verbose"] else None
    found = minimize_objective(
        objective, problem.theta, method="L-BFGS-B", jac=True, options=options, callback=after_iteration
    )
    penalty = objective.penalty(found.x)
    if call.callbacks is not None:
        call.callbacks.finish(lambda: call.attributes(found.x))
    state.epochs = min(int(found.nit), iterations)
    state.loss = LossUnits.of(call.loss, call.samples).to_sklearn(float(found.fun) - penalty) + penalty
    if found.status != 0:
        from sklearn.exceptions import ConvergenceWarning

        message = f"L-BFGS stopped after {state.epochs} iterations without converging: {found.message}."
        warnings.warn(message, ConvergenceWarning, stacklevel=5)
    return Fit(found.x, recipe)


def seed_from(random: np.random.RandomState) -> int:
    """Draw a seed for the engine's own random numbers."""
    return int(random.randint(2**31 - 1))


def drops(dropout: Any) -> bool:
    """Return whether any dropout rate is above 0."""
    return bool(np.any(np.asarray(dropout, dtype=float) > 0))


def initial_theta(
    random: np.random.RandomState, sizes: Sequence[int], activations: Sequence[Activation], dtype: Any
) -> Floats:
    """Draw θ as scikit-learn does: uniform between ∓√(f / (fan_in + fan_out)), rounded to `dtype`.

    f is 2 if the layer's activation is the logistic one, otherwise 6; the output layer uses the last hidden layer's.
    Glorot and Bengio (2010), equation 16.
    """
    theta = np.zeros(count(sizes))
    following: list[Activation | None] = [*activations, *activations[-1:]] or [None]
    for (fan_in, fan_out), activation, (weights, biases) in zip(
        pairwise(sizes), following, layers(theta, sizes), strict=True
    ):
        factor = 2.0 if activation is not None and activation.name == "sigmoid" else 6.0
        bound = np.sqrt(factor / (fan_in + fan_out))
        weights[:] = random.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype)
        biases[:] = random.uniform(-bound, bound, fan_out).astype(dtype)
    return theta


def accuracy(metrics: Floats) -> float:
    """Return the accuracy in an epoch's metrics."""
    error = metrics[Figure.VALIDATION_ERROR] / metrics[Figure.VALIDATION_WEIGHT]
    return float(1.0 - error) if np.isfinite(metrics[Figure.VALIDATION_LOSS]) else math.nan


def r_squared(metrics: Floats, spread: float) -> float:
    """Return R² of one output in an epoch's metrics, for targets of variance `spread`; scikit-learn's 1 or 0 for 0."""
    error = metrics[Figure.VALIDATION_ERROR] / metrics[Figure.VALIDATION_WEIGHT]
    if not np.isfinite(error):
        return math.nan
    return float(1.0 - error / spread) if spread > 0 else float(error == 0)


def _negative_loss(metrics: Floats) -> float:
    """Return the score of `scoring="loss"`: the mean loss with its sign changed, so that larger is better."""
    return float(-metrics[Figure.VALIDATION_LOSS] / metrics[Figure.VALIDATION_WEIGHT])


def raw_values(samples: Samples, chosen: Sequence[Augmentation], image_shape: Sequence[int] | None) -> RawValues | None:
    """Return what augmentations need to know of the training set; None without augmentations.

    image_shape : of the image in each row; None where rows are features.

    Raises DataError if rows are not images of this shape, RecipeError if an augmentation is not applicable to them.
    """
    if not chosen:
        return None
    features = samples.x.shape[1]
    shape = (features,) if image_shape is None else tuple(int(side) for side in image_shape)
    if math.prod(shape) != features:
        got = f"{features} features"
        raise DataError(f"rows of {math.prod(shape)} numbers for image_shape={shape}", got, _image_shape(features))
    if image_shape is None:
        of_images = next((each for each in chosen if each.samples != "any"), None)
        if of_images is not None:
            got = f"rows of {features} features"
            raise RecipeError(f"the shape of the images for {of_images.name}", got, _image_shape(features))
    check(chosen, shape)
    return RawValues(samples.x, shape, samples.rows)


def _image_shape(features: int) -> str:
    """Suggest the shape of images of so many numbers: square, in grey or in colour."""
    grey, coloured = math.isqrt(features), math.isqrt(features // 3)
    if grey**2 != features and 3 * coloured**2 == features:
        return f"image_shape=({coloured}, {coloured}, 3)"
    return f"image_shape=({grey}, {grey})" if grey**2 == features else "image_shape=(height, width)"


def _check_full_batch(call: FitCall) -> None:
    """Refuse what changes the objective or the weights between steps."""
    parameters, normalization = call.parameters, call.network.normalization
    for name, given in {
        "dropout": drops(parameters["dropout"]),
        "augmentation": bool(augmentations(parameters["augmentation"])),
        "normalization": normalization is not None and normalization.keeps,
        "max_norm": parameters["max_norm"] is not None,
        "schedule": parameters["schedule"] is not None,
    }.items():
        if given:
            got = f"{name}={parameters[name]!r}"
            raise RecipeError('the same objective at every step of solver="lbfgs"', got, 'solver="adam"')


def _recipes(call: FitCall, n: int, seed: int, *, monitored: bool) -> Callable[[float | None], Recipe]:
    """Return a function from a learning rate, or None for its own, to the recipe for n samples."""
    parameters = call.parameters
    size = min(200, n) if parameters["batch_size"] == "auto" else int(parameters["batch_size"])
    if size > n:
        warnings.warn(f"batch_size={size} is larger than the {n} samples; each batch has all of them.", stacklevel=6)
    rule = None
    if monitored and parameters["early_stopping"]:
        rule = EarlyStopping(_UNLIMITED, monitor="loss" if parameters["scoring"] == "loss" else "score")
    recipes: dict[float | None, Recipe] = {}

    def recipe_at(rate: float | None) -> Recipe:
        if rate not in recipes:
            recipes[rate] = recipe_of(
                parameters, call.loss, batch_size=min(size, n), learning_rate=rate, stopping=rule, seed=seed
            )
        return recipes[rate]

    return recipe_at


def _split(call: FitCall) -> tuple[Samples, ValidationSet | None]:
    """Return the training samples and the validation set, if any."""
    samples, parameters = call.samples, call.parameters
    if call.validation is not None or not parameters["early_stopping"]:
        return samples, call.validation
    x, targets, outputs, weights = samples.x, samples.targets, samples.outputs, samples.weights
    train, rows = _held_out(len(samples), parameters["validation_fraction"], call.strata, call.random)
    held_out = ValidationSet(
        Samples(x, targets, outputs, weights, rows), x[rows], call.y[rows], None if weights is None else weights[rows]
    )
    return Samples(x, targets, outputs, weights, train), held_out


def _held_out(
    n: int, fraction: float, strata: Booleans | None, random: np.random.RandomState
) -> tuple[Indices, Indices]:
    """Return training and validation rows, the ones that scikit-learn selects; stratified if there are strata."""
    from sklearn.model_selection import train_test_split

    train, validation = train_test_split(np.arange(n), random_state=random, test_size=fraction, stratify=strata)
    if len(validation) < 2:
        # scikit-learn's message, which programs look for.
        suggestion = "Increase 'validation_fraction' or the size of your dataset."
        raise ValueError(f"The validation set is too small. {suggestion}")
    return train, validation


def _score(call: FitCall, validation: ValidationSet) -> tuple[Callable[[Floats], float], bool]:
    """Return the monitored score, and whether it is a function of θ rather than of the engine's metrics."""
    loss = call.parameters["scoring"] == "loss"
    of_metrics = _negative_loss if loss else call.score_from_metrics(validation.samples)
    return (call.scorer(validation), True) if of_metrics is None else (of_metrics, False)
