"""Fifty gradients of nine parameters, from tiny to huge, and what our optimizers do along them in float64."""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(0)
START = RNG.normal(size=9)
GRADIENTS = RNG.normal(size=(50, 9)) * np.array([0.0, 1e-4, 1e-2, 0.1, 1.0, 1.0, 3.0, 10.0, 100.0])


def path(optimizer, gradients=GRADIENTS, start=START, penalty=None):
    """The parameters after each step; the gradient of a penalty is added."""
    w, slots, met = start, [np.zeros_like(start) for _ in optimizer.slots], []
    for t, g in enumerate(gradients, start=1):
        g = g if penalty is None else g + penalty.gradient(w)
        w, *slots = optimizer.step(w, g, t, *slots)
        met.append(w)
    return np.array(met)
