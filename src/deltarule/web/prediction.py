"""`POST /predict`: rows as JSON or CSV, with probabilities, intervals and explanations on request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deltarule.data import Table
from deltarule.errors import DataError
from deltarule.models.conformal import checked_coverage
from deltarule.studies.explain.explanation import METHODS
from deltarule.web.guard import Headers, Refusal
from deltarule.web.rows import JSONAnswer, checked_count, content_type, read_csv, read_object
from deltarule.web.served_model import Array, ServedModel, plain
from deltarule.web.service import Service

_FIELDS = ("rows", "model", "probabilities", "interval", "explanation", "background")
EXPLAINED, BACKGROUND = 20, 50
"""Rows of a request that are explained, and background rows, at most."""


@dataclass(frozen=True)
class Question:
    """What a request asks.

    rows : lists of numbers, objects of a table's columns, or a `Table`.
    interval : the coverage of intervals or sets of classes, or None.
    explanation : the method of an explanation, or None; background : the rows that it compares with.
    """

    rows: Any
    model: str | None
    probabilities: bool
    interval: float | None
    explanation: str | None
    background: list[Any]


class Prediction:
    """The route `/predict`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def models(self, request: Request) -> Response:  # noqa: ARG002 - a route
        """List the models."""
        return JSONResponse({"models": [each.served.description() for each in self._service.batchers.values()]})

    async def predict(self, headers: Headers, query: bytes, body: bytes) -> Response:
        """Predict."""
        question = self._question(headers, query, body)
        batcher = self._service.batcher(question.model)
        served = batcher.served
        rows = _matrix(question.rows, served) if isinstance(question.rows, Table) else question.rows
        checked_count(len(rows), self._service.limits.rows)
        inputs = served.encoded(rows)
        results = await batcher.predict(inputs)
        answer: dict[str, Any] = {"model": served.name, "predictions": plain(results["predictions"])}
        if question.probabilities:
            if "probabilities" not in results:
                raise Refusal(400, "Expected a classifier for probabilities, got a regression model.")
            answer |= {"classes": served.classes, "probabilities": plain(results["probabilities"])}
        if question.interval is not None:
            answer |= {"coverage": question.interval, **served.covered(inputs, question.interval)}
        if question.explanation is not None:
            answer["explanation"] = await self._explained(question, served, inputs)
        warnings = served.warnings(rows)
        return JSONAnswer(answer | ({"warnings": warnings} if warnings else {}))

    async def _explained(self, question: Question, served: ServedModel, inputs: Array) -> dict[str, Any]:
        """Return the contribution of each feature to each row's prediction, computed in one of few threads."""
        if len(inputs) > EXPLAINED:
            raise Refusal(413, f"Expected at most {EXPLAINED} rows to explain, got {len(inputs):,}.")
        served.encoded(question.background)  # refuses what is no valid row
        job = self._service.explanations.start(
            served.explained, question.rows, question.background, question.explanation
        )
        return await asyncio.wrap_future(job)

    def _question(self, headers: Headers, query: bytes, body: bytes) -> Question:
        content = content_type(headers)
        asked: Mapping[str, Any]
        if content == "text/csv":
            given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
            asked = {name: _typed(name, text) for name, text in given}
            kinds = self._service.batcher(asked.get("model")).served.model.encoding
            asked = {"rows": read_csv(body, None if kinds is None else kinds.expected()), **asked}
        elif content == "application/json":
            asked = read_object(body)
        else:
            raise Refusal(415, f"Expected application/json or text/csv, got {content[:80]!r}.")
        return _question(asked)


def _question(asked: Mapping[str, Any]) -> Question:
    unknown = sorted(set(asked) - set(_FIELDS))
    if unknown:
        raise DataError(f"fields among {', '.join(_FIELDS)}", unknown[0][:100])
    rows, model, interval = asked.get("rows"), asked.get("model"), asked.get("interval")
    if not isinstance(rows, (list, Table)):
        raise DataError("a list of rows", type(rows).__name__, field="rows")
    if model is not None and not isinstance(model, str):
        raise DataError("the name of a model", type(model).__name__, field="model")
    probabilities = asked.get("probabilities", False)
    if type(probabilities) is not bool:
        raise DataError("true or false", type(probabilities).__name__, field="probabilities")
    if interval is not None:
        if type(interval) not in {int, float}:
            raise DataError("a coverage between 0 and 1", type(interval).__name__, "0.9", field="interval")
        interval = checked_coverage(float(interval))
    return Question(rows, model, probabilities, interval, *_explanation(asked))


def _explanation(asked: Mapping[str, Any]) -> tuple[str | None, list[Any]]:
    """Return the method of the requested explanation, and the background rows."""
    method, background = asked.get("explanation"), asked.get("background")
    if method is None:
        return None, []
    if method not in [*METHODS]:  # a list: what a client sends may have no hash
        raise DataError(f"one of {', '.join(METHODS)}", repr(method)[:80], field="explanation")
    if not isinstance(background, list) or not 1 <= len(background) <= BACKGROUND:
        wanted = f"1 to {BACKGROUND} rows like those of training, with whose mean prediction rows are compared"
        raise DataError(wanted, "others" if background else "none", field="background")
    return method, background


def _typed(name: str, text: str) -> Any:
    """Return the value of a query parameter."""
    if name == "probabilities":
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if name == "interval":
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _matrix(table: Table, served: ServedModel) -> Any:
    """Return a table's rows as a model takes them: as a table, or as an array of all its numbers."""
    if served.columns:
        return table
    words = [column.name for column in table if column.kind not in {"number", "ignored"}]
    if words:
        raise DataError("columns of numbers", f"text in {', '.join(words)[:200]}")
    return np.column_stack([column.values for column in table if column.kind == "number"])
