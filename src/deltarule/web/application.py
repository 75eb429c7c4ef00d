"""The application: its routes, its errors as JSON, and the page's files."""

from __future__ import annotations

import functools
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ParamSpec, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from deltarule.errors import DeltaruleError, OutOfMemory
from deltarule.web.guard import Direct, Guard, Refusal
from deltarule.web.inference_protocol import InferenceProtocol
from deltarule.web.openapi import document, document_page
from deltarule.web.prediction import Prediction
from deltarule.web.service import Service

STATIC = Path(__file__).parent / "static"
_INFER = re.compile("/v2/models/([^/]+)/infer")
P = ParamSpec("P")
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
        "/v2/models/{model}/infer": ("POST", _is_direct),
        "/predict": ("POST", _is_direct),
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
    return Guard(app, service.limits, token, _direct(service, prediction, protocol))


def _direct(
    service: Service, prediction: Prediction, protocol: InferenceProtocol
) -> Callable[[str, str], Direct | None]:
    """Return what finds the answers to predictions, without Starlette's middleware and its search of the routes."""
    predict = _measured(service, "/predict", prediction.predict)
    infer = _measured(service, "/v2/models/{model}/infer", protocol.infer)

    def direct(method: str, path: str) -> Direct | None:
        if method != "POST":
            return None
        if path == "/predict":
            return predict
        model = _INFER.fullmatch(path)
        return None if model is None else functools.partial(infer, model=model[1])

    return direct


async def _is_direct(request: Request) -> Response:
    """Stand for a route that the guard answers directly, so that other methods are refused with 405."""
    raise AssertionError(request.url.path)


def _measured(
    service: Service, path: str, handler: Callable[P, Awaitable[Response]]
) -> Callable[P, Awaitable[Response]]:
    """Return the handler with its answers counted and its errors as answers."""

    async def measured(*given: P.args, **named: P.kwargs) -> Response:
        start = time.perf_counter()
        try:
            response = await handler(*given, **named)
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
