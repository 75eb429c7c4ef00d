"""Prediction by the definition, in float64 NumPy; and the check of what any engine predicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.backpropagation import Pass, backward_to_sums, forward
from deltarule.engines.parameters import Shape
from deltarule.errors import ModelError
from deltarule.formulas import Activation, Normalization
from deltarule.recipes import Affine, Network
from deltarule.types import Floats

__all__ = ["NumPyPredictor", "all_finite", "checked_outputs"]

_BLOCK = 8192


def all_finite(x: npt.NDArray[Any]) -> bool:
    """Return whether all numbers are finite.

    >>> all_finite(np.array([3e38, 3e38], np.float32)), all_finite(np.array([1.0, np.nan]))
    (True, False)
    """
    # A sum is finite unless one of its numbers is not, or it overflows; then each is looked at.
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(np.add.reduce(x, axis=None)) or bool(np.isfinite(x).all())


def checked_outputs(z: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the outputs of samples (n, outputs), or of several networks (networks, n, outputs), if they are finite.

    Raises ModelError with the first row whose outputs are not.
    """
    if not all_finite(z):
        rows = np.isfinite(z).reshape(-1, *z.shape[-2:]).all(axis=(0, 2))
        came = f"row {int(np.argmin(rows))} (counting from 0), whose outputs overflow"
        raise ModelError(f"inputs within the range of {z.dtype}", came, "inputs like those of training")
    return z


class NumPyPredictor:
    """The last layer's weighted sums for raw inputs, computed in float64 and given in the parameters' precision.

    scaling : of the inputs; None where these are the weighted sums of the first layer.
    """

    def __init__(self, shape: Shape, network: Network, parameters: npt.NDArray[Any], scaling: Affine | None) -> None:
        self.shape, self._network, self._scaling = shape, network, scaling
        self._parameters, self._dtype = parameters.astype(np.float64), parameters.dtype

    def load(self, parameters: npt.NDArray[Any]) -> None:
        """Predict with other parameters of the same network from now on."""
        self._parameters = parameters.astype(np.float64)

    @property
    def activations(self) -> Sequence[Activation]:
        """The hidden layers' activations."""
        return self._network.activations

    @property
    def normalization(self) -> Normalization:
        """The hidden layers' normalization, which must exist."""
        assert self._network.normalization is not None
        return self._network.normalization

    def passed(self, x: npt.NDArray[Any]) -> Pass:
        """Return the forward pass of raw inputs (n, d), or of the first layer's sums."""
        inputs = x.astype(np.float64) if self._scaling is None else self._scaling(x)
        return forward(self, self._parameters, inputs, from_sums=self._scaling is None)

    def gradient(self, run: Pass, dz: Floats) -> Floats:
        """Return ∂C/∂z of the first layer's sums, (n, units), from dz = ∂C/∂z of the last layer."""
        return backward_to_sums(self, self._parameters, run, dz)

    def __call__(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the weighted sums (n, outputs) of raw inputs (n, d)."""
        made = np.empty((len(x), self.shape.sizes[-1]), self._dtype)
        self.write(x, made)
        return checked_outputs(made)

    def write(self, x: npt.NDArray[Any], target: npt.NDArray[Any]) -> None:
        """Write the weighted sums of raw inputs (n, d), which may overflow, to a target (n, outputs)."""
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(x), _BLOCK):
                rows = slice(start, start + _BLOCK)
                target[rows] = self.passed(x[rows]).z[-1]
