"""deltarule's estimators beside scikit-learn's: the same data, parameters and seeds. Curves, scores and seconds.

    python -m benchmarks.estimators --data FOLDER

FOLDER has `mnist/` with the four IDX files and `tabular/` with the CSV files that docs/scikit-learn.md names; what is
not there is left out. Both libraries take turns, seed by seed; compiling is over before the clock runs.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import neural_network
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import deltarule as dr

__all__ = ["Comparison", "Parts", "compared", "main", "row_microseconds"]

Array = npt.NDArray[Any]

# Seconds before each fit: the other library's threads wait for work by spinning, and would hold a core.
_REST = 0.5


@dataclass(frozen=True)
class Parts:
    """What is learnt from and what is predicted; classes, or numbers where `regression`."""

    x: Array
    y: Array
    test_x: Array
    test_y: Array
    regression: bool = False


@dataclass(frozen=True)
class Comparison:
    """A data set under both libraries; lists have an entry for each seed."""

    data: str
    samples: int
    features: int
    their_scores: list[float]
    our_scores: list[float]
    their_epochs: list[int]
    our_epochs: list[int]
    largest_curve_difference: list[float]
    their_seconds: list[float]
    our_seconds: list[float]
    their_row_microseconds: float
    our_row_microseconds: float

    @property
    def ratio(self) -> float:
        """How many times less ours takes, by the median."""
        return float(np.median(self.their_seconds) / np.median(self.our_seconds))

    def line(self) -> str:
        """A row of a table."""
        scores = " | ".join(
            f"{np.mean(each):.4f} ± {np.std(each):.4f}" for each in (self.their_scores, self.our_scores)
        )
        seconds = f"{np.median(self.their_seconds):.2f} | {np.median(self.our_seconds):.3f} | {self.ratio:.1f}"
        rows = f"{self.their_row_microseconds:.0f} | {self.our_row_microseconds:.0f}"
        curve = f"{max(self.largest_curve_difference):.1e}"
        return f"| {self.data} | {self.samples} × {self.features} | {scores} | {curve} | {seconds} | {rows} |"


HEAD = """\
| data | n × d | scikit-learn's score | ours | largest Δ of loss_curve_ | scikit-learn, s | ours, s | ratio \
| a row: scikit-learn, µs | ours, µs |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def digits(_: Path) -> Parts:
    x, y = load_digits(return_X_y=True)
    return _split(x / 16.0, y)


def mnist(folder: Path) -> Parts:
    """10,000 images to learn from, drawn by class, and the whole test part."""
    data = dr.load_dataset("mnist", data_dir=folder, split="official")
    assert data.test is not None
    x, _, y, _ = train_test_split(data.train.x, data.train.y, train_size=10_000, stratify=data.train.y, random_state=0)
    flat = [each.reshape(len(each), -1).astype(np.float32) / np.float32(255) for each in (x, data.test.x)]
    return Parts(flat[0], y, flat[1], data.test.y)


def adult(folder: Path) -> Parts:
    """Income above 50,000: six columns of numbers, eight of categories, which "?" belongs to."""
    train, test = (_table(folder / "tabular" / f"adult_{part}.csv") for part in ("train", "test"))
    names = [name for name in train if name != "income"]
    numbers = [place for place, name in enumerate(names) if train[name].dtype.kind == "f"]
    others = [place for place in range(len(names)) if place not in numbers]
    prepare = make_column_transformer(
        (StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), others)
    )
    x, test_x = (np.array([part[name] for name in names], dtype=object).T for part in (train, test))
    y, test_y = ((np.char.find(part["income"].astype(str), ">50K") >= 0) for part in (train, test))
    return Parts(prepare.fit_transform(x).astype(float), y, prepare.transform(test_x).astype(float), test_y)


def red_wine(folder: Path) -> Parts:
    return _numbers(folder, "winequality_red", "quality")


def white_wine(folder: Path) -> Parts:
    return _numbers(folder, "winequality_white", "quality")


def abalone(folder: Path) -> Parts:
    return _numbers(folder, "abalone", "rings")


DATA: dict[str, Callable[[Path], Parts]] = {
    "digits": digits,
    "adult": adult,
    "red wine": red_wine,
    "white wine": white_wine,
    "abalone": abalone,
    "MNIST, 10,000": mnist,
}


