"""Small problems made on the spot."""

from __future__ import annotations

import numpy as np

from deltarule.errors import DataError
from deltarule.types import Floats, Integers

__all__ = ["moons", "xor"]


def moons(samples: int = 1000, noise: float = 0.2, seed: int = 0) -> tuple[Floats, Integers]:
    """Two half circles of radius 1, one in the other's hollow: x (samples, 2), y (samples,) of 0 and 1.

    noise is the standard deviation of what is added to each coordinate. They are scikit-learn's, whose
    generator is NumPy's old one: the same seed gives the same points as `numpy.random.seed` did.

    >>> x, y = moons(300, seed=3)
    >>> x.shape, np.bincount(y).tolist()
    ((300, 2), [150, 150])
    """
    from sklearn.datasets import make_moons

    if samples < 2:
        raise DataError("at least 2 samples, one for each moon", f"{samples}", "moons(300)")
    if not 0 <= seed < 1 << 32:
        raise DataError("a seed from 0 to 4,294,967,295", f"{seed}", "moons(seed=0)")
    if not (noise >= 0 and np.isfinite(noise)):
        raise DataError("noise of 0 or more", f"{noise}", "moons(noise=0.2)")
    x, y = make_moons(n_samples=samples, noise=noise, random_state=seed)
    return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.int64)


def xor() -> tuple[Floats, Integers]:
    """The four corners of the square, x (4, 2), and whether exactly one coordinate is 1, y (4,).

    No single layer can separate them: the smallest problem that needs a hidden layer.

    >>> x, y = xor()
    >>> x.tolist(), y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float64)
    return x, np.array([0, 1, 1, 0], dtype=np.int64)
