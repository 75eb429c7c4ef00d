"""The outermost layer of the application: tokens and hosts, the size of requests, and the headers of responses."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import cookies
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from starlette.responses import Response

from deltarule.web.limits import App, Limits, Message, Receive, Scope, Send, within

COOKIE = "deltarule_token"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_OPEN = frozenset({"/v2/health/live", "/v2/health/ready"})
"""Paths that need no token: for supervisors."""

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SECURITY = (
    (b"content-security-policy", CONTENT_SECURITY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cache-control", b"no-store"),
)
_EMPTY = (b"content-length", b"0")


Headers: TypeAlias = Mapping[bytes, bytes]
Direct: TypeAlias = Callable[[Headers, bytes, bytes], Awaitable[Response]]
"""A function of a request's headers, query and body."""


class Refusal(Exception):
    """An answer with a status other than 200, and its sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


@dataclass
class Guard:
    """ASGI middleware: Host, Origin, token, bounded bodies that arrive in time, and security headers.

    token : required of every request, as `Authorization: Bearer`, or as the cookie that `/?token=` sets; "" for none.
        Without a token only the names of this machine are accepted as Host, so that a page of another site cannot
        reach the server by a name that it resolves to 127.0.0.1.
    direct : of a method and a path, what answers it without the application: the most frequent requests.
    """

    app: App
    limits: Limits
    token: str = ""
    direct: Callable[[str, str], Direct | None] = lambda method, path: None  # noqa: ARG005
    held: int = field(default=0, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        mark = _Held()
        try:
            headers = _single(scope["headers"])
            entered = self._admitted(scope, headers)
            if entered:
                await _answer(send, 303, b"", [(b"location", b"/"), (b"set-cookie", entered.encode()), _EMPTY])
                return
            body = b"" if scope["method"] in {"GET", "HEAD", "OPTIONS"} else await self._body(headers, receive, mark)
            direct = self.direct(scope["method"], scope["path"])
            if direct is None:
                await self.app(scope, _replayed(body, receive), _guarded(send))
            else:
                response = await direct(headers, scope["query_string"], body)
                await _answer(send, response.status_code, bytes(response.body), response.raw_headers)
        except Refusal as refusal:
            text = json.dumps({"error": refusal.sentence}, ensure_ascii=False).encode()
            more = [(b"content-type", b"application/json"), (b"connection", b"close")]
            more += [(b"retry-after", b"1")] * (refusal.status == 503)
            more += [(b"www-authenticate", b"Bearer")] * (refusal.status == 401)
            more.append((b"content-length", str(len(text)).encode()))
            await _answer(send, refusal.status, text, more)
        finally:
            self.held -= mark.bytes

    def _admitted(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """Refuse a request from elsewhere; return the cookie to set where it has the token in its address."""
        host = headers.get(b"host", b"").decode("latin-1")
        if not self.token and _name(host) not in LOOPBACK:
            raise Refusal(403, "Expected the address of this machine as Host. Try: http://127.0.0.1")
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin.decode("latin-1")).netloc != host:
            raise Refusal(403, "Expected a request from a page of this server, got one of another origin.")
        if not self.token or scope["path"] in _OPEN:
            return ""
        if scope["path"] == "/" and b"token=" in scope["query_string"]:
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if self._is_token(given):
                return f"{COOKIE}={self.token}; HttpOnly; SameSite=Strict; Path=/"
        given = headers.get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ")
        if self._is_token(given) or self._is_token(_cookie(headers.get(b"cookie", b"").decode("latin-1"))):
            return ""
        raise Refusal(401, "Expected the server's token. Try: the address that `deltarule serve` has printed")

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    async def _body(self, headers: dict[bytes, bytes], receive: Receive, mark: _Held) -> bytes:
        """Return a request's body, which arrives in time and is not too long, in one piece or in chunks."""
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self.limits.body_bytes:
            raise Refusal(413, f"Expected at most {self.limits.body_bytes:,} bytes, got {int(declared):,}.")
        message = await receive()  # a body that has arrived already needs no clock
        if not message.get("more_body", False):
            return self._kept(message, mark, b"")
        try:
            return await within(self.limits.body_seconds, self._rest(message, receive, mark))  # type: ignore[no-any-return]
        except TimeoutError:
            raise Refusal(408, f"Expected the whole request within {self.limits.body_seconds:g} seconds.") from None

    async def _rest(self, message: Message, receive: Receive, mark: _Held) -> bytes:
        body = bytearray(self._kept(message, mark, b""))
        while message.get("more_body", False):
            message = await receive()
            body += self._kept(message, mark, body)
        return bytes(body)

    def _kept(self, message: Message, mark: _Held, before: bytes | bytearray) -> bytes:
        """Return a message's part of the body, within the limits."""
        if message["type"] == "http.disconnect":
            raise Refusal(400, "The client has disconnected.")
        part: bytes = message.get("body", b"")
        if len(before) + len(part) > self.limits.body_bytes:
            raise Refusal(413, f"Expected at most {self.limits.body_bytes:,} bytes, got more.")
        mark.bytes += len(part)
        self.held += len(part)
        if self.held > self.limits.held_bytes:
            raise Refusal(503, "The server is busy with other requests.")
        return part


@dataclass
class _Held:
    """The number of bytes of a request that are in memory."""

    bytes: int = 0


def _single(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the headers by name; one that decides who asks must not be there twice."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in found and name in {b"host", b"origin", b"authorization", b"content-length"}:
            raise Refusal(400, f"Expected the header {name.decode('latin-1')} once.")
        found[name] = value
    return found


@lru_cache(64)
def _name(host: str) -> str:
    """Return the name in a Host header, without the port.

    >>> _name("localhost:8000"), _name("[::1]:80"), _name("example.org@localhost")
    ('localhost', '::1', '')
    """
    try:
        parts = urlsplit(f"//{host}")
    except ValueError:
        return ""
    return "" if "@" in host or parts.path or parts.query else (parts.hostname or "")


def _cookie(header: str) -> str:
    try:
        found = cookies.SimpleCookie(header).get(COOKIE)
    except cookies.CookieError:
        found = None
    return "" if found is None else found.value


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body once, then what comes after it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _guarded(send: Send) -> Send:
    """Return a `send` that adds the security headers which an answer does not set itself."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = _with_security(message.get("headers", []))
        await send(message)

    return guarded


def _with_security(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    own = list(headers)
    names = {name.lower() for name, _ in own}
    return own + [pair for pair in _SECURITY if pair[0] not in names]


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send an answer, whose headers have its length."""
    await send({"type": "http.response.start", "status": status, "headers": _with_security(headers)})
    await send({"type": "http.response.body", "body": body})
