"""Orthogonal initial weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from deltarule.formulas.formula import Positive, register
from deltarule.formulas.initializers.initializer import Initializer


@register("orthogonal")
@dataclass(frozen=True)
class Orthogonal(Initializer):
    """Random orthogonal matrix times `gain`: its columns (or rows, whichever are fewer) are orthogonal, of norm `gain`.

        W = gain · Q,   Q R = N

    N is a matrix of standard normal numbers, or its transpose if it has more columns than rows. The signs make the
    diagonal of R positive, so that Q is uniformly distributed over all such matrices. The decomposition is LAPACK's, so
    results on different processors agree only to rounding; for large layers it is slow.
    Saxe, McClelland and Ganguli (2014), section 3.

    >>> Orthogonal().scale(100, 25)
    0.1
    """

    distribution: ClassVar[str] = "orthogonal"

    gain: Positive = 1.0

    def scale(self, fan_in: int, fan_out: int) -> float:
        return self.gain / math.sqrt(max(fan_in, fan_out))
