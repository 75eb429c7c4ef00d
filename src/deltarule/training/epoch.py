"""The record of each epoch, and the history that consists of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, overload

import numpy as np

from deltarule.engines.problem import Figure, Sums
from deltarule.language import count_of
from deltarule.types import Floats


@dataclass(frozen=True)
class Epoch:
    """Metrics of one epoch.

    A loss is a mean over samples; an objective is the loss plus the penalty at the end of the epoch; a score is the
    accuracy, or R² for regression. Training metrics are means over the batches during training, unless the recipe sets
    `evaluate_train`. Validation metrics are NaN where there is no validation set.

    metrics : of the validation set, those that `Recipe.metrics` and early stopping name.
    """

    number: int
    train_loss: float
    train_objective: float
    train_score: float
    validation_loss: float
    validation_objective: float
    validation_score: float
    seconds: float
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the epoch as data, with `metrics` where there are any; NaN and infinity become None."""
        fields = dataclasses.asdict(self)
        named = fields.pop("metrics")
        data: dict[str, Any] = _finite(fields)
        return {**data, "metrics": _finite(named)} if named else data

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return the epoch that `to_json` wrote; None becomes NaN.

        Raises ValueError for other data.

        >>> epoch = Epoch(1, 0.5, 0.5, 0.9, math.nan, math.nan, math.nan, 0.1)
        >>> Epoch.from_json(epoch.to_json()).train_loss
        0.5
        """
        names = [each.name for each in dataclasses.fields(cls) if each.name != "metrics"]
        if not isinstance(data, Mapping) or set(data) - {"metrics"} != set(names):
            raise ValueError("no epoch")
        metrics = {str(name): _number(value) for name, value in dict(data.get("metrics", {})).items()}
        numbers = {name: _number(data[name]) for name in names}
        if not numbers["number"].is_integer():
            raise ValueError("no number of an epoch")
        return cls(**{**numbers, "number": int(numbers["number"]), "metrics": metrics})  # type: ignore[arg-type]


def _number(value: Any) -> float:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError("no number")
    return math.nan if value is None else float(value)


def _finite(fields: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in fields.items()}


class History(Sequence[Epoch]):
    """The epochs of a run. Each record is created on access, from the engine's table of sums.

    table : (epochs, columns), with the columns of `engines.problem.Figure`.
    spreads : the divisors of training and validation errors: 1 for classification, the variance for regression.
    metrics : the names of further metrics, and their values: (epochs, names).
    """

    def __init__(
        self, table: Floats, spreads: tuple[float, float], metrics: tuple[tuple[str, ...], Floats] | None = None
    ) -> None:
        self.table = table
        self._spreads = spreads
        self._names, self._values = metrics or ((), np.zeros((len(table), 0)))

    def __len__(self) -> int:
        return len(self.table)

    @overload
    def __getitem__(self, place: int) -> Epoch: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Epoch, ...]: ...

    def __getitem__(self, place: int | slice) -> Epoch | tuple[Epoch, ...]:
        """Return an epoch by its index, starting from 0, or a slice of them."""
        if isinstance(place, slice):
            return tuple(self[each] for each in range(*place.indices(len(self))))
        number = range(len(self))[place] + 1
        named = dict(zip(self._names, self._values[number - 1].tolist(), strict=True))
        return epoch_of(self.table[place], number, self._spreads, named)

    def __repr__(self) -> str:
        return f"History({count_of(len(self), 'epoch')})"


def epoch_of(
    figures: Floats, number: int, spreads: tuple[float, float], metrics: Mapping[str, float] | None = None
) -> Epoch:
    """Convert a row of an engine's table to means and scores."""
    row = figures.tolist()
    loss, score = means(Sums(*row[: Figure.VALIDATION_WEIGHT]), spreads[0])
    held_loss, held_score = math.nan, math.nan
    if row[Figure.VALIDATION_WEIGHT] > 0:
        held_loss, held_score = means(Sums(*row[Figure.VALIDATION_WEIGHT : Figure.PENALTY]), spreads[1])
    penalty, seconds = row[Figure.PENALTY], row[Figure.SECONDS]
    held_objective = held_loss + penalty
    return Epoch(number, loss, loss + penalty, score, held_loss, held_objective, held_score, seconds, metrics or {})


def means(sums: Sums, spread: float) -> tuple[float, float]:
    """Return mean loss and score, 1 − error / spread: accuracy for classification, R² for regression.

    Both are NaN where all weights are 0.
    """
    if not sums.weight:
        return math.nan, math.nan
    error = sums.error / sums.weight
    return sums.loss / sums.weight, 1.0 - error / spread if spread > 0 else (1.0 if error == 0 else math.nan)
