"""The order of the samples, laid out in memory for the compiled loop."""

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

    given : whether the problem gives it, batch by batch. first_batch : where to begin in the epochs laid out.
    """

    def __init__(self, problem: Problem) -> None:
        self.given, self._problem = problem.ordered, problem
        self.since, self.until = 0, problem.recipe.epochs
        self.largest = self.first_batch = 0
        self.epoch_starts: npt.NDArray[np.int64] = np.zeros(1, np.int64)
        n, size = len(problem.train), problem.recipe.batch_size
        self._rows: npt.NDArray[np.int64] = np.zeros(n, np.int64)
        self.starts = np.minimum(np.arange(problem.batches + 1) * size, n)
        self._chosen = problem.train.rows
        if self.given:
            self.begin_at(0, 0)

    @property
    def address(self) -> int:
        """Where the row numbers are."""
        return self._rows.ctypes.data

    def batches(self, epoch: int) -> int:
        """How many batches an epoch of those laid out has, epochs counted from 0."""
        if not self.given:
            return len(self.starts) - 1
        return int(self.epoch_starts[epoch - self.since + 1] - self.epoch_starts[epoch - self.since])

    def begin_at(self, epoch: int, batch: int) -> None:
        """Start within an epoch: go to its place in a given order, or draw that epoch's own."""
        if self.given:
            self.since = self.until = epoch
            self._skipped, self._epochs = batch, self._problem.epochs(epoch)
        elif batch:
            places = self._problem.shuffled(epoch)
            self._rows[:] = places if self._chosen is None else self._chosen[places]

    def batches_done(self, epoch: int, batch: int) -> int:
        """Return how many batches of an epoch come before one that is counted as the compiled loop does."""
        if not self.given:
            return batch
        return self._skipped if epoch == self.until else batch - int(self.epoch_starts[epoch - self.since])

    def take(self, epoch: int, most: int) -> bool:
        """Lay out the next epochs of a given order, at most so many; False when it has ended."""
        batches: list[npt.NDArray[np.int64]] = []
        epoch_starts, met = [0], 0
        while len(epoch_starts) <= min(most, self._problem.recipe.epochs - epoch) and met < _SAMPLES:
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
        self.first_batch, self._skipped = self._skipped, 0
        return True
