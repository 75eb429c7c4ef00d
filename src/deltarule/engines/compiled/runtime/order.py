"""The order of the samples: drawn by the compiled loop, or given by the caller and laid out some epochs at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from deltarule.engines.problem import Problem
from deltarule.errors import DataError

__all__ = ["Order"]

# Samples of a given order that are laid out before the compiled loop is called.
_SAMPLES = 100_000


class Order:
    """Row numbers one batch after the other; `starts` says where each batch begins, and where the last ends.

    given : whether the problem gives it, batch by batch.
    """

    def __init__(self, problem: Problem) -> None:
        self.given = problem.ordered
        self.since, self.until = problem.begun.epoch, problem.recipe.epochs
        self.largest = 0
        self.epoch_starts: npt.NDArray[np.int64] = np.zeros(1, np.int64)
        n, size = len(problem.train), problem.recipe.batch_size
        self._rows: npt.NDArray[np.int64] = np.zeros(n, np.int64)
        self.starts = np.minimum(np.arange(-(-n // size) + 1) * size, n)
        self._chosen = problem.train.rows
        if self.given:
            self.until = self.since
            self._last = problem.recipe.epochs
            self._epochs = problem.epochs()

    @property
    def address(self) -> int:
        """Where the row numbers are."""
        return self._rows.ctypes.data

    def batches(self, epoch: int) -> int:
        """How many batches an epoch of those laid out has, epochs counted from 0."""
        if not self.given:
            return len(self.starts) - 1
        return int(self.epoch_starts[epoch - self.since + 1] - self.epoch_starts[epoch - self.since])

    def take(self, epoch: int, most: int) -> bool:
        """Lay out the next epochs of a given order, at most so many; False when it has ended."""
        batches: list[npt.NDArray[np.int64]] = []
        epoch_starts, met = [0], 0
        while len(epoch_starts) <= min(most, self._last - epoch) and met < _SAMPLES:
            following = next(self._epochs, None)
            if following is None:
                break
            of_epoch = list(following)
            if not of_epoch:
                raise DataError("batches with at least one sample", "an epoch without any")
            batches += of_epoch
            met += sum(map(len, of_epoch))
            epoch_starts.append(len(batches))
        if not batches:
            return False
        sizes = [len(rows) for rows in batches]
        places = np.concatenate(batches)
        self._rows = places if self._chosen is None else self._chosen[places]
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.epoch_starts = np.array(epoch_starts, np.int64)
        self.largest = max(sizes)
        self.since, self.until = epoch, epoch + len(epoch_starts) - 1
        return True
