"""The package's own compiled engine. Images stay bytes in memory and are scaled as each batch is built."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.protocol import Rival
from benchmarks.samples import Samples, first_weights
from benchmarks.workloads import Workload


def recipe_of(workload: Workload, *, images: bool, epochs: int = 10**9, seed: int = 0) -> Any:
    """The workload as a recipe."""
    import deltarule as dr

    rate, epsilon = workload.learning_rate, workload.epsilon
    optimizer = {
        "sgd": dr.SGD(rate),
        "momentum": dr.Momentum(rate, workload.momentum),
        "adagrad": dr.AdaGrad(rate, epsilon),
        "rmsprop": dr.RMSProp(rate, workload.decay, epsilon),
        "adam": dr.Adam(rate, workload.beta1, workload.beta2, epsilon),
    }[workload.optimizer]
    return dr.Recipe(
        network=dr.Network(hidden=workload.hidden, activation=workload.activation),
        loss=workload.loss,
        optimizer=optimizer,
        penalty=dr.L2(workload.penalty) if workload.penalty else None,
        batch_size=workload.batch,
        epochs=epochs,
        stopping=None,
        scaling="unit" if images else "none",
        task="classification",
        seed=seed,
    )


class Engine:
    """Whole epochs of the engine, as `deltarule.train` drives it."""

    def __init__(self, workload: Workload, samples: Samples, threads: int, *, bytes_: bool = True) -> None:
        import deltarule as dr
        from deltarule.engines.compiled import Compiled
        from deltarule.training.preparing import prepared

        images = samples.bytes and bytes_
        data = dr.Dataset(train=(samples.x if images else samples.floats, samples.y))
        problem, _ = prepared(recipe_of(workload, images=images), data, first_weights(workload))
        self._sizes, self._engine = workload.sizes, Compiled(problem, workload.precision, threads)

    def run(self, epochs: int) -> None:
        self._engine.advance(epochs, math.inf)

    def weights(self) -> list[tuple[Any, Any]]:
        from deltarule.engines import parameters

        return parameters.layers(self._engine.theta, self._sizes)


RIVAL = Rival("deltarule", ("numpy", "llvmlite"), Engine, precisions=("float32", "bfloat16"), late=True)
