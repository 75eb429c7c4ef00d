"""Shapley values beside shap's explainers: seconds and errors, for the same network and background samples.

    python -m benchmarks.explanations [--features 50] [--rows 1000] [--compared 10] [--background 50]

writes a Markdown table; needs shap. Errors are root mean squares over `compared` rows against the exact values, or
above 12 features against 200 pairs of permutations for each background sample. shap's explainers have their defaults.
Seconds are medians of 5 repetitions for deltarule and one run of shap's, all after a first call. Takes about a minute.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import deltarule as dr
from deltarule.types import Floats

EXACT_PAIRS = 200
REPETITIONS = 5


def network(features: int) -> tuple[dr.Model, Floats]:
    """Return a classifier of two classes, 64 units in each of two hidden layers, and samples."""
    x = np.random.default_rng(0).normal(size=(4000, features)).astype(np.float32)
    y = x[:, 0] * x[:, 1] + x[:, 2] + np.sin(2 * x[:, 3]) > 0
    recipe = dr.Recipe(network=dr.Network(hidden=(64, 64)), epochs=8, stopping=None)
    return dr.train(recipe, (x, y)).model, x


def timed(work: Callable[[], Any], repetitions: int) -> tuple[float, Any]:
    """Return the median of the seconds that a call takes, and its last result."""
    seconds, found = [], None
    for _ in range(repetitions):
        began = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds)), found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("features", 50), ("rows", 1000), ("compared", 10), ("background", 50)):
        parser.add_argument(f"--{name}", type=int, default=default)
    chosen = parser.parse_args()
    model, x = network(chosen.features)
    background, rows, few = x[-chosen.background :], x[: chosen.rows], x[: chosen.compared]
    options: dict[str, Any] = {"most_background": chosen.background}
    truth = model.explain(few, background, pairs=EXACT_PAIRS, seed=1, **options).values
    model.explain(few, background, **options)  # compiles
    print("| explainer | rows | seconds | ms a row | RMS error | largest error of a sum |")
    print("| --- | --- | --- | --- | --- | --- |")

    def report(name: str, work: Callable[[], Any], samples: Floats, repetitions: int = 1) -> None:
        seconds, values = timed(work, repetitions)
        error = np.sqrt(np.mean((values[: chosen.compared] - truth) ** 2))
        change = model.predict_proba(samples) - model.predict_proba(background).mean(axis=0)
        gap = np.abs(values.sum(axis=1) - change).max()
        each = 1000 * seconds / len(samples)
        print(f"| {name} | {len(samples)} | {seconds:.2f} | {each:.3g} | {error:.2g} | {gap:.1g} |", flush=True)

    report("deltarule", lambda: model.explain(rows, background, **options).values, rows, REPETITIONS)
    import shap

    def predict(samples: Any) -> Floats:
        return model.predict_proba(np.asarray(samples, np.float32))

    permutation = shap.PermutationExplainer(predict, background, seed=0)
    permutation(few[:2], silent=True)  # compiles
    report("shap, permutation", lambda: permutation(few, silent=True).values, few)
    kernel = shap.KernelExplainer(predict, background)
    kernel.shap_values(few[:1], silent=True)
    report("shap, kernel", lambda: kernel.shap_values(few, silent=True), few)


if __name__ == "__main__":
    main()
