"""The base class of trackers, and what they record of an epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from deltarule.errors import DeltaruleError
from deltarule.recipes import Recipe
from deltarule.tracking.bands import Band
from deltarule.training.epoch import Epoch

__all__ = ["Tracker", "absent", "flat", "tracked_values"]


class Tracker:
    """A callback of `train` that records every epoch: `train(recipe, data, on_epoch=tracker)`.

    Subclasses define `write`, and where they need it `parameters`, `bands` and `close`. A tracker is used for one run;
    at the end of a `with` block it is closed.

    >>> class Printed(Tracker):
    ...     def write(self, step, values):
    ...         print(step, sorted(values)[:2])
    >>> import deltarule as dr
    >>> with Printed() as tracker:
    ...     run = dr.train(dr.Recipe(epochs=2, stopping=None), dr.load_dataset("iris"), on_epoch=tracker)
    1 ['loss/train', 'loss/validation']
    2 ['loss/train', 'loss/validation']
    """

    def __call__(self, epoch: Epoch) -> None:
        """Record an epoch."""
        self.write(epoch.number, tracked_values(epoch))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Record the values of an epoch, by name."""
        raise NotImplementedError

    def parameters(self, recipe: Recipe) -> None:
        """Record the recipe."""

    def bands(self, bands: Sequence[Band]) -> None:
        """Record the mean and the band over the seeds of each variant of a comparison."""

    def close(self) -> None:
        """Write what is left, and end the record."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def tracked_values(epoch: Epoch) -> dict[str, float]:
    """Return the finite values of an epoch by name: "loss/train", "score/validation", "seconds", "metric/roc_auc".

    >>> tracked_values(Epoch(1, 0.5, 0.6, 0.9, 0.7, 0.8, float("nan"), 0.1, {"f1": 0.5}))["loss/validation"]
    0.7
    """
    named = {
        f"{what}/{part}": getattr(epoch, f"{part}_{what}")
        for what in ("loss", "objective", "score")
        for part in ("train", "validation")
    }
    values = named | {"seconds": epoch.seconds} | {f"metric/{name}": value for name, value in epoch.metrics.items()}
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}


def flat(data: Any, path: str = "") -> dict[str, str]:
    """Return the values of nested data as text, by their paths.

    >>> flat({"optimizer": {"name": "adam"}, "hidden": [8, 4]})
    {'optimizer.name': 'adam', 'hidden': '[8, 4]'}
    """
    if isinstance(data, Mapping):
        found: dict[str, str] = {}
        for name, value in data.items():
            found |= flat(value, f"{path}.{name}" if path else name)
        return found
    return {path: str(data)}


def absent(package: str) -> DeltaruleError:
    """Return the error for a package that is not installed."""
    return DeltaruleError(f"the package {package}", "none", "pip install 'deltarule[track]'")
