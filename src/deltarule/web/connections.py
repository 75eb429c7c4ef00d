"""Connections of clients that are slow, silent or too many: uvicorn's protocol with limits."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from deltarule.web.limits import Limits

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
    b'content-length: 32\r\nconnection: close\r\n\r\n{"error":"Too many connections"}'
)


class LimitedConnection(asyncio.Protocol):
    """A mixin before uvicorn's protocol class: bounds the headers, the waiting and the number of connections.

    A connection is aborted when a request's headers are late or too long, when too many requests wait behind one that
    is answered, or when its buffer of unsent data has not been empty for `send_seconds`. uvicorn itself closes
    connections that are idle after a response.
    """

    limits = Limits()
    connections: set[Any]
    cycle: Any

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept a connection, or answer 503 where there are too many."""
        super().connection_made(transport)
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self._head_since: float | None = self._loop.time()
        self._unsent_since: float | None = None
        self._head_bytes = 0
        self._period = min(self.limits.head_seconds, self.limits.send_seconds) / 4
        self._timer = self._loop.call_later(self._period, self._check)
        if len(self.connections) > self.limits.connections:
            self._transport.write(_FULL)
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Give data to uvicorn's parser, unless the headers are too long."""
        if self._transport.is_closing():
            return
        if self._reading_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if len(getattr(self, "pipeline", ())) > self.limits.pipelined:
            self._transport.abort()
        elif not self._reading_head:
            self._head_since, self._head_bytes = None, 0
        elif self._head_bytes > self.limits.head_bytes:
            self._transport.abort()
        elif self._head_since is None:
            self._head_since = self._loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._timer.cancel()
        super().connection_lost(exc)

    @property
    def _reading_head(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _check(self) -> None:
        now = self._loop.time()
        if not self._transport.get_write_buffer_size():
            self._unsent_since = None
        elif self._unsent_since is None:
            self._unsent_since = now
        late = self._reading_head and _older(self._head_since, now, self.limits.head_seconds)
        if late or _older(self._unsent_since, now, self.limits.send_seconds):
            self._transport.abort()
        else:
            self._timer = self._loop.call_later(self._period, self._check)


def _older(since: float | None, now: float, seconds: float) -> bool:
    return since is not None and now - since > seconds


def limited(protocol: Any, limits: Limits) -> Any:
    """Return uvicorn's protocol class with these limits."""
    return type("LimitedProtocol", (LimitedConnection, protocol), {"limits": limits})
