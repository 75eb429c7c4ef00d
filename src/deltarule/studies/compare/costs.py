"""Training cost of a variant: seconds and epochs, to the end and to a target score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deltarule.studies.compare import statistics
from deltarule.studies.compare.statistics import Summary
from deltarule.studies.compare.trial import Finished


@dataclass(frozen=True)
class TrainingCost:
    """Training cost of the networks of a variant.

    seconds, epochs : to the end of training.
    reached : fraction of the networks that reached the target score on the validation set.
    target_seconds, target_epochs : medians until the target score; infinite where less than half reached it.
    """

    seconds: Summary
    epochs: Summary
    reached: float
    target_seconds: float
    target_epochs: float


def training_cost(networks: Sequence[Finished], target: float) -> TrainingCost:
    """Summarize the cost of some networks, at least one, to the end and to a target score on the validation set."""
    reached = np.array([network.reached(target) for network in networks])
    # "higher", as a median that includes infinities cannot be interpolated.
    epochs, seconds = np.quantile(reached, 0.5, axis=0, method="higher")
    return TrainingCost(
        statistics.summary([network.seconds for network in networks]),
        statistics.summary([network.epochs for network in networks]),
        float(np.isfinite(reached[:, 0]).mean()),
        float(seconds),
        float(epochs),
    )


def default_target(networks: Sequence[Finished]) -> float:
    """Return the validation score that half of all networks reach, rounded down to 0.001; NaN without any."""
    best = [max(network.curves["validation_score"], default=math.nan) for network in networks]
    finite = [score for score in best if math.isfinite(score)]
    return math.floor(1000 * float(np.median(finite))) / 1000 if finite else math.nan
