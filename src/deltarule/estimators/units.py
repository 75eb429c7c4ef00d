"""The units in which scikit-learn gives losses, where they are not ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from deltarule.engines.problem import Samples
from deltarule.formulas import HalfSquaredError, Loss, PoissonLoss


@dataclass(frozen=True)
class Units:
    """scikit-learn's mean loss of some samples is ours times a factor, plus a constant."""

    factor: float = 1.0
    constant: float = 0.0

    @classmethod
    def of(cls, loss: Loss, samples: Samples) -> Self:
        """Squared errors are means over the outputs there; Poisson's loss is half the deviance.

        The deviance has y ln y − y beside what any gradient sees.
        """
        if isinstance(loss, HalfSquaredError):
            return cls(factor=1.0 / samples.outputs)
        if isinstance(loss, PoissonLoss):
            y, w = samples.y(slice(None)), samples.weight(slice(None))
            each = np.sum(y * np.log(np.where(y > 0, y, 1.0)) - y, axis=1)
            return cls(constant=float(np.sum(w * each) / np.sum(w)))
        return cls()

    def theirs(self, mean: float) -> float:
        """Our mean loss in scikit-learn's units."""
        return float(mean * self.factor + self.constant)
