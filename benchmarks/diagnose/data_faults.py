"""Faults of the data: each puts a fault of a strength of 0, 1 or 2 into a setting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.diagnose.samples import Setting

Random = np.random.Generator


def copies_across(s: Setting, k: int, rng: Random) -> Setting:
    """Validation samples that are training samples."""
    n = round((0.05, 0.2, 0.5)[k] * len(s.held_x))
    rows = rng.permutation(len(s.x))[:n]
    x, y = s.held_x.copy(), s.held_y.copy()
    x[:n], y[:n] = s.x[rows], s.y[rows]
    return replace(s, held_x=x, held_y=y)


def copies_within(s: Setting, k: int, rng: Random) -> Setting:
    """Copies of training samples."""
    n = round((0.1, 0.3, 0.6)[k] * len(s.x))
    rows = rng.permutation(len(s.x))
    rows[-n:] = rng.choice(rows[:-n], n)
    return replace(s, x=s.x[rows], y=s.y[rows])


def contradictions(s: Setting, k: int, rng: Random) -> Setting:
    """Copies of training samples with other labels."""
    n = round((0.03, 0.1, 0.25)[k] * len(s.x))
    x, y = s.x.copy(), s.y.copy()
    classes = int(y.max()) + 1
    x[:n], y[:n] = x[n : 2 * n], (y[n : 2 * n] + rng.integers(1, classes, n)) % classes
    return replace(s, x=x, y=y)


def flipped_labels(s: Setting, k: int, rng: Random) -> Setting:
    """Labels of both sets that are replaced by another class."""
    made = []
    for y in (s.y, s.held_y):
        classes, wrong = int(s.y.max()) + 1, rng.uniform(size=len(y)) < (0.05, 0.1, 0.2)[k]
        made.append(np.where(wrong, (y + rng.integers(1, classes, len(y))) % classes, y))
    return replace(s, y=made[0], held_y=made[1])


def leak(s: Setting, k: int, rng: Random) -> Setting:
    """An input that knows the target."""
    spread = (0.15, 0.05, 0.005)[k] * (1.0 if s.classes else float(s.y.std()))
    column = [y + spread * rng.normal(size=len(y)) for y in (s.y, s.held_y)]
    return replace(s, x=np.column_stack([s.x, column[0]]), held_x=np.column_stack([s.held_x, column[1]]))


def identifier(s: Setting, k: int, rng: Random) -> Setting:
    """A number of the row."""
    several = (1, 3, 100)[k] * len(s.x)
    draw = rng.choice(several * 10, len(s.x) + len(s.held_x), replace=False).astype(float)
    return replace(s, x=np.column_stack([s.x, draw[: len(s.x)]]), held_x=np.column_stack([s.held_x, draw[len(s.x) :]]))


def missing_class(s: Setting, k: int, rng: Random) -> Setting:
    """A validation set without one class, or without two."""
    classes = rng.permutation(np.unique(s.y))[: 1 if len(np.unique(s.y)) < 3 else (1, 1, 2)[k]]
    rows = ~np.isin(s.held_y, classes)
    return replace(s, held_x=s.held_x[rows], held_y=s.held_y[rows])


def input_shift(s: Setting, k: int, rng: Random) -> Setting:
    """Validation inputs that are shifted."""
    signs = rng.choice([-1.0, 1.0], s.x.shape[1])
    return replace(s, held_x=s.held_x + (0.3, 0.7, 1.5)[k] * signs * s.x.std(axis=0))


def target_shift(s: Setting, k: int, rng: Random) -> Setting:
    """A validation set with few of one class, or with high targets alone."""
    if s.classes:
        rows = (s.held_y != np.unique(s.y)[0]) | (rng.uniform(size=len(s.held_y)) < (0.6, 0.3, 0.1)[k])
    else:
        rows = s.held_y >= np.quantile(s.held_y, (0.3, 0.5, 0.7)[k])
    return replace(s, held_x=s.held_x[rows], held_y=s.held_y[rows])


def few_validation(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """A validation set of a few samples."""
    n = (30, 16, 8)[k]
    return replace(s, held_x=s.held_x[:n], held_y=s.held_y[:n])


def imbalance(s: Setting, k: int, rng: Random) -> Setting:
    """Classes of which all but one are rare."""
    left = (0.1, 0.05, 0.03)[k] / (len(np.unique(s.y)) - 1) ** 0.5
    rows, held = ((y == 1) | (rng.uniform(size=len(y)) < left) for y in (s.y, s.held_y))
    for y, kept in ((s.y, rows), (s.held_y, held)):
        for label in np.unique(y):
            kept[np.flatnonzero(y == label)[:1]] = True
    return replace(s, x=s.x[rows], y=s.y[rows], held_x=s.held_x[held], held_y=s.held_y[held])


def constant_columns(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Further inputs with one value."""
    added = max(1, round((0.15, 0.5, 2.0)[k] * s.x.shape[1]))
    return s.both(lambda x: np.hstack([x, np.full((len(x), added), 3.0)]))


