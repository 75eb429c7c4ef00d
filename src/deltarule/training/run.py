"""What training leaves behind: a record of each epoch, and the run that they add up to."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.problem import Figures, Sums
from deltarule.models import Model
from deltarule.recipes import Recipe


@dataclass(frozen=True)
class Epoch:
    """One pass over the training part, in figures.

    A loss is a mean over samples; an objective is the loss plus the penalty at the end of the epoch; a score is the
    share of right answers, or R² for numbers. Training figures are means over the batches as they were met, unless the
    recipe says `evaluate_train`. Validation figures are NaN where there is no validation part.
    """

    number: int
    train_loss: float
    train_objective: float
    train_score: float
    validation_loss: float
    validation_objective: float
    validation_score: float
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The epoch as data; NaN and infinity become None."""
        fields = dataclasses.asdict(self)
        return {name: value if math.isfinite(value) else None for name, value in fields.items()}


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A training run that has ended.

    history : an `Epoch` for each pass.
    model : the trained network: the best epoch's where early stopping restores it, otherwise the last.
    recipe : the recipe, its "auto" fields decided.
    seconds : spent in training.
    status : "finished", "stopped" (early), "interrupted", or "diverged".
    best_epoch : the number of the epoch whose weights the model has.
    batch_losses : (steps,), where they were asked for.
    """

    history: tuple[Epoch, ...]
    model: Model
    recipe: Recipe
    seconds: float
    status: str
    best_epoch: int
    batch_losses: npt.NDArray[np.float64]

    def __repr__(self) -> str:
        if not self.history:
            return f"Run({self.status}, 0 epochs)"
        last = self.history[max(self.best_epoch, 1) - 1]
        shown = last.train_score if math.isnan(last.validation_score) else last.validation_score
        part = "train" if math.isnan(last.validation_score) else "validation"
        return f"Run({self.status}, {len(self.history)} epochs, {part} score {shown:.4f}, {self.seconds:.2f} s)"


def epoch_of(figures: Figures, spreads: tuple[float, float]) -> Epoch:
    """An engine's sums as means and scores."""
    loss, score = means(figures.train, spreads[0])
    held_loss, held_score = (math.nan, math.nan)
    if figures.validation is not None:
        held_loss, held_score = means(figures.validation, spreads[1])
    penalty = figures.penalty
    return Epoch(
        figures.number, loss, loss + penalty, score, held_loss, held_loss + penalty, held_score, figures.seconds
    )


def means(sums: Sums, spread: float) -> tuple[float, float]:
    """Mean loss and score: 1 − error / spread, which is the accuracy for classes and R² for numbers."""
    error = sums.error / sums.weight
    return sums.loss / sums.weight, 1.0 - error / spread if spread > 0 else (1.0 if error == 0 else math.nan)
