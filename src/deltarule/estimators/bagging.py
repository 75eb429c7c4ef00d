"""The networks of a recipe, some for each fold, and their predictions for the samples held out."""

from __future__ import annotations

import contextlib
import dataclasses
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
    seconds : from the beginning until the last of them had ended; of a raced network, its own.
    interrupted : whether Ctrl-C ended it before all networks were trained.
    raced : whether it is a network of the first fold only, by which recipes were compared.
    """

    name: str
    networks: tuple[Model, ...]
    outputs: Floats
    seconds: float
    interrupted: bool = False
    raced: bool = False

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

    def job(self, problem: TableProblem, number: int) -> Job:
        """Return a network: number 0 is of the first fold, 1 of the second; after the last fold comes the first."""
        recipe = self.recipe.replace(seed=self.recipe.seed + number, task=problem.task)
        data = problem.sets[number % len(problem.folds)]
        if data.validation is None:
            schedule = "constant" if recipe.schedule.watches else recipe.schedule
            recipe = recipe.replace(stopping=None, metrics=(), schedule=schedule)
        elif recipe.stopping is None and not recipe.metrics and not recipe.schedule.watches:
            data = dataclasses.replace(data, validation=None)
        return Job(recipe, data, None if self.folder is None else self.folder / f"network-{number + 1}")


class _Networks:
    """The networks of one candidate that have ended, by their numbers."""

    def __init__(self, candidate: Candidate, problem: TableProblem, networks: int) -> None:
        k = len(problem.labels) if problem.labels is not None else problem.numbers.shape[1]
        self.candidate, self._problem = candidate, problem
        self.outputs = np.full((networks, len(problem.y), k), np.nan)
        self.models: dict[int, Model] = {}
        self.seconds = 0.0

    def add(self, number: int, run: Run, encoding: Encoding) -> None:
        """Add the network of a run, unless it diverged or was not trained."""
        if run.status == "diverged" or not len(run.history):
            return
        problem = self._problem
        network, fold = divmod(number, len(problem.folds))
        model = run.model if problem.labels is None else dataclasses.replace(run.model, classes=problem.labels)
        held = problem.folds[fold].held
        if len(held):
            self.outputs[network, held] = predicted(model, encoding(problem.table[held]))
        self.models[number] = model
        self.seconds += run.seconds

    def result(self, seconds: float, *, interrupted: bool = False, raced: bool = False) -> Bagged:
        """Return the networks in the order of their numbers."""
        models = tuple(self.models[number] for number in sorted(self.models))
        return Bagged(self.candidate.name, models, self.outputs, seconds, interrupted, raced)


class _Trainer:
    """Trains networks side by side, `total` in all.

    ended : number of networks that have ended; `interrupted` whether Ctrl-C ended the training.
    """

    def __init__(
        self, problem: TableProblem, encoding: Encoding, resources: Resources, progress: Progress, total: int
    ) -> None:
        self._problem, self._encoding, self._resources = problem, encoding, resources
        self._progress, self._total = progress, total
        self.ended, self.interrupted = 0, False

    def train(self, wanted: Sequence[tuple[_Networks, int]]) -> None:
        """Train networks, each given by its candidate's networks and its number among these.

        Raises KeyboardInterrupt where no network has been trained yet.
        """
        jobs = [networks.candidate.job(self._problem, number) for networks, number in wanted]
        trained = sum(len(each.models) for each in {id(networks): networks for networks, _ in wanted}.values())
        try:
            with contextlib.closing(train_folds(jobs, self._encoding, self._resources, trained)) as ended:
                for place, run in ended:
                    networks, number = wanted[place]
                    networks.add(number, run, self._encoding)
                    self.ended += 1
                    self._progress.ended(networks.candidate.name, self.ended, self._total, run)
        except KeyboardInterrupt:
            if not any(networks.models for networks, _ in wanted):
                raise
            self.interrupted = True


def bagged(
    candidates: Sequence[Candidate],
    problem: TableProblem,
    networks: int,
    resources: Resources,
    progress: Progress,
    loss: Callable[[Floats], float],
) -> list[Bagged]:
    """Train some networks for each fold, side by side.

    Several candidates, which share the preparation, race: each trains one network on the first fold, and the one with
    the lowest loss of the samples held out there trains all others. The networks of the race are returned first, then
    all of the best candidate; of a single candidate, its networks alone.

    loss : of outputs (n, k), which are NaN for samples that are not judged.

    The encoding of the columns is fitted to all rows, and shared. After Ctrl-C the networks that had ended are
    returned, where there are any. Raises Diverged if all networks of the best candidate diverge.
    """
    began, folds = time.perf_counter(), len(problem.folds)
    encoding = fit_encoding(candidates[0].recipe.preparation, problem.table)
    phases = [folds] if len(candidates) == 1 else [len(candidates), folds - 1]
    firsts = [each.job(problem, 0) for each in candidates]
    epochs, networks = within_the_time(firsts, encoding, phases, networks, resources)
    if epochs != firsts[0].recipe.epochs:
        candidates = [dataclasses.replace(each, recipe=each.recipe.replace(epochs=epochs)) for each in candidates]
    trainer = _Trainer(problem, encoding, resources, progress, sum(phases) + folds * (networks - 1))
    race = [_Networks(each, problem, 1) for each in candidates] if len(candidates) > 1 else []
    best = _Networks(candidates[0], problem, networks)
    if race:
        trainer.train([(each, 0) for each in race])
        first = min(race, key=lambda each: (not each.models, np.nan_to_num(loss(each.outputs[0]), nan=np.inf)))
        best = _Networks(first.candidate, problem, networks)
        best.models, best.outputs[0] = dict(first.models), first.outputs[0]
    if not trainer.interrupted and (resources.seconds_left > 0 or not best.models):
        trainer.train([(best, number) for number in range(bool(race), folds * networks)])
    if not best.models:
        found = f"none of {trainer.ended} networks"
        hint = f"a rate below {best.candidate.recipe.optimizer.learning_rate:g}"
        raise Diverged("a training loss that stays finite", found, hint)
    raced = [each.result(each.seconds, raced=True) for each in race if each.models]
    return [*raced, best.result(time.perf_counter() - began, interrupted=trainer.interrupted)]


def predicted(model: Model, inputs: npt.NDArray[Any]) -> Floats:
    """Return a network's probabilities, or its numbers (n, k), for encoded inputs (n, d)."""
    return np.asarray(model.values_of(model.outputs_of(inputs)), np.float64)
