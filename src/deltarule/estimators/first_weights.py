"""The weights that training starts from, drawn as scikit-learn draws them: equal numbers for equal `random_state`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from deltarule.engines.parameters import count, layers
from deltarule.formulas import Activation
from deltarule.types import Floats


def drawn(random: np.random.RandomState, sizes: Sequence[int], activations: Sequence[Activation], dtype: Any) -> Floats:
    """θ: weights and biases uniform between ∓√(f / (fan_in + fan_out)), rounded to `dtype`.

    f is 6, and 2 where the layer's activation is the logistic one; the output layer goes with the last hidden layer.
    Glorot and Bengio (2010), equation 16.
    """
    theta = np.zeros(count(sizes))
    followed: list[Activation | None] = [*activations, *activations[-1:]] or [None]
    for (fan_in, fan_out), activation, (weights, biases) in zip(
        pairwise(sizes), followed, layers(theta, sizes), strict=True
    ):
        factor = 2.0 if activation is not None and activation.name == "sigmoid" else 6.0
        bound = np.sqrt(factor / (fan_in + fan_out))
        weights[:] = random.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype)
        biases[:] = random.uniform(-bound, bound, fan_out).astype(dtype)
    return theta
