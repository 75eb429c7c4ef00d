"""Real tables: CSV files of the UCI Machine Learning Repository, and those that scikit-learn contains."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables.samples import Absent, Array, Samples, Table, split_of

__all__ = ["REAL"]


def _csv(folder: Path | None, *names: str) -> Any:
    """The rows of some CSV files; text is categorical, numbers are float64."""
    import pandas as pd

    if folder is None:
        raise Absent("no folder of CSV files is given")
    try:
        frame = pd.concat([pd.read_csv(folder / f"{name}.csv", skipinitialspace=True) for name in names])
    except FileNotFoundError as error:
        raise Absent(f"{error.filename} does not exist") from error
    frame = frame.reset_index(drop=True)
    for name in frame.columns:
        numeric = pd.api.types.is_numeric_dtype(frame[name])
        frame[name] = frame[name].astype(float) if numeric else frame[name].astype(object).astype("category")
    return frame


@lru_cache(maxsize=1)
def _adult(folder: Path | None) -> tuple[Any, Array]:
    frame = _csv(folder, "adult_train", "adult_test")
    y = frame["income"].astype(str).str.contains(">50K", regex=False).to_numpy().astype(np.int64)
    return frame.drop(columns="income"), y


def _banknote(folder: Path | None) -> tuple[Any, Array]:
    frame = _csv(folder, "banknote_authentication")
    return frame.drop(columns="class"), frame["class"].to_numpy().astype(np.int64)


def _abalone(folder: Path | None) -> tuple[Any, Array]:
    frame = _csv(folder, "abalone")
    return frame.drop(columns="rings"), frame["rings"].to_numpy()


def _wine(name: str, limits: tuple[float, ...] = ()) -> Callable[[Path | None], tuple[Any, Array]]:
    """Wine tasters' marks: as numbers, or as classes between limits."""

    def load(folder: Path | None) -> tuple[Any, Array]:
        frame = _csv(folder, f"winequality_{name}")
        quality = frame["quality"].to_numpy()
        y = np.digitize(quality, limits).astype(np.int64) if limits else quality
        return frame.drop(columns="quality"), y

    return load


def _bundled(name: str, *, classes: bool) -> Callable[[Path | None], tuple[Any, Array]]:
    """A table that scikit-learn contains."""

    def load(_: Path | None) -> tuple[Any, Array]:
        from sklearn import datasets

        x, y = getattr(datasets, f"load_{name}")(return_X_y=True, as_frame=True)
        return x.astype(float), y.to_numpy().astype(np.int64 if classes else np.float64)

    return load


def _table(name: str, about: str, load: Callable[[Path | None], tuple[Any, Array]], *, classes: bool) -> Table:
    def draw(folder: Path | None, number: int) -> Samples:
        return split_of(*load(folder), number, classes=classes)

    return Table(name, "classification" if classes else "regression", about, draw)


_UCI, _BUNDLED = "UCI Machine Learning Repository", "contained in scikit-learn"

REAL = {
    "adult": _table("adult", f"{_UCI}; 5,000 rows drawn for training", _adult, classes=True),
    "banknote": _table("banknote", _UCI, _banknote, classes=True),
    "red-wine-classes": _table("red wine, good or not", f"{_UCI}; quality ≥ 6", _wine("red", (5.5,)), classes=True),
    "white-wine-classes": _table(
        "white wine, 3 classes", f"{_UCI}; quality ≤ 5, 6, ≥ 7", _wine("white", (5.5, 6.5)), classes=True
    ),
    "breast-cancer": _table("breast cancer", _BUNDLED, _bundled("breast_cancer", classes=True), classes=True),
    "wine": _table("wine", _BUNDLED, _bundled("wine", classes=True), classes=True),
    "digits": _table("digits", _BUNDLED, _bundled("digits", classes=True), classes=True),
    "abalone": _table("abalone", _UCI, _abalone, classes=False),
    "red-wine": _table("red wine", _UCI, _wine("red"), classes=False),
    "white-wine": _table("white wine", _UCI, _wine("white"), classes=False),
    "diabetes": _table("diabetes", _BUNDLED, _bundled("diabetes", classes=False), classes=False),
}
"""The real tables, by their keys."""
