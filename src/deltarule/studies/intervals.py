"""Intervals of 95 %: the normal distribution's quantile, and the interval of a fraction."""

from __future__ import annotations

import math

NORMAL = 1.959963984540054
"""The normal distribution's quantile for two-sided intervals of 95 %."""


def wilson(fraction: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a probability, of a fraction of n samples, also for small n.  Wilson (1927).

    >>> tuple(round(end, 3) for end in wilson(0.9, 100))
    (0.826, 0.945)
    """
    z2 = NORMAL * NORMAL
    middle = (fraction + z2 / (2 * n)) / (1 + z2 / n)
    half = NORMAL / (1 + z2 / n) * math.sqrt(fraction * (1 - fraction) / n + z2 / (4 * n * n))
    return 0.0 if fraction == 0 else middle - half, 1.0 if fraction == 1 else middle + half
