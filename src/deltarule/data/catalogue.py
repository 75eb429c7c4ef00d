"""The data sets that have a name, and their descriptions."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DATASETS", "DatasetInfo", "dataset_names"]


@dataclass(frozen=True)
class DatasetInfo:
    """Description of a named data set, available before it is loaded.

    name      what `load_dataset` takes
    what      one line
    samples   of all parts together
    shape     of one sample
    classes   how many, or None where numbers are to be predicted
    where     "bundled" with scikit-learn, "generated", or "downloaded"
    source    who made it
    licence   under which it is given
    """

    name: str
    what: str
    samples: int
    shape: tuple[int, ...]
    classes: int | None
    where: str
    source: str
    licence: str

    @property
    def features(self) -> int:
        """Numbers in one sample.

        >>> DATASETS["mnist"].features
        784
        """
        product = 1
        for size in self.shape:
            product *= size
        return product


_ROWS = (
    DatasetInfo(
        "digits", "handwritten digits, small images", 1797, (8, 8), 10, "bundled",
        "UCI, E. Alpaydin and C. Kaynak, 1998", "CC BY 4.0",
    ),
    DatasetInfo(
        "iris", "three kinds of iris by four lengths", 150, (4,), 3, "bundled", "UCI, R. A. Fisher, 1936", "CC BY 4.0"
    ),
    DatasetInfo(
        "wine", "three growers' wines by their chemistry", 178, (13,), 3, "bundled",
        "UCI, S. Aeberhard and M. Forina, 1992", "CC BY 4.0",
    ),
    DatasetInfo(
        "breast_cancer", "malignant or benign, by cell nuclei", 569, (30,), 2, "bundled",
        "UCI, W. Wolberg, O. Mangasarian, N. Street, W. Street, 1995", "CC BY 4.0",
    ),
    DatasetInfo(
        "diabetes", "progression of diabetes after a year", 442, (10,), None, "bundled",
        "B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, 2004", "not stated",
    ),
    DatasetInfo(
        "moons", "two half circles, interleaved, noise 0.2", 1000, (2,), 2, "generated", "scikit-learn", "none needed"
    ),
    DatasetInfo(
        "circles", "two circles, one inside the other, noise 0.1", 1000, (2,), 2, "generated", "deltarule",
        "none needed",
    ),
    DatasetInfo("spiral", "two arms of a spiral, noise 0.05", 1000, (2,), 2, "generated", "deltarule", "none needed"),
    DatasetInfo("blobs", "three clouds of points", 1000, (2,), 3, "generated", "deltarule", "none needed"),
    DatasetInfo(
        "xor", "exclusive or: four points, the same in all parts", 4, (2,), 2, "generated",
        "M. Minsky and S. Papert, 1969", "none needed",
    ),
    DatasetInfo(
        "mnist", "handwritten digits, 60,000 + 10,000", 70_000, (28, 28), 10, "downloaded",
        "Y. LeCun and C. Cortes, 1998", "commonly given as CC BY-SA 3.0",
    ),
    DatasetInfo(
        "fashion", "articles of clothing, 60,000 + 10,000", 70_000, (28, 28), 10, "downloaded",
        "Zalando SE (H. Xiao, K. Rasul, R. Vollgraf), 2017", "MIT",
    ),
    DatasetInfo(
        "kmnist", "cursive Japanese letters, 60,000 + 10,000", 70_000, (28, 28), 10, "downloaded",
        "Center for Open Data in the Humanities, 2018", "CC BY-SA 4.0",
    ),
)  # fmt: skip

DATASETS: dict[str, DatasetInfo] = {info.name: info for info in _ROWS}
"""Every named set."""


def dataset_names() -> tuple[str, ...]:
    """Return the names that `load_dataset` accepts.

    >>> dataset_names()[:3]
    ('digits', 'iris', 'wine')
    """
    return tuple(DATASETS)
