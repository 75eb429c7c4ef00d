"""Training of the networks of all folds side by side, within a time limit, here or on the active joblib backend."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltarule.data import Dataset
from deltarule.errors import CheckpointError
from deltarule.models import Encoding
from deltarule.recipes import Recipe
from deltarule.regular_files import read_json, reason
from deltarule.training import Run, Training, train_each
from deltarule.training.checkpoints import Checkpoints
from deltarule.training.many import workers_for
from deltarule.writing import write_whole

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


@dataclass(frozen=True)
class Job:
    """One network to train.

    recipe, data : what it is trained with, and on.
    folder : keeps its state, for an interrupted `fit` to continue; None for none.
    """

    recipe: Recipe
    data: Dataset
    folder: Path | None


def train_folds(
    jobs: Sequence[Job], encoding: Encoding, resources: Resources, trained: int = 0
) -> Generator[tuple[int, Run]]:
    """Train some networks, after `trained` others; yield each as it ends: its place among the jobs and its run.

    Where `joblib.parallel_config` has set a backend of processes or a cluster, each network is a task of it; otherwise
    they are trained by threads of this process. The networks are the same. Past the time limit, running networks end
    as they are and no others are started, once there is one.
    """
    backend = _distributed_backend()
    if backend is None:
        ended = trained

        def interrupted() -> bool:
            return ended > 0 and resources.seconds_left <= 0

        for place, run in _threads(jobs, encoding, resources, interrupted):
            ended += 1
            yield place, run
        return
    import joblib

    unordered = "generator_unordered" if backend.supports_return_generator else "list"
    task = joblib.delayed(_task)
    tasks = [task(place, job, encoding, resources) for place, job in enumerate(jobs)]
    yield from joblib.Parallel(return_as=unordered)(tasks)


def _threads(
    jobs: Sequence[Job], encoding: Encoding, resources: Resources, interrupted: Callable[[], bool]
) -> Iterator[tuple[int, Run]]:
    return train_each(
        [job.recipe for job in jobs],
        [job.data for job in jobs],
        checkpoints=[None if job.folder is None else Checkpoints(job.folder) for job in jobs],
        encoding=encoding,
        engine=resources.engine,
        precision=resources.precision,
        n_threads=resources.n_threads,
        interrupted=interrupted,
    )


def _task(place: int, job: Job, encoding: Encoding, resources: Resources) -> tuple[int, Run]:
    """Train one network in a process of joblib's; it always gets an epoch."""
    started = time.time()

    def interrupted() -> bool:
        return resources.seconds_left <= 0 and time.time() > started + 1.0

    ((_, run),) = _threads([job], encoding, resources, interrupted)
    return place, run


def _distributed_backend() -> Any:
    """Return the active joblib backend if it has other processes; None for threads."""
    if "joblib" not in sys.modules:
        return None
    from joblib.parallel import SequentialBackend, ThreadingBackend, get_active_backend

    backend, _ = get_active_backend(prefer="threads")
    return None if isinstance(backend, (ThreadingBackend, SequentialBackend)) else backend


def within_the_time(
    jobs: Sequence[Job], encoding: Encoding, phases: Sequence[int], networks: int, resources: Resources
) -> tuple[int, int]:
    """Return the epochs, fewer than the recipe's where there is a time limit, and the number of networks a fold.

    jobs : one network of each recipe, of equal epochs.
    phases : numbers of networks that are trained side by side, one phase after the other, if each fold has one.

    Two epochs of each job are trained to see how long one takes. Networks beyond the first of each fold are dropped
    first; the schedules then take place within the fewer epochs. With a folder, what an interrupted `fit` decided
    holds.
    """
    recipe, folder = jobs[0].recipe, jobs[0].folder
    if resources.until is None:
        return recipe.epochs, networks
    decided = None if folder is None else folder / "plan.json"
    if decided is not None and (known := _plan(decided)) is not None:
        return known
    seconds = max(_seconds_of_an_epoch(job, encoding, resources) for job in jobs)
    rounds = sum(math.ceil(number / workers_for(resources.n_threads, number)) for number in phases)
    epochs = _MARGIN * resources.seconds_left / (rounds * seconds)
    networks = int(max(1, min(networks, epochs / recipe.epochs)))
    number = int(max(1, min(recipe.epochs, epochs / networks)))
    if decided is not None:
        decided.parent.mkdir(parents=True, exist_ok=True)
        write_whole(decided, json.dumps([number, networks]).encode())
    return number, networks


def _seconds_of_an_epoch(job: Job, encoding: Encoding, resources: Resources) -> float:
    """Return the time of the second epoch of a job; the first compiles."""
    training = Training(
        job.recipe.replace(epochs=max(2, job.recipe.epochs)),
        job.data,
        engine=resources.engine,
        precision=resources.precision,
        n_threads=1,
        encoding=encoding,
    )
    under_way = iter(training)
    next(under_way)
    began = time.perf_counter()
    next(under_way, None)
    return time.perf_counter() - began


def _plan(path: Path) -> tuple[int, int] | None:
    """Return the epochs and the networks that an interrupted `fit` decided on; None where there are none."""
    if not path.exists():
        return None
    try:
        plan = read_json(path)
    except (OSError, ValueError) as error:
        raise CheckpointError("the plan of an interrupted fit", f"{path}: {reason(error)}") from error
    if not isinstance(plan, list) or len(plan) != 2 or not all(type(each) is int and each > 0 for each in plan):
        raise CheckpointError("numbers of epochs and networks", f"{path}: {plan!r}"[:200])
    return plan[0], plan[1]
