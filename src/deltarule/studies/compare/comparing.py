"""Run a comparison: train its networks on all cores and record each as it ends."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deltarule.data import Dataset, Part
from deltarule.data.digest import digest_of
from deltarule.engines.registry import ENGINES, PRECISIONS
from deltarule.errors import RecipeError
from deltarule.recipes import Recipe
from deltarule.recipes.checks import one_of
from deltarule.studies.compare import statistics, tuning
from deltarule.studies.compare.comparison import Comparison
from deltarule.studies.compare.conditions import Conditions
from deltarule.studies.compare.distributing import Train, executor_of
from deltarule.studies.compare.folder import ComparisonFolder
from deltarule.studies.compare.halving import better_half, rungs
from deltarule.studies.compare.machine import machine
from deltarule.studies.compare.messages import notes_before
from deltarule.studies.compare.pairs import Against, pairs_of
from deltarule.studies.compare.seeds import USUAL, Seeds
from deltarule.studies.compare.trial import Finished, Trial, key_of
from deltarule.studies.compare.variants import Variant, variants_of
from deltarule.training.preparing import prepared


@dataclass(frozen=True)
class ComparisonProgress:
    """Progress of a comparison: a record after each network.

    stage : "tuning" or "comparing". done, total : networks of this stage.
    seconds, seconds_left : since the start, and the estimate for the rest of the stage; None where it is unknown.
    """

    stage: str
    done: int
    total: int
    seconds: float
    seconds_left: float | None
    network: Finished


class Comparing:
    """A running comparison: iterate over it for its progress. `.comparison` has the networks so far.

    The arguments are those of `compare`. `notes` says before training what the result cannot be.
    """

    def __init__(
        self,
        recipes: Mapping[str, Recipe] | Sequence[Recipe | Variant],
        data: Dataset,
        seeds: int | Sequence[int] | None = None,
        *,
        against: Against = None,
        seeds_vary: Sequence[str] = USUAL,
        tune: str | None = None,
        budget: str | float | None = None,
        folder: str | os.PathLike[str] | None = None,
        keep_models: bool = False,
        record: str | None = None,
        target_score: float | None = None,
        engine: str = "compiled",
        precision: str = PRECISIONS[0],
        n_threads: int | None = None,
        backend: str | None = None,
    ) -> None:
        self._given = self._variants = variants_of(recipes)
        self._pairs = pairs_of(against, self._given)
        tests = len(self._pairs) or math.comb(len(self._given), 2)
        number = statistics.default_seeds(tests) if seeds is None else seeds
        self._seeds = Seeds.of(number, self._given[0].recipe.seed, seeds_vary)
        self.notes = notes_before(tests, len(self._seeds.numbers))
        self._budget = None if budget is None else seconds_of(budget)
        engine = one_of("engine", engine, tuple(ENGINES))
        precision = one_of("precision", precision, PRECISIONS)
        if keep_models and folder is None:
            raise RecipeError("a folder to keep models in", "none", 'folder="runs/compare-1"')
        self._tune, self._record, self._target_score = tune, record, target_score
        self._engine, self._precision = engine, precision
        if data.validation is None:
            data = data.with_validation(seed=self._seeds.numbers[0])
        self._data, self._part = data, "validation" if data.test is None else "test"
        self._task = self._checked_task()
        if tune is not None:
            for variant in self._variants:
                tuning.first_values(variant, tune)
        self._digest = digest_of(data)
        self._folder: ComparisonFolder | None = None
        self._keep_models = False
        self._known: dict[str, Finished] = {}
        self._sweeps: tuple[tuning.Sweep, ...] = ()
        self._networks: list[Finished] = []
        self._executor = executor_of(backend, n_threads)
        self._machine = machine() | {"trained by": self._executor.about}
        self._began = self._seconds = 0.0
        if folder is not None:
            self.keep_in(folder, models=keep_models)

    def keep_in(self, folder: str | os.PathLike[str], *, models: bool = False) -> None:
        """Write each network to a folder as it ends, with its model if `models`.

        The folder is new, empty, or that of an earlier comparison on the same data, whose networks are used.
        """
        self._folder = ComparisonFolder.open(folder, self._digest)
        self._keep_models = models

    @property
    def comparison(self) -> Comparison:
        """The comparison of the networks so far."""
        return Comparison(
            variants=self._variants,
            networks=tuple(self._networks),
            seeds=self._seeds,
            part=self._part,
            task=self._task,
            data=self._about_data(),
            pairs=self._pairs,
            sweeps=self._sweeps,
            given_target_score=self._target_score,
            budget=self._budget,
            seconds=self._seconds,
            machine=self._machine | {"engine": self._engine, "precision": " and ".join(self._precisions())},
            chance=chance_level(self._data.parts[self._part], self._task),
        )

    def __iter__(self) -> Generator[ComparisonProgress]:
        """Yield a record after each network, those of an earlier comparison in the same folder first."""
        self._began = time.monotonic()
        self._variants, self._networks, self._sweeps = self._given, [], ()
        with ExitStack() as stack:
            if self._folder is not None:
                stack.enter_context(self._folder.alone())
                self._known = self._folder.networks()
            self._write_plan()
            try:
                self._train: Train = stack.enter_context(self._executor.at_work(self._conditions()))
                if self._tune is not None:
                    yield from self._tuned(self._tune)
                yield from self._compared()
            finally:
                self._seconds = time.monotonic() - self._began
                self._write_plan()

    def _compared(self) -> Iterator[ComparisonProgress]:
        """Train the variants with all seeds; under a budget by successive halving."""
        alive = [variant.name for variant in self._variants]
        groups = [self._seeds.numbers] if self._budget is None else rungs(self._seeds.numbers)
        for place, seeds in enumerate(groups):
            trials = [self._trial(each, seed) for seed in seeds for each in self._variants if each.name in alive]
            earlier, total = list(self._networks), len(self._networks) + len(trials)
            try:
                for progress in self._trained("comparing", trials, len(earlier), total):
                    self._networks.append(progress.network)
                    yield progress
            except BaseException:  # it may be raised between writing a network and adding it to the comparison
                self._networks = earlier + self._recorded(trials)
                raise
            if len(self._networks) < total:
                break  # the time is over
            if place + 1 < len(groups):
                alive = better_half(alive, self._networks)

    def _tuned(self, field: str) -> Iterator[ComparisonProgress]:
        """Train the sweeps of all variants, and give each variant its best value."""
        values = {variant.name: tuning.first_values(variant, field) for variant in self._variants}
        found: dict[str, dict[float, list[Finished]]] = {name: {} for name in values}
        done = total = 0
        for _ in range(1 + tuning.EXTENSIONS):
            trials = list(self._tuning_trials(field, values))
            total += len(trials)
            meant = {(trial.variant, trial.key): value for trial, value in trials}
            for progress in self._trained("tuning", [trial for trial, _ in trials], done, total):
                done += 1
                network = progress.network
                value = meant[network.variant, network.key]
                found[network.variant].setdefault(value, []).append(network)
                yield progress
            self._sweeps = tuple(self._swept(field, found))
            edges = {sweep.variant: sweep.next_value for sweep in self._sweeps if sweep.at_the_edge}
            values = {name: [value] for name, value in edges.items() if value not in found[name]}
            if not values or done < total:
                break
        chosen = {sweep.variant: sweep.chosen for sweep in self._sweeps}
        self._variants = tuple(
            tuning.trial_recipe(variant, field, chosen[variant.name]) if variant.name in chosen else variant
            for variant in self._variants
        )

    def _tuning_trials(self, field: str, values: Mapping[str, Sequence[float]]) -> Iterator[tuple[Trial, float]]:
        """Yield the networks of a sweep, each with its value."""
        for variant in self._variants:
            for value in values.get(variant.name, ()):
                changed = tuning.trial_recipe(variant, field, value)
                for number in range(tuning.SEEDS):
                    yield self._tuning_trial(changed, tuning.FIRST_SEED + number), value

    def _swept(self, field: str, found: Mapping[str, Mapping[float, Sequence[Finished]]]) -> Iterator[tuning.Sweep]:
        """Yield the sweeps of the values that were tried with all seeds."""
        for variant in self._variants:
            tried = {value: each for value, each in found[variant.name].items() if len(each) == tuning.SEEDS}
            if tried:
                yield tuning.sweep_of(variant, field, tried)

    def _trained(self, stage: str, trials: list[Trial], before: int, total: int) -> Iterator[ComparisonProgress]:
        """Yield each trial as it ends, those in the folder first, until the time is over."""
        known = [trial for trial in trials if self._knows(trial)]
        new = [trial for trial in trials if not self._knows(trial)]
        began, done = time.monotonic(), before
        for trial in known:
            done += 1
            network = replace(self._known[trial.key], variant=trial.variant, seed=trial.seed)
            yield ComparisonProgress(stage, done, total, began - self._began, None, network)
        for trained, network in enumerate(self._new(new), start=1):
            done, now = done + 1, time.monotonic()
            left = (now - began) / trained * (total - done)
            if self._budget is not None:
                left = min(left, max(0.0, self._began + self._budget - now))
            yield ComparisonProgress(stage, done, total, now - self._began, left, network)

    def _recorded(self, trials: list[Trial]) -> list[Finished]:
        """Return the finished networks of these trials, in their order: those in the folder, or else the known ones."""
        known = self._known if self._folder is None else self._folder.networks()
        ended = {key: place for place, key in enumerate(known)}
        finished = sorted((each for each in trials if each.key in ended), key=lambda each: ended[each.key])
        return [replace(known[each.key], variant=each.variant, seed=each.seed) for each in finished]

    def _knows(self, trial: Trial) -> bool:
        """Whether nothing is left to train: the network is known, and its model if models are kept."""
        network = self._known.get(trial.key)
        if network is None or self._folder is None or not (self._keep_models and trial.judged):
            return network is not None
        return self._folder.has_model(replace(network, variant=trial.variant, seed=trial.seed))

    def _new(self, trials: list[Trial]) -> Iterator[Finished]:
        """Train the networks that are not known, and record each."""
        until = None if self._budget is None else self._began + self._budget
        for network, model in self._train(trials, until):
            self._known[network.key] = network
            if self._folder is not None:
                if model is not None:
                    self._folder.write_model(network, model)
                self._folder.append(network)
            yield network

    def _trial(self, variant: Variant, seed: int) -> Trial:
        """Return the trial of a variant with a seed."""
        recipe, start = self._seeds.recipe(variant.recipe, seed), self._seeds.start(seed)
        return self._decided(variant, seed, recipe, start, self._seeds.split(seed), judged=True)

    def _tuning_trial(self, variant: Variant, seed: int) -> Trial:
        """Return a trial of tuning: split as for the first seed, and not evaluated on the test set."""
        recipe = variant.recipe.replace(seed=seed)
        split = self._seeds.split(self._seeds.numbers[0])
        return self._decided(variant, seed, recipe, seed, split, judged=False)

    def _decided(
        self, variant: Variant, seed: int, recipe: Recipe, start: int, split: int | None, *, judged: bool
    ) -> Trial:
        surroundings = (
            self._digest,
            "" if split is None else f"split {split}",
            "judged" if judged else "tuning",
            str(self._record),
            self._machine["deltarule"],
            self._engine,
            precision := self._precision_of(variant),
        )
        key = key_of(recipe, start, *surroundings)
        return Trial(variant.name, seed, recipe, start, split, key, precision, judged)

    def _precision_of(self, variant: Variant) -> str:
        return variant.precision or self._precision

    def _precisions(self) -> list[str]:
        """The precisions of the variants, each once."""
        return list(dict.fromkeys(map(self._precision_of, self._variants)))

    def _conditions(self) -> Conditions:
        return Conditions(self._data, self._part, self._record, self._engine, self._keep_models)

    def _checked_task(self) -> str:
        """Return the task that all variants share; a variant that cannot be trained is an error before training."""
        scalings: dict[Any, Any] = {}
        tasks = {
            variant.name: prepared(variant.recipe, self._data, record=self._record, scalings=scalings)[0].recipe.task
            for variant in self._variants
        }
        if len(set(tasks.values())) > 1:
            came = ", ".join(f"{task} for {name}" for name, task in tasks.items())
            raise RecipeError("variants of one task", came)
        return next(iter(tasks.values()))

    def _write_plan(self) -> None:
        """Write what is compared to the folder, with the values that tuning has found so far."""
        if self._folder is None:
            return
        plan = {
            "data": {**self._about_data(), "digest": self._digest},
            "seeds": list(self._seeds.numbers),
            "seeds_vary": list(self._seeds.vary),
            "against": [list(pair) for pair in self._pairs] or None,
            "tune": self._tune,
            "budget": self._budget,
            "variants": {variant.name: variant.recipe.to_json() for variant in self._variants},
        }
        self._folder.write_plan(plan)

    def _about_data(self) -> dict[str, Any]:
        parts = {name: len(part) for name, part in self._data.parts.items()}
        return {"name": self._data.name or "data", "parts": parts, "shape": list(self._data.train.x.shape[1:])}


def chance_level(part: Part, task: str) -> float:
    """Return the score of the best constant prediction: the fraction of the most frequent class, or an R² of 0.

    >>> import numpy as np
    >>> chance_level(Part(np.zeros((4, 1)), np.array(["a", "b", "a", "a"])), "classification")
    0.75
    """
    if task != "classification" or part.y.ndim > 1:
        return 0.0 if task != "classification" else math.nan
    _, classes = np.unique(part.y, return_inverse=True)
    weights = np.bincount(classes, part.weights)
    return float(weights.max() / weights.sum())


def seconds_of(budget: str | float) -> float:
    """Return a duration in seconds, given as a number or as text.

    >>> seconds_of("90s"), seconds_of("2min"), seconds_of("1.5h"), seconds_of(30)
    (90.0, 120.0, 5400.0, 30.0)
    """
    text = str(budget).strip().lower()
    number, unit = text.rstrip("abcdefghijklmnopqrstuvwxyz "), text.lstrip("0123456789.+-e ")
    scale = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}.get(unit)
    try:
        seconds = float(number) * (scale or float("nan"))
    except ValueError:
        seconds = float("nan")
    if not 0 < seconds < float("inf"):
        raise RecipeError("a time", repr(budget), 'budget="60s", "5min" or "2h"', field="budget")
    return seconds
