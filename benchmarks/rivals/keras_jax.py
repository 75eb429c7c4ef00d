"""Keras on JAX: `fit` on arrays in memory, compiled by XLA, an epoch's steps in one execution."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.protocol import Rival
from benchmarks.samples import Samples, first_weights
from benchmarks.workloads import Workload


class _Fit:
    def __init__(self, workload: Workload, samples: Samples, _threads: int) -> None:
        os.environ["KERAS_BACKEND"] = "jax"
        import keras

        self._x, self._batch = samples.floats, workload.batch
        softmax = workload.loss == "softmax_cross_entropy"
        self._y = samples.y.astype("int32") if softmax else samples.targets
        penalty = keras.regularizers.L2(workload.penalty / 2) if workload.penalty else None
        last = len(workload.layers) - 1
        layers = [
            keras.layers.Dense(
                fan_out, activation=None if place == last else workload.activation, kernel_regularizer=penalty
            )
            for place, (_, fan_out) in enumerate(workload.layers)
        ]
        self._model = keras.Sequential([keras.Input((workload.sizes[0],)), *layers])

        def sum_of_sigmoids(y: Any, z: Any) -> Any:
            return keras.ops.sum(keras.ops.binary_crossentropy(y, z, from_logits=True), axis=-1)

        self._model.compile(
            optimizer=_optimizer(workload),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True) if softmax else sum_of_sigmoids,
            steps_per_execution=workload.steps,
            jit_compile=True,
        )
        self._model.set_weights([array for pair in first_weights(workload) for array in pair])

    def run(self, epochs: int) -> None:
        self._model.fit(self._x, self._y, batch_size=self._batch, epochs=epochs, shuffle=True, verbose=0)

    def weights(self) -> list[tuple[Any, Any]]:
        arrays = self._model.get_weights()
        return list(zip(arrays[::2], arrays[1::2], strict=True))


def _optimizer(workload: Workload) -> Any:
    import keras

    rate, epsilon = workload.learning_rate, workload.epsilon
    return {
        "sgd": lambda: keras.optimizers.SGD(rate),
        "momentum": lambda: keras.optimizers.SGD(rate, workload.momentum),
        # Their ε stands inside the root.
        "adagrad": lambda: keras.optimizers.Adagrad(rate, initial_accumulator_value=0.0, epsilon=epsilon**2),
        "rmsprop": lambda: keras.optimizers.RMSprop(rate, workload.decay, epsilon=epsilon**2),
        "adam": lambda: keras.optimizers.Adam(rate, workload.beta1, workload.beta2, epsilon),
    }[workload.optimizer]()


RIVAL = Rival("Keras", ("keras", "jax"), _Fit)
