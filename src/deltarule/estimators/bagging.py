"""The networks of one recipe, some for each fold, and their predictions for the samples of the other folds."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset, Table
from deltarule.errors import Diverged
from deltarule.estimators.fold_plan import Fold
from deltarule.estimators.fold_training import Job, Resources, train_folds, within_the_time
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

    @cached_property
    def sets(self) -> list[Dataset]:
        """The training and validation set of each fold."""
        return [fold.dataset(self.table, self.y, self.weights) for fold in self.folds]


@dataclass(frozen=True)
class Bagged:
    """The trained networks of one recipe.

    outputs : (networks a fold, n, k) probabilities or numbers for the samples that each fold held out; NaN where a
        sample was never held out or no network was trained.
    seconds : from the beginning until the last of them had ended.
    interrupted : whether Ctrl-C ended it before all networks were trained.
    dropped : whether it has a network for the first fold only, since another recipe was better there.
    """

    name: str
    networks: tuple[Model, ...]
    outputs: Floats
    seconds: float
    interrupted: bool = False
    dropped: bool = False

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


@dataclass(frozen=True)
class Candidate:
    """A recipe under its name, and the folder that keeps the state of its networks, if any."""

    name: str
    recipe: Recipe
    folder: Path | None = None

    def job(self, problem: TableProblem, place: int) -> Job:
        """Return the network at a place: of the first fold, the second, ..., and of the first again."""
        fold = place % len(problem.folds)
        recipe = self.recipe.replace(seed=self.recipe.seed + place, task=problem.task)
        data = problem.sets[fold]
        if data.validation is None:
            schedule = "constant" if recipe.schedule.watches else recipe.schedule
            recipe = recipe.replace(stopping=None, metrics=(), schedule=schedule)
        elif recipe.stopping is None and not recipe.metrics:
            data = dataclasses.replace(data, validation=None)
        return Job(recipe, data, None if self.folder is None else self.folder / f"network-{place + 1}")


class _Bag:
    """The networks of one candidate that have ended, by their places."""

    def __init__(self, candidate: Candidate, problem: TableProblem, encoding: Encoding, networks: int) -> None:
        k = len(problem.labels) if problem.labels is not None else problem.numbers.shape[1]
        self.candidate, self._problem, self._encoding = candidate, problem, encoding
        self._outputs = np.full((networks, len(problem.y), k), np.nan)
        self.models: dict[int, Model] = {}
        self._began = self._ended = time.perf_counter()

    def add(self, place: int, run: Run) -> None:
        """Add the network of a run, unless it diverged or was not trained."""
        self._ended = time.perf_counter()
        if run.status == "diverged" or not len(run.history):
            return
        problem = self._problem
        network, fold = divmod(place, len(problem.folds))
        model = run.model if problem.labels is None else dataclasses.replace(run.model, classes=problem.labels)
        held = problem.folds[fold].held
        if len(held):
            self._outputs[network, held] = predicted(model, self._encoding(problem.table[held]))
        self.models[place] = model

    def loss(self, of: Callable[[Floats], float]) -> float:
        """Return the loss of the samples held out; infinite where there is none."""
        found = of(self._outputs[0]) if self.models else math.nan
        return math.inf if math.isnan(found) else found

    def result(self, *, interrupted: bool, dropped: bool) -> Bagged:
        """Return the networks in the order of their places."""
        models = tuple(self.models[place] for place in sorted(self.models))
        seconds = self._ended - self._began
        return Bagged(self.candidate.name, models, self._outputs, seconds, interrupted, dropped)


class _SideBySide:
    """Training of the networks of some bags, `total` in all."""

    def __init__(
        self, problem: TableProblem, encoding: Encoding, resources: Resources, progress: Progress, total: int
    ) -> None:
        self._problem, self._encoding, self._resources = problem, encoding, resources
        self._progress, self._total = progress, total
        self._runs: list[Run] = []

    def train(self, places: Sequence[tuple[_Bag, int]]) -> bool:
        """Train networks, each given by its bag and its place there; return whether Ctrl-C interrupted it.

        Raises KeyboardInterrupt where no network has been trained yet.
        """
        jobs = [bag.candidate.job(self._problem, place) for bag, place in places]
        try:
            with contextlib.closing(train_folds(jobs, self._encoding, self._resources)) as ended:
                for number, run in ended:
                    bag, place = places[number]
                    bag.add(place, run)
                    self._runs.append(run)
                    self._progress.ended(bag.candidate.name, len(self._runs), self._total, run)
        except KeyboardInterrupt:
            if not any(run.status != "diverged" and len(run.history) for run in self._runs):
                raise
            return True
        return False


def bagged(
    candidates: Sequence[Candidate],
    problem: TableProblem,
    networks: int,
    resources: Resources,
    progress: Progress,
    loss: Callable[[Floats], float],
) -> list[Bagged]:
    """Train some networks for each fold, side by side.

    Of several candidates, which share the preparation, each trains one network on the first fold. The one with the
    lowest loss of the samples held out there trains all others; the networks of the others are dropped.

    loss : of outputs (n, k), which are NaN for samples that are not judged.

    The encoding of the columns is fitted to all rows, and shared. After Ctrl-C the networks that had ended are
    returned, where there are any. Raises Diverged if all networks diverge.
    """
    encoding = fit_encoding(candidates[0].recipe.preparation, problem.table)
    folds = len(problem.folds)
    first = candidates[0].job(problem, 0)
    epochs, networks = within_the_time(first, encoding, folds + len(candidates) - 1, networks, resources)
    if epochs != first.recipe.epochs:
        candidates = [dataclasses.replace(each, recipe=each.recipe.replace(epochs=epochs)) for each in candidates]
    bags = [_Bag(each, problem, encoding, networks) for each in candidates]
    side_by_side = _SideBySide(problem, encoding, resources, progress, folds * networks + len(bags) - 1)
    best, interrupted, places = bags[0], False, list(range(folds * networks))
    if len(bags) > 1:
        interrupted = side_by_side.train([(bag, 0) for bag in bags])
        best = min(bags, key=lambda bag: bag.loss(loss))
        places = places[1:]
    if not interrupted and (resources.seconds_left > 0 or not best.models):
        interrupted = side_by_side.train([(best, place) for place in places])
    results = [bag.result(interrupted=interrupted, dropped=bag is not best) for bag in bags if bag.models]
    if not best.models:
        recipe = best.candidate.recipe
        found, hint = f"none of {len(places)} networks", f"a rate below {recipe.optimizer.learning_rate:g}"
        raise Diverged("a training loss that stays finite", found, hint)
    return results


def predicted(model: Model, inputs: npt.NDArray[Any]) -> Floats:
    """Return a network's probabilities, or its numbers (n, k), for encoded inputs (n, d)."""
    z = model.outputs_of(inputs)
    return np.asarray(model.numbers(z) if model.classes is None else class_probabilities(model.loss, z), np.float64)
