"""The view *Runs*: the runs and comparisons in a folder, also while another process trains them."""

from __future__ import annotations

import asyncio
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from deltarule.errors import DeltaruleError, OutputError
from deltarule.models.ensemble import load_predictor
from deltarule.regular_files import json_of, read_bytes, read_json
from deltarule.studies.compare.folder import PLAN, ComparisonFolder
from deltarule.studies.compare.trial import Finished
from deltarule.training.folder import HISTORY, MODEL, RECIPE
from deltarule.web.application import Routes
from deltarule.web.card_page import card_page
from deltarule.web.guard import Refusal

REPORT = "report.html"
_REPORT_SECURITY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
_FOLDERS = 500
_HISTORY = 32 << 20  # bytes
_LIVE = 10.0
"""Seconds since the last epoch within which a run without a model is being trained."""


class RunListing:
    """The view's routes. Names of clients are compared with the names in the folder, and never become paths."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def routes(self) -> Routes:
        """The routes of this view."""
        return {
            "/runs": ("GET", self.index),
            "/runs/{name}": ("GET", self.one),
            "/runs/{name}/report": ("GET", self.report),
            "/runs/{name}/card": ("GET", self.card),
        }

    async def index(self, request: Request) -> Response:  # noqa: ARG002 - a route
        """List the runs and comparisons, the latest first."""
        found = [each for path in self._paths() if (each := summary(path)) is not None]
        found.sort(key=lambda each: -each["changed"])
        return JSONResponse({"folder": self._folder.name or str(self._folder), "runs": found})

    async def one(self, request: Request) -> Response:
        """Answer a run with its recipe and its epochs, or a comparison with its variants."""
        path = self._path(request)
        found = summary(path)
        if found is None:
            raise Refusal(404, "There is no run of this name.")
        try:
            more = comparison_of(path) if found["kind"] == "comparison" else run_of(path)
        except (OSError, ValueError, DeltaruleError) as error:
            raise OutputError("a folder of a run that can be read", f"{path.name}: {error}") from error
        return JSONResponse(found | more)

    async def report(self, request: Request) -> Response:
        """Answer the report of a comparison, which is one file without scripts."""
        path = self._path(request) / REPORT
        if not path.is_file():
            raise Refusal(404, "There is no report of this name.")
        return FileResponse(path, media_type="text/html", headers={"content-security-policy": _REPORT_SECURITY})

    async def card(self, request: Request) -> Response:
        """Answer the model card of a run, which is one page without scripts."""
        path = self._path(request) / MODEL
        if not path.is_file():
            raise Refusal(404, "There is no model of this run yet.")
        page = await asyncio.to_thread(lambda: card_page(load_predictor(path).card()))
        return HTMLResponse(page, headers={"content-security-policy": _REPORT_SECURITY})

    def _paths(self) -> list[Path]:
        try:
            paths = [each for each in self._folder.iterdir() if each.is_dir() and not each.is_symlink()]
            return sorted(paths, key=lambda each: -each.stat().st_mtime)[:_FOLDERS]
        except OSError:
            return []

    def _path(self, request: Request) -> Path:
        name = request.path_params["name"]
        found = next((each for each in self._paths() if each.name == name), None)
        if found is None:
            raise Refusal(404, "There is no run of this name.")
        return found


def summary(path: Path) -> dict[str, Any] | None:
    """Return what the list shows of a folder; None for a folder of anything else."""
    kind = "comparison" if (path / PLAN).is_file() else "run" if (path / RECIPE).is_file() else ""
    if not kind:
        return None
    progress = path / ("networks.jsonl" if kind == "comparison" else HISTORY)
    changed = max((each.stat().st_mtime for each in (path, progress) if each.exists()), default=0.0)
    done = (path / (REPORT if kind == "comparison" else MODEL)).is_file()
    live = not done and time.time() - changed < _LIVE
    epochs = history_of(path) if kind == "run" else []
    last = epochs[-1] if epochs else {}
    return {
        "name": path.name, "kind": kind, "changed": changed, "live": live, "epochs": len(epochs),
        "loss": last.get("validation_loss", last.get("train_loss")),
        "score": last.get("validation_score") if last.get("validation_score") is not None else last.get("train_score"),
        "report": (path / REPORT).is_file(), "card": (path / MODEL).is_file(),
    }  # fmt: skip


def history_of(path: Path) -> list[dict[str, Any]]:
    """Return the complete lines of a run's history; the last one may be being written."""
    try:
        text = read_bytes(path / HISTORY, _HISTORY)
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        try:
            epoch = json_of(line)
        except ValueError:
            break
        if isinstance(epoch, dict):
            found.append(epoch)
    return found


def run_of(path: Path) -> dict[str, Any]:
    """Return a run's recipe and its curves: for each epoch the training loss, the validation loss and score."""
    names = ("train_loss", "validation_loss", "validation_score")
    curves = [[_number(epoch.get(name)) for name in names] for epoch in history_of(path)]
    return {"recipe": read_json(path / RECIPE), "curves": curves}


def comparison_of(path: Path) -> dict[str, Any]:
    """Return a comparison's variants: their scores, and the mean, least and greatest validation loss of each epoch."""
    plan = read_json(path / PLAN)
    networks: dict[str, list[Finished]] = {}
    for network in ComparisonFolder(path).networks().values():
        if math.isfinite(network.score):
            networks.setdefault(network.variant, []).append(network)
    variants = []
    for name, several in networks.items():
        scores = np.array([each.score for each in several])
        variants.append(
            {"name": name, "networks": len(several), "score": float(scores.mean()), "curves": _bands(several)}
        )
    variants.sort(key=lambda each: str(each["name"]))
    return {"variants": variants, "data": plan.get("data")}


def _bands(networks: list[Finished]) -> list[list[float | None]]:
    """Return the mean, the least and the greatest validation loss of each epoch that all networks have."""
    losses = [each.curves.get("validation_loss") or each.curves.get("train_loss") or [] for each in networks]
    epochs = min(map(len, losses), default=0)
    table = np.array([each[:epochs] for each in losses], dtype=np.float64)
    if not epochs:
        return []
    rows = np.stack([table.mean(axis=0), table.min(axis=0), table.max(axis=0)], axis=1)
    return [[_number(value) for value in row] for row in rows.tolist()]


def _number(value: Any) -> float | None:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None
