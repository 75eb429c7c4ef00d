"""Many networks at once, each on a core of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from deltarule.data import Dataset
from deltarule.errors import Diverged, RecipeError
from deltarule.recipes import Affine, Recipe
from deltarule.training.loop import Training
from deltarule.training.run import Run

Result = TypeVar("Result")


def train_many(
    recipes: Iterable[Recipe],
    data: Dataset | Sequence[Dataset],
    *,
    rows: Sequence[Any] | None = None,
    engine: str = "compiled",
    precision: str = "float32",
    n_threads: int | None = None,
) -> list[Run]:
    """Train many networks at once, one per core; the runs come in the order of the recipes.

    recipes : may differ in anything.
    data : one data set for all, or one for each.
    rows : for each recipe which samples of the training part it sees: an array of row numbers, repeats allowed, or
        None for all. Folds and bootstraps need no copies. Where a recipe stops early and the data set has no validation
        part, a share of these rows is held out.
    n_threads : how many networks train at a time; None takes as many as there are cores.

    Each run is the one that `train` gives. A network that diverges does not stop the others: its `status` says so.

    >>> import deltarule as dr
    >>> recipes = [dr.Recipe(seed=seed, epochs=2) for seed in range(3)]
    >>> [run.status for run in dr.train_many(recipes, dr.load_dataset("iris"))]
    ['finished', 'finished', 'finished']
    """
    chosen = list(recipes)
    sets = [data] * len(chosen) if isinstance(data, Dataset) else list(data)
    picked: list[Any] = [None] * len(chosen) if rows is None else list(rows)
    for what, given in (("data sets", sets), ("arrays of rows", picked)):
        if len(given) != len(chosen):
            raise RecipeError(f"{len(chosen)} {what}, one for each recipe", f"{len(given)}")
    interrupted = threading.Event()
    scalings: dict[int, dict[Any, Affine]] = {id(each): {} for each in sets}

    def one(place: int) -> Run:
        # Made when its turn has come, so that only the networks at work take memory.
        training = Training(
            chosen[place],
            sets[place],
            engine=engine,
            precision=precision,
            n_threads=1,
            rows=picked[place],
            scalings=scalings[id(sets[place])],
        )
        with contextlib.suppress(Diverged):
            training.finish(interrupted.is_set)
        return training.run

    return side_by_side(one, len(chosen), n_threads, interrupted)


def side_by_side(
    one: Callable[[int], Result], count: int, n_threads: int | None, interrupted: threading.Event
) -> list[Result]:
    """What `one` gives for 0, 1, …, each in one of `n_threads` threads; None takes as many as there are cores.

    The first error is raised, and ends the others as soon as they look at `interrupted`; so does Ctrl-C.
    """
    with ThreadPoolExecutor(_workers(n_threads, count), "deltarule") as pool:
        futures = [pool.submit(one, place) for place in range(count)]
        try:
            failed = next((each for each in wait(futures, return_when=FIRST_EXCEPTION).done if each.exception()), None)
        except BaseException:
            interrupted.set()
            pool.shutdown(cancel_futures=True)
            raise
        if failed is not None:
            interrupted.set()
            pool.shutdown(cancel_futures=True)
        return [each.result() for each in ([failed] if failed is not None else futures)]


def _workers(n_threads: int | None, networks: int) -> int:
    if n_threads is None:
        from deltarule.engines.compiled import allowed_threads

        n_threads = allowed_threads()
    return max(1, min(n_threads, networks))