def duplicated_columns(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Inputs twice, the second time in other units."""
    added = max(1, round((0.15, 0.5, 1.0)[k] * s.x.shape[1]))
    return s.both(lambda x: np.hstack([x, 100.0 * x[:, :added] - 7.0]))


def unscaled(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Large inputs that are not scaled."""
    size = (10.0, 100.0, 1000.0)[k] / s.x.std(axis=0).mean()
    return s.both(lambda x: size * x).edited(scaling="none")


def sentinels(s: Setting, k: int, rng: Random) -> Setting:
    """Missing values that are coded as a number."""
    share, columns = (0.02, 0.05, 0.2)[k], (1, 1, max(2, s.x.shape[1] // 2))[k]
    low = s.x.min() - 30 * np.ptp(s.x)

    def coded(x: Any) -> Any:
        x = x.copy()
        x[:, :columns] = np.where(rng.uniform(size=(len(x), columns)) < share, low, x[:, :columns])
        return x

    return s.both(coded)


def extreme_values(s: Setting, k: int, rng: Random) -> Setting:
    """Single values that are far too large."""
    columns = (1, 2, s.x.shape[1])[k]
    x = s.x.copy()
    for column in range(columns):
        rows = rng.choice(len(x), 3, replace=False)
        x[rows, column] = (100.0, 1e3, 1e4)[k] * x[:, column].std() * rng.uniform(1, 2, 3)
    return replace(s, x=x)


def unscaled_targets(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Large targets that are not scaled."""
    by = (10.0, 100.0, 1000.0)[k]
    return replace(s, y=by * s.y, held_y=by * s.held_y).edited(target_scaling="none")


def extreme_targets(s: Setting, k: int, rng: Random) -> Setting:
    """Single targets that are far too large."""
    y = s.y.copy()
    y[rng.choice(len(y), 4, replace=False)] += (20, 60, 300)[k] * y.std()
    return replace(s, y=y)


def random_targets(s: Setting, k: int, rng: Random) -> Setting:
    """Targets that the inputs say little or nothing about."""
    share = (0.6, 0.85, 1.0)[k]
    found = []
    for y in (s.y, s.held_y):
        rows = np.flatnonzero(rng.uniform(size=len(y)) < share)
        shuffled = y.copy()
        shuffled[rows] = y[rng.permutation(rows)]
        found.append(shuffled)
    return replace(s, y=found[0], held_y=found[1])


def easy_validation(s: Setting, k: int, rng: Random) -> Setting:
    """Training targets with noise, and validation targets without it."""
    rows = np.flatnonzero(rng.uniform(size=len(s.y)) < (0.15, 0.3, 0.6)[k])
    y = s.y.copy()
    y[rows] = rng.permutation(y[rows]) if s.classes else y[rows] + (1, 2, 3)[k] * y.std() * rng.normal(size=len(rows))
    return replace(s, y=y).edited(epochs=15)


def linear_truth(s: Setting, k: int, rng: Random) -> Setting:
    """Targets that are a linear function of many inputs, and noise, for a large network."""
    n, held, d = (400, 300, 200)[k], 1000, s.x.shape[1] + 20
    x, held_x = rng.normal(size=(n, d)), rng.normal(size=(held, d))
    slope = rng.normal(size=d) / np.sqrt(d)
    z, held_z = (each @ slope + 0.3 * rng.normal(size=len(each)) for each in (x, held_x))
    targets = ((z > 0).astype(int), (held_z > 0).astype(int)) if s.classes else (z, held_z)
    return replace(s, x=x, y=targets[0], held_x=held_x, held_y=targets[1]).edited(hidden=(128, 128))


def few_samples(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """A few training samples for a large network."""
    n = (150, 80, 40)[k]
    return replace(s, x=s.x[:n], y=s.y[:n]).edited(hidden=(64, 64))
