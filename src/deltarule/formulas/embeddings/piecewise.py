"""Piecewise-linear embeddings: each number by the bins of its quantiles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from deltarule.formulas.embeddings.embedding import Embedding, Parts
from deltarule.formulas.formula import Count, register
from deltarule.formulas.random import Purpose, uniform
from deltarule.types import Floats

_NARROW = 1e-6


@register("piecewise_linear", "ple")
@dataclass(frozen=True)
class PiecewiseLinear(Embedding):
    """Piecewise-linear embedding: a continuous function with a kink at each of a column's quantiles.

        eⱼ = (x − bⱼ₋₁) / (bⱼ − bⱼ₋₁), held within [0, 1]; e₁ may be below 0, and the last one above 1

        form="linear":     v = x w + c + e V       V = 0 at the start, so that it begins as a linear embedding
        form="rectified":  v = max(e V + c, 0)

    b are the `bins` + 1 quantiles of the training set at equal steps; fewer where they coincide. v is `outputs` numbers
    for each column. w, c ∼ U(−1/√m, 1/√m) with m = `outputs`; in the second form V, c with m = `bins`.
    Gorishniy, Rubachev and Babenko (2022), section 3.2; the first form: Gorishniy, Kotelnikov and Babenko (2025).

    >>> embedding = PiecewiseLinear(bins=2, outputs=1)
    >>> edges = embedding.fit(np.array([[0.0], [1.0], [3.0]]))
    >>> embedding.encoded(np.array([[-1.0], [0.5], [2.0], [5.0]]), edges)[:, 0].tolist()
    [[-1.0, 0.0], [0.5, 0.0], [1.0, 0.5], [1.0, 2.0]]
    """

    bins: Count = 48
    outputs: Count = 16
    form: Literal["linear", "rectified"] = "linear"

    @property
    def width(self) -> int:
        """The numbers of each column."""
        return self.outputs

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """V and c; in the linear form w, too."""
        common = {"weights": (self.bins, self.outputs), "biases": (self.outputs,)}
        return common if self.form == "rectified" else {"linear": (self.outputs,)} | common

    @property
    def fitted_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The edges of the bins; the last one is repeated where there are fewer."""
        return {"edges": (self.bins + 1,)}

    def initial(self, seed: int, columns: int) -> Parts:
        linear, k, m = self.form == "linear", self.bins, self.outputs
        limit = 1.0 / math.sqrt(m if linear else k)

        def drawn(units: int, part: int) -> Floats:
            return limit * (2.0 * uniform(seed, Purpose.EMBEDDING, (columns, units), layer=part) - 1.0)

        weights = np.zeros((columns, k, m)) if linear else drawn(k * m, 2).reshape(columns, k, m)
        return {"weights": weights, "biases": drawn(m, 1)} | ({"linear": drawn(m, 0)} if linear else {})

    def fit(self, x: Floats) -> Parts:
        steps = np.linspace(0.0, 1.0, min(self.bins, max(len(x) - 1, 1)) + 1)
        edges = np.empty((x.shape[1], self.bins + 1))
        for column, quantiles in enumerate(np.quantile(x, steps, axis=0).T):
            wide = np.diff(quantiles, prepend=-np.inf) > _NARROW * (quantiles[-1] - quantiles[0])
            apart = quantiles[wide]
            edges[column] = apart[-1]
            edges[column, : len(apart)] = apart
        return {"edges": edges}

    def encoded(self, x: Floats, parts: Parts) -> Floats:
        """Return e, (n, columns, bins); bins without width are 0."""
        edges = parts["edges"]
        widths = np.diff(edges, axis=1)
        real, place = widths > 0, np.arange(self.bins)
        e = (x[:, :, None] - edges[:, :-1]) / np.where(real, widths, 1.0)
        low = np.where(place == 0, -np.inf, 0.0)
        high = np.where(place == real.sum(axis=1)[:, None] - 1, np.inf, 1.0)
        encoded: Floats = np.where(real, np.clip(e, low, high), 0.0)
        return encoded

    def value(self, x: Floats, parts: Parts) -> Floats:
        v = np.einsum("nck,ckm->ncm", self.encoded(x, parts), parts["weights"]) + parts["biases"]
        made: Floats = np.maximum(v, 0.0) if self.form == "rectified" else v + x[:, :, None] * parts["linear"]
        return made

    def gradient(self, x: Floats, d: Floats, parts: Parts) -> Parts:
        if self.form == "rectified":
            d = d * (self.value(x, parts) > 0)
        found = {"weights": np.einsum("nck,ncm->ckm", self.encoded(x, parts), d), "biases": d.sum(axis=0)}
        return found if self.form == "rectified" else found | {"linear": np.einsum("nc,ncm->cm", x, d)}
