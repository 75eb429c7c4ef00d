"""Suspicious labels beside cleanlab: recall and precision on flipped labels, with the same out-of-fold probabilities.

    python -m benchmarks.label_errors [--data ../shared/data] [--samples 10000] [--flipped 0.05] [--draws 3]

writes a Markdown table; needs cleanlab, and the files of MNIST and adult in the folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import deltarule as dr
from deltarule.studies.out_of_fold import OutOfFold

METHODS = ("prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "low_normalized_margin")


def images(folder: Path, samples: int) -> tuple[Any, npt.NDArray[Any], dr.Recipe]:
    """Return the first samples of MNIST and a recipe."""
    train = dr.load_dataset("mnist", data_dir=folder).train
    recipe = dr.Recipe(
        network=dr.Network(hidden=(100,)), optimizer=dr.Adam(learning_rate=1e-3), epochs=10, stopping=None
    )
    return train.x[:samples], train.y[:samples], recipe


def incomes(folder: Path, samples: int) -> tuple[Any, npt.NDArray[Any], dr.Recipe]:
    """Return the first samples of adult and a recipe."""
    train = dr.load_dataset(folder / "tabular" / "adult_train.csv", target="income").train
    recipe = dr.Recipe(network=dr.Network(hidden=(64,)), optimizer=dr.Adam(learning_rate=1e-3), epochs=8, stopping=None)
    return train.x[:samples], train.y[:samples], recipe


def flipped(y: npt.NDArray[Any], fraction: float, seed: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return labels of which a fraction is replaced by another class, and the rows of these."""
    draws = np.random.default_rng(seed)
    labels, codes = np.unique(y, return_inverse=True)
    rows = np.sort(draws.choice(len(y), round(fraction * len(y)), replace=False))
    codes[rows] = (codes[rows] + draws.integers(1, len(labels), len(rows))) % len(labels)
    return labels[codes], rows


def methods(found: OutOfFold, x: Any, y: npt.NDArray[Any]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield the rows that each method finds."""
    yield "deltarule", dr.suspicious_labels(found, dr.Part(x, y)).rows
    yield "deltarule, strict", dr.suspicious_labels(found, dr.Part(x, y), strict=True).rows
    from cleanlab.filter import find_label_issues

    for method in METHODS:
        mask = find_label_issues(found.codes, found.predictions, filter_by=method, n_jobs=1)
        yield f"cleanlab, {method}", np.flatnonzero(mask)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--flipped", type=float, default=0.05)
    parser.add_argument("--draws", type=int, default=3)
    chosen = parser.parse_args()
    print("| data | method | found | recall | precision |", "| --- | --- | --- | --- | --- |", sep="\n")
    sources: dict[str, Callable[[Path, int], Any]] = {"MNIST": images, "adult": incomes}
    for name, source in sources.items():
        x, y, recipe = source(chosen.data, chosen.samples)
        scores: dict[str, list[tuple[float, float, float]]] = {}
        for seed in range(chosen.draws):
            wrong, rows = flipped(y, chosen.flipped, seed)
            found = dr.out_of_fold(recipe, dr.Part(x, wrong), seed=seed)
            for method, suspicious in methods(found, x, wrong):
                hits = len(np.intersect1d(suspicious, rows))
                score = (len(suspicious), hits / len(rows), hits / max(1, len(suspicious)))
                scores.setdefault(method, []).append(score)
        for method, each in scores.items():
            count, recall, precision = np.mean(each, axis=0)
            print(f"| {name} | {method} | {count:,.0f} | {recall:.4f} | {precision:.4f} |", flush=True)


if __name__ == "__main__":
    main()
