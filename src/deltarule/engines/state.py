"""The state of a run in an engine: all that decides how training continues, after any step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from deltarule.types import Floats

__all__ = ["EngineState"]


@dataclass(frozen=True, eq=False)
class EngineState:
    """All that decides how a run continues after its last step, also within an epoch.

    Random numbers are functions of the seed, the epoch and the step, so they have no state. An engine that restores its
    own state continues to the last bit; that of another engine, up to rounding.

    epoch, batch, step : number of complete epochs, of batches done in the epoch under way, and of all steps.
    finished : whether training has ended.
    parameters : θ and the state of normalization (total,); `average`, their average where weights are averaged; `best`,
        those after the best epoch, or after the last finite one.
    slots : the optimizer's state (slots, trained).
    sums : weight, loss and error of the batches of the epoch under way (3,); `losses`, those that were recorded.
    schedule : state of the schedule of the learning rate.
    best_epoch, best_value : of early stopping.
    seconds : duration of the epoch under way.
    """

    epoch: int
    batch: int
    step: int
    finished: bool
    parameters: npt.NDArray[Any]
    average: npt.NDArray[Any] | None
    best: npt.NDArray[Any]
    slots: npt.NDArray[Any]
    sums: Floats
    losses: Floats
    schedule: Floats
    best_epoch: int
    best_value: float
    seconds: float
