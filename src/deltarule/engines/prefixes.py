"""Outputs for all prefixes of a permutation of the features, by the definition: for sampled Shapley values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.types import Indices

__all__ = ["NumPyPrefixes"]

_BYTES = 2**19
"""Bytes of sums that the rest of the network is evaluated for together: at most half of a core's cache."""


class NumPyPrefixes:
    """The raw outputs of a network for prefixes of permutations of the features, for one thread at a time.

    tail : a function from the first layer's sums (n, units) to raw outputs (n, outputs).
    """

    def __init__(self, tail: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> None:
        self._tail = tail

    def take(self, terms: npt.NDArray[Any], full: npt.NDArray[Any]) -> None:
        """Take samples: their terms (features, n, units), and their sums (n, units)."""
        self._terms, self._full = terms, full

    def __call__(self, own: npt.NDArray[Any], empty: npt.NDArray[Any], order: Indices) -> npt.NDArray[Any]:
        """Return raw outputs (features − 1, 2, n, outputs): of the samples with 1, 2, ... features, and of the rest.

        own, empty : the terms (features, units) and the sums (units,) of a background sample. The complement of a
        prefix S has the background's terms in the place of the samples': z(Sᶜ) = z(all) + z(none) − z(S).
        """
        steps = len(order) - 1
        groups = math.ceil(steps / max(1, _BYTES // (2 * self._full.nbytes)))
        found, before = [], np.broadcast_to(empty, self._full.shape)
        for some in np.array_split(order[:-1], max(1, groups)):
            sums = np.empty((len(some), 2, *self._full.shape), self._terms.dtype)
            for place, feature in enumerate(some):
                np.subtract(self._terms[feature], own[feature], out=sums[place, 1])
                before = np.add(before, sums[place, 1], out=sums[place, 0])
            np.subtract(self._full + empty, sums[:, 0], out=sums[:, 1])
            outputs = self._tail(sums.reshape(-1, sums.shape[-1]))
            found.append(outputs.reshape(*sums.shape[:3], -1))
        return np.concatenate(found)
