"""Periodic embeddings: cosines of each number at trained frequencies, followed by a linear map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from deltarule.formulas.embeddings.embedding import Embedding, Parts
from deltarule.formulas.formula import Count, Positive, register
from deltarule.formulas.random import Purpose, normal, normal_quantile, uniform
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


@register("periodic", "plr")
@dataclass(frozen=True)
class Periodic(Embedding):
    """Periodic embedding: cosines and sines of a number at trained frequencies, and a layer of a few units.

        h = [cos 2π x f, sin 2π x f]        v = max(h V + c, 0), or h V + c without `rectified`

    f are `frequencies` numbers, v is `outputs` numbers; each column has a separate layer. Initially f ∼ N(0, σ²) with
    σ = `deviation`, cut at 3 σ, and V, c ∼ U(−1/√(2 k), 1/√(2 k)) with k = `frequencies`. σ is worth tuning, and small.
    Gorishniy, Rubachev and Babenko (2022), section 3.3.

    >>> Periodic(outputs=8).width
    8
    """

    frequencies: Count = 48
    deviation: Positive = 0.01
    outputs: Count = 24
    rectified: bool = True

    @property
    def width(self) -> int:
        """The outputs of each column's layer."""
        return self.outputs

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """f, V and c."""
        k, m = self.frequencies, self.outputs
        return {"frequencies": (k,), "weights": (2 * k, m), "biases": (m,)}

    def initial(self, seed: int, columns: int) -> Parts:
        k, m = self.frequencies, self.outputs
        within = _BELOW_MINUS_THREE + (1.0 - 2.0 * _BELOW_MINUS_THREE) * uniform(seed, Purpose.EMBEDDING, (columns, k))
        limit = 1.0 / math.sqrt(2 * k)
        weights = limit * (2.0 * uniform(seed, Purpose.EMBEDDING, (columns, 2 * k * m), layer=2) - 1.0)
        return {
            "frequencies": self.deviation * normal_quantile(within),
            "weights": weights.reshape(columns, 2 * k, m),
            "biases": limit * (2.0 * uniform(seed, Purpose.EMBEDDING, (columns, m), layer=3) - 1.0),
        }

    def value(self, x: Floats, parts: Parts) -> Floats:
        v = np.einsum("nck,ckm->ncm", self._waves(x, parts), parts["weights"]) + parts["biases"]
        made: Floats = np.maximum(v, 0.0) if self.rectified else v
        return made

    def gradient(self, x: Floats, d: Floats, parts: Parts) -> Parts:
        if self.rectified:
            d = d * (self.value(x, parts) > 0)
        k, h = self.frequencies, self._waves(x, parts)
        dh = np.einsum("ncm,ckm->nck", d, parts["weights"])
        du = h[:, :, :k] * dh[:, :, k:] - h[:, :, k:] * dh[:, :, :k]
        return {
            "frequencies": 2.0 * math.pi * np.einsum("nc,nck->ck", x, du),
            "weights": np.einsum("nck,ncm->ckm", h, d),
            "biases": d.sum(axis=0),
        }

    def _waves(self, x: Floats, parts: Parts) -> Floats:
        u = 2.0 * math.pi * x[:, :, None] * parts["frequencies"]
        return np.concatenate([np.cos(u), np.sin(u)], axis=2)


_BELOW_MINUS_THREE = 0.0013498980316300933
"""Φ(−3)."""
