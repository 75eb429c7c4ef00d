"""Successive halving: under a time limit, the worse half of the variants gets no further seeds.

After each rung, which doubles the seeds, the variants with worse validation results are left out (after
Jamieson and Talwalkar, 2016, with seeds in place of epochs, so that every network is trained to its end).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from deltarule.studies.compare.trial import Finished


def rungs(seeds: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the seeds in groups: one, one more, two more, four more, …

    >>> rungs(range(10))
    [(0,), (1,), (2, 3), (4, 5, 6, 7), (8, 9)]
    """
    groups, start = [], 0
    while start < len(seeds):
        end = max(1, 2 * start)
        groups.append(tuple(seeds[start:end]))
        start = end
    return groups


def better_half(names: Sequence[str], networks: Sequence[Finished]) -> list[str]:
    """Return the variants with better validation results, at least two, in their order."""
    kept = max(2, math.ceil(len(names) / 2))

    def score(name: str) -> tuple[float, float]:
        own = sorted((each for each in networks if each.variant == name), key=lambda each: each.seed)
        scores, losses = [each.validation_score for each in own], [each.validation_loss for each in own]
        mean, loss = (float(np.mean(each)) for each in (scores, losses))
        return (mean, -loss) if math.isfinite(mean) and math.isfinite(loss) else (-math.inf, 0.0)

    best = sorted(names, key=score, reverse=True)[:kept]
    return [name for name in names if name in best]
