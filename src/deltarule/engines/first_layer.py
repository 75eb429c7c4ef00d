"""A network's first layer apart from the rest: what each feature adds to its weighted sums.

The stage before the first layer takes each column by itself, and the sums are linear in what it gives:
z₁ = b + Σⱼ cⱼ(x), with a term cⱼ for each feature. Changing one feature costs a subtraction and an addition of a vector
of sums, whatever the number of features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.parameters import Shape
from deltarule.recipes import Affine
from deltarule.types import Floats, Indices

__all__ = ["FirstLayer"]


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """The first layer of a network, as it predicts.

    weights : (inputs of the layer, units), with the factors of inputs and members; the members' units side by side.
    biases : (units,).
    columns : (inputs of the layer,), the network's input that each is made from.
    """

    shape: Shape
    parameters: npt.NDArray[Any]
    scaling: Affine
    weights: Floats
    biases: Floats
    columns: Indices

    @classmethod
    def of(cls, shape: Shape, parameters: npt.NDArray[Any], scaling: Affine) -> FirstLayer:
        """Return the first layer of a network with these parameters."""
        vector = parameters.astype(np.float64)
        weights, biases = shape.layers(vector)[0]
        factors, adapters = shape.scale(vector), shape.adapters(vector)
        if factors is not None:
            weights = factors[:, None] * weights
        if shape.members > 1:
            r = adapters["0.r"]  # z = ((x ⊙ r) W) ⊙ s + c of each member
            s = adapters.get("0.s", np.ones((shape.members, weights.shape[1])))
            c = adapters.get("0.c", np.broadcast_to(biases, s.shape))
            weights = np.concatenate([r[m][:, None] * weights * s[m] for m in range(shape.members)], axis=1)
            biases = np.asarray(c).reshape(-1)
        return cls(shape, vector, scaling, weights, biases, _columns(shape))

    @property
    def units(self) -> int:
        """The number of sums."""
        return len(self.biases)

    def inputs(self, x: npt.NDArray[Any]) -> Floats:
        """Return the inputs of the layer, before their factors, of raw network inputs x (n, d)."""
        scaled: Floats = self.scaling(x)
        stage = self.shape.stage
        if stage is None:
            return scaled
        parts = self.shape.stage_parts(self.parameters) | self.shape.stage_fitted(self.parameters)
        return stage.value(scaled, parts)

    def terms(self, x: npt.NDArray[Any], feature_of: Indices, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return what each feature adds to the sums of each row: (features, n, units).

        feature_of : (d,), the feature that each network input belongs to, from 0.
        """
        u, of = self.inputs(x).astype(dtype), feature_of[self.columns]
        weights = self.weights.astype(dtype)
        made = np.empty((int(feature_of.max()) + 1, len(u), self.units), dtype)
        for feature in range(len(made)):
            own = np.flatnonzero(of == feature)
            np.matmul(u[:, own], weights[own], out=made[feature])
        return made


def _columns(shape: Shape) -> Indices:
    """Return the network's input from which each input of the first layer is made."""
    stage = shape.stage
    if stage is None:
        return np.arange(shape.inputs)
    width = 0 if stage.embedding is None else stage.embedding.width
    embedded = np.repeat(np.array(stage.embedded, np.int64), width)
    codes = np.repeat(np.array([place for place, _ in stage.columns.categories], np.int64), stage.category_outputs)
    return np.concatenate([embedded, stage.others, codes])
