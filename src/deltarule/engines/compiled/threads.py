"""How many threads a training step can use, and how many this process may have."""

from __future__ import annotations

import os
import sys
from itertools import pairwise

from deltarule.engines.problem import Problem

__all__ = ["allowed_threads", "threads_for"]

# Multiply-adds of a step below which meeting the other threads costs more than they save.
_WORTH_MEETING = 400_000


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
        limits.append(int(sys.modules["joblib"].effective_n_jobs(-1)))
    if "threadpoolctl" in sys.modules:
        limits += [int(pool["num_threads"]) for pool in sys.modules["threadpoolctl"].threadpool_info()]
    return max(1, min([cores, *limits]))


def threads_for(problem: Problem) -> int:
    """All allowed threads where a step is large enough to gain from them, otherwise one."""
    rows = min(problem.recipe.batch_size, len(problem.train))
    products = rows * sum(fan_in * fan_out for fan_in, fan_out in pairwise(problem.sizes))
    return allowed_threads() if products >= _WORTH_MEETING else 1
