"""A process for one rival and one workload: it answers its parent's requests, a line of JSON each.

    agree                how far three steps are from NumPy's
    prepare              build the trainer and train one epoch, which compiles what is to be compiled
    epochs {"epochs"}    train so many; the seconds it took, and the share of the cores that others used meanwhile
    probe                the floor's rates (of the worker called "floor")

It ends when the pipe is closed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["busy_seconds", "main"]


def busy_seconds(cores: set[int]) -> float:
    """How long these cores have worked since the machine began, in all processes; NaN where it is not told."""
    try:
        with Path("/proc/stat").open(encoding="ascii") as file:
            lines = [line.split() for line in file if line.startswith("cpu")]
    except OSError:
        return float("nan")
    own = [line for line in lines if line[0][3:].isdigit() and int(line[0][3:]) in cores]
    # All but idle (4) and waiting for a disk (5); guests (9, 10) are counted in user time.
    return sum(int(word) for line in own for word in [*line[1:4], *line[6:9]]) / os.sysconf("SC_CLK_TCK")


class _Worker:
    def __init__(self, name: str, key: str, threads: int) -> None:
        from benchmarks.samples import samples
        from benchmarks.workloads import chosen

        self._threads = threads
        (self._workload,) = [each for each in chosen(key) if each.key == key]
        self._samples = samples(self._workload)
        if name == "floor":
            from benchmarks.floor import Floor

            self._floor = Floor(self._workload, self._samples, threads)
        else:
            from benchmarks.protocol import rivals

            self._rival = rivals()[name]

    def agree(self) -> dict[str, Any]:
        from benchmarks.arithmetic import disagreement

        return {"disagreement": disagreement(self._rival, self._workload, self._threads)}

    def prepare(self) -> dict[str, Any]:
        self._trainer = self._rival.prepare(self._workload, self._samples, self._threads)
        self._trainer.run(1 + self._workload.epochs_before)
        return {"data": self._samples.source}

    def epochs(self, epochs: int) -> dict[str, Any]:
        cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        busy, own, began = busy_seconds(cores), time.process_time(), time.perf_counter()
        self._trainer.run(epochs)
        seconds = time.perf_counter() - began
        others = busy_seconds(cores) - busy - (time.process_time() - own)
        return {"seconds": seconds, "others": max(0.0, others / seconds / max(1, len(cores)))}

    def probe(self) -> dict[str, Any]:
        return self._floor.probe()


def main() -> None:
    """Serve until the parent closes the pipe."""
    name, key, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not come between the answers
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # pools that ask for the cores get one
    worker = _Worker(name, key, threads)
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(worker, request.pop("do"))(**request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
