"""Synthetic tables: the distribution of the data is known, and so is the best possible score."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables.samples import Array, Samples, Table

__all__ = ["SYNTHETIC"]

_TRAIN, _TEST = 2_000, 4_000

Columns = dict[str, Array]
Make = Callable[[np.random.Generator, int], tuple[Columns, Array, Array]]
"""(generator, rows) to the columns, the target, and what a model predicts that knows the distribution."""


def _numbers(x: Array) -> Columns:
    return {f"x{place}": column for place, column in enumerate(x.T, start=1)}


def _noisy(truth: Array, generator: np.random.Generator, ratio: float) -> Array:
    """Add normal noise, of a standard deviation relative to that of the signal."""
    noise: Array = ratio * truth.std() * generator.normal(size=len(truth))
    return truth + noise


def _drawn(logits: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """Labels 0 and 1 of these logits, and the more probable label."""
    y = generator.uniform(size=len(logits)) < 1 / (1 + np.exp(-logits))
    return y.astype(np.int64), (logits > 0).astype(np.int64)


def _friedman1(generator: np.random.Generator, n: int) -> tuple[Columns, Array, Array]:
    x = generator.uniform(size=(n, 10))
    truth = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return _numbers(x), truth + generator.normal(size=n), truth


def _reactance(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
    """The inputs of Friedman's second and third problem, and the reactance x₂x₃ − 1/(x₂x₄)."""
    low, high = np.array([0, 40 * np.pi, 0, 1]), np.array([100, 560 * np.pi, 1, 11])
    x = low + (high - low) * generator.uniform(size=(n, 4))
    return x, x[:, 1] * x[:, 2] - 1 / (x[:, 1] * x[:, 3])


def _friedman2(generator: np.random.Generator, n: int) -> tuple[Columns, Array, Array]:
    x, reactance = _reactance(generator, n)
    truth = np.hypot(x[:, 0], reactance)
    return _numbers(x), _noisy(truth, generator, 1 / 3), truth


def _friedman3(generator: np.random.Generator, n: int) -> tuple[Columns, Array, Array]:
    x, reactance = _reactance(generator, n)
    truth = np.arctan2(reactance, x[:, 0])
    return _numbers(x), _noisy(truth, generator, 1 / 3), truth


def _shop(generator: np.random.Generator, n: int) -> tuple[Columns, Array]:
    """A shop's days: two categories, four numbers; the effect of a number depends on the category."""
    city, kind = generator.integers(0, 12, n), generator.integers(0, 4, n)
    x = generator.normal(size=(n, 4))
    x[:, 3] = np.exp(x[:, 3])  # a long tail
    base = np.sin(1.7 * np.arange(12))[city]
    slope = np.array([1.0, -1.0, 0.4, 0.0])[kind]
    signal = base + slope * x[:, 0] + 0.8 * x[:, 1] * x[:, 2] * (city % 3 == 0) + 0.5 * np.log(x[:, 3])
    text = {
        "city": np.array([f"city {number}" for number in range(12)], dtype=object)[city],
        "kind": np.array(["book", "food", "game", "tool"], dtype=object)[kind],
    }
    return {**text, **_numbers(x)}, signal


def _shop_numbers(generator: np.random.Generator, n: int) -> tuple[Columns, Array, Array]:
    columns, signal = _shop(generator, n)
    return columns, _noisy(signal, generator, 1 / 3), signal


def _shop_classes(generator: np.random.Generator, n: int) -> tuple[Columns, Array, Array]:
    columns, signal = _shop(generator, n)
    return columns, *_drawn(3 * signal, generator)


def _irrelevant_numbers(generator: np.random.Generator, n: int) -> tuple[Columns, Array, Array]:
    x = generator.normal(size=(n, 40))
    truth = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + np.abs(x[:, 3])
    return _numbers(x), _noisy(truth, generator, 1 / 3), truth


def _irrelevant_classes(generator: np.random.Generator, n: int) -> tuple[Columns, Array, Array]:
    x = generator.normal(size=(n, 40))
    return _numbers(x), *_drawn(4 * (x[:, 0] * x[:, 1] + 0.5 * x[:, 2] - 0.3 * x[:, 3] ** 2), generator)


def _steps(generator: np.random.Generator, n: int) -> tuple[Columns, Array, Array]:
    """Constant in boxes parallel to the axes."""
    x = generator.uniform(size=(n, 6))
    truth = 2.0 * (x[:, 0] > 0.3) * (x[:, 1] > 0.6) - 1.5 * (x[:, 2] > 0.5) + np.floor(4 * x[:, 3]) * (x[:, 4] < 0.4)
    return _numbers(x), _noisy(truth, generator, 1 / 3), truth


def _waves(generator: np.random.Generator, n: int) -> tuple[Columns, Array, Array]:
    """Smooth along a direction that no axis has."""
    x = generator.normal(size=(n, 6))
    direction = np.array([1.0, -1.0, 0.5, 0.5, 0.0, 0.0])
    truth = np.sin(1.5 * x @ direction) + 0.3 * x[:, 4]
    return _numbers(x), _noisy(truth, generator, 1 / 3), truth


def _table(name: str, about: str, make: Make, *, classes: bool = False) -> Table:
    """A table of which each split is drawn afresh."""

    def draw(_: Path | None, number: int) -> Samples:
        import pandas as pd

        generator = np.random.default_rng([zlib.crc32(name.encode()), number])
        columns, y, truth = make(generator, _TRAIN + _TEST)
        frame: Any = pd.DataFrame(columns)
        for column in frame.columns:
            if frame[column].dtype.kind != "f":
                frame[column] = frame[column].astype(object).astype("category")
        tested = frame.iloc[_TRAIN:].reset_index(drop=True)
        return Samples(frame.iloc[:_TRAIN], y[:_TRAIN], tested, y[_TRAIN:], truth[_TRAIN:])

    return Table(name, "classification" if classes else "regression", about, draw)


_SIGNAL = "noise of a third of the signal's standard deviation"

SYNTHETIC = {
    "shop-classes": _table(
        "shop, classes",
        "synthetic: 2 categories with interactions, 4 numbers; labels drawn",
        _shop_classes,
        classes=True,
    ),
    "irrelevant-classes": _table(
        "irrelevant columns, classes",
        "synthetic: 4 of 40 columns count; labels drawn",
        _irrelevant_classes,
        classes=True,
    ),
    "friedman1": _table("Friedman 1", "synthetic (Friedman, 1991): 5 of 10 columns count; noise 1", _friedman1),
    "friedman2": _table("Friedman 2", f"synthetic (Friedman, 1991): impedance; {_SIGNAL}", _friedman2),
    "friedman3": _table("Friedman 3", f"synthetic (Friedman, 1991): phase; {_SIGNAL}", _friedman3),
    "shop": _table("shop", f"synthetic: 2 categories with interactions, 4 numbers; {_SIGNAL}", _shop_numbers),
    "irrelevant": _table("irrelevant columns", f"synthetic: 4 of 40 columns count; {_SIGNAL}", _irrelevant_numbers),
    "steps": _table("steps", f"synthetic: constant in boxes; {_SIGNAL}", _steps),
    "waves": _table("waves", f"synthetic: smooth in an oblique direction; {_SIGNAL}", _waves),
}
"""The synthetic tables, by their keys."""
