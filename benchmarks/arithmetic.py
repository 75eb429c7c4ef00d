"""The same training step written in NumPy, in float64: every rival is compared with it before it is timed.

In bfloat16 the operands of the products are rounded, their sums are not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.protocol import Rival
from benchmarks.samples import first_weights, samples
from benchmarks.workloads import Workload
from deltarule.native.bfloat16 import rounded

__all__ = ["disagreement", "trained"]

STEPS = 3


def trained(workload: Workload, steps: int = STEPS) -> list[Any]:
    """Weights and biases in turn, after some steps on one batch."""
    data = samples(workload.one_batch())
    x, y = data.floats.astype(np.float64), data.targets.astype(np.float64)
    theta = [array.astype(np.float64) for pair in first_weights(workload) for array in pair]
    slots = [[np.zeros_like(array) for _ in range(workload.slots)] for array in theta]
    for t in range(1, steps + 1):
        for place, gradient in enumerate(_gradient(workload, theta, x, y)):
            if place % 2 == 0:
                gradient += workload.penalty * theta[place]
            theta[place] = theta[place] - _change(workload, gradient, t, slots[place])
    return theta


def _gradient(workload: Workload, theta: list[Any], x: Any, y: Any) -> list[Any]:
    def product(a: Any, b: Any) -> Any:
        return a @ b if workload.precision == "float32" else rounded(a).astype(np.float64) @ rounded(b)

    outputs, slopes = [x], []
    for weights, biases in zip(theta[::2], theta[1::2], strict=True):
        z = product(outputs[-1], weights) + biases
        a = np.maximum(z, 0) if workload.activation == "relu" else 1 / (1 + np.exp(-z))
        slopes.append((z > 0).astype(np.float64) if workload.activation == "relu" else a * (1 - a))
        outputs.append(a)
    if workload.loss == "softmax_cross_entropy":
        a = np.exp(z - z.max(axis=1, keepdims=True))
        a /= a.sum(axis=1, keepdims=True)
    else:
        a = 1 / (1 + np.exp(-z))
    dz = (a - y) / len(x)
    gradients: list[Any] = []
    for layer in reversed(range(len(workload.layers))):
        gradients = [product(outputs[layer].T, dz), dz.sum(axis=0), *gradients]
        if layer:
            dz = product(dz, theta[2 * layer].T) * slopes[layer - 1]
    return gradients


def _change(workload: Workload, g: Any, t: int, slots: list[Any]) -> Any:
    rate, epsilon = workload.learning_rate, workload.epsilon
    if workload.optimizer == "sgd":
        return rate * g
    if workload.optimizer == "momentum":
        slots[0] = workload.momentum * slots[0] + rate * g
        return slots[0]
    if workload.optimizer == "adagrad":
        slots[0] += g * g
        return rate * g / (np.sqrt(slots[0]) + epsilon)
    if workload.optimizer == "rmsprop":
        slots[0] = workload.decay * slots[0] + (1 - workload.decay) * g * g
        return rate * g / (np.sqrt(slots[0]) + epsilon)
    slots[0] = workload.beta1 * slots[0] + (1 - workload.beta1) * g
    slots[1] = workload.beta2 * slots[1] + (1 - workload.beta2) * g * g
    m, v = slots[0] / (1 - workload.beta1**t), slots[1] / (1 - workload.beta2**t)
    return rate * m / (np.sqrt(v) + epsilon)


def disagreement(rival: Rival, workload: Workload, threads: int) -> float:
    """How far a rival's weights are from NumPy's after three steps, as a share of the way they went."""
    one = workload.one_batch()
    trainer = rival.prepare(one, samples(one), threads)
    trainer.run(STEPS)
    ours = trained(workload)
    theirs = [np.asarray(array, np.float64) for pair in trainer.weights() for array in pair]
    first = [array for pair in first_weights(workload) for array in pair]
    away = sum(float(np.sum((a - b) ** 2)) for a, b in zip(ours, theirs, strict=True))
    went = sum(float(np.sum((a - b) ** 2)) for a, b in zip(ours, first, strict=True))
    return float(np.sqrt(away / went))
