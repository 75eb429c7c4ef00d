"""What a rival is: one file in `rivals/` that defines `RIVAL`."""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.samples import Samples
from benchmarks.workloads import Workload

__all__ = ["Rival", "Trainer", "rivals"]


class Trainer(Protocol):
    """A training run that is ready to go."""

    def run(self, epochs: int) -> None:
        """Train so many epochs, samples in a new order in each, and return when all is computed."""
        ...

    def weights(self) -> list[tuple[Any, Any]]:
        """Weights (fan_in, fan_out) and biases (fan_out,) of each layer."""
        ...


def _anything(_workload: Workload) -> str:
    return ""


@dataclass(frozen=True)
class Rival:
    """One way to train.

    name : in tables and pictures.
    packages : distributions it needs, whose versions are reported.
    prepare : (workload, samples, threads) to a `Trainer` that starts from `first_weights(workload)`. It alone imports
        the packages, in a process of its own.
    lacks : why it cannot train a workload; "" where it can.
    precisions : of the workloads that it trains.
    late : whether it is trained for many epochs before it is timed, where a workload says so.
    """

    name: str
    packages: tuple[str, ...]
    prepare: Callable[[Workload, Samples, int], Trainer]
    lacks: Callable[[Workload], str] = _anything
    precisions: tuple[str, ...] = ("float32",)
    late: bool = False

    def versions(self) -> dict[str, str]:
        """The version of each package, "" where it is not installed."""
        found = {}
        for package in self.packages:
            try:
                found[package] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                found[package] = ""
        return found

    def absence(self, workload: Workload) -> str:
        """Why it does not take part; "" where it does."""
        missing = [package for package, version in self.versions().items() if not version]
        if missing:
            return f"not installed: {', '.join(missing)}"
        if workload.precision not in self.precisions:
            return f"not run in {workload.precision}"
        return "not run for so long" if workload.epochs_before and not self.late else self.lacks(workload)


def rivals() -> dict[str, Rival]:
    """Every rival, by the name of its file."""
    import benchmarks.rivals as room

    files = sorted(each.name for each in pkgutil.iter_modules(room.__path__))
    return {file: importlib.import_module(f"{room.__name__}.{file}").RIVAL for file in files}
