"""The validation error by the number of training samples, and what twice as many would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.data import Dataset
from deltarule.recipes import Recipe
from deltarule.studies.diagnose.estimates import losses_of
from deltarule.training import train_many
from deltarule.types import Floats, Positions

FRACTIONS = (0.125, 0.25, 0.5, 1.0)
SEEDS = 3
_FEWEST = 40
"""Fewer training samples than this in the smallest subset say nothing of the larger ones."""
_EXPONENTS = (0.25, 0.5, 0.75, 1.0)
"""Of the power law a + b n^(−c): errors of networks fall with exponents below 1 (Hestness et al., 2017)."""
_RESAMPLES = 200


@dataclass(frozen=True)
class LearningCurve:
    """Errors by the number of training samples.

    sizes : (sizes,). errors : (sizes, seeds), of the validation set: error rates, or mean squared errors.
    doubled : the expected error with twice the samples, minus that with all, and the ends of its 95 % interval.
    """

    sizes: tuple[int, ...]
    errors: Floats
    doubled: tuple[float, float, float]


def learning_curve_of(recipe: Recipe, data: Dataset) -> LearningCurve | None:
    """Train on an eighth, a quarter, half and all of the training samples, with several seeds each.

    None without a validation set, and for fewer than 320 training samples.
    """
    n, held = len(data.train), data.validation
    sizes = tuple(int(fraction * n) for fraction in FRACTIONS)
    if held is None or sizes[0] < _FEWEST:
        return None
    recipes, rows = [], []
    for size in sizes:
        for seed in range(SEEDS):
            recipes.append(recipe.replace(seed=recipe.seed + seed))
            rows.append(_subset(data, size, seed))
    runs = train_many(recipes, data, rows=rows)
    if any(run.status == "diverged" for run in runs):
        return None
    losses = np.array([losses_of(run.model, held) for run in runs]).reshape(len(sizes), SEEDS, -1)
    return LearningCurve(sizes, losses.mean(axis=2), _doubled(np.array(sizes, np.float64), losses))


def _subset(data: Dataset, size: int, seed: int) -> Positions:
    """Some training samples, of every class the first at least, so that none is missing."""
    rows = np.random.default_rng(seed).permutation(len(data.train))
    y = data.train.y
    if y.ndim == 1 and data.task == "classification":
        firsts = np.unique(y[rows], return_index=True)[1]
        rows = np.concatenate([rows[firsts], np.delete(rows, firsts)])
    return np.sort(rows[: max(size, 2)])


def _doubled(sizes: Floats, losses: Floats) -> tuple[float, float, float]:
    """The change of the error with twice the samples: of a fitted power law, over resampled samples and seeds."""
    rng = np.random.default_rng(0)
    _, seeds, held = losses.shape
    changes = []
    for resample in range(_RESAMPLES + 1):
        samples = rng.integers(0, held, held) if resample else np.arange(held)
        chosen = [rng.integers(0, seeds, seeds) if resample else np.arange(seeds) for _ in sizes]
        errors = np.array([of_size[rows][:, samples].mean() for of_size, rows in zip(losses, chosen, strict=True)])
        changes.append(_change(sizes, errors, rng if resample else None))
    low, high = np.quantile(changes[1:], [0.025, 0.975])
    return changes[0], min(float(low), changes[0]), max(float(high), changes[0])


def _change(sizes: Floats, errors: Floats, rng: np.random.Generator | None) -> float:
    """The power law's value at twice the largest size minus that at the largest, never above 0.

    rng : chooses among the exponents that fit nearly as well as the best one; None takes the best.
    """
    fits: list[tuple[float, float]] = []
    n = sizes / sizes[-1]
    for exponent in _EXPONENTS:
        basis = n**-exponent
        slope = max(0.0, float(np.cov(basis, errors)[0, 1] / np.var(basis, ddof=1)))
        start = max(0.0, float(errors.mean() - slope * basis.mean()))
        slope = float(errors @ basis / (basis @ basis)) if start == 0.0 else slope
        squares = float(np.sum((start + slope * basis - errors) ** 2))
        fits.append((squares, slope * (2.0**-exponent - 1.0)))
    # Four points cannot tell neighbouring exponents apart: any that fits nearly as well as the best may be true.
    likely = [change for squares, change in fits if squares <= 2 * min(fits)[0]]
    return min(fits)[1] if rng is None else float(rng.choice(likely))
