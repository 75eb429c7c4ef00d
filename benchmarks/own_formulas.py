"""A user's own formulas beside the built-in ones: the same weights, and how long an epoch takes with each.

    python -m benchmarks.own_formulas [REPETITIONS]

The copies are written as a user would write them, as classes outside the package; asked is that they take no more than
a tenth longer. Runs alternate, so that a busy machine disturbs both alike.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import deltarule as dr
from benchmarks.rivals.deltarule_engine import recipe_of
from benchmarks.samples import first_weights, samples
from benchmarks.workloads import WORKLOADS, Workload
from deltarule.formulas import Activation, Loss, Optimizer

__all__ = ["OwnAdam", "OwnCrossEntropy", "OwnReLU", "compare"]


@dataclass(frozen=True)
class OwnReLU(Activation):
    name = "own_relu"
    initializer = "he"

    def value(self, z: Any) -> Any:
        return np.maximum(z, 0.0)

    def slope(self, z: Any, a: Any) -> Any:  # noqa: ARG002 - others are shorter in a
        return np.where(z > 0, 1.0, 0.0)


@dataclass(frozen=True)
class OwnCrossEntropy(Loss):
    name = "own_cross_entropy"
    inverse_link = "softmax"
    domain = "unit"
    granularity = "rowwise"

    def value(self, z: Any, y: Any) -> Any:
        shifted = z - np.max(z, axis=-1, keepdims=True)
        return np.sum(y * (np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True)) - shifted), axis=-1)

    def gradient(self, z: Any, y: Any) -> Any:
        e = np.exp(z - np.max(z, axis=-1, keepdims=True))
        return e / np.sum(e, axis=-1, keepdims=True) * np.sum(y, axis=-1, keepdims=True) - y


@dataclass(frozen=True)
class OwnAdam(Optimizer):
    name = "own_adam"
    slots = ("m", "v")
    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def step(self, w: Any, g: Any, t: Any, m: Any, v: Any) -> Any:
        m = self.beta1 * m + (1.0 - self.beta1) * g
        v = self.beta2 * v + (1.0 - self.beta2) * g * g
        c1, c2 = 1.0 - self.beta1**t, 1.0 - self.beta2**t
        return w - self.learning_rate * (m / c1) / (np.sqrt(v / c2) + self.epsilon), m, v


def compare(repetitions: int = 7, epochs: int = 3, workload: Workload = WORKLOADS[0]) -> dict[str, Any]:
    """Microseconds a step with each, how they compare, and how far apart the weights are in the end."""
    held = samples(workload)
    data, start = dr.Dataset(train=(held.x, held.y)), first_weights(workload)
    built_in = recipe_of(workload, images=held.bytes, epochs=epochs)
    own = built_in.replace(
        network=built_in.network.replace(activation=OwnReLU()),
        loss=OwnCrossEntropy(),
        optimizer=OwnAdam(workload.learning_rate, workload.beta1, workload.beta2, workload.epsilon),
    )
    recipes = {"built-in": built_in, "own": own}
    steps: dict[str, list[float]] = {name: [] for name in recipes}
    ends = {
        name: dr.train(recipe.replace(epochs=1), data, initial_parameters=start).model.theta
        for name, recipe in recipes.items()
    }
    for _ in range(repetitions):
        for name, recipe in recipes.items():
            began = time.perf_counter()
            ends[name] = dr.train(recipe, data, initial_parameters=start).model.theta
            steps[name].append((time.perf_counter() - began) / (epochs * workload.steps) * 1e6)
    medians = {name: statistics.median(times) for name, times in steps.items()}
    return {
        "workload": workload.title,
        "microseconds_a_step": medians,
        "own_to_built_in": min(steps["own"]) / min(steps["built-in"]),
        "largest_difference_of_weights": float(np.abs(ends["own"] - ends["built-in"]).max()),
    }


if __name__ == "__main__":
    print(json.dumps(compare(*map(int, sys.argv[1:2])), indent=1))
