"""The view *Race*: its routes, and the stream of a race as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from deltarule.errors import RecipeError
from deltarule.web.application import Routes
from deltarule.web.guard import Refusal
from deltarule.web.race import Race, Reader
from deltarule.web.race_plan import (
    EPOCHS,
    GENERATED,
    IMAGES,
    SEEDS,
    VARIANTS,
    Plan,
    choices,
    has_fashion,
    recipe_of,
    usual,
)
from deltarule.web.race_texts import texts_of
from deltarule.web.rows import read_object
from deltarule.web.service import Service

_FRAME = 1 / 60
"""Seconds between two looks at a race, and so between two frames, at least."""
_KEPT = 8
"""Races that can still be read, the latest ones."""


class Racing:
    """The view's state and routes."""

    def __init__(self, service: Service, data_dir: Path | None) -> None:
        self._service, self._data_dir = service, data_dir
        self._races: dict[str, Race] = {}
        self._closed = False

    @property
    def routes(self) -> Routes:
        """The routes of this view."""
        return {
            "/race/choices": ("GET", self.choices),
            "/race/recipe": ("POST", self.recipe),
            "/race/start": ("POST", self.start),
            "/race/{id}/events": ("GET", self.events),
            "/race/{id}/control": ("POST", self.control),
        }

    def close(self) -> None:
        """Stop all races, and end their streams."""
        self._closed = True
        for race in self._races.values():
            race.control("stop")

    async def choices(self, request: Request) -> Response:  # noqa: ARG002 - a route
        """Answer which data and which settings there are, from the registries."""
        images = [each for each in IMAGES if each != "fashion" or has_fashion(self._data_dir)]
        limits = {"variants": VARIANTS, "seeds": SEEDS, "epochs": EPOCHS}
        return JSONResponse({"data": [*GENERATED, *images], "fields": choices(), "usual": usual(), "limits": limits})

    async def recipe(self, request: Request) -> Response:
        """Answer a variant as Python, as a command, and as JSON."""
        asked = read_object(await request.body())
        variant, epochs, data = asked.get("variant"), asked.get("epochs", 100), asked.get("data", "moons")
        if type(epochs) is not int or not isinstance(data, str) or len(data) > 200:
            raise RecipeError("a number of epochs, and the name of the data", "others")
        recipe = recipe_of(variant, epochs)
        assert isinstance(variant, dict)
        return JSONResponse(texts_of(variant, recipe, data))

    async def start(self, request: Request) -> Response:
        """Start a race, in place of the one that the page has shown so far."""
        asked = read_object(await request.body())
        before = self._races.get(str(asked.get("replaces")))
        if before is not None:
            before.control("stop")
        race = Race(await asyncio.to_thread(Plan.of, asked, self._data_dir))
        for _ in range(50):  # the race that is replaced ends after its epoch
            if before is None or before.ended:
                break
            await asyncio.sleep(0.02)
        self._service.jobs.start(race.run)
        self._races[race.id] = race
        for each in list(self._races)[:-_KEPT]:
            if self._races[each].ended:
                del self._races[each]
        return JSONResponse(await asyncio.to_thread(race.beginning))

    async def control(self, request: Request) -> Response:
        """Pause, resume, step, stop, or set the speed."""
        race, asked = self._race(request), read_object(await request.body())
        action, speed = asked.get("action"), asked.get("speed", 0)
        if action not in ["pause", "resume", "step", "stop", "speed"]:
            raise RecipeError("pause, resume, step, stop or speed", repr(action)[:80], field="action")
        if type(speed) not in {int, float} or not 0 <= speed <= 10_000:
            raise RecipeError("epochs a second from 0 to 10,000", repr(speed)[:80], field="speed")
        race.control(action, float(speed))
        return JSONResponse({"status": race.status})

    async def events(self, request: Request) -> Response:
        """Stream a race's frames; each has the epochs since the last one, and the latest pictures."""
        race = self._race(request)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._stream(race), media_type="text/event-stream", headers=headers)

    async def _stream(self, race: Race) -> AsyncIterator[str]:
        sent, reader = -1, Reader.of(len(race.plan.recipes))
        while not self._closed:
            race.seen()
            ended, version = race.ended, race.version
            if version != sent:
                sent = version
                yield f"data: {_json(race.frame(reader))}\n\n"
            elif ended:
                yield "event: end\ndata: {}\n\n"
                return
            await asyncio.sleep(_FRAME)

    def _race(self, request: Request) -> Race:
        race = self._races.get(request.path_params["id"])
        if race is None:
            raise Refusal(404, "There is no such race any more.")
        return race


def _json(frame: dict[str, Any]) -> str:
    return json.dumps(frame, allow_nan=False, separators=(",", ":"))
