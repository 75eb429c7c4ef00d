"""Periodic embeddings: cosines of each number at trained frequencies, followed by a linear map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from deltarule.formulas.embeddings.embedding import Embedding, Parts
from deltarule.formulas.formula import Count, Positive, register
from deltarule.formulas.random import Purpose, normal, uniform
from deltarule.types import Floats


@register("pbld")
@dataclass(frozen=True)
class PBLD(Embedding):
    """Periodic embedding with biases, a linear map, and the number itself ("periodic bias linear DenseNet").

        h = cos(2π x f + φ)        v = h V + c        embedded: [v, x]

    f and φ are `frequencies` numbers, v is `outputs` numbers, so that a column gives `outputs` + 1 inputs. Initially
    f ∼ N(0, σ²) with σ = `deviation`, φ ∼ U(−π, π), and V, c ∼ U(−1/√k, 1/√k) with k = `frequencies`. It lets a network
    fit functions of a single column that are far from linear. A small σ begins with slow functions, which rarely
    overfit.  Holzmüller, Grinsztajn and Steinwart (2024), section 3.

    >>> PBLD().width, PBLD(outputs=7).width
    (4, 8)
    """

    frequencies: Count = 16
    deviation: Positive = 0.1
    outputs: Count = 3

    @property
    def width(self) -> int:
        """The outputs of the linear map, and the number itself."""
        return self.outputs + 1

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """f, φ, V and c."""
        k, m = self.frequencies, self.outputs
        return {"frequencies": (k,), "phases": (k,), "weights": (k, m), "biases": (m,)}

    def initial(self, seed: int, columns: int) -> Parts:
        k, m = self.frequencies, self.outputs
        limit = 1.0 / math.sqrt(k)
        weights = limit * (2.0 * uniform(seed, Purpose.EMBEDDING, (columns, k * m), layer=2) - 1.0)
        return {
            "frequencies": self.deviation * normal(seed, Purpose.EMBEDDING, (columns, k), layer=0),
            "phases": math.pi * (2.0 * uniform(seed, Purpose.EMBEDDING, (columns, k), layer=1) - 1.0),
            "weights": weights.reshape(columns, k, m),
            "biases": limit * (2.0 * uniform(seed, Purpose.EMBEDDING, (columns, m), layer=3) - 1.0),
        }

    def value(self, x: Floats, parts: Parts) -> Floats:
        h = np.cos(self._angles(x, parts))
        v = np.einsum("nck,ckm->ncm", h, parts["weights"]) + parts["biases"]
        return np.concatenate([v, x[:, :, None]], axis=2)

    def gradient(self, x: Floats, d: Floats, parts: Parts) -> Parts:
        u, d = self._angles(x, parts), d[:, :, : self.outputs]
        du = -np.sin(u) * np.einsum("ncm,ckm->nck", d, parts["weights"])
        return {
            "frequencies": 2.0 * math.pi * np.einsum("nc,nck->ck", x, du),
            "phases": du.sum(axis=0),
            "weights": np.einsum("nck,ncm->ckm", np.cos(u), d),
            "biases": d.sum(axis=0),
        }

    def _angles(self, x: Floats, parts: Parts) -> Floats:
        angles: Floats = 2.0 * math.pi * x[:, :, None] * parts["frequencies"] + parts["phases"]
        return angles
