"""Data of the networks for tables that are compared with PyTorch's."""

from __future__ import annotations

import numpy as np

import deltarule as dr


def data_of(task: str, samples: int, columns: int) -> dr.Dataset:
    """Return samples of a smooth function of three columns with noise, or three classes of its values."""
    random = np.random.default_rng(1)
    x = random.normal(size=(samples, columns))
    y = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * random.normal(size=samples)
    classes = np.searchsorted(np.quantile(y, [0.3, 0.7]), y)
    return dr.Dataset(train=(x, classes if task == "classification" else y))
