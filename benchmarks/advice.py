"""Whether the analysis's advice holds: train, take its remedies, train with them over seeds, and compare test scores.

    python -m benchmarks.advice [--data FOLDER] [--seeds 10] [--draws 1] [NAME ...]

writes a row of a Markdown table for each remedy. A remedy fails where the test score is lower beyond chance.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule.studies.diagnose import ErrorAnalysis, Remedy, analyze_run

JUDGED = 3
"""Runs of different seeds whose analyses are followed."""
TEST = 4000


@dataclass(frozen=True)
class Outcome:
    """A remedy followed, or none where no change of the recipe was given.

    difference : the mean test score with it minus that without, over the seeds; `low` to `high` is its 95 % interval.
    analyses : how many of the analyses gave it.
    """

    data: str
    remedy: Remedy | None
    analyses: int
    score: float
    difference: float = 0.0
    low: float = 0.0
    high: float = 0.0
    worse: bool = False

    def row(self) -> str:
        """The row of the table."""
        name = "none" if self.remedy is None else f"{self.remedy.text}: `{self.remedy.options}`"
        found = "" if self.remedy is None else f"{self.difference:+.4f} ({self.low:+.4f} to {self.high:+.4f})"
        held = "" if self.remedy is None else "**lower**" if self.worse else "holds"
        return f"| {self.data} | {self.score:.4f} | {name} | {self.analyses} of {JUDGED} | {found} | {held} |"


Make = Callable[[np.random.Generator, int], tuple[Any, Any]]


def _split(make: Make, train: int, validation: int, draw: int, shifted: Make | None = None) -> dr.Dataset:
    rng = np.random.default_rng(draw)
    sets = [make(rng, train), make(rng, validation), (shifted or make)(rng, TEST)]
    return dr.Dataset(train=sets[0], validation=sets[1], test=sets[2])


def _logistic(d: int, scale: float) -> Make:
    slope = np.random.default_rng(99).normal(size=d) * scale / np.sqrt(d)

    def make(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
        x = rng.normal(size=(n, d))
        return x, (rng.uniform(size=n) < 1 / (1 + np.exp(-x @ slope))).astype(int)

    return make


def _rings(flipped: float) -> Make:
    def make(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
        x = rng.normal(size=(n, 6))
        y = (x[:, 0] ** 2 + x[:, 1] ** 2 > 1.4).astype(int)
        return x, np.where(rng.uniform(size=n) < flipped, 1 - y, y)

    return make


def _noise(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    return rng.normal(size=(n, 10)), np.where(rng.uniform(size=n) < 17 / 600, "sick", "well")


def _line(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    x = rng.normal(size=(n, 10))
    return x, x @ np.arange(1.0, 11.0) + rng.normal(size=n)


def _wave(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    x = rng.uniform(-2, 2, size=(n, 2))
    return x, np.sin(3 * x[:, 0]) * x[:, 1] + 0.1 * rng.normal(size=n)


def _wide(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    x = rng.normal(size=(n, 400))
    return x, (x[:, :5].sum(axis=1) + rng.normal(size=n) > 0).astype(int)


def _fraud(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    x, y = rng.normal(size=(n, 8)), (rng.uniform(size=n) < 0.01).astype(int)
    return x + 1.2 * y[:, None] * np.array([1, 1, 1, 0, 0, 0, 0, 0]), y


def _leak(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    x, y = _logistic(6, 1.0)(rng, n)
    return np.column_stack([x, y + 0.01 * rng.normal(size=n)]), y


def _shifted(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    x, y = _rings(0.05)(rng, 3 * n)
    rows = np.argsort(-x[:, 2] + 0.5 * rng.normal(size=3 * n))[:n]
    return x[rows] + 0.3, y[rows]


def _repeated(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    x, y = _logistic(10, 2.0)(rng, max(1, n // 4))
    return np.repeat(x, 4, axis=0), np.repeat(y, 4)


def _copies_across(draw: int) -> dr.Dataset:
    """Each of 250 samples four times, split at random, so that most validation samples are also training samples."""
    rng = np.random.default_rng(draw)
    x, y = _repeated(rng, 1000)
    rows = rng.permutation(1000)
    train, validation = rows[:800], rows[800:]
    return dr.Dataset((x[train], y[train]), (x[validation], y[validation]), _logistic(10, 2.0)(rng, TEST))


def _few_values(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    x = rng.integers(0, 3, size=(n, 4)).astype(float)
    return x, (rng.uniform(size=n) < 1 / (1 + np.exp(-x @ np.array([1.0, -1.0, 0.5, 0.0])))).astype(int)


def _product(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    x = rng.normal(size=(n, 4))
    p = 1 / (1 + np.exp(-2 * x[:, 0] * x[:, 1] - x[:, 2]))
    return x, (rng.uniform(size=n) < p).astype(int)


def _blobs(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    y = rng.integers(0, 3, n)
    return rng.normal(size=(n, 4)) + 8 * np.eye(4)[y], y


MADE: dict[str, Callable[[int], tuple[dr.Dataset, dr.Recipe]]] = {
    "noisy table": lambda draw: (_split(_logistic(20, 1.0), 900, 300, draw), dr.Recipe()),
    "pure noise": lambda draw: (_split(_noise, 600, 150, draw), dr.Recipe()),
    "linear truth": lambda draw: (_split(_line, 600, 150, draw), dr.Recipe()),
    "label noise": lambda draw: (_split(_rings(0.2), 1500, 400, draw), dr.Recipe()),
    "50 rows": lambda draw: (_split(_logistic(5, 3.0), 40, 10, draw), dr.Recipe()),
    "wide": lambda draw: (_split(_wide, 200, 60, draw), dr.Recipe()),
    "imbalanced": lambda draw: (_split(_fraud, 6000, 1500, draw), dr.Recipe()),
    "leak": lambda draw: (_split(_leak, 800, 200, draw), dr.Recipe()),
    "shift": lambda draw: (_split(_rings(0.05), 1500, 400, draw, shifted=_shifted), dr.Recipe()),
    "duplicated rows": lambda draw: (_split(_repeated, 800, 200, draw), dr.Recipe()),
    "copies across sets": lambda draw: (_copies_across(draw), dr.Recipe()),
    "few values": lambda draw: (_split(_few_values, 900, 300, draw), dr.Recipe()),
    "already perfect": lambda draw: (_split(_blobs, 600, 150, draw), dr.Recipe()),
    "few epochs": lambda draw: (_split(_wave, 1500, 400, draw), dr.Recipe(epochs=12)),
    "high learning rate": lambda draw: (_split(_rings(0.0), 3000, 600, draw), dr.Recipe(optimizer=dr.Adam(0.02))),
    "weak interactions": lambda draw: (_split(_product, 4000, 800, draw), dr.Recipe(optimizer=dr.Adam(0.01))),
    "digits": lambda draw: (dr.load_dataset("digits", seed=draw), dr.Recipe()),
}
"""Data sets and recipes by name, for the number of a draw; `adult` is added where its files are given."""


def adult(folder: Path, draw: int) -> tuple[dr.Dataset, dr.Recipe]:
    """The census data of the UCI Machine Learning Repository."""
    train = dr.load_dataset(str(folder / "adult_train.csv"), target="income", split="official").train
    test = dr.load_dataset(str(folder / "adult_test.csv"), target="income", split="official").train
    return dr.Dataset(train=train, test=test).with_validation(fraction=0.1, seed=draw), dr.Recipe()


def analyses(data: dr.Dataset, recipe: dr.Recipe) -> Iterator[ErrorAnalysis]:
    """The analyses on runs of different seeds."""
    for seed in range(JUDGED):
        yield analyze_run(dr.train(recipe.replace(seed=seed), data), data)


def followed(name: str, data: dr.Dataset, recipe: dr.Recipe, seeds: int = 10) -> list[Outcome]:
    """What each change of the recipe that an analysis gives does to the test score, over seeds."""
    found = list(analyses(data, recipe))
    given = {each.options: each for said in found for each in said.remedies if each.change}
    if not given:
        return [Outcome(name, None, JUDGED, dr.train(recipe, data).model.score(data.test.x, data.test.y))]
    recipes = {"as it was": recipe, **{options: each.applied(recipe) for options, each in given.items()}}
    comparison = dr.compare(recipes, data, seeds=seeds)
    outcomes = []
    for options, remedy in given.items():
        difference = comparison.difference(options, "as it was")
        times = sum(any(each.options == options for each in said.remedies) for said in found)
        score = comparison.summaries["as it was"].mean
        worse = difference.significant and difference.mean < 0
        outcomes.append(
            Outcome(name, remedy, times, score, difference.mean, difference.low, difference.high, worse=worse)
        )
    return outcomes


def main(arguments: Sequence[str] | None = None) -> None:
    """Follow the advice on all data sets, or on those named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--data", type=Path, help="folder with adult_train.csv and adult_test.csv")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--draws", type=int, default=1, help="draws of each data set")
    given = parser.parse_args(arguments)
    made = dict(MADE)
    if given.data is not None:
        made["adult"] = lambda draw: adult(given.data, draw)
    chosen: Iterable[str] = given.names or made
    print("| data | test score | change advised | by analyses | change of the test score | |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, draw in itertools.product(chosen, range(given.draws)):
        for outcome in followed(name, *made[name](draw), given.seeds):
            print(outcome.row(), flush=True)


if __name__ == "__main__":
    main()
