"""The application: its routes, its errors as JSON, and the page's files."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from deltarule.errors import DeltaruleError, OutOfMemory
from deltarule.web.guard import Guard, Refusal
from deltarule.web.inference_protocol import InferenceProtocol
from deltarule.web.limits import Receive, Scope, Send
from deltarule.web.openapi import document, document_page
from deltarule.web.prediction import Prediction
from deltarule.web.service import Service

STATIC = Path(__file__).parent / "static"
Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
Routes: TypeAlias = Mapping[str, tuple[str, Handler]]
"""Of a view: the method and the handler of each path."""


def application(service: Service, token: str = "", views: Routes | None = None) -> Guard:
    """Return the ASGI application.

    views : the routes of the page's views, beside those of the protocol and of `/predict`.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        service.jobs.close()
        service.explanations.close()

    protocol, prediction = InferenceProtocol(service), Prediction(service)

    async def metrics(request: Request) -> Response:  # noqa: ARG001 - a route
        return PlainTextResponse(service.metrics.text(service.gauges()), media_type="text/plain; version=0.0.4")

    async def openapi(request: Request) -> Response:  # noqa: ARG001 - a route
        return JSONResponse(document([each.served for each in service.batchers.values()], service.limits))

    async def api_page(request: Request) -> Response:  # noqa: ARG001 - a route
        return HTMLResponse(
            document_page(document([each.served for each in service.batchers.values()], service.limits))
        )

    async def index(request: Request) -> Response:  # noqa: ARG001 - a route
        return HTMLResponse((STATIC / "index.html").read_bytes())

    handlers: dict[str, tuple[str, Handler]] = {
        "/v2/health/live": ("GET", protocol.live),
        "/v2/health/ready": ("GET", protocol.ready),
        "/v2": ("GET", protocol.server),
        "/v2/models/{model}": ("GET", protocol.model),
        "/v2/models/{model}/ready": ("GET", protocol.model_ready),
        "/v2/models/{model}/infer": ("POST", protocol.infer),
        "/predict": ("POST", prediction.predict),
        "/models": ("GET", prediction.models),
        "/metrics": ("GET", metrics),
        "/openapi.json": ("GET", openapi),
        "/api": ("GET", api_page),
        "/": ("GET", index),
        **(views or {}),
    }
    routes: list[BaseRoute] = [
        Route(path, _measured(service, path, handler), methods=[method]) for path, (method, handler) in handlers.items()
    ]
    routes.append(Mount("/static", StaticFiles(directory=STATIC)))
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _http_error})
    predict = _measured(service, "/predict", prediction.predict)

    async def fast(scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the most frequent request without Starlette's middleware and its search through the routes."""
        if scope["type"] == "http" and scope["path"] == "/predict" and scope["method"] == "POST":
            response = await predict(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await app(scope, receive, send)

    return Guard(fast, service.limits, token)


def _measured(service: Service, path: str, handler: Handler) -> Handler:
    """Return the handler with its answers counted and its errors as answers."""

    async def measured(request: Request) -> Response:
        start = time.perf_counter()
        try:
            response = await handler(request)
        except Refusal as refusal:
            retry = {"retry-after": "1"} if refusal.status in {429, 503} else None
            response = JSONResponse({"error": refusal.sentence}, refusal.status, retry)
        except OutOfMemory as error:
            response = JSONResponse({"error": str(error)}, 503)
        except DeltaruleError as error:
            response = JSONResponse({"error": str(error), "field": error.field}, 400)
        except Exception:
            logging.getLogger("deltarule.web").exception("Error of %s", path)
            response = JSONResponse({"error": "The server has an error, which it has logged."}, 500)
        service.metrics.response(path, response.status_code, time.perf_counter() - start)
        return response

    return measured


async def _http_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
