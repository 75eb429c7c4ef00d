"""100 networks compared: `python -m benchmarks.compare` times `dr.compare` on digits beside the epochs alone of others.

Ours is the whole call: five optimizers with 20 seeds each, validation after each epoch, early stopping, the test part,
and all statistics. Of a rival the epochs that these networks took are timed without any of that, a network on each core
at the same time, as if starting and feeding its processes cost nothing. Both are in favour of the rival.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.conductor import Settings
from benchmarks.process import environment
from benchmarks.protocol import rivals
from benchmarks.samples import samples
from benchmarks.workloads import OPTIMIZERS, Workload

__all__ = ["SEEDS", "compared", "workload_of"]

SEEDS = 20
RIVALS = ("pytorch", "scikit_learn")
_EPOCHS = 20
"""So many of a rival's epochs are timed at once."""


def workload_of(optimizer: str) -> Workload:
    """What each network of the comparison learns, in whole batches: 44 of the 45 that the digits have."""
    sizes = (64, 128, 64, 10)
    return Workload("compare", sizes, optimizer, 32, 44 * 32, 1, data="normal", learning_rate=OPTIMIZERS[optimizer])


def compared(optimizers: Sequence[str], seeds: int = SEEDS) -> tuple[float, dict[str, int]]:
    """Seconds of the whole comparison, and the epochs of all networks of each optimizer."""
    import deltarule as dr

    digits = dr.load_dataset("digits")
    variants = dr.vary(dr.Recipe(), optimizer=tuple(optimizers))
    began = time.perf_counter()
    comparison = dr.compare(variants, digits, seeds=seeds)
    assert comparison.sentences
    seconds = time.perf_counter() - began
    return seconds, {name: sum(each.epochs for each in comparison.of(name).values()) for name in optimizers}


def epoch_seconds(name: str, repetitions: int) -> dict[str, float]:
    """Seconds of one epoch of a rival on one core, for each optimizer that it has: the median of the repetitions."""
    found = {}
    for optimizer in OPTIMIZERS:
        workload, rival = workload_of(optimizer), rivals()[name]
        if rival.absence(workload):
            continue
        trainer = rival.prepare(workload, samples(workload), 1)
        trainer.run(_EPOCHS)
        times = []
        for _ in range(repetitions):
            began = time.perf_counter()
            trainer.run(_EPOCHS)
            times.append((time.perf_counter() - began) / _EPOCHS)
        found[optimizer] = statistics.median(times)
    return found


def _on_all_cores(name: str, cores: int, settings: Settings) -> dict[str, float]:
    """Seconds of one epoch of a rival while every core trains one, for each optimizer that it has."""
    call = [sys.executable, "-m", "benchmarks.compare", "--epochs-of", name]
    call += ["--repetitions", str(settings.repetitions)]
    settings.wait_until_quiet()
    processes = [subprocess.Popen(call, env=environment(1), stdout=subprocess.PIPE, text=True) for _ in range(cores)]
    told = [json.loads(process.communicate()[0]) for process in processes]
    return {optimizer: statistics.mean(each[optimizer] for each in told) for optimizer in told[0]}


def _row(name: str, settings: Settings) -> dict[str, Any]:
    from deltarule.engines.threads import allowed_threads

    rival, cores = rivals()[name], allowed_threads()
    if absence := rival.absence(workload_of("sgd")):
        return {"rival": rival.name, "absent": absence}
    each = _on_all_cores(name, cores, settings)
    ours = []
    for _ in range(settings.repetitions):
        settings.wait_until_quiet()
        seconds, epochs = compared(list(each))
        ours.append(seconds)
    theirs = sum(each[optimizer] * epochs[optimizer] for optimizer in each) / cores
    return {
        "rival": rival.name,
        "optimizers": list(each),
        "networks": SEEDS * len(each),
        "cores": cores,
        "ours_seconds": ours,
        "their_epochs_alone_seconds": theirs,
        "ratio": theirs / statistics.median(ours),
    }


def main() -> None:
    """Print a line of JSON for each rival."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--patience", type=float, default=30.0, help="seconds to wait for a quiet machine (30)")
    parser.add_argument("--epochs-of", help="print the seconds of a rival's epochs, and nothing else")
    given = parser.parse_args()
    if given.epochs_of:
        print(json.dumps(epoch_seconds(given.epochs_of, given.repetitions)))
        return
    compared(list(OPTIMIZERS)[:2], seeds=2)
    for name in RIVALS:
        print(json.dumps(_row(name, Settings(given.repetitions, given.patience))), flush=True)


if __name__ == "__main__":
    main()
