"""Initial weights that leave lengths unchanged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from deltarule.formulas.formula import Positive, register
from deltarule.formulas.initializers.initializer import Initializer


@register("orthogonal")
@dataclass(frozen=True)
class Orthogonal(Initializer):
    """Columns (or rows, whichever are fewer) at right angles, each of length `gain`: lengths pass a layer unchanged.

        W = gain · Q,   Q R = N

    N is a matrix of standard normal numbers, or its transpose where that is wider than high; the signs are those that
    leave R's diagonal positive, which makes Q uniform over all such matrices. The decomposition is LAPACK's, so another
    processor gives it to rounding alone; for large layers it takes time.
    Saxe, McClelland and Ganguli (2014), section 3.

    >>> Orthogonal().scale(100, 25)
    0.1
    """

    distribution: ClassVar[str] = "orthogonal"

    gain: Positive = 1.0

    def scale(self, fan_in: int, fan_out: int) -> float:
        return self.gain / math.sqrt(max(fan_in, fan_out))
