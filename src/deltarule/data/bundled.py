"""The data sets that scikit-learn includes, read from its files: importing it takes longer than training on them."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deltarule.data.arrays import Array

__all__ = ["Bundled", "bundled"]

_NUCLEUS = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry",
    "fractal dimension",
)  # fmt: skip
_FEATURES = {
    "iris": ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
    "wine": (
        "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
        "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines", "proline",
    ),
    "breast_cancer": (
        *(f"mean {each}" for each in _NUCLEUS), *(f"{each} error" for each in _NUCLEUS),
        *(f"worst {each}" for each in _NUCLEUS),
    ),
    "diabetes": ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
}  # fmt: skip
_FILES = {"iris": "iris.csv", "wine": "wine_data.csv", "breast_cancer": "breast_cancer.csv"}


class Bundled(NamedTuple):
    """A data set of scikit-learn: inputs (n, d), or images (n, 8, 8) from 0 to 16, targets (n,), and their names."""

    x: Array
    y: Array
    class_names: list[str] | None
    feature_names: list[str] | None


def bundled(name: str) -> Bundled:
    """Return one of `digits`, `iris`, `wine`, `breast_cancer` and `diabetes`, equal to scikit-learn's to the last bit.

    Where scikit-learn's files are not in their usual place, scikit-learn itself loads them.

    Example:
    >>> iris = bundled("iris")
    >>> iris.x.shape, iris.class_names
    ((150, 4), ['setosa', 'versicolor', 'virginica'])
    """
    found = importlib.util.find_spec("sklearn")
    if found is None or found.origin is None:
        return _imported(name)
    try:
        return _read(name, Path(found.origin).parent / "datasets" / "data")
    except (OSError, ValueError):
        return _imported(name)


def _read(name: str, folder: Path) -> Bundled:
    features = list(_FEATURES.get(name, ())) or None
    if name == "digits":
        table = _numbers(_unpacked(folder / "digits.csv.gz"), ",")
        images = table[:, :-1].astype(np.uint8).reshape(-1, 8, 8)
        return Bundled(images, table[:, -1].astype(np.int64), [str(digit) for digit in range(10)], None)
    if name == "diabetes":
        x, y = (_numbers(_unpacked(folder / f"diabetes_{part}.csv.gz"), None) for part in ("data_raw", "target"))
        x = (x - x.mean(axis=0)) / x.std(axis=0) / len(x) ** 0.5
        return Bundled(x, y[:, 0], None, features)
    head, *lines = (folder / _FILES[name]).read_text(encoding="utf-8").splitlines()
    _, _, *classes = head.split(",")
    table = _numbers(lines, ",")
    return Bundled(table[:, :-1].copy(), table[:, -1].astype(np.int64), classes, features)


def _imported(name: str) -> Bundled:
    import sklearn.datasets

    bunch: Any = getattr(sklearn.datasets, f"load_{name}")()
    if name == "digits":
        return Bundled(bunch.images.astype(np.uint8), bunch.target, [str(label) for label in bunch.target_names], None)
    classes = None if name == "diabetes" else [str(label) for label in bunch.target_names]
    return Bundled(bunch.data, bunch.target, classes, [str(feature) for feature in bunch.feature_names])


def _unpacked(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def _numbers(lines: list[str], delimiter: str | None) -> Array:
    return np.array([line.split(delimiter) for line in lines], np.float64)
