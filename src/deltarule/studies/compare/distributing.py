"""Executors of trials: the threads of this process, a joblib backend, or a Dask cluster.

Each takes the same conditions and trials, and yields the same outcomes, to the last bit, as they end.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from deltarule.errors import ClusterError, RecipeError
from deltarule.recipes.checks import one_of
from deltarule.studies.compare.conditions import Conditions, Outcome
from deltarule.studies.compare.trial import Trial
from deltarule.training.many import as_they_end, workers_for

Train: TypeAlias = Callable[[Sequence[Trial], float | None], Iterator[Outcome]]
"""From trials to their outcomes, until a time of `time.monotonic`; later outcomes are dropped."""

THREADS, DASK = "threads", "dask"
SECONDS_TO_ANSWER = 10
DEATHS = 3
"""Number of workers that may die, with no trial ending in between, before a joblib backend is given up."""

_AGAIN = "the same again: what is finished is in the folder, where there is one"


class Executor(Protocol):
    """An executor of trials."""

    @property
    def about(self) -> str:
        """Description of the executor."""
        ...

    def at_work(self, conditions: Conditions) -> AbstractContextManager[Train]:
        """Send the conditions to all workers once; trials can be trained until the context ends."""
        ...


def executor_of(backend: str | None, n_threads: int | None = None) -> Executor:
    """Return the executor of a name: "threads", a joblib backend, or the address of a Dask scheduler.

    backend : None for the active joblib backend, as `joblib.parallel_config` sets it, or else threads.
    n_threads : number of networks that train at a time; None for the number of cores. A cluster ignores it.

    Raises RecipeError for an unknown name, ClusterError if no scheduler answers.

    >>> executor_of("threads", 2).about
    'threads of one process'
    """
    if backend is None:
        return _active(n_threads)
    if not isinstance(backend, str):
        raise RecipeError("the name of a joblib backend, or a scheduler's address", repr(backend), 'backend="loky"')
    if backend == THREADS:
        return Threads(n_threads)
    if "://" in backend:
        return Cluster(backend)
    if backend == DASK:
        return Cluster(_distributed().default_client())
    from joblib.parallel import BACKENDS, EXTERNAL_BACKENDS

    one_of("backend", backend, (THREADS, *sorted({*BACKENDS, *EXTERNAL_BACKENDS} - {"threading", "sequential"})))
    return Joblib(backend, n_threads or -1)


def _active(n_threads: int | None) -> Executor:
    """Return the active joblib backend; if joblib was not imported, none has been set."""
    if "joblib" not in sys.modules:
        return Threads(n_threads)
    from joblib.parallel import SequentialBackend, ThreadingBackend, get_active_backend

    backend, n_jobs = get_active_backend(prefer="threads")
    if isinstance(backend, (ThreadingBackend, SequentialBackend)):
        return Threads(n_threads)
    if type(backend).__name__ == "DaskDistributedBackend":
        return Cluster(backend.client)
    return Joblib(backend, n_threads or n_jobs or -1)


@dataclass(frozen=True)
class Threads:
    """The threads of this process, which share its memory."""

    n_threads: int | None
    about = "threads of one process"

    @contextlib.contextmanager
    def at_work(self, conditions: Conditions) -> Iterator[Train]:
        """Train in this process; nothing has to be sent."""

        def train(trials: Sequence[Trial], until: float | None) -> Iterator[Outcome]:
            closed = threading.Event()

            def over() -> bool:
                return closed.is_set() or (until is not None and time.monotonic() > until)

            def one(place: int) -> Outcome | None:
                return conditions.outcome(trials[place], over)

            workers = workers_for(self.n_threads, len(trials))
            return (outcome for _, outcome in as_they_end(one, len(trials), workers, closed))

        yield train


@dataclass(frozen=True)
class Joblib:
    """A joblib backend: processes, or one that is registered, for example Ray."""

    backend: Any
    n_jobs: int

    @property
    def about(self) -> str:
        """The name of the backend."""
        name = self.backend if isinstance(self.backend, str) else type(self.backend).__name__
        return f"the joblib backend {name}"

    @contextlib.contextmanager
    def at_work(self, conditions: Conditions) -> Iterator[Train]:
        """Memory-map large arrays of the data in all workers; small ones are sent with each trial."""

        def train(trials: Sequence[Trial], until: float | None) -> Iterator[Outcome]:
            # Clocks of other machines agree on the time of day only.
            end = None if until is None else time.time() + until - time.monotonic()
            left, deaths = dict(enumerate(trials)), 0
            while left:
                try:
                    for place, outcome in self._as_they_end(conditions, left, end):
                        del left[place]
                        deaths = 0
                        if outcome is not None:
                            yield outcome
                except BrokenExecutor as error:
                    deaths += 1
                    if deaths > DEATHS:
                        raise _died(str(error)) from error

        yield train

    def _as_they_end(
        self, conditions: Conditions, trials: dict[int, Trial], end: float | None
    ) -> Iterator[tuple[int, Outcome | None]]:
        import joblib

        with joblib.parallel_config(self.backend, n_jobs=self.n_jobs):
            backend, _ = joblib.parallel.get_active_backend()
            streams = backend.supports_return_generator
            places = list(trials)
            # If outcomes come all at once, some trials at a time, so that an interruption loses few.
            at_once = len(places) if streams else joblib.effective_n_jobs()
            for first in range(0, len(places), at_once):
                parallel = joblib.Parallel(return_as="generator_unordered" if streams else "list")
                group = places[first : first + at_once]
                yield from parallel(joblib.delayed(_outcome)(conditions, each, trials[each], end) for each in group)


def _outcome(conditions: Conditions, place: int, trial: Trial, end: float | None) -> tuple[int, Outcome | None]:
    return place, conditions.outcome(trial, lambda: end is not None and time.time() > end)


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster: the address of its scheduler, or a client of it."""

    scheduler: Any

    def __post_init__(self) -> None:
        with self._client() as client:
            try:
                client.wait_for_workers(1, timeout=SECONDS_TO_ANSWER)
            except TimeoutError:
                address = client.scheduler.address
                raise ClusterError("a worker", f"none at {address}", f"dask worker {address}") from None

    @property
    def about(self) -> str:
        """The address of its scheduler."""
        address = self.scheduler if isinstance(self.scheduler, str) else self.scheduler.scheduler.address
        return f"the Dask cluster at {address}"

    @contextlib.contextmanager
    def at_work(self, conditions: Conditions) -> Iterator[Train]:
        """Make the conditions a task of the cluster, whose result each worker gets once, from the scheduler or a peer.

        Scattered data would be lost with the workers that hold them; the result of a task is computed again.
        """
        import dask

        with self._client() as client:
            with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):
                shared = client.submit(pickle.loads, pickle.dumps(conditions), pure=False)

            def train(trials: Sequence[Trial], until: float | None) -> Iterator[Outcome]:
                return _of_the_cluster(client, shared, trials, until)

            yield train

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        """Open a connection that is closed at the end, or use a given one, which stays open."""
        if not isinstance(self.scheduler, str):
            yield self.scheduler
            return
        distributed = _distributed()
        try:
            client = distributed.Client(self.scheduler, timeout=SECONDS_TO_ANSWER, set_as_default=False)
        except (OSError, ValueError) as error:
            wanted = f"a Dask scheduler that answers within {SECONDS_TO_ANSWER} s"
            raise ClusterError(wanted, f"{self.scheduler}: {error}", "dask scheduler, and its address") from None
        # Errors of the cluster are raised as ours, once.
        with distributed.utils.silence_logging_cmgr(logging.CRITICAL), client:
            yield client