def _numbers(folder: Path, name: str, target: str) -> Parts:
    """A table of numbers and at most one category, its target standardised."""
    table = _table(folder / "tabular" / f"{name}.csv")
    columns = [
        column[:, None] if column.dtype.kind == "f" else (column[:, None] == np.unique(column)).astype(float)
        for key, column in table.items()
        if key != target
    ]
    y = table[target]
    return _split(StandardScaler().fit_transform(np.hstack(columns)), (y - y.mean()) / y.std(), regression=True)


def _table(path: Path) -> dict[str, Array]:
    """The columns of a CSV file: floats where all of them are numbers, text otherwise."""
    with path.open(encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream, skipinitialspace=True)
    columns = {}
    for name, *values in zip(head, *rows, strict=True):
        try:
            columns[name] = np.array(values, dtype=float)
        except ValueError:
            columns[name] = np.array(values)
    return columns


def _split(x: Array, y: Array, *, regression: bool = False) -> Parts:
    strata = None if regression else y
    x, test_x, y, test_y = train_test_split(x, y, test_size=0.2, random_state=0, stratify=strata)
    return Parts(np.ascontiguousarray(x), y, test_x, test_y, regression)


def compared(name: str, parts: Parts, seeds: int, **parameters: Any) -> Comparison:
    """Train both for each seed, in turns."""
    kind = "MLPRegressor" if parts.regression else "MLPClassifier"
    theirs, ours = getattr(neural_network, kind), getattr(dr, kind)
    found: dict[str, list[Any]] = {"their": [], "our": []}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours(**{**parameters, "max_iter": 1}).fit(parts.x, parts.y).predict(parts.test_x)
        for seed in range(seeds):
            for who, make in (("their", theirs), ("our", ours)):
                network = make(**parameters, random_state=seed)
                time.sleep(_REST)
                began = time.perf_counter()
                network.fit(parts.x, parts.y)
                found[who].append((network, time.perf_counter() - began))
    pairs = [(one, other) for (one, _), (other, _) in zip(found["their"], found["our"], strict=True)]
    return Comparison(
        data=name,
        samples=len(parts.x),
        features=parts.x.shape[1],
        their_scores=[float(one.score(parts.test_x, parts.test_y)) for one, _ in pairs],
        our_scores=[float(other.score(parts.test_x, parts.test_y)) for _, other in pairs],
        their_epochs=[int(one.n_iter_) for one, _ in pairs],
        our_epochs=[int(other.n_iter_) for _, other in pairs],
        largest_curve_difference=[_curve_difference(one.loss_curve_, other.loss_curve_) for one, other in pairs],
        their_seconds=[seconds for _, seconds in found["their"]],
        our_seconds=[seconds for _, seconds in found["our"]],
        their_row_microseconds=row_microseconds(pairs[0][0], parts.test_x),
        our_row_microseconds=row_microseconds(pairs[0][1], parts.test_x),
    )


def _curve_difference(one: list[float], other: list[float]) -> float:
    """The largest difference of two curves, as far as both go."""
    epochs = min(len(one), len(other))
    return float(np.max(np.abs(np.array(one[:epochs]) - np.array(other[:epochs]))))


def row_microseconds(network: Any, x: Array, calls: int = 1000) -> float:
    """The median time of `predict` for one row."""
    row, seconds = x[:1], []
    network.predict(row)
    for _ in range(calls):
        began = time.perf_counter()
        network.predict(row)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds) * 1e6)


def _chosen(names: str) -> Iterator[tuple[str, Callable[[Path], Parts]]]:
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name, load in DATA.items():
        if not wanted or any(name.lower().startswith(each.lower()) for each in wanted):
            yield name, load


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimators", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--only", default="", help="how the names of some data sets begin, parted by commas")
    parser.add_argument("--seeds", type=int, default=5, help="networks of each library (5)")
    parser.add_argument("--epochs", type=int, default=200, help="max_iter (200, scikit-learn's default)")
    parser.add_argument("--out", type=Path, help="a file for all figures, as JSON")
    given = parser.parse_args()
    print(HEAD, flush=True)
    results = []
    for name, load in _chosen(given.only):
        try:
            parts = load(given.data)
        except (OSError, ValueError) as error:
            print(f"| {name} | left out: {error} |", flush=True)
            continue
        results.append(compared(name, parts, given.seeds, max_iter=given.epochs))
        print(results[-1].line(), flush=True)
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
