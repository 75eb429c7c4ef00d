"""One call of `fit` or `partial_fit`: the parts of the data, the recipe, and one of the two ways to train."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.problem import Problem, Samples
from deltarule.engines.registry import objective_of
from deltarule.errors import DataError, RecipeError
from deltarule.estimators.augmentation import raw_values
from deltarule.estimators.callbacks import Tasks
from deltarule.estimators.descent import Descent, OptimizerState, Task
from deltarule.estimators.prediction import UNSCALED
from deltarule.estimators.quasi_newton import minimised
from deltarule.estimators.specification import recipe_of
from deltarule.estimators.units import Units
from deltarule.estimators.validation import Held, held_out, negative_loss, scored_by
from deltarule.recipes import EarlyStopping, Recipe
from deltarule.recipes.recipe import augmentations
from deltarule.training.run import History
from deltarule.types import Floats

# Patience of a rule that only remembers the best epoch: when to stop is the descent's business.
_FOR_EVER = 2**62


def seed_from(random: np.random.RandomState) -> int:
    """A seed for the engine's own random numbers."""
    return int(random.randint(2**31 - 1))


def drops(dropout: Any) -> bool:
    """Whether any units are left out."""
    return bool(np.any(np.asarray(dropout, dtype=float) > 0))


def descend(
    estimator: Any,
    samples: Samples,
    y: npt.NDArray[Any],
    sizes: tuple[int, ...],
    theta: Floats,
    brought: Any,
    random: np.random.RandomState,
    tasks: Tasks | None,
) -> Floats:
    """Train batch by batch from θ; the estimator's attributes tell of it. The new θ.

    y : labels or numbers as they came, for whoever scores.
    tasks : who hears of the epochs of `fit`; None in `partial_fit`, which goes on from the last call's optimizer.
    brought : a validation part of the caller's, X and y checked, and its sample weights or None; or None.
    """
    train, held = _parts(estimator, samples, y, brought, random)
    score, by_theta = (None, False) if held is None else _scoring(estimator, held)
    seed = seed_from(random) if drops(estimator.dropout) or estimator.augmentation is not None else 0
    recipe_at = _recipes(estimator, len(train), seed, watched=held is not None)
    estimator._recipe = recipe_at(None).replace(stopping=None)
    if held is None and estimator._recipe.schedule.watches:
        came = f"{estimator._recipe.schedule.name!r} alone"
        raise RecipeError("a validation part for the schedule to watch", came, "early_stopping=True, or fit(X_val=…)")
    incremental = tasks is None
    known = getattr(estimator, "_optimizer", None) if incremental else None
    task = Task(
        sizes=sizes,
        samples=train,
        theta=theta,
        state=known or OptimizerState(recipe_at(None).optimizer.learning_rate),
        recipe_at=recipe_at,
        random=random if estimator.shuffle else None,
        raw=raw_values(train, estimator._recipe.augmentation, estimator.image_shape),
        held=held,
        score=score,
        by_theta=by_theta,
        stopping=bool(estimator.early_stopping),
        incremental=incremental,
    )
    descent = Descent(estimator, task, tasks)
    descent.run()
    if tasks is not None:
        tasks.end(lambda: estimator._attributes_at(descent.theta))
    estimator.history_ = History(descent.table, (train.spread(), np.nan if held is None else held.samples.spread()))
    return descent.theta


def minimise(estimator: Any, samples: Samples, sizes: tuple[int, ...], theta: Floats, tasks: Tasks) -> Floats:
    """Train on all samples at once, by L-BFGS; the estimator's attributes tell of it. The new θ."""
    _check_full_batch(estimator)
    parameters = {**estimator.get_params(deep=False), "solver": "sgd"}
    loss = estimator._loss
    recipe = recipe_of(parameters, loss, batch_size=len(samples))
    estimator._recipe = recipe
    found = minimised(
        objective_of(Problem(recipe, sizes, UNSCALED, samples, None, theta), estimator.engine, estimator.n_threads),
        iterations=int(estimator.max_iter),
        tolerance=estimator.tol,
        calls=estimator.max_fun,
        verbose=bool(estimator.verbose),
    )
    tasks.end(lambda: estimator._attributes_at(found.theta))
    estimator.n_iter_ = found.iterations
    estimator.loss_ = Units.of(loss, samples).theirs(found.loss) + found.penalty
    if found.unfinished is not None:
        from sklearn.exceptions import ConvergenceWarning

        words = f"L-BFGS ended after {found.iterations} iterations, before it converged: {found.unfinished}."
        warnings.warn(words, ConvergenceWarning, stacklevel=5)
    return found.theta


def _check_full_batch(estimator: Any) -> None:
    """Refuse what changes the objective, or the weights, from step to step."""
    normalization = estimator._network.normalization
    keeps = normalization is not None and normalization.keeps
    for name, given in {
        "dropout": drops(estimator.dropout),
        "augmentation": bool(augmentations(estimator.augmentation)),
        "normalization": keeps,
        "max_norm": estimator.max_norm is not None,
        "schedule": estimator.schedule is not None,
    }.items():
        if given:
            came = f"{name}={getattr(estimator, name)!r}"
            raise RecipeError('one objective for all steps of solver="lbfgs"', came, 'solver="adam"')


def _recipes(estimator: Any, n: int, seed: int, *, watched: bool) -> Callable[[float | None], Recipe]:
    """The recipe for n samples, at some learning rate or at its own."""
    size = min(200, n) if estimator.batch_size == "auto" else int(estimator.batch_size)
    if size > n:
        warnings.warn(f"batch_size={size} is more than the {n} samples: all are taken at once.", stacklevel=6)
    rule = None
    if watched and estimator.early_stopping:
        rule = EarlyStopping(_FOR_EVER, monitor="loss" if estimator.scoring == "loss" else "score")
    parameters, loss = estimator.get_params(deep=False), estimator._loss
    made: dict[float | None, Recipe] = {}

    def recipe_at(rate: float | None) -> Recipe:
        if rate not in made:
            made[rate] = recipe_of(
                parameters, loss, batch_size=min(size, n), learning_rate=rate, stopping=rule, seed=seed
            )
        return made[rate]

    return recipe_at


def _parts(
    estimator: Any, samples: Samples, y: npt.NDArray[Any], brought: Any, random: np.random.RandomState
) -> tuple[Samples, Held | None]:
    """The samples to train on, and the part that is watched, if any."""
    x, targets, outputs, weights = samples.x, samples.targets, samples.outputs, samples.weights
    if brought is not None:
        x, y, sample_weight = brought
        weights, held_targets = estimator._sample_weights(sample_weight, x), estimator._targets(y)
        if held_targets.shape[1:] != targets.shape[1:]:
            raise DataError(f"y_val of {outputs} outputs, as y has", f"shape {y.shape}")
        return samples, Held(Samples(x, held_targets, outputs, weights), x, y, weights)
    if not estimator.early_stopping:
        return samples, None
    train, rows = held_out(len(samples), estimator.validation_fraction, estimator._strata(targets), random)
    held = Samples(x, targets, outputs, weights, rows)
    return (
        Samples(x, targets, outputs, weights, train),
        Held(held, x[rows], y[rows], None if weights is None else weights[rows]),
    )


def _scoring(estimator: Any, held: Held) -> tuple[Callable[..., float], bool]:
    """The score that is watched, and whether it is taken of θ rather than of the engine's figures."""
    of_figures = negative_loss if estimator.scoring == "loss" else estimator._score_of_figures(held.samples)
    if of_figures is None:
        return scored_by(estimator, estimator.scoring, held), True
    return of_figures, False
