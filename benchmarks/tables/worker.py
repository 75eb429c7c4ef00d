"""A process for one model: it answers its parent's requests, a line of JSON each.

    about                why it cannot fit here, or "", and the versions of what it needs
    warm                 fit and predict a few rows, so that imports and caches are ready
    fit {table, split}   fit, predict, and tell the scores and the seconds

An answer is {"error": ...} where the model raises one, {"absent": ...} where the table's file is not there. The process
ends when the pipe is closed. It imports neither deltarule nor any other package that the model does not need.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables.protocol import Rival, rivals
from benchmarks.tables.samples import Absent, Array, Samples, digest_of
from benchmarks.tables.tables import TABLES

__all__ = ["main", "scores"]

_LEAST_PROBABILITY = 1e-7
"""Probabilities below are counted as this one in the log-loss, as float32 has no more digits next to 1."""


@dataclass(frozen=True)
class _Clock:
    """Wall time, and the processor's time of this process and its children."""

    wall: float
    cpu: float

    @staticmethod
    def now() -> _Clock:
        children = os.times()  # in steps of 10 ms; those of `process_time` are finer
        return _Clock(time.perf_counter(), time.process_time() + children.children_user + children.children_system)

    def since(self, kind: str) -> dict[str, float]:
        now = _Clock.now()
        return {f"{kind}_seconds": now.wall - self.wall, f"{kind}_cpu_seconds": now.cpu - self.cpu}


def scores(task: str, predicted: Array, probabilities: Array | None, y: Array) -> dict[str, float]:
    """The accuracy and the log-loss, or R² and the root mean squared error."""
    if task == "regression":
        error = float(np.mean((np.asarray(predicted, dtype=float).reshape(-1) - y) ** 2))
        return {"score": 1 - error / float(np.var(y)), "rmse": error**0.5}
    found = {"score": float(np.mean(np.asarray(predicted).reshape(-1) == y))}
    if probabilities is not None:
        p = np.asarray(probabilities, dtype=float)
        p = np.clip(p, _LEAST_PROBABILITY, 1)
        p /= p.sum(axis=1, keepdims=True)
        found["log_loss"] = float(-np.mean(np.log(p[np.arange(len(y)), y])))
    return found


class _Worker:
    def __init__(self, rival: Rival, folder: Path | None, threads: int) -> None:
        self._rival, self._folder, self._threads = rival, folder, threads

    def about(self) -> dict[str, Any]:
        versions = {"Python": platform.python_version(), **self._rival.versions()}
        return {"absence": self._rival.absence(), "versions": versions}

    def warm(self) -> dict[str, Any]:
        for key in ("wine", "diabetes"):
            table = TABLES[key]
            samples = table.draw(self._folder, 0)
            rows = slice(0, 90)
            self._fitted(table.task, 0, Samples(samples.x[rows], samples.y[rows], samples.x[rows], samples.y[rows]))
        return {}

    def fit(self, table: str, split: int) -> dict[str, Any]:
        samples = TABLES[table].draw(self._folder, split)
        about = {
            "digest": digest_of(samples),
            "rows": len(samples.y),
            "test_rows": len(samples.test_y),
            "columns": samples.x.shape[1],
        }
        if samples.truth is not None:
            about["truth"] = scores(TABLES[table].task, samples.truth, None, samples.test_y)["score"]
        return about | self._fitted(TABLES[table].task, split, samples)

    def _fitted(self, task: str, seed: int, samples: Samples) -> dict[str, Any]:
        model = self._rival.make(task, seed, self._threads)
        clock = _Clock.now()
        model.fit(samples.x, samples.y)
        found = clock.since("fit")
        clock = _Clock.now()
        answer = model.predict(samples.test_x)
        found |= clock.since("predict")
        probabilities = model.predict_proba(samples.test_x) if task == "classification" else None
        found |= scores(task, answer, probabilities, samples.test_y)
        return found | self._rival.further(model, samples.test_x, samples.test_y)


def _answer(worker: _Worker, do: str, **arguments: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = getattr(worker, do)(**arguments)
    except Exception as error:  # noqa: BLE001  (what a model raises is a result)
        kind = "absent" if isinstance(error, Absent) else "error"
        return {kind: f"{type(error).__name__}: {error}".partition("\n")[0]}
    return answer


def main() -> None:
    """Serve until the parent closes the pipe."""
    name, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not come between the answers
    warnings.simplefilter("ignore")
    worker = _Worker(rivals()[name], Path(folder) if folder else None, threads)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(_answer(worker, **request)), file=answers, flush=True)


if __name__ == "__main__":
    main()
