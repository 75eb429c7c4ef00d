"""Small problems made on the spot."""

from __future__ import annotations

import numpy as np

from deltarule.errors import DataError
from deltarule.types import Floats, Integers

__all__ = ["blobs", "circles", "moons", "spiral", "xor"]


def moons(samples: int = 1000, noise: float = 0.2, seed: int = 0) -> tuple[Floats, Integers]:
    """Two half circles of radius 1, one in the other's hollow: x (samples, 2), y (samples,) of 0 and 1.

    noise is the standard deviation of what is added to each coordinate. They are scikit-learn's, whose
    generator is NumPy's old one: the same seed gives the same points as `numpy.random.seed` did.

    >>> x, y = moons(300, seed=3)
    >>> x.shape, np.bincount(y).tolist()
    ((300, 2), [150, 150])
    """
    if samples < 2:
        raise DataError("at least 2 samples, one for each moon", f"{samples}", "moons(300)")
    if not 0 <= seed < 1 << 32:
        raise DataError("a seed from 0 to 4,294,967,295", f"{seed}", "moons(seed=0)")
    if not (noise >= 0 and np.isfinite(noise)):
        raise DataError("noise of 0 or more", f"{noise}", "moons(noise=0.2)")
    rng = np.random.RandomState(seed)
    upper = np.linspace(0, np.pi, samples // 2)
    lower = np.linspace(0, np.pi, samples - samples // 2)
    x = np.concatenate(
        [
            np.stack([np.cos(upper), np.sin(upper)], axis=1),
            np.stack([1 - np.cos(lower), 1 - np.sin(lower) - 0.5], axis=1),
        ]
    )
    order = np.arange(samples)
    rng.shuffle(order)
    return x[order] + rng.normal(scale=noise, size=x.shape), (order >= len(upper)).astype(np.int64)


def circles(samples: int = 1000, noise: float = 0.1, seed: int = 0) -> tuple[Floats, Integers]:
    """Two circles of radius 1 and ½ around 0: x (samples, 2), y (samples,), 1 for the inner one.

    noise is the standard deviation of what is added to each coordinate.

    >>> x, y = circles(10, noise=0.0)
    >>> np.hypot(*x.T).round(3).tolist() == [1 - 0.5 * each for each in y]
    True
    """
    y = np.arange(samples, dtype=np.int64) % 2
    angle = 2 * np.pi * np.arange(samples) / samples
    x = (1 - 0.5 * y)[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x + noise * np.random.default_rng(seed).normal(size=x.shape), y


def spiral(samples: int = 1000, noise: float = 0.05, seed: int = 0) -> tuple[Floats, Integers]:
    """Two arms of a spiral with 1½ turns each, from 0 to radius 1: x (samples, 2), y (samples,) of 0 and 1.

    noise is the standard deviation of what is added to each coordinate.

    >>> x, y = spiral(6, noise=0.0)
    >>> y.tolist(), np.hypot(*x.T).round(2).tolist()
    ([0, 1, 0, 1, 0, 1], [0.17, 0.17, 0.5, 0.5, 0.83, 0.83])
    """
    rng = np.random.default_rng(seed)
    y = np.arange(samples, dtype=np.int64) % 2
    radius = (np.arange(samples) // 2 + 0.5) / ((samples + 1) // 2)
    angle = 3 * np.pi * radius + np.pi * y
    x = radius[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x + noise * rng.normal(size=x.shape), y


def blobs(samples: int = 1000, noise: float = 0.6, seed: int = 0) -> tuple[Floats, Integers]:
    """Three clouds on a circle of radius 2: x (samples, 2), y (samples,) of 0, 1 and 2.

    noise is the standard deviation of each coordinate around a cloud's centre.

    >>> x, y = blobs(300)
    >>> x.shape, np.bincount(y).tolist()
    ((300, 2), [100, 100, 100])
    """
    y = np.arange(samples, dtype=np.int64) % 3
    angle = 2 * np.pi * y / 3
    x = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x + noise * np.random.default_rng(seed).normal(size=x.shape), y


def xor() -> tuple[Floats, Integers]:
    """The four corners of the square, x (4, 2), and whether exactly one coordinate is 1, y (4,).

    No single layer can separate them: the smallest problem that needs a hidden layer.

    >>> x, y = xor()
    >>> x.tolist(), y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float64)
    return x, np.array([0, 1, 1, 0], dtype=np.int64)
