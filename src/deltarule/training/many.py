"""Training of many networks at once, one per core."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from queue import SimpleQueue
from typing import Any, TypeVar

from deltarule.data import Dataset
from deltarule.engines.threads import allowed_threads, chosen_threads
from deltarule.errors import Diverged, RecipeError
from deltarule.models import Encoding
from deltarule.recipes import Recipe
from deltarule.training.arguments import Data, dataset_of
from deltarule.training.checkpoints import Checkpoints
from deltarule.training.loop import Training
from deltarule.training.preparing import Start
from deltarule.training.run import Run

Result = TypeVar("Result")


def train_many(
    recipes: Iterable[Recipe],
    data: Data | Sequence[Dataset],
    *,
    rows: Sequence[Any] | None = None,
    engine: str = "compiled",
    precision: str = "float32",
    n_threads: int | None = None,
) -> list[Run]:
    """Train many networks at once, one per core; return the runs in the order of the recipes.

    recipes : may differ in any field.
    data : one data set for all, as for `train`, or a list with one for each.
    rows : the training samples of each recipe: an array of row numbers, repeats allowed, or None for all. Folds and
        bootstraps need no copies. For a recipe with early stopping and a data set without a validation set, some of
        these rows are held out for validation.
    n_threads : number of networks trained at a time (default: the number of cores; then a network that is left alone
        at the end uses them all, where its steps are large enough to benefit).

    Each run equals that of `train`. A network that diverges does not stop the others: its `status` is "diverged".

    >>> import deltarule as dr
    >>> recipes = [dr.Recipe(seed=seed, epochs=2) for seed in range(3)]
    >>> [run.status for run in dr.train_many(recipes, dr.load_dataset("iris"))]
    ['finished', 'finished', 'finished']
    """
    ended = dict(train_each(recipes, data, rows=rows, engine=engine, precision=precision, n_threads=n_threads))
    return [ended[place] for place in range(len(ended))]


def train_each(
    recipes: Iterable[Recipe],
    data: Data | Sequence[Dataset],
    *,
    rows: Sequence[Any] | None = None,
    starts: Sequence[Start] | None = None,
    checkpoints: Sequence[Checkpoints | None] | None = None,
    record: str | None = None,
    encoding: Encoding | None = None,
    engine: str = "compiled",
    precision: str = "float32",
    n_threads: int | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[int, Run]]:
    """Train many networks at once, and yield each as it ends: its index among the recipes, and its run.

    starts, record : the `initial_parameters` of each recipe, and what is recorded for all of them, as for `train`.
    checkpoints : where the state of each network is kept, and from where it continues.
    encoding : preprocessing of tables that has been fitted already, in place of one fitted to each training set.
    interrupted : checked about twenty times a second by each running network; once it is true, running networks end as
        they are, and no others are started. Closing the iterator does the same, and yields nothing more.

    The other arguments are those of `train_many`.

    >>> import deltarule as dr
    >>> recipes = [dr.Recipe(seed=seed, epochs=2) for seed in range(3)]
    >>> sorted(place for place, run in train_each(recipes, dr.load_dataset("iris")))
    [0, 1, 2]
    """
    chosen = list(recipes)
    sets = _sets(data, len(chosen))
    picked, initial, kept = (_of_each(given, len(chosen)) for given in (rows, starts, checkpoints))
    _check_lengths(len(chosen), {"data sets": sets, "arrays of rows": picked, "starts": initial, "checkpoints": kept})
    closed, alone = threading.Event(), _left_alone(len(chosen)) if n_threads is None else None
    scalings: dict[int, dict[Any, Any]] = {id(each): {} for each in sets}

    def ends() -> bool:
        return closed.is_set() or interrupted()

    def one(place: int) -> Run | None:
        # Created only when it is trained, so that waiting networks use no memory.
        if ends():
            return None
        training = Training(
            chosen[place],
            sets[place],
            engine=engine,
            precision=precision,
            n_threads=None if place == alone else 1,
            initial_parameters=initial[place],
            record=record,
            rows=picked[place],
            scalings=scalings[id(sets[place])],
            encoding=encoding,
        ).keep(kept[place])
        with contextlib.suppress(Diverged):
            training.finish(ends)
        return training.run

    return as_they_end(one, len(chosen), workers_for(n_threads, len(chosen)), closed)


def _left_alone(networks: int) -> int | None:
    """Return the index of the last network if it is trained while the other cores have none; otherwise None."""
    at_once = allowed_threads()
    return networks - 1 if at_once > 1 and networks % at_once == 1 else None


def _of_each(given: Sequence[Any] | None, n: int) -> list[Any]:
    return [None] * n if given is None else list(given)


def _check_lengths(recipes: int, given: Mapping[str, Sequence[Any]]) -> None:
    for what, each in given.items():
        if len(each) != recipes:
            raise RecipeError(f"{recipes} {what}, one for each recipe", f"{len(each)}")


def _sets(data: Any, n: int) -> list[Dataset]:
    """Return the data set of each of n networks."""
    if isinstance(data, (list, tuple)) and all(isinstance(each, Dataset) for each in data):
        return list(data)
    return [dataset_of(data)] * n


def as_they_end(
    one: Callable[[int], Result | None], networks: int, workers: int, closed: threading.Event
) -> Iterator[tuple[int, Result]]:
    """Yield the results of `one` for the indices of all networks; when this ends, `closed` is set, which ends them.

    All threads have ended when this returns. If the system starts fewer threads than `workers`, those that started do
    the work; if none started, the caller does.
    """
    places = iter(range(networks))
    ended: SimpleQueue[tuple[int, Result | None, BaseException | None]] = SimpleQueue()

    def work(most: int | None = None) -> None:
        # Advancing a range iterator is one operation of the interpreter: no two threads get the same index.
        for place in itertools.islice(places, most):
            if closed.is_set():
                return
            try:
                ended.put((place, one(place), None))
            except BaseException as error:  # noqa: BLE001 - raised again by the consumer
                ended.put((place, None, error))

    threads: list[threading.Thread] = []
    try:
        _start(threads, work, workers)
        for _ in range(networks):
            if not threads:
                work(1)
            place, made, error = ended.get()
            if error is not None:
                raise error
            if made is not None:
                yield place, made
    finally:
        closed.set()
        _join(threads)


def _start(threads: list[threading.Thread], work: Callable[[], None], workers: int) -> None:
    """Start up to so many threads, as far as the system starts more; each is listed before it starts."""
    for number in range(workers):
        threads.append(threading.Thread(target=work, name=f"deltarule_{number}"))
        try:
            threads[-1].start()
        except RuntimeError:
            threads.pop()
            break


def _join(threads: Sequence[threading.Thread]) -> None:
    """Wait until all threads have ended; exceptions of signal handlers are raised afterwards."""
    raised: BaseException | None = None
    for thread in threads:
        while thread.is_alive():
            try:
                thread.join()
            except BaseException as error:  # noqa: BLE001
                raised = error
    if raised is not None:
        raise raised


def workers_for(n_threads: int | None, networks: int) -> int:
    """Return the number of networks trained at a time: `n_threads` or the number of cores, at most `networks`."""
    if n_threads is None:
        return max(1, min(allowed_threads(), networks))
    return chosen_threads(max(1, min(n_threads, networks)))
