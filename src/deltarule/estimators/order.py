"""The order of the samples as scikit-learn draws it, so that equal `random_state` means equal batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deltarule.engines.problem import Problem
from deltarule.types import Indices


def shuffles(random: np.random.RandomState | None, samples: int, size: int) -> Iterator[Iterator[Indices]]:
    """For each epoch its batches; every epoch shuffles the order of the one before. None leaves it as it is."""
    places = np.arange(samples)
    while True:
        if random is not None:
            drawn = np.arange(samples)
            random.shuffle(drawn)
            places = places[drawn]
        yield (places[start : start + size] for start in range(0, samples, size))


@dataclass(frozen=True)
class Ordered(Problem):
    """A problem whose order was made by `shuffles`, so that its rows need no check."""

    def checked(self, rows: Indices) -> Indices:
        """The batch as it is."""
        return rows
