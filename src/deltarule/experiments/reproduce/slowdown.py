"""The learning slowdown: one unit with input 1 and target 0, trained with three costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.formulas import HalfSquaredError, Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy
from deltarule.types import Floats

LOSSES: dict[str, Loss] = {
    "quadratic": HalfSquaredError(inverse_link="sigmoid"),
    "cross-entropy": SigmoidCrossEntropy(),
    "softmax + log-likelihood": SoftmaxCrossEntropy(),
}


@dataclass(frozen=True)
class Curve:
    """Output of the unit before the first epoch and after each, (epochs + 1,)."""

    loss: str
    start: float
    learning_rate: float
    outputs: Floats


def slowdown(starts: tuple[float, ...], rates: tuple[float, ...], epochs: int) -> list[Curve]:
    """Return the output of the unit with each cost, from each start w = b, at each learning rate.

    >>> curves = slowdown((2.0,), (0.15,), 300)
    >>> [(curve.loss, round(float(curve.outputs[-1]), 2)) for curve in curves]
    [('quadratic', 0.2), ('cross-entropy', 0.01), ('softmax + log-likelihood', 0.01)]
    """
    return [
        Curve(name, start, rate, _outputs(loss, start, rate, epochs))
        for start in starts
        for rate in rates
        for name, loss in LOSSES.items()
    ]


def _outputs(loss: Loss, start: float, rate: float, epochs: int) -> Floats:
    """Return the outputs. Softmax has a second output, the correct one, which starts at w = b = 0 and is trained."""
    several = loss.output.granularity == "rowwise"
    w = np.array([[start, 0.0]]) if several else np.array([[start]])
    b = w[0].copy()
    x, y = np.ones((1, 1)), np.array([[0.0, 1.0]]) if several else np.zeros((1, 1))
    outputs = np.empty(epochs + 1)
    for epoch in range(epochs + 1):
        z = x @ w + b
        outputs[epoch] = loss.output.value(z)[0, 0]
        dz = loss.gradient(z, y)
        w, b = w - rate * (x.T @ dz), b - rate * dz[0]
    return outputs
