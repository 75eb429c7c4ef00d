"""Holds the workers of one workload and asks each in turn, so that whatever the machine does meets all alike."""

from __future__ import annotations

import os
import random
import sys
import time
from typing import Any

from benchmarks.process import Failed, Process
from benchmarks.protocol import Rival
from benchmarks.worker import busy_seconds
from benchmarks.workloads import Workload

__all__ = ["Settings", "Worker", "measured"]

_SECONDS = 0.25  # a timed sample lasts at least so long
_DISTURBED = 0.08  # share of the cores that others may use during a sample
_TRIES = 4  # samples until a disturbed one is taken all the same
_DISAGREEMENT = 0.1  # an ε that stands elsewhere makes 0.07
_PAUSE = 0.05  # idle threads of the last worker stop spinning


class Worker(Process):
    """The process of one rival and one workload."""

    def __init__(self, name: str, workload: Workload) -> None:
        self.name = name
        command = [sys.executable, "-m", "benchmarks.worker", name, workload.key, str(workload.cores)]
        super().__init__(command, workload.cores)


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
