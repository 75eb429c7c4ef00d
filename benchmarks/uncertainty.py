"""Coverage of intervals and sets, and calibration errors, of the estimators for tables on samples held out.

    python -m benchmarks.uncertainty [SPLITS]

Regression: the coverage of `predict_interval(X, 0.9)`. Classification: the expected calibration error of the mean over
the folds before and after the temperature, and the coverage of `predict_set(X, 0.9)`. Tables with known distributions
are drawn anew for each split, 455 rows to train on and 1,500 to test; scikit-learn's are split at random.
"""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

import deltarule as dr
from deltarule.models.calibration import calibration_error

ROWS, HELD = 455, 1_500


def heteroscedastic(n: int, seed: int) -> Any:
    """Noise whose standard deviation depends on a column."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    return x, x[:, 0] + 0.5 * np.exp(0.5 * x[:, 1]) * rng.normal(size=n)


def heavy_tailed(n: int, seed: int) -> Any:
    """Noise of Student's t with 3 degrees of freedom."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    return x, np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.3 * rng.standard_t(3, n)


def drawn(table: Callable[[int, int], Any]) -> Callable[[int], Any]:
    """Return a function from the number of a split to training and test rows of a table that is drawn anew."""

    def parts(split: int) -> Any:
        x, y = table(ROWS + HELD, split)
        return x[:ROWS], x[ROWS:], y[:ROWS], y[ROWS:]

    return parts


def divided(table: Any, *, classes: bool = False) -> Callable[[int], Any]:
    """Return a function from the number of a split to training and test rows of a table, 65 to 35 %."""
    x, y = table
    return lambda split: train_test_split(x, y, test_size=0.35, random_state=split, stratify=y if classes else None)


def clusters(**choices: Any) -> Callable[[int], Any]:
    """Return classes of scikit-learn's generator."""
    return divided(datasets.make_classification(3_000, random_state=0, **choices), classes=True)


NUMBERS = {
    "diabetes": divided(datasets.load_diabetes(return_X_y=True)),
    "friedman1": drawn(lambda n, seed: datasets.make_friedman1(n, noise=1.0, random_state=seed)),
    "friedman2": drawn(lambda n, seed: datasets.make_friedman2(n, noise=50.0, random_state=seed)),
    "friedman3": drawn(lambda n, seed: datasets.make_friedman3(n, noise=0.1, random_state=seed)),
    "heteroscedastic": drawn(heteroscedastic),
    "heavy tails": drawn(heavy_tailed),
}
CLASSES = {
    "breast cancer": divided(datasets.load_breast_cancer(return_X_y=True), classes=True),
    "digits": divided(datasets.load_digits(return_X_y=True), classes=True),
    "wine": divided(datasets.load_wine(return_X_y=True), classes=True),
    "two, 15 % flipped": clusters(n_features=10, n_informative=5, flip_y=0.15),
    "four, 10 % flipped": clusters(n_features=12, n_informative=6, n_classes=4, flip_y=0.1),
}


def of_numbers(parts: Any, seed: int) -> tuple[float, ...]:
    """Return the coverage, the mean width of the intervals, and R² on the test rows."""
    x, x_test, y, y_test = parts
    model = dr.TabularRegressor(random_state=seed).fit(x, y)
    low, high = model.predict_interval(x_test, 0.9).T
    return float(np.mean((low <= y_test) & (y_test <= high))), float(np.mean(high - low)), model.score(x_test, y_test)


def of_classes(parts: Any, seed: int) -> tuple[float, ...]:
    """Return the calibration error before and after, the coverage of the sets, and the accuracy on the test rows."""
    x, x_test, y, y_test = parts
    model = dr.TabularClassifier(random_state=seed).fit(x, y)
    codes = np.searchsorted(model.classes_, y_test)
    raw = dataclasses.replace(model.ensemble_, temperature=1.0).probabilities(model.ensemble_.encoding(x_test))
    errors = calibration_error(raw, codes), calibration_error(model.predict_proba(x_test), codes)
    covered = float(model.predict_set(x_test, 0.9)[np.arange(len(codes)), codes].mean())
    return *errors, covered, model.score(x_test, y_test)


def main(splits: int = 5) -> None:
    """Print a line for each table: means over the splits."""
    warnings.simplefilter("ignore")
    heads = ("coverage", "width", "R²"), ("ECE before", "after", "coverage of sets", "accuracy")
    for tables, measured, names in ((NUMBERS, of_numbers, heads[0]), (CLASSES, of_classes, heads[1])):
        for table, parts in tables.items():
            found = np.array([measured(parts(split), split) for split in range(splits)])
            means = ", ".join(f"{name} {mean:.4g}" for name, mean in zip(names, found.mean(axis=0), strict=True))
            print(f"{table}: {means}; n = {splits}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
