"""What one server accepts: sizes, durations and numbers, so that no client can exhaust it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""The types of ASGI 3."""


@dataclass(frozen=True)
class Limits:
    """The limits of a server.

    body_bytes : of one request; above it, 413.
    held_bytes : of all requests that are being read or processed; above it, 503.
    head_bytes : of a request's line and headers; above it the connection is closed.
    head_seconds, body_seconds : until a request's headers, and its body, have arrived; later, 408 or no answer.
    send_seconds : until a client has taken an answer that fills the connection's buffer.
    pipelined : requests of a connection that wait for the answer to an earlier one; above it, it is closed.
    connections : open at a time; further ones are answered 503 and closed.
    rows : of one request; above it, 413.
    queued_rows : that wait for a prediction; above it, 503.
    jobs : training jobs, and explanations, at a time; above it, 429.
    """

    body_bytes: int = 8 << 20
    held_bytes: int = 128 << 20
    head_bytes: int = 32 << 10
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    send_seconds: float = 30.0
    pipelined: int = 64
    connections: int = 512
    rows: int = 50_000
    queued_rows: int = 100_000
    jobs: int = 2


async def within(seconds: float, awaitable: Awaitable[Any]) -> Any:
    """Return what an awaitable gives; raise TimeoutError after so many seconds."""
    async with asyncio.timeout(seconds):
        return await awaitable
