"""Predictions for each sample by a network that was not trained on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data.folds import fold_rows
from deltarule.errors import Diverged
from deltarule.models import Model
from deltarule.models.calibration import Calibration, fitted_temperature, tempered
from deltarule.models.conformal import class_scores, number_scores
from deltarule.recipes import Recipe
from deltarule.training import train, train_many
from deltarule.training.arguments import Data, dataset_of
from deltarule.types import Floats, Positions


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Predictions out of fold.

    predictions : (n, classes) probabilities, or (n, k) numbers.
    folds : (n,), the fold of each sample. models : the network of each fold.
    classes : the sorted labels; None for numbers. codes : (n,), the class of each sample; empty for numbers.
    """

    predictions: Floats
    folds: Positions
    models: tuple[Model, ...]
    classes: npt.NDArray[Any] | None
    codes: Positions


def out_of_fold(
    recipe: Recipe, data: Data, y: Any = None, *, folds: int = 5, seed: int = 0, n_threads: int | None = None
) -> OutOfFold:
    """Return predictions for each training sample by a network trained on the other folds, all folds at once.

    data : as for `train`; the training set is divided, and the other sets are used as `train` uses them.

    Raises Diverged if a network diverges.

    >>> import deltarule as dr
    >>> found = out_of_fold(dr.Recipe(epochs=10), dr.load_dataset("iris"))
    >>> found.predictions.shape, len(found.models)
    ((120, 3), 5)
    """
    given = dataset_of(data, y)
    n, targets = len(given.train), given.train.y
    held = fold_rows(targets, folds, seed=seed)
    others = [np.setdiff1d(np.arange(n), rows) for rows in held]
    recipes = [recipe.replace(seed=recipe.seed + fold) for fold in range(folds)]
    models, fold_of, made = [], np.zeros(n, np.intp), np.zeros((0, 0))
    classes = None
    for fold, run in enumerate(train_many(recipes, given, rows=others, n_threads=n_threads)):
        if run.status == "diverged":
            raise Diverged("a training loss that stays finite", f"fold {fold + 1}", "a lower learning rate")
        model, rows = run.model, held[fold]
        models.append(model)
        fold_of[rows] = fold
        x = given.train.x[rows]
        if model.classes is None:
            found = np.asarray(model.predict(x, strict=None), np.float64).reshape(len(rows), -1)
        else:
            classes = np.unique(targets)
            found = np.zeros((len(rows), len(classes)))
            found[:, np.searchsorted(classes, model.classes)] = model.predict_proba(x, strict=None)
        made = made if made.size else np.zeros((n, found.shape[1]))
        made[rows] = found
    codes = np.zeros(0, np.intp) if classes is None else np.searchsorted(classes, targets)
    return OutOfFold(made, fold_of, tuple(models), classes, codes)


def cross_calibrated(
    recipe: Recipe, data: Data, y: Any = None, *, folds: int = 5, seed: int = 0, n_threads: int | None = None
) -> Model:
    """Train on all samples, and calibrate with out-of-fold predictions: no samples are set aside for calibration.

    The scores of all folds are pooled: cross-conformal prediction in the form for one model, Vovk (2015); the model
    knows more samples than the folds' networks, so the coverage is approximately the chosen one or more.

    >>> import deltarule as dr
    >>> data = dr.load_dataset("diabetes")
    >>> model = cross_calibrated(dr.Recipe(epochs=20), data)
    >>> model.predict_interval(data.test.x[:2]).shape
    (2, 2)
    """
    given = dataset_of(data, y)
    found = out_of_fold(recipe, given, folds=folds, seed=seed, n_threads=n_threads)
    model = train(recipe, given).model
    if found.classes is None:
        numbers = given.train.y.astype(np.float64).reshape(found.predictions.shape)
        return replace(model, calibration=Calibration(number_scores(found.predictions, numbers)))
    temperature = fitted_temperature(found.predictions, found.codes)
    scores = class_scores(tempered(found.predictions, temperature), found.codes)
    return replace(model, calibration=Calibration(scores, temperature))
