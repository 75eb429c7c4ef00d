"""A trial: a network of one variant with one seed. What decides it, and once it is trained its figures."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset, Part
from deltarule.mapped import forget, is_mapped
from deltarule.recipes import Recipe
from deltarule.training import Evaluation, Run
from deltarule.types import Floats

CURVES = ("train_loss", "train_score", "validation_loss", "validation_score", "seconds")


# Rows of a mapped file that are read together for its digest.
_ROWS = 4096


@dataclass(frozen=True)
class Trial:
    """A network to be trained: the variant it belongs to, and all that decides it.

    split : the seed that deals out training and validation anew; None where they are as they came.
    key : a digest of all that decides it: the same key is the same network.
    judged : whether it meets the part that the comparison is about; a network that tunes does not.
    """

    variant: str
    seed: int
    recipe: Recipe
    start: int
    split: int | None
    key: str
    judged: bool = True


@dataclass(frozen=True)
class Finished:
    """A trained network in figures.

    score, loss : on the part that the comparison is about; NaN for a network that only served tuning.
    validation_score, validation_loss : of the epoch whose weights the model has.
    epochs, best_epoch, status : as the `Run` has them.
    seconds : spent in training it, on one core.
    curves : for each of CURVES a figure for each epoch.
    batch_losses : of each step, where they were asked for.
    """

    variant: str
    seed: int
    key: str
    status: str
    score: float
    loss: float
    validation_score: float
    validation_loss: float
    epochs: int
    best_epoch: int
    seconds: float
    curves: dict[str, list[float]] = field(default_factory=dict, repr=False)
    batch_losses: list[float] = field(default_factory=list, repr=False)

    @classmethod
    def of(cls, trial: Trial, run: Run, found: Evaluation | None = None) -> Self:
        """What is kept of a run."""
        epochs = list(run.history)
        best = epochs[run.best_epoch - 1] if run.best_epoch else None
        return cls(
            trial.variant,
            trial.seed,
            trial.key,
            run.status,
            math.nan if found is None else found.score,
            math.nan if found is None else found.loss,
            math.nan if best is None else best.validation_score,
            math.nan if best is None else best.validation_loss,
            len(epochs),
            run.best_epoch,
            run.seconds,
            {name: [_short(getattr(epoch, name)) for epoch in epochs] for name in CURVES},
            [_short(loss) for loss in run.batch_losses.tolist()],
        )

    def to_json(self) -> dict[str, Any]:
        """The network as data; None stands for what is no finite number."""
        data = dataclasses.asdict(self)
        data["curves"] = {name: [finite(each) for each in values] for name, values in self.curves.items()}
        data["batch_losses"] = [finite(each) for each in self.batch_losses]
        return {name: finite(value) if isinstance(value, float) else value for name, value in data.items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The network that `to_json` wrote."""
        kinds = {each.name: each.type for each in dataclasses.fields(cls)}
        read: dict[str, Any] = {
            name: _number(value) if kinds[name] == "float" else value for name, value in data.items()
        }
        read["curves"] = {name: [_number(each) for each in values] for name, values in data["curves"].items()}
        read["batch_losses"] = [_number(each) for each in data["batch_losses"]]
        return cls(**read)

    def reached(self, target: float) -> tuple[float, float]:
        """The epochs and the seconds that it took to a validation score; infinity where it never came to it."""
        scores = np.array(self.curves.get("validation_score", []), dtype=np.float64)
        there = np.flatnonzero(scores >= target)
        if not len(there):
            return math.inf, math.inf
        seconds: Floats = np.cumsum(self.curves["seconds"])
        return float(there[0] + 1), float(seconds[there[0]])


def digest_of(data: Dataset) -> str:
    """A digest of all samples of a data set."""
    digest = hashlib.sha256()
    for name, part in data.parts.items():
        digest.update(f"{name} {part.x.shape} {part.x.dtype} {part.y.shape} {part.y.dtype}".encode())
        for array in _arrays(part):
            if array.dtype.kind == "T":
                digest.update(str(array.tolist()).encode())
            elif is_mapped(array):
                for start in range(0, len(array), _ROWS):
                    digest.update(array[start : start + _ROWS].tobytes())
                    forget(array)
            else:
                digest.update(array.tobytes())
    return digest.hexdigest()


def key_of(recipe: Recipe, start: int, *surroundings: str) -> str:
    """A digest of all that decides a network: its recipe, its first weights, its data, its engine."""
    decided = json.dumps([recipe.to_json(), start, *surroundings], sort_keys=True)
    return hashlib.sha256(decided.encode()).hexdigest()[:24]


def finite(number: float | None) -> float | None:
    """The number for JSON, which knows neither NaN nor infinity: None stands for them."""
    return number if number is not None and math.isfinite(number) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _short(number: float) -> float:
    """Seven digits, which is what single precision has."""
    return float(f"{number:.7g}")


def _arrays(part: Part) -> list[npt.NDArray[Any]]:
    return [part.x, part.y, *([] if part.weights is None else [part.weights])]
