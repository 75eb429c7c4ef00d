"""The rows that pytabkit's networks are validated on, so that ours are chosen on the same ones."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.tables.samples import Array

__all__ = ["split"]

_TRAINED = 0.8


def split(rows: int, seed: int) -> tuple[Array, Array]:
    """Return the training and the validation rows that pytabkit takes for `random_state=seed`.

    They are the first four fifths, rounded up, and the rest of `torch.randperm`, whose swaps are drawn from MT19937.
    """
    words = np.random.RandomState(seed).randint(0, 2**32, size=max(rows - 1, 0), dtype=np.uint32)
    order = np.arange(rows)
    for at, word in enumerate(words.tolist()):
        other = at + word % (rows - at)
        order[[at, other]] = order[[other, at]]
    trained = math.ceil(_TRAINED * rows)
    return order[:trained], order[trained:]