def _of_the_cluster(client: Any, shared: Any, trials: Sequence[Trial], until: float | None) -> Iterator[Outcome]:
    """Yield outcomes as they end. The scheduler moves the trials of a dead worker to another one."""
    distributed = _distributed()
    futures = client.map(_awaited_outcome, trials, conditions=shared, pure=False)
    left = None if until is None else max(0.0, until - time.monotonic())
    try:
        for future in distributed.as_completed(futures, loop=client.loop, timeout=left):
            outcome = future.result()
            future.release()
            if outcome is not None:
                yield outcome
    except TimeoutError:
        return
    except distributed.KilledWorker as error:
        raise _died(f"{error.allowed_failures + 1} of them died training the same network") from error
    except CancelledError as error:
        raise ClusterError("a scheduler that stays", "a connection that was lost", _AGAIN) from error
    except (ImportError, RuntimeError) as error:
        instead = "deltarule installed on the scheduler and on all workers"
        raise ClusterError("a cluster that can train", _first_line(error), instead) from error
    finally:
        client.cancel(futures)


def _awaited_outcome(trial: Trial, conditions: Conditions) -> Outcome | None:
    """Return the outcome of a trial on a worker, as long as the task is not cancelled."""
    worker = _distributed().get_worker()
    task = worker.state.tasks[worker.get_current_task()]
    return conditions.outcome(trial, lambda: task.state != "executing")


def _first_line(error: BaseException) -> str:
    """Return the first line of the original cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    return next(iter(str(error).splitlines()), type(error).__name__)


def _died(came: str) -> ClusterError:
    return ClusterError("workers that stay alive", came, "fewer networks at a time, or more memory for each worker")


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise ClusterError(
            "the package that speaks with a Dask cluster", "none installed", 'pip install "deltarule[dask]"'
        ) from None
    return distributed
