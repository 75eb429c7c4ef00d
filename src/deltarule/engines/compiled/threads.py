"""How many threads a training step can use, and how many this process may have."""

from __future__ import annotations

import math
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

from deltarule.engines.problem import Problem
from deltarule.errors import RecipeError, ThreadsWarning

__all__ = ["allowed_threads", "chosen_threads", "cores", "threads_for"]

_OURS = "DELTARULE_NUM_THREADS"
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
    named = [_number(os.environ.get(name, "")) for name in (_OURS, "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")]
    if named[0] is None and os.environ.get(_OURS):
        raise RecipeError(f"a number of threads from 1 in {_OURS}", repr(os.environ[_OURS]), f"{_OURS}={cores()}")
    limits = [number for number in named if number is not None]
    if "joblib" in sys.modules:
        limits.append(1 if _beside_others() else int(sys.modules["joblib"].effective_n_jobs(-1)))
    if "threadpoolctl" in sys.modules:
        limits += [int(pool["num_threads"]) for pool in _pools(len(sys.modules)).info()]
    return max(1, min([cores(), *limits]))


def chosen_threads(n_threads: int) -> int:
    """The number of threads that the caller asks for; a warning where there are fewer cores."""
    most = cores()
    if n_threads > most:
        came = f"n_threads={n_threads} on {most} core{'s' * (most > 1)} is slower than n_threads={most}."
        warnings.warn(came, ThreadsWarning, stacklevel=3)
    return n_threads


def cores(root: str = "/") -> int:
    """The cores this process may run on at a time: those it is bound to, and no more than its control groups allow.

    root : of the file system.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(bound, _quota(root)))


@lru_cache(maxsize=1)
def _quota(root: str) -> int:
    """The smallest quota, which a process seldom sees change, in cores."""
    return min(_quotas(Path(root)), default=sys.maxsize)


def _quotas(root: Path) -> Iterator[int]:
    """The cores' worth of time that each of the process's control groups may take, of version 1 or 2."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, named = line.partition(":")
        controllers, _, group = named.partition(":")
        top = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        if controllers and "cpu" not in controllers.split(","):
            continue
        # In a container the group is named as the host sees it, and its files are at the top.
        for path in dict.fromkeys([PurePosixPath(group), *PurePosixPath(group).parents, PurePosixPath("/")]):
            folder = top / str(path).lstrip("/")
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)
            quota, period, *_ = [*" ".join(_text(folder / name) for name in names).split(), "", ""]
            if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):
                yield math.ceil(int(quota) / int(period))


def _text(path: Path) -> str:
    """The text of a file; none where it cannot be read."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _number(text: str) -> int | None:
    """A whole number above 0, or None."""
    try:
        return max(0, int(text)) or None
    except ValueError:
        return None


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
