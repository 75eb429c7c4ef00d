"""How many threads a training step can use, and how many this process may have."""

from __future__ import annotations

import os
import sys
import threading
from functools import lru_cache
from itertools import pairwise
from typing import Any

from deltarule.engines.problem import Problem

__all__ = ["allowed_threads", "threads_for"]

# Multiply-adds of a step below which meeting the other threads costs more than they save.
_WORTH_MEETING = 400_000
# Multiply-adds that take about as long as changing one input number of a sample.
_AUGMENTED = 100
# Multiply-adds of an evaluation below which it is not worth a thread that waits for it while others take steps.
_WORTH_WAITING = 20_000_000


def allowed_threads() -> int:
    """The cores this process may run on, or fewer where somebody else divides them.

    Followed are `DELTARULE_NUM_THREADS` and the variables that joblib sets for its workers; what joblib says of the
    worker that this is; and the limits that threadpoolctl has set on the libraries it knows. Neither is imported here:
    where they are not loaded, they have set nothing.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    named = (os.environ.get(name, "") for name in ("DELTARULE_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"))
    limits = [int(value) for value in named if value.isdigit() and int(value) > 0]
    if "joblib" in sys.modules:
        limits.append(1 if _beside_others() else int(sys.modules["joblib"].effective_n_jobs(-1)))
    if "threadpoolctl" in sys.modules:
        limits += [int(pool["num_threads"]) for pool in _pools(len(sys.modules)).info()]
    return max(1, min([cores, *limits]))


def _beside_others() -> bool:
    """Whether this is one of several threads that joblib has set to work; it tells processes by variables alone."""
    backend, _ = sys.modules["joblib"].parallel.get_active_backend()
    return bool(backend.nesting_level) and threading.current_thread() is not threading.main_thread()


@lru_cache(maxsize=1)
def _pools(modules: int) -> Any:  # noqa: ARG001
    """The libraries with threads of their own. Finding them takes a millisecond; new ones come with new modules."""
    return sys.modules["threadpoolctl"].ThreadpoolController()


def threads_for(problem: Problem) -> tuple[int, int]:
    """How many threads take a step, and how many evaluate: all allowed where there is enough to gain, otherwise one."""
    rows = min(problem.recipe.batch_size, len(problem.train))
    products = sum(fan_in * fan_out for fan_in, fan_out in pairwise(problem.sizes))
    if problem.raw is not None:
        products += _AUGMENTED * problem.sizes[0]
    trained = len(problem.train)
    evaluated = trained * problem.recipe.evaluate_train
    if problem.validation is not None:
        evaluated += len(problem.validation)
    stepping = rows * products >= _WORTH_MEETING
    evaluating = evaluated * products >= _WORTH_WAITING and evaluated >= trained
    allowed = allowed_threads() if stepping or evaluating else 1
    return allowed if stepping else 1, allowed
