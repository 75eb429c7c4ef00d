"""Formulas by the compiled engine's kernels, in 32 bits: what networks are trained with, beside what others have."""

from __future__ import annotations

import numpy as np

from deltarule.engines.compiled.codegen import formula_kernels

SINGLE = {"rtol": 1e-5, "atol": 1e-5}
"""How close numbers of 32 bits have to be."""


def path(optimizer, gradients, start):
    """The parameters after each step along the gradients, (steps, parameters)."""
    n = len(start)
    arrays = [np.zeros(-(-n // 16) * 16, np.float32) for _ in ("w", *optimizer.slots)]
    arrays[0][:n] = start
    kernel, met = formula_kernels.update(optimizer, None, np.float32), []
    for t, gradient in enumerate(gradients, start=1):
        g = np.zeros_like(arrays[0])
        g[:n] = gradient
        kernel.run([arrays[0], g, *arrays[1:], *arrays], t=float(t), rate=1.0)
        met.append(arrays[0][:n].copy())
    return np.array(met)


def activated(activation, z):
    """a and the slope at z, (n,)."""
    n = len(z)
    full = np.resize(z, -(-n // 16) * 16).astype(np.float32)
    a, slope = np.empty_like(full), np.ones_like(full)
    formula_kernels.activation_value(activation, np.float32).run([full, a])
    formula_kernels.activation_slope(activation, np.float32).run([slope, full, a, slope])
    return a[:n], slope[:n]


def lost(loss, z, y):
    """The losses (n,) and the gradient (n, k)."""
    n, k = z.shape
    full = np.zeros((3, n, -(-k // 16) * 16), np.float32)
    full[0, :, :k], full[1, :, :k] = z, y
    losses = np.empty(n, np.float32)
    formula_kernels.loss(loss, np.float32).run([*full, losses], width=k, scale=1.0)
    return losses, full[2, :, :k]
