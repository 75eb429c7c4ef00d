"""JAX: a jitted `lax.scan` over all steps of an epoch, Optax, buffers donated, the epoch's order drawn by NumPy.

Calls are not waited for until the last. In bfloat16 weights are rounded in every step and activations stay rounded, as
in the mixed precision of JAX's own libraries; the loss, the weights and the optimizer are float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.protocol import Rival
from benchmarks.samples import Samples, first_weights
from benchmarks.workloads import Workload


class Scan:
    """`ahead`: one scan for all epochs of a call."""

    def __init__(self, workload: Workload, samples: Samples, _threads: int, *, ahead: bool = False) -> None:
        import jax
        import optax
        from jax import numpy as jnp

        self._jax, self._workload, self._ahead = jax, workload, ahead
        x = jnp.asarray(samples.floats)
        softmax = workload.loss == "softmax_cross_entropy"
        y = jnp.asarray(samples.y.astype(np.int32) if softmax else samples.targets)
        activation = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}[workload.activation]
        optimizer = _optimizer(workload)

        kind = jnp.dtype(workload.precision)

        def objective(exact: Any, x: Any, target: Any) -> Any:
            theta, a = jax.tree.map(lambda each: each.astype(kind), exact), x.astype(kind)
            for weights, biases in theta[:-1]:
                a = activation(a @ weights + biases)
            z = (a @ theta[-1][0] + theta[-1][1]).astype(jnp.float32)
            if softmax:
                return optax.softmax_cross_entropy_with_integer_labels(z, target).mean()
            return optax.sigmoid_binary_cross_entropy(z, target).sum(-1).mean()

        def step(state: Any, rows: Any) -> Any:
            theta, slots, x, y = state
            a, target = (each.at[rows].get(mode="promise_in_bounds") for each in (x, y))
            gradient = jax.grad(objective)(theta, a, target)
            changes, slots = optimizer.update(gradient, slots, theta)
            return (optax.apply_updates(theta, changes), slots, x, y), None

        def epochs(theta: Any, slots: Any, x: Any, y: Any, order: Any) -> Any:
            (theta, slots, _, _), _ = jax.lax.scan(step, (theta, slots, x, y), order)
            return theta, slots

        self._x, self._y = x, y
        self._epochs = jax.jit(epochs, donate_argnums=(0, 1))
        self._theta = [(jnp.array(weights), jnp.array(biases)) for weights, biases in first_weights(workload)]
        self._slots = optimizer.init(self._theta)
        self._generator = np.random.default_rng(0)

    def run(self, epochs: int) -> None:
        at_once = epochs if self._ahead else 1
        for _ in range(epochs // at_once):
            order = np.empty((at_once, self._workload.samples), np.int32)
            order[:] = np.arange(self._workload.samples, dtype=np.int32)
            self._generator.permuted(order, axis=1, out=order)
            order = order.reshape(-1, self._workload.batch)
            self._theta, self._slots = self._epochs(self._theta, self._slots, self._x, self._y, order)
        self._jax.block_until_ready(self._theta)

    def weights(self) -> list[tuple[Any, Any]]:
        return [(np.asarray(weights), np.asarray(biases)) for weights, biases in self._theta]


def _optimizer(workload: Workload) -> Any:
    import optax

    rate, epsilon = workload.learning_rate, workload.epsilon
    optimizer = {
        "sgd": lambda: optax.sgd(rate),
        "momentum": lambda: optax.sgd(rate, workload.momentum),
        # Its ε stands inside the root.
        "adagrad": lambda: optax.adagrad(rate, 0.0, epsilon**2),
        "rmsprop": lambda: optax.rmsprop(rate, workload.decay, epsilon, eps_in_sqrt=False),
        "adam": lambda: optax.adam(rate, workload.beta1, workload.beta2, epsilon),
    }[workload.optimizer]()
    if not workload.penalty:
        return optimizer
    weights_only = [(True, False)] * len(workload.layers)
    return optax.chain(optax.add_decayed_weights(workload.penalty, weights_only), optimizer)


RIVAL = Rival("JAX scan", ("jax", "optax"), Scan, precisions=("float32", "bfloat16"))
