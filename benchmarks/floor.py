"""The floor: what a step would take if three things ran at the rates probed, and nothing else took time.

    products   forwards, errors backwards (none for the inputs), gradients, columns padded to 16, at the peak rate
    update     every parameter, padded, at the rate of the optimizer's own arithmetic on arrays of that size
    gathering  the batch's rows, at the rate of copying rows in a random order into float32

The rates are those of as many cores at once as the workload uses.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.probes import Probes
from benchmarks.samples import Samples
from benchmarks.workloads import Workload

__all__ = ["Floor", "padded_flops", "padded_parameters"]


def _padded(columns: int) -> int:
    return -(-columns // 16) * 16


def padded_flops(workload: Workload) -> int:
    """Operations of a step's products on whole vectors."""
    total = 0
    for place, (fan_in, fan_out) in enumerate(workload.layers):
        total += 2 * 2 * workload.batch * fan_in * _padded(fan_out)
        if place:
            total += 2 * workload.batch * _padded(fan_in) * fan_out
    return total


def padded_parameters(workload: Workload) -> int:
    """Weights and biases on whole vectors."""
    return sum((fan_in + 1) * _padded(fan_out) for fan_in, fan_out in workload.layers)


class Floor:
    """Probes for one workload."""

    def __init__(self, workload: Workload, samples: Samples, threads: int) -> None:
        self._workload, self._probes = workload, Probes(threads)
        columns = _padded(samples.x.shape[1])
        self._x = np.zeros((len(samples.x), columns), samples.x.dtype)
        self._x[:, : samples.x.shape[1]] = samples.x
        self._order = np.random.default_rng(0).permutation(len(self._x))

    def probe(self) -> dict[str, Any]:
        """Rates as they are now, and microseconds of a step at these."""
        workload, probes = self._workload, self._probes
        optimizer = "decayed" if workload.penalty else workload.optimizer
        parameters = padded_parameters(workload)
        peak, update = probes.peak(), probes.update(optimizer, parameters)
        gather = probes.gather(self._x, self._order, workload.batch)
        times = {
            "products": 1e6 * padded_flops(workload) / peak,
            "update": 1e6 * parameters / update,
            "gathering": 1e6 * workload.batch / gather,
        }
        return {**times, "total": sum(times.values()), "peak_gflops": peak / 1e9}
