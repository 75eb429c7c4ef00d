"""Networks of several members in one, which share their weights: BatchEnsemble, as TabM uses it.

A hidden layer of member i is z = ((x ⊙ rᵢ) W) ⊙ sᵢ + cᵢ, with W for all members; in the mini form z = x W + b, with
factors rᵢ of the first layer's inputs alone. Arrays of several members are (n, members, units). The last layer has
separate weights for each member: as a matrix, (fan_in, members · outputs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from deltarule.formulas import Loss
from deltarule.formulas.random import Purpose, normal
from deltarule.types import Floats

__all__ = [
    "Adapters",
    "adapter_shapes",
    "combined",
    "head_gradient",
    "head_sums",
    "initial_factors",
    "member_gradient",
    "member_sums",
]


class Adapters(NamedTuple):
    """What a layer has for each member: factors r (members, fan_in), s and biases c (members, fan_out).

    None in the mini form: the factors are then 1, and the layer's biases are those of all members.
    """

    r: npt.NDArray[Any] | None = None
    s: npt.NDArray[Any] | None = None
    c: npt.NDArray[Any] | None = None

    @classmethod
    def of_layer(cls, parts: Mapping[str, npt.NDArray[Any]], layer: int) -> Adapters:
        """Return those of a layer, of all by name."""
        return cls(*(parts.get(f"{layer}.{name}") for name in cls._fields))


def adapter_shapes(sizes: Sequence[int], members: int, *, full: bool) -> dict[str, tuple[int, int]]:
    """Return the shapes of the adapters by name, in the order of their storage.

    full : whether all hidden layers have all of them; otherwise only the first one has r.

    >>> list(adapter_shapes((4, 8, 3), 2, full=True)), list(adapter_shapes((4, 8, 3), 2, full=False))
    (['0.r', '0.s', '0.c'], ['0.r'])
    """
    if not full:
        return {"0.r": (members, sizes[0])}
    hidden = pairwise(sizes[:-1])
    units = {layer: {"r": fan_in, "s": fan_out, "c": fan_out} for layer, (fan_in, fan_out) in enumerate(hidden)}
    return {f"{layer}.{name}": (members, n) for layer, each in units.items() for name, n in each.items()}


def initial_factors(seed: int, members: int, features: npt.NDArray[np.int64], *, signs: bool) -> Floats:
    """Return the first layer's r, (members, inputs): one random number for each member and feature.

    features : the feature of each input, (inputs,); all inputs of an embedded column are one feature.
    signs : whether the numbers are −1 and 1; otherwise they are standard normal.
    """
    shape = (members, int(features.max()) + 1)
    drawn = normal(seed, Purpose.MEMBERS, shape)
    factors: Floats = np.where(drawn < 0, -1.0, 1.0) if signs else drawn
    made: Floats = factors[:, features]
    return made


def member_sums(x: Floats, W: npt.NDArray[Any], b: npt.NDArray[Any], adapters: Adapters) -> Floats:
    """Return the weighted sums z, (n, members, fan_out), of a hidden layer for x (n, members or 1, fan_in)."""
    z = (x if adapters.r is None else x * adapters.r) @ W
    if adapters.s is not None and adapters.c is not None:
        z = z * adapters.s
        b = adapters.c
    sums: Floats = z + b
    return sums


def member_gradient(
    x: Floats, W: npt.NDArray[Any], dz: Floats, adapters: Adapters, gradient: Adapters
) -> tuple[Floats, Floats, Floats]:
    """Return ∂C/∂W, ∂C/∂b and ∂C/∂x of a hidden layer, and write those of its adapters into `gradient`."""
    scaled = np.broadcast_to(x, (*dz.shape[:2], x.shape[2])) if adapters.r is None else x * adapters.r
    db = dz.sum(axis=(0, 1))
    if adapters.s is not None and gradient.s is not None and gradient.c is not None:
        gradient.s[:], gradient.c[:] = np.sum(dz * (scaled @ W), axis=0), dz.sum(axis=0)
        dz = dz * adapters.s
    dW = np.einsum("nkf,nku->fu", scaled, dz, optimize=True)
    dx = dz @ W.T
    if adapters.r is not None and gradient.r is not None:
        gradient.r[:] = np.sum(x * dx, axis=0)
        dx = dx * adapters.r
    return dW, db, dx if x.shape[1] > 1 else dx.sum(axis=1, keepdims=True)


def head_sums(x: Floats, W: npt.NDArray[Any], b: npt.NDArray[Any]) -> Floats:
    """Return the outputs of all members, (n, members · outputs), for x (n, members, fan_in)."""
    n, members, fan_in = x.shape
    z = np.einsum("nkf,fko->nko", x, W.reshape(fan_in, members, -1), optimize=True)
    sums: Floats = z.reshape(n, -1) + b
    return sums


def head_gradient(x: Floats, W: npt.NDArray[Any], dz: Floats) -> tuple[Floats, Floats, Floats]:
    """Return ∂C/∂W, ∂C/∂b and ∂C/∂x of the last layer, given dz (n, members · outputs)."""
    n, members, fan_in = x.shape
    dz = dz.reshape(n, members, -1)
    dW = np.einsum("nkf,nko->fko", x, dz, optimize=True).reshape(fan_in, -1)
    dx = np.einsum("nko,fko->nkf", dz, W.reshape(fan_in, members, -1), optimize=True)
    return dW, dz.sum(axis=0).ravel(), dx


def combined(loss: Loss, z: npt.NDArray[Any], outputs: int) -> npt.NDArray[Any]:
    """Return the raw outputs (n, outputs) that predict the mean of the members' predictions.

    z : the raw outputs of all members, (n, members · outputs); those of one member are returned as they are.

    >>> from deltarule.formulas import SquaredError
    >>> combined(SquaredError(), np.array([[1.0, 5.0]]), 1).tolist()
    [[3.0]]
    """
    if z.shape[1] == outputs:
        return z
    each = z.reshape(len(z), -1, outputs).astype(np.float64)
    mean: npt.NDArray[Any] = np.asarray(loss.output.of_mean(each), dtype=z.dtype)
    return mean
