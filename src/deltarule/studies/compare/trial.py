"""A trial, the training of one variant with one seed: what decides it, and the record of the trained network."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from deltarule.recipes import Recipe
from deltarule.studies.compare.sample_scores import SampleScores
from deltarule.training import Evaluation, Run
from deltarule.training.metrics import as_data
from deltarule.types import Floats

_LARGEST = float(np.finfo(np.float64).max)
CURVES = ("train_loss", "train_score", "validation_loss", "validation_score", "seconds")


@dataclass(frozen=True)
class Trial:
    """A network to train: its variant, and all that decides it.

    split : seed of a new split into training and validation set; None for the split of the data.
    key : digest of all that decides it: the same key is the same network.
    precision : as in `train`.
    judged : whether it is evaluated on the set that the comparison is about; a network of tuning is not.
    """

    variant: str
    seed: int
    recipe: Recipe
    start: int
    split: int | None
    key: str
    precision: str
    judged: bool = True


@dataclass(frozen=True)
class Finished:
    """Record of a trained network.

    score, loss : on the set that the comparison is about; NaN for a network of tuning.
    validation_score, validation_loss : of the epoch whose weights the model has.
    epochs, best_epoch, status : as the `Run` has them.
    seconds : training time on one core.
    curves : for each of CURVES a number for each epoch.
    batch_losses : of each step, where they were recorded.
    sample_scores : the score of each sample of the set; None for a network of tuning, or of an earlier version.
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
    sample_scores: SampleScores | None = field(default=None, repr=False)

    @property
    def diverged(self) -> bool:
        """Whether training diverged, or gave a model whose score is not a finite number."""
        return self.status == "diverged" or not math.isfinite(self.score)

    @classmethod
    def of(cls, trial: Trial, run: Run, found: Evaluation | None = None) -> Self:
        """Make the record of a run."""
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
            None if found is None else SampleScores.of(found.sample_scores),
        )

    def to_json(self) -> dict[str, Any]:
        """The record as data; None for numbers that are not finite."""
        scores = None if self.sample_scores is None else self.sample_scores.to_json()
        data: dict[str, Any] = as_data({**vars(self), "sample_scores": scores})
        return data

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read the record that `to_json` wrote, also that of an earlier version without `sample_scores`.

        Raises ValueError for anything else.
        """
        fields = {each.name: each.type for each in dataclasses.fields(cls)}
        if not isinstance(data, dict) or {"sample_scores", *data} != set(fields):
            raise ValueError(f"expected an object of {', '.join(fields)}")
        readers: dict[Any, Any] = {"str": _text, "int": _count, "float": _number, "list[float]": _numbers}
        readers["SampleScores | None"] = SampleScores.from_json
        read = {name: readers.get(fields[name], _curves)(value) for name, value in data.items()}
        made = cls(**read)
        lengths = {len(values) for values in made.curves.values()}
        if lengths != {made.epochs} or made.best_epoch > made.epochs:
            raise ValueError("expected curves of as many figures as epochs")
        return made

    def reached(self, target: float) -> tuple[float, float]:
        """Return epochs and seconds until a validation score; infinity if it was not reached."""
        scores = np.array(self.curves.get("validation_score", []), dtype=np.float64)
        there = np.flatnonzero(scores >= target)
        if not len(there):
            return math.inf, math.inf
        seconds: Floats = np.cumsum(self.curves["seconds"])
        return float(there[0] + 1), float(seconds[there[0]])


def key_of(recipe: Recipe, start: int, *surroundings: str) -> str:
    """Return a digest of all that decides a network: recipe, initial weights, data, engine."""
    decided = json.dumps([recipe.to_json(), start, *surroundings], sort_keys=True)
    return hashlib.sha256(decided.encode()).hexdigest()[:24]


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
    """Round to seven digits, the precision of float32."""
    return float(f"{number:.7g}")
