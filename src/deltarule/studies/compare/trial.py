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

_LARGEST = float(np.finfo(np.float64).max)
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
    def from_json(cls, data: Any) -> Self:
        """The network that `to_json` wrote.

        Raises ValueError for anything else.
        """
        fields = {each.name: each.type for each in dataclasses.fields(cls)}
        if not isinstance(data, dict) or set(data) != set(fields):
            raise ValueError(f"expected an object of {', '.join(fields)}")
        readers: dict[Any, Any] = {"str": _text, "int": _count, "float": _number, "list[float]": _numbers}
        read = {name: readers.get(fields[name], _curves)(value) for name, value in data.items()}
        made = cls(**read)
        lengths = {len(values) for values in made.curves.values()}
        if lengths != {made.epochs} or made.best_epoch > made.epochs:
            raise ValueError("expected curves of as many figures as epochs")
        return made

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


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {type(value).__name__}")  # noqa: TRY004 - one kind of error for one line
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**64:
        raise ValueError(f"expected an integer, got {type(value).__name__}")
    return value


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if type(value) not in {int, float} or not abs(value) <= _LARGEST:
        raise ValueError(f"expected a number, got {type(value).__name__}")
    return float(value)


def _numbers(value: Any) -> list[float]:
    if not isinstance(value, list):
        raise ValueError(f"expected a list of numbers, got {type(value).__name__}")  # noqa: TRY004
    return [_number(each) for each in value]


def _curves(value: Any) -> dict[str, list[float]]:
    if not isinstance(value, dict) or set(value) != set(CURVES):
        raise ValueError(f"expected the curves {', '.join(CURVES)}")
    return {name: _numbers(values) for name, values in value.items()}


def _short(number: float) -> float:
    """Seven digits, which is what single precision has."""
    return float(f"{number:.7g}")


def _arrays(part: Part) -> list[npt.NDArray[Any]]:
    return [part.x, part.y, *([] if part.weights is None else [part.weights])]
