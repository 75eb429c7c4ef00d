"""The OpenAPI 3.1 document of a server, and its page, which is plain HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from deltarule import __version__
from deltarule.markup import text
from deltarule.studies.explain.explanation import METHODS
from deltarule.web.limits import Limits
from deltarule.web.prediction import BACKGROUND
from deltarule.web.served_model import ServedModel

_TEXT: dict[str, Any] = {"type": "string"}
_STATUSES = {
    400: "The request is invalid; the sentence says why.",
    401: "The server's token is missing.",
    403: "The request comes from elsewhere.",
    404: "There is no such model.",
    408: "The request took too long to arrive.",
    413: "The request is too large.",
    415: "The content type is not supported.",
    429: "Too many explanations are being computed; try again.",
    503: "Too many requests wait; try again.",
}


def document(models: Sequence[ServedModel], limits: Limits) -> dict[str, Any]:
    """Return the OpenAPI document, with the models' names and the rows they take."""
    name: dict[str, Any] = {**_TEXT, "enum": [each.name for each in models]} if models else _TEXT
    parameters = [{"name": "model", "in": "path", "required": True, "schema": name}]
    protocol = "Open Inference Protocol, version 2"
    return {
        "openapi": "3.1.0",
        "info": {"title": "deltarule serve", "version": __version__, "description": "Predictions of trained networks."},
        "paths": {
            "/predict": {"post": _predict(models, limits)},
            "/models": {"get": _get("List the models", "Prediction")},
            "/v2": {"get": _get("Describe the server", protocol)},
            "/v2/health/live": {"get": _get("Whether the server runs", protocol)},
            "/v2/health/ready": {"get": _get("Whether the models can be asked", protocol, 503)},
            "/v2/models/{model}": {"get": _get("Describe a model", protocol, 404) | {"parameters": parameters}},
            "/v2/models/{model}/ready": {
                "get": _get("Whether a model can be asked", protocol, 404) | {"parameters": parameters}
            },
            "/v2/models/{model}/infer": {"post": _infer(protocol) | {"parameters": parameters}},
            "/metrics": {
                "get": _get("Counters for Prometheus", "Operation")
                | {"responses": {"200": {"description": "Metrics.", "content": {"text/plain": {"schema": _TEXT}}}}}
            },
        },
        "components": {"schemas": {"Error": _object({"error": _TEXT, "field": {"type": ["string", "null"]}}, "error")}},
    }


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(required)}


def _responses(*statuses: int) -> dict[str, Any]:
    errors = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    answer = {"description": "The answer.", "content": {"application/json": {"schema": {"type": "object"}}}}
    return {"200": answer} | {str(each): {"description": _STATUSES[each], "content": errors} for each in statuses}


def _get(summary: str, tag: str, *statuses: int) -> dict[str, Any]:
    return {"summary": summary, "tags": [tag], "responses": _responses(401, 403, *statuses)}


def _predict(models: Sequence[ServedModel], limits: Limits) -> dict[str, Any]:
    row = {"type": ["array", "object"]}
    properties = {
        "rows": {"type": "array", "items": row, "minItems": 1, "maxItems": limits.rows},
        "model": {"type": ["string", "null"], "description": "By default the first."},
        "probabilities": {"type": "boolean", "default": False},
        "interval": {"type": ["number", "null"], "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "explanation": {"type": ["string", "null"], "enum": [*METHODS, None]},
        "background": {"type": "array", "items": row, "minItems": 1, "maxItems": BACKGROUND},
    }
    schema = _object(properties, "rows") | {"additionalProperties": False}
    if models:
        schema["examples"] = [{"rows": [_example(models[0])], "probabilities": models[0].classes is not None}]
    return {
        "summary": "Predict rows",
        "tags": ["Prediction"],
        "description": "Rows as JSON, or as CSV with a header and the other fields as query parameters.",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema}, "text/csv": {"schema": _TEXT}},
        },
        "responses": _responses(400, 401, 403, 404, 408, 413, 415, 429, 503),
    }


def _example(served: ServedModel) -> Any:
    if not served.columns:
        return [0] * served.inputs
    return {name: None if kind in {"category", "date"} else 0 for name, kind in served.kinds.items()}


def _infer(tag: str) -> dict[str, Any]:
    shape = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1}
    tensor = _object(
        {"name": _TEXT, "shape": shape, "datatype": _TEXT, "data": {"type": "array"}},
        "name", "shape", "datatype", "data",
    )  # fmt: skip
    properties = {
        "id": _TEXT,
        "inputs": {"type": "array", "items": tensor, "minItems": 1},
        "outputs": {"type": "array", "items": _object({"name": _TEXT}, "name")},
    }
    return {
        "summary": "Predict tensors",
        "tags": [tag],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _object(properties, "inputs")}},
        },
        "responses": _responses(400, 401, 403, 404, 408, 413, 415, 503),
    }


def document_page(found: Mapping[str, Any]) -> str:
    """Return the document as a page of plain HTML, without scripts."""
    parts = []
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            answers = "".join(
                f"<tr><th scope='row'>{status}</th><td>{text(each['description'])}</td></tr>"
                for status, each in operation["responses"].items()
            )
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            shown = f"<pre tabindex='0'>{text(json.dumps(body, indent=2))}</pre>" if body else ""
            parts.append(
                f"<section><h2><code>{method.upper()} {text(path)}</code></h2><p>{text(operation['summary'])}. "
                f"{text(operation.get('description', ''))}</p>{shown}<table>{answers}</table></section>"
            )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<title>API · deltarule</title><link rel='icon' href='/static/icon.svg'>"
        "<link rel='stylesheet' href='/static/style.css'></head>"
        "<body class='document'><main><p><a href='/'>deltarule</a></p><h1>HTTP API</h1>"
        "<p>The same as <a href='/openapi.json'>OpenAPI 3.1</a>.</p>" + "".join(parts) + "</main></body></html>"
    )
