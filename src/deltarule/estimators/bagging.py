"""The networks of one recipe, some for each fold, and their predictions for the samples of the other folds."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from deltarule.data import Table
from deltarule.errors import Diverged
from deltarule.estimators.fold_plan import Fold
from deltarule.estimators.fold_training import Resources, train_folds, within_the_time
from deltarule.models import Encoding, Model
from deltarule.models.model import class_probabilities
from deltarule.recipes import Recipe
from deltarule.training import Run
from deltarule.training.columns import fit_encoding
from deltarule.types import Floats


class Progress(Protocol):
    """Called with each network that has ended."""

    def ended(self, name: str, number: int, networks: int, run: Run) -> None:
        """Report the network that ended as the `number`-th."""
        ...


@dataclass(frozen=True)
class TableProblem:
    """A table with its targets, the same for all recipes.

    y : the codes of the classes (n,), or numbers (n,) or (n, k).
    labels : the classes; None for numbers.
    folds : what is trained on and held out.
    """

    table: Table
    y: npt.NDArray[Any]
    weights: Floats | None
    labels: npt.NDArray[Any] | None
    folds: Sequence[Fold]

    @property
    def task(self) -> str:
        """The task of the recipes."""
        return "regression" if self.labels is None else "classification"

    @property
    def numbers(self) -> Floats:
        """The numbers (n, k)."""
        return self.y.reshape(len(self.y), -1)


@dataclass(frozen=True)
class Bagged:
    """The trained networks of one recipe.

    outputs : (networks a fold, n, k) probabilities or numbers for the samples that each fold held out; NaN where a
        sample was never held out or no network was trained.
    interrupted : whether Ctrl-C ended it before all networks were trained.
    """

    name: str
    networks: tuple[Model, ...]
    outputs: Floats
    seconds: float
    interrupted: bool = False

    @property
    def encoding(self) -> Encoding:
        """The encoding that the networks share."""
        assert self.networks[0].encoding is not None
        return self.networks[0].encoding

    @property
    def out_of_fold(self) -> Floats:
        """The mean over the networks of each fold (n, k)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a mean of NaN alone is NaN
            mean: Floats = np.nanmean(self.outputs, axis=0)
        return mean


def bagged(
    name: str, recipe: Recipe, problem: TableProblem, networks: int, resources: Resources, progress: Progress
) -> Bagged:
    """Train some networks for each fold, side by side.

    The encoding of the columns is fitted to all rows, and shared. After Ctrl-C the networks that had ended are
    returned, where there are any. Raises Diverged if all networks diverge.
    """
    began = time.perf_counter()
    encoding = fit_encoding(recipe.preparation, problem.table)
    recipe = recipe.replace(task=problem.task)
    data = [fold.dataset(problem.table, problem.y, problem.weights) for fold in problem.folds]
    if recipe.stopping is None:
        data = [dataclasses.replace(each, validation=None) for each in data] if not recipe.metrics else data
    recipe, networks = within_the_time(recipe, data[0], encoding, len(data), networks, resources)
    folds = list(range(len(data))) * networks
    recipes = [
        _for_the_fold(recipe.replace(seed=recipe.seed + place), problem.folds[fold]) for place, fold in enumerate(folds)
    ]
    k = len(problem.labels) if problem.labels is not None else problem.numbers.shape[1]
    outputs = np.full((networks, len(problem.y), k), np.nan)
    trained: dict[int, Model] = {}
    runs: list[Run] = []
    interrupted = False
    try:
        with contextlib.closing(train_folds(recipes, [data[fold] for fold in folds], encoding, resources)) as ended:
            for place, run in ended:
                runs.append(run)
                if run.status != "diverged" and len(run.history):
                    model, held = _labelled(run.model, problem.labels), problem.folds[folds[place]].held
                    if len(held):
                        outputs[place // len(data), held] = predicted(model, encoding(problem.table[held]))
                    trained[place] = model
                progress.ended(name, len(runs), len(folds), run)
    except KeyboardInterrupt:
        if not trained:
            raise
        interrupted = True
    if not trained:
        rate = recipe.optimizer.learning_rate
        raise Diverged("a training loss that stays finite", f"none of {len(runs)} networks", f"a rate below {rate:g}")
    ordered = tuple(trained[place] for place in sorted(trained))
    return Bagged(name, ordered, outputs, time.perf_counter() - began, interrupted)


def predicted(model: Model, inputs: npt.NDArray[Any]) -> Floats:
    """Return a network's probabilities, or its numbers (n, k), for encoded inputs (n, d)."""
    z = model.outputs_of(inputs)
    return np.asarray(model.numbers(z) if model.classes is None else class_probabilities(model.loss, z), np.float64)


def _for_the_fold(recipe: Recipe, fold: Fold) -> Recipe:
    """Return the recipe, without early stopping where a fold holds nothing out."""
    return recipe if len(fold.held) else recipe.replace(stopping=None, metrics=(), schedule=_constant(recipe))


def _constant(recipe: Recipe) -> Any:
    return "constant" if recipe.schedule.watches else recipe.schedule


def _labelled(model: Model, labels: npt.NDArray[Any] | None) -> Model:
    return model if labels is None else dataclasses.replace(model, classes=labels)
