"""Constraints: how large the weights into a unit may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, Positive, Values, register


@dataclass(frozen=True)
class Constraint(Formula):
    """A limit that holds after every step: the weights into each hidden unit are multiplied by `factor(norm)`.

    norm is the Euclidean length of the unit's incoming weights, its bias not among them.
    """

    kind: ClassVar[str] = "constraint"

    def factor(self, norm: Values) -> Values:
        """What the weights into a unit are multiplied by."""
        raise NotImplementedError


@register("max_norm")
@dataclass(frozen=True)
class MaxNorm(Constraint):
    """The weights into each hidden unit no longer than c.

        w ← w · c / max(‖w‖, c)

    c is `limit`, usually between 2 and 4, ‖w‖ the length of the unit's incoming weights. It goes well with dropout and
    large learning rates, as weights cannot blow up.  Srebro and Shraibman (2005); Srivastava et al. (2014), section
    5.1.

    >>> float(MaxNorm(2.0).factor(4.0)), float(MaxNorm(2.0).factor(1.0))
    (0.5, 1.0)
    """

    limit: Positive = 3.0

    def factor(self, norm: Values) -> Values:
        return self.limit / np.maximum(norm, self.limit)
