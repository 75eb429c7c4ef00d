"""The server's process: uvicorn with limited connections, until a signal ends it."""

from __future__ import annotations

import errno
import gc
import ipaddress
import logging
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deltarule.errors import OutputError, RecipeError
from deltarule.web.connections import limited
from deltarule.web.limits import App, Limits

_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,200}")
SECONDS_TO_END = 1
"""What running requests have after a signal."""


@dataclass(frozen=True)
class Address:
    """Where the server listens, and the token that it requires there."""

    host: str = "127.0.0.1"
    port: int = 8000
    token: str = ""

    def __post_init__(self) -> None:
        if self.token and not _TOKEN.fullmatch(self.token):
            wanted = "a token of 16 to 200 letters, digits and ._~-"
            raise RecipeError(wanted, "another one", f"--token {secrets.token_urlsafe(16)}", field="token")
        if not self.token and not self._is_local():
            wanted = f"a token to serve on {self.host}, which other machines reach"
            raise RecipeError(wanted, "none", f"--token {secrets.token_urlsafe(16)}", field="token")

    def _is_local(self) -> bool:
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def url(self, port: int) -> str:
        """Return the address to open in a browser."""
        anywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - shown, not bound
        host = anywhere.get(self.host, f"[{self.host}]" if ":" in self.host else self.host)
        return f"http://{host}:{port}/" + (f"?token={self.token}" if self.token else "")

    def bound(self) -> socket.socket:
        """Return a socket that listens; if the port is taken, on the next free one of ten.

        Raises OutputError where there is none.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        last: OSError | None = None
        for port in range(self.port, self.port + (10 if self.port else 1)):
            made = socket.socket(family, socket.SOCK_STREAM)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                made.bind((self.host, port))
                made.listen(1024)
            except (OSError, OverflowError) as error:
                made.close()
                last = error if isinstance(error, OSError) else OSError(errno.EINVAL, str(error))
                if last.errno != errno.EADDRINUSE:
                    break
            else:
                return made
        said = "" if last is None else last.strerror or str(last)
        raise OutputError("an address to listen on", f"{self.host}:{self.port}: {said}", "--port 0")


def serve(
    app: App, listening: socket.socket, limits: Limits, started: Callable[[], None], ending: Callable[[], None]
) -> None:
    """Serve until SIGINT or SIGTERM; then answer what is running for a second, and return.

    started : called when signals are handled and requests are answered; ending : after the signal.
    """
    gc.collect()
    gc.freeze()  # what has been imported stays; searching it again for cycles would hold up answers

    def end() -> None:
        ending()
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it would report what it cancels

    try:
        server_of(app, limits, started, end).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn has ended cleanly, and raises the signal again
        return
    finally:
        listening.close()


def server_of(
    app: App, limits: Limits, started: Callable[[], None] = lambda: None, ending: Callable[[], None] = lambda: None
) -> Any:
    """Return the `uvicorn.Server` of an application; `ending` is called before it waits for running requests."""
    import uvicorn
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    config = uvicorn.Config(
        app, http=limited(AutoHTTPProtocol, limits), ws="none", lifespan="on", log_config=None,
        access_log=False, server_header=False, proxy_headers=False, timeout_keep_alive=15,
        timeout_graceful_shutdown=SECONDS_TO_END,
    )  # fmt: skip

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                started()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            ending()
            await super().shutdown(sockets)

    return Server(config)
