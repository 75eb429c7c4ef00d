"""Faults of the recipe: each puts a fault of a strength of 0, 1 or 2 into a setting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.diagnose.samples import Setting

Random = np.random.Generator


def _normal(deviation: float) -> dict[str, Any]:
    return {"name": "normal", "deviation": deviation}


def divergence(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Plain descent with an enormous learning rate."""
    return s.edited(optimizer="sgd", learning_rate=(3.0, 30.0, 300.0)[k], patience=None)


def equal_weights(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Weights that are all equal at the start."""
    return s.edited(initializer={"name": "constant", "value": (0.1, 0.01, 0.0)[k]}, activation="tanh")


def small_weights(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Initial weights next to 0."""
    return s.edited(initializer=_normal((1e-2, 1e-3, 1e-5)[k]))


def large_weights(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Initial weights that are far too large."""
    return s.edited(initializer=_normal((1.0, 5.0, 30.0)[k]))


def dead_units(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Rectified units with large negative biases."""
    return s.edited(bias_initializer={"name": "constant", "value": (-1.0, -4.0, -40.0)[k]})


def saturated_units(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Hyperbolic tangents with large weights."""
    return s.edited(activation="tanh", initializer=_normal((0.5, 3.0, 20.0)[k]))


def vanishing(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Many layers of sigmoid units."""
    return s.edited(hidden=(16,) * (3, 5, 8)[k], activation="sigmoid", optimizer="sgd", learning_rate=0.1)


def exploding(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Many layers whose weights make the signal larger and larger."""
    deviation = (2.0, 4.0, 8.0)[k] / np.sqrt(8)
    first = _normal(1.0 / np.sqrt(s.x.shape[1]))
    return s.edited(hidden=(16,) * 6, initializer=[first, *[_normal(deviation)] * 6])


def quadratic_cost(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """A squared error of sigmoid outputs that start wrong and flat."""
    biases = [{"name": "zeros"}] * 2 + [{"name": "constant", "value": (0.0, 3.0, 6.0)[k]}]
    loss = {"name": "half_squared_error", "inverse_link": "sigmoid"}
    return s.edited(loss=loss, bias_initializer=biases, optimizer="sgd", learning_rate=0.1)


def tight_clipping(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Clipping of all gradients to next to nothing."""
    clipping = {"name": "norm", "limit": (1e-2, 1e-3, 1e-4)[k]}
    return s.edited(optimizer="sgd", learning_rate=0.1, clipping=clipping)


def large_batches(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """One batch of all samples."""
    return s.edited(batch_size=len(s.x), epochs=(40, 20, 10)[k], learning_rate=1e-3)


def noisy_batches(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Batches of a few samples, and large steps."""
    return s.edited(batch_size=(4, 2, 1)[k], learning_rate=(0.01, 0.03, 0.05)[k], epochs=15, patience=None)


def strong_penalty(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Squares of the weights that outweigh the loss."""
    return s.edited(l2=(0.1, 1.0, 10.0)[k])


def strong_dropout(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """Dropout of nearly all hidden units."""
    return s.edited(dropout=(0.6, 0.8, 0.95)[k])


def high_rate(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """A learning rate that is too high."""
    return s.edited(learning_rate=(0.05, 0.2, 0.6)[k], patience=None)


def low_rate(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """A learning rate that is too low."""
    return s.edited(learning_rate=(5e-4, 1e-4, 2e-5)[k])


def decayed_rate(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """A schedule that is next to 0 after a few epochs."""
    schedule = {"name": "exponential", "factor": 0.1, "every": (100, 30, 10)[k]}
    return s.edited(schedule=schedule, learning_rate=2e-3)


def few_epochs(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """One to five epochs."""
    return s.edited(epochs=(5, 2, 1)[k], learning_rate=1e-3)


def overtraining(s: Setting, k: int, rng: Random) -> Setting:
    """Many epochs on few samples, some with wrong targets, and the last weights."""
    n = (200, 140, 100)[k]
    y = s.y[:n].copy()
    rows = np.flatnonzero(rng.uniform(size=n) < (0.1, 0.2, 0.3)[k])
    y[rows] = rng.permutation(y[rows]) if s.classes else y[rows] + y.std() * rng.normal(size=len(rows))
    return replace(s, x=s.x[:n], y=y).edited(hidden=(64, 64), patience=None, epochs=(100, 150, 200)[k])


def small_network(s: Setting, k: int, rng: Random) -> Setting:  # noqa: ARG001
    """One hidden layer of one to three units."""
    return s.edited(hidden=((3,), (2,), (1,))[k], epochs=200, learning_rate=0.02)
