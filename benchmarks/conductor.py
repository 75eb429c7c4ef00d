"""Holds the workers of one workload and asks each in turn, so that whatever the machine does meets all alike."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.protocol import Rival
from benchmarks.worker import busy_seconds
from benchmarks.workloads import Workload

__all__ = ["Failed", "Settings", "Worker", "environment", "measured"]

_SECONDS = 0.25  # a timed sample lasts at least so long
_DISTURBED = 0.08  # share of the cores that others may use during a sample
_TRIES = 4  # samples until a disturbed one is taken all the same
_DISAGREEMENT = 0.1  # an ε that stands elsewhere makes 0.07
_PAUSE = 0.05  # idle threads of the last worker stop spinning


class Failed(RuntimeError):
    """A worker that ended before its time, with its last words."""


class Worker:
    """A process that serves requests; it ends with the `with` statement."""

    def __init__(self, name: str, workload: Workload) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed in __exit__)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, workload.key, str(workload.cores)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment(workload.cores),
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """What the worker answers; `Failed` where it does not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._errors.seek(0)
            words = self._errors.read().strip().splitlines()
            raise Failed(words[-1] if words else "it ended without a word")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Settings:
    """How often, and how long to wait for a quiet machine."""

    def __init__(self, repetitions: int, patience: float) -> None:
        self.repetitions, self.patience = repetitions, patience

    def wait_until_quiet(self) -> None:
        """Wait until others use hardly any of the machine, or for so long at the most."""
        end = time.perf_counter() + self.patience
        cores = set(range(os.cpu_count() or 1))
        while time.perf_counter() < end:
            busy = busy_seconds(cores)
            time.sleep(0.2)
            if not (busy_seconds(cores) - busy) / 0.2 / len(cores) > _DISTURBED:
                return


def environment(threads: int) -> dict[str, str]:
    """The variables of a process that may use so many threads, whichever library it asks."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NPROC")
    count = dict.fromkeys(names, str(threads))
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return {**os.environ, **count, "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": path}


def measured(workload: Workload, team: dict[str, Rival], settings: Settings) -> dict[str, Any]:
    """Times of a step, for each rival; why the others are absent; and the floor's probes."""
    absent = {rival.name: why for rival in team.values() if (why := rival.absence(workload))}
    runners = [name for name, rival in team.items() if rival.name not in absent]
    workers: dict[str, Worker] = {}
    found: dict[str, dict[str, Any]] = {}
    floor = Worker("floor", workload)
    try:
        for name in runners:
            worker = Worker(name, workload)
            workers[name] = worker
            try:
                found[name] = _prepared(worker, workload)
            except Failed as failure:
                absent[team[name].name] = f"failed: {failure}"
        probes = []
        order, generator = list(found), random.Random(0)
        for _ in range(settings.repetitions):
            generator.shuffle(order)
            settings.wait_until_quiet()
            probes.append(floor.ask("probe"))
            for name in order:
                _sample(workers[name], workload, found[name], settings)
    finally:
        for worker in [*workers.values(), floor]:
            worker.__exit__()
    return {"rivals": {team[name].name: figures for name, figures in found.items()}, "absent": absent, "floor": probes}


def _prepared(worker: Worker, workload: Workload) -> dict[str, Any]:
    """Check the worker's arithmetic, warm it up, and find how many epochs a sample needs."""
    disagreement = worker.ask("agree")["disagreement"]
    if not disagreement < _DISAGREEMENT:
        raise Failed(f"its steps are not NumPy's: {disagreement:.2g} of the way apart")
    source = worker.ask("prepare")["data"]
    epochs = 1
    while (seconds := worker.ask("epochs", epochs=epochs)["seconds"]) < _SECONDS:
        # JAX compiles anew for each number of epochs: a second look tells how long they take.
        seconds = min(seconds, worker.ask("epochs", epochs=epochs)["seconds"])
        if seconds >= _SECONDS:
            break
        epochs = max(epochs + 1, min(100 * epochs, round(1.2 * epochs * _SECONDS / seconds)))
    worker.ask("epochs", epochs=epochs)
    return {
        "disagreement": disagreement,
        "data": source,
        "epochs": epochs,
        "steps": epochs * workload.steps,
        "microseconds": [],
        "others": [],
        "set_aside": [],
    }


def _sample(worker: Worker, workload: Workload, figures: dict[str, Any], settings: Settings) -> None:
    """Time one sample; one during which others used the cores is set aside and taken again, whatever it said."""
    for attempt in range(_TRIES):
        time.sleep(_PAUSE)
        if attempt:
            settings.wait_until_quiet()
        answer = worker.ask("epochs", epochs=figures["epochs"])
        step = 1e6 * answer["seconds"] / (figures["epochs"] * workload.steps)
        if not answer["others"] > _DISTURBED or attempt == _TRIES - 1:
            break
        figures["set_aside"].append(step)
    figures["microseconds"].append(step)
    figures["others"].append(round(answer["others"], 4))
