"""What a model for tables is: one file in `rivals/` that defines `RIVAL`. Nothing here imports what a model needs."""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.tables.samples import Array

__all__ = ["FAMILIES", "Model", "Rival", "rivals"]

FAMILIES = ("deltarule", "trees", "pytabkit", "scikit-learn")


class Model(Protocol):
    """A model that is not fitted, or is."""

    def fit(self, x: Any, y: Array) -> Any:
        """Fit raw rows: a data frame, and integers or numbers."""
        ...

    def predict(self, x: Any) -> Array:
        """Predict the number of each row."""
        ...

    def predict_proba(self, x: Any) -> Array:
        """Predict the probability of each class, in order."""
        ...


def _nothing() -> str:
    return ""


def _no_figures(model: Any, x: Any, y: Array) -> dict[str, float]:  # noqa: ARG001 - as another rival's
    return {}


@dataclass(frozen=True)
class Rival:
    """One model, with its defaults.

    name : in tables and pictures.
    family : one of `FAMILIES`, which pictures distinguish.
    cost : place in the order of fits: cheap models come first.
    packages : distributions it needs, whose versions are stored.
    make : (task, seed, threads) to a model. It alone imports the packages, in a process of its own.
    lacks : why it cannot be made although the packages are installed; "" where it can.
    further : (fitted model, test_x, test_y) to further fields of a `Fit`.
    """

    name: str
    family: str
    cost: int
    packages: tuple[str, ...]
    make: Callable[[str, int, int], Model]
    lacks: Callable[[], str] = _nothing
    further: Callable[[Any, Any, Array], dict[str, float]] = _no_figures

    def versions(self) -> dict[str, str]:
        """The version of each package that is installed."""
        return dict(self._versions())

    def _versions(self) -> Iterator[tuple[str, str]]:
        for package in self.packages:
            try:
                yield package, importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                continue

    def absence(self) -> str:
        """Why this Python cannot fit it; "" where it can."""
        installed = self.versions()
        missing = [package for package in self.packages if package not in installed]
        return f"not installed: {', '.join(missing)}" if missing else self.lacks()


def rivals() -> dict[str, Rival]:
    """Every model by the name of its file, cheap ones first."""
    import benchmarks.tables.rivals as package

    files = sorted(each.name for each in pkgutil.iter_modules(package.__path__))
    found = {file: importlib.import_module(f"{package.__name__}.{file}").RIVAL for file in files}
    return dict(sorted(found.items(), key=lambda item: (item[1].cost, item[0])))
