"""What recording a run's losses costs, and how long its diagnosis takes, as multiples of the run.

    python -m benchmarks.diagnosis_time [--pairs 20] [--diagnoses 5] [--cpu]

Runs with and without `record="batch"` alternate, so that a slow minute of the machine slows both. The table has
geometric means with 95 % intervals (Student's t of the logarithms). `--cpu` counts the processor's seconds, with one
thread, where other programs use the machine. Takes some minutes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np

import deltarule as dr
from deltarule.studies.diagnose.case import Case


def workloads() -> Iterator[tuple[str, dr.Recipe, dr.Dataset]]:
    """Yield names, recipes and data sets."""
    yield "digits, the default recipe", dr.Recipe(), dr.load_dataset("digits")
    draws = np.random.default_rng(0)
    x = draws.normal(size=(20_000, 50)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + x[:, 2] + draws.normal(size=len(x)) > 0).astype(int)
    recipe = dr.Recipe(network=dr.Network(hidden=(128, 64)), epochs=10, stopping=None)
    yield (
        "20,000 rows of 50, 128 and 64 units, 10 epochs",
        recipe,
        dr.Dataset((x[:16_000], y[:16_000]), (x[16_000:], y[16_000:])),
    )


def interval(logarithms: list[float]) -> tuple[float, float, float]:
    """Return the geometric mean and the ends of its 95 % interval."""
    from scipy import stats

    mean, n = float(np.mean(logarithms)), len(logarithms)
    half = float(stats.t.ppf(0.975, n - 1) * np.std(logarithms, ddof=1) / np.sqrt(n))
    return float(np.exp(mean)), float(np.exp(mean - half)), float(np.exp(mean + half))


def measured(recipe: dr.Recipe, data: dr.Dataset, pairs: int, diagnoses: int, *, cpu: bool) -> dict[str, list[float]]:
    """Return the logarithms of the seconds that each takes over those of a run that records nothing."""
    clock, threads = (time.process_time, 1) if cpu else (time.perf_counter, None)

    def seconds(work: Callable[[], object]) -> float:
        began = clock()
        work()
        return clock() - began

    def trained(record: str | None = None) -> dr.Run:
        return dr.train(recipe, data, record=record, n_threads=threads)

    run = trained()
    parts: dict[str, Callable[[], object]] = {
        'the run with record="batch"': lambda: trained("batch"),
        "replay of activations and gradients": lambda: Case(run.model, data, run.history).replay,
        "short diagnosis": lambda: dr.diagnose(run, short=True),
        "full diagnosis": lambda: dr.diagnose(run),
    }
    found: dict[str, list[float]] = {}
    for name, work in parts.items():
        work()  # compiles
        for pair in range(pairs if "record" in name else diagnoses):
            both = [seconds(each) for each in ((work, trained) if pair % 2 else (trained, work))]
            numerator, denominator = both if pair % 2 else reversed(both)
            found.setdefault(name, []).append(float(np.log(numerator / denominator)))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--diagnoses", type=int, default=5)
    parser.add_argument("--cpu", action="store_true")
    chosen = parser.parse_args()
    print("| run | what | times the run, 95 % | n |", "| --- | --- | --- | --- |", sep="\n")
    for name, recipe, data in workloads():
        for part, logarithms in measured(recipe, data, chosen.pairs, chosen.diagnoses, cpu=chosen.cpu).items():
            ratio, low, high = interval(logarithms)
            print(f"| {name} | {part} | {ratio:.3g} ({low:.3g} to {high:.3g}) | {len(logarithms)} |", flush=True)


if __name__ == "__main__":
    main()
