"""The number of threads available to this process."""

from __future__ import annotations

import math
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from deltarule.errors import RecipeError, ThreadsWarning

__all__ = ["allowed_threads", "chosen_threads", "cores", "quota"]

_OURS = "DELTARULE_NUM_THREADS"


def allowed_threads() -> int:
    """Return the number of cores available to this process, or a lower limit where one is set.

    Limits are `DELTARULE_NUM_THREADS` and the variables that joblib sets for its workers; the number of threads that
    joblib gives this worker; and the limits that threadpoolctl has set on other libraries. Neither package is imported
    here: if they are not loaded, they have set no limits.
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
    """Return the requested number of threads, with a warning if there are fewer cores."""
    most = cores()
    if n_threads > most:
        came = f"n_threads={n_threads} on {most} core{'s' * (most > 1)} is slower than n_threads={most}."
        warnings.warn(came, ThreadsWarning, stacklevel=3)
    return n_threads


def cores(root: str = "/") -> int:
    """Return the number of cores available to this process, by its CPU affinity and its control groups.

    root : root of the file system.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(bound, quota(root) or bound))


@lru_cache(maxsize=1)
def quota(root: str = "/") -> int | None:
    """Return the smallest quota in cores, or None if there is none; it is cached, as it rarely changes."""
    return min(_quotas(Path(root)), default=None)


def _quotas(root: Path) -> Iterator[int]:
    """Yield the quotas, in cores, of the process's control groups, of version 1 or 2."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, named = line.partition(":")
        controllers, _, group = named.partition(":")
        top = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        if controllers and "cpu" not in controllers.split(","):
            continue
        # In a container the group has the host's name, and its files are in the top folder.
        for path in dict.fromkeys([PurePosixPath(group), *PurePosixPath(group).parents, PurePosixPath("/")]):
            folder = top / str(path).lstrip("/")
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)
            quota, period, *_ = [*" ".join(_text(folder / name) for name in names).split(), "", ""]
            if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):
                yield math.ceil(int(quota) / int(period))


def _text(path: Path) -> str:
    """Return the text of a file, or an empty string if it cannot be read."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _number(text: str) -> int | None:
    """Parse an integer greater than 0; return None for other text."""
    try:
        return max(0, int(text)) or None
    except ValueError:
        return None


def _beside_others() -> bool:
    """Return whether this is one of several joblib threads; joblib limits processes by environment variables."""
    backend, _ = sys.modules["joblib"].parallel.get_active_backend()
    return bool(backend.nesting_level) and threading.current_thread() is not threading.main_thread()


@lru_cache(maxsize=1)
def _pools(modules: int) -> Any:  # noqa: ARG001
    """Return the libraries with thread pools; cached, as the search takes a millisecond, until modules are loaded."""
    return sys.modules["threadpoolctl"].ThreadpoolController()
