"""Micro-batching: the rows of all waiting requests are predicted by one call."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import numpy as np

from deltarule.web.guard import Refusal
from deltarule.web.metrics import Metrics
from deltarule.web.served_model import Array, ServedModel

_ROWS = 4096
"""Rows of one call, at most, so that a large request does not hold up small ones for long."""
_QUICK = 4e6
"""Multiplications up to which a call is made in the event loop: about a millisecond, less than a thread's switches."""


class Batcher:
    """The queue of requests to one model.

    Requests that arrive while the event loop reads from its connections, or while a call runs, share the next call.
    """

    def __init__(self, served: ServedModel, queued_rows: int, metrics: Metrics) -> None:
        self.served = served
        self._at_most, self._metrics = queued_rows, metrics
        self._waiting: deque[tuple[Array, asyncio.Future[dict[str, Array]]]] = deque()
        self._rows = 0
        self._running = False
        self._task: asyncio.Task[None] | None = None

    async def predict(self, inputs: Array) -> dict[str, Array]:
        """Return the results for encoded inputs (n, d).

        Raises Refusal, 503, where too many rows are waiting.
        """
        if self._rows + len(inputs) > self._at_most:
            raise Refusal(503, "Too many rows wait for a prediction.")
        loop = asyncio.get_running_loop()
        if not self._waiting and not self._running:
            self._running = True
            loop.call_soon(self._start)
        future: asyncio.Future[dict[str, Array]] = loop.create_future()
        self._waiting.append((inputs, future))
        self._rows += len(inputs)
        return await future

    def _start(self) -> None:
        """Predict what is waiting: at once where it is little work, otherwise in a thread."""
        batch = self._taken()
        if self._work(batch) <= _QUICK and not self._waiting:
            self._answer(batch)
            self._running = False
        else:
            self._task = asyncio.get_running_loop().create_task(self._in_threads(batch))

    async def _in_threads(self, batch: list[tuple[Array, asyncio.Future[dict[str, Array]]]]) -> None:
        while batch:
            inputs = np.concatenate([each for each, _ in batch])
            try:
                _settle(batch, await asyncio.to_thread(self.served.predicted, inputs))
            except Exception as error:  # noqa: BLE001 - each of the waiting requests raises it
                _fail(batch, error)
            self._metrics.batch(len(inputs))
            batch = self._taken() if self._waiting else []
        self._running = False

    def _answer(self, batch: list[tuple[Array, asyncio.Future[dict[str, Array]]]]) -> None:
        inputs = batch[0][0] if len(batch) == 1 else np.concatenate([each for each, _ in batch])
        try:
            _settle(batch, self.served.predicted(inputs))
        except Exception as error:  # noqa: BLE001 - each of the waiting requests raises it
            _fail(batch, error)
        self._metrics.batch(len(inputs))

    def _taken(self) -> list[tuple[Array, asyncio.Future[dict[str, Array]]]]:
        """Take requests from the queue: one, and more as long as they are together not too many rows."""
        batch, rows = [self._waiting.popleft()], 0
        rows = len(batch[0][0])
        while self._waiting and rows + len(self._waiting[0][0]) <= _ROWS:
            batch.append(self._waiting.popleft())
            rows += len(batch[-1][0])
        self._rows -= rows
        return batch

    def _work(self, batch: list[tuple[Array, Any]]) -> float:
        networks = len(getattr(self.served.model, "networks", (0,)))
        return float(sum(len(each) for each, _ in batch) * self.served.network.shape.trained * networks)


def _settle(batch: list[tuple[Array, asyncio.Future[dict[str, Array]]]], results: dict[str, Array]) -> None:
    start = 0
    for inputs, future in batch:
        rows = slice(start, start + len(inputs))
        start = rows.stop
        if not future.done():
            future.set_result({name: values[rows] for name, values in results.items()})


def _fail(batch: list[tuple[Array, asyncio.Future[dict[str, Array]]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
