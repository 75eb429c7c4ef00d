"""Constraints on the incoming weights of hidden units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, Positive, Values, register


@dataclass(frozen=True)
class Constraint(Formula):
    """A limit applied after every step: the incoming weights of each hidden unit are multiplied by `factor(norm)`.

    norm is the Euclidean norm of the unit's incoming weights, without its bias.
    """

    kind: ClassVar[str] = "constraint"

    def factor(self, norm: Values) -> Values:
        """Return the factor on the incoming weights of a unit."""
        raise NotImplementedError


@register("max_norm")
@dataclass(frozen=True)
class MaxNorm(Constraint):
    """Limit the norm of the incoming weights of each hidden unit to c.

        w ← w · c / max(‖w‖, c)

    c is `limit`, typically from 2 to 4; ‖w‖ is the norm of the unit's incoming weights. It allows large learning rates
    together with dropout, because weights cannot diverge.
    Srebro and Shraibman (2005); Srivastava et al. (2014), section 5.1.

    >>> float(MaxNorm(2.0).factor(4.0)), float(MaxNorm(2.0).factor(1.0))
    (0.5, 1.0)
    """

    limit: Positive = 3.0

    def factor(self, norm: Values) -> Values:
        return self.limit / np.maximum(norm, self.limit)
