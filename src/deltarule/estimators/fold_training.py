"""Training of the networks of all folds side by side, within a time limit, here or on the active joblib backend."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from deltarule.data import Dataset
from deltarule.models import Encoding
from deltarule.recipes import Recipe
from deltarule.training import Run, Training, train_each
from deltarule.training.many import workers_for

_MARGIN = 0.8
"""Fraction of the time that is planned for: networks beside each other are slower than one alone."""


@dataclass(frozen=True)
class Resources:
    """What networks are trained with.

    engine, precision, n_threads : as for `train_many`.
    until : the time, by `time.time`, at which networks end as they are; None for no limit.
    """

    engine: str
    precision: str
    n_threads: int | None
    until: float | None = None

    @property
    def seconds_left(self) -> float:
        """The seconds until the limit."""
        return float("inf") if self.until is None else max(0.0, self.until - time.time())


def train_folds(
    recipes: Sequence[Recipe], sets: Sequence[Dataset], encoding: Encoding, resources: Resources
) -> Generator[tuple[int, Run]]:
    """Train a network for each recipe and data set; yield each as it ends: its place and its run.

    Where `joblib.parallel_config` has set a backend of processes or a cluster, each network is a task of it; otherwise
    they are trained by threads of this process. The networks are the same. Past the time limit, running networks end
    as they are and no others are started, once there is one.
    """
    backend = _distributed_backend()
    if backend is None:
        ended = 0

        def interrupted() -> bool:
            return ended > 0 and resources.seconds_left <= 0

        for place, run in _threads(recipes, sets, encoding, resources, interrupted):
            ended += 1
            yield place, run
        return
    import joblib

    unordered = "generator_unordered" if backend.supports_return_generator else "list"
    task = joblib.delayed(_task)
    jobs = zip(recipes, sets, strict=True)
    tasks = [task(place, recipe, data, encoding, resources) for place, (recipe, data) in enumerate(jobs)]
    yield from joblib.Parallel(return_as=unordered)(tasks)


def _threads(
    recipes: Sequence[Recipe],
    sets: Sequence[Dataset],
    encoding: Encoding,
    resources: Resources,
    interrupted: Callable[[], bool],
) -> Iterator[tuple[int, Run]]:
    return train_each(
        recipes,
        list(sets),
        encoding=encoding,
        engine=resources.engine,
        precision=resources.precision,
        n_threads=resources.n_threads,
        interrupted=interrupted,
    )


def _task(place: int, recipe: Recipe, data: Dataset, encoding: Encoding, resources: Resources) -> tuple[int, Run]:
    """Train one network in a process of joblib's; it always gets an epoch."""
    started = time.time()

    def interrupted() -> bool:
        return resources.seconds_left <= 0 and time.time() > started + 1.0

    ((_, run),) = _threads([recipe], [data], encoding, resources, interrupted)
    return place, run


def _distributed_backend() -> Any:
    """Return the active joblib backend if it has other processes; None for threads."""
    if "joblib" not in sys.modules:
        return None
    from joblib.parallel import SequentialBackend, ThreadingBackend, get_active_backend

    backend, _ = get_active_backend(prefer="threads")
    return None if isinstance(backend, (ThreadingBackend, SequentialBackend)) else backend


def within_the_time(
    recipe: Recipe, data: Dataset, encoding: Encoding, folds: int, networks: int, resources: Resources
) -> tuple[Recipe, int]:
    """Return the recipe, with fewer epochs where there is a time limit, and the number of networks for each fold.

    Two epochs are trained to see how long one takes. Networks beyond the first of each fold are dropped first; the
    schedules then take place within the fewer epochs.
    """
    if resources.until is None:
        return recipe, networks
    training = Training(
        recipe.replace(epochs=max(2, recipe.epochs)),
        data,
        engine=resources.engine,
        precision=resources.precision,
        n_threads=1,
        encoding=encoding,
    )
    under_way = iter(training)
    next(under_way)  # compiles
    began = time.perf_counter()
    next(under_way, None)
    seconds = time.perf_counter() - began
    at_once = workers_for(resources.n_threads, folds * networks)
    epochs = _MARGIN * resources.seconds_left * at_once / (folds * seconds)
    networks = max(1, min(networks, int(epochs / recipe.epochs)))
    return recipe.replace(epochs=max(1, min(recipe.epochs, int(epochs / networks)))), networks
