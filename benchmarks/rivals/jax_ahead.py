"""JAX with one `lax.scan` over many epochs: no epoch can be looked at before the call ends, which few would train by.

It matters where an epoch is a few steps; elsewhere it is "JAX scan".
"""

from __future__ import annotations

from functools import partial

from benchmarks.protocol import Rival
from benchmarks.rivals.jax_scan import Scan
from benchmarks.workloads import Workload


def _lacks(workload: Workload) -> str:
    return "" if workload.data == "moons" else "an epoch is long enough a scan"


RIVAL = Rival("JAX scan over many epochs", ("jax", "optax"), partial(Scan, ahead=True), _lacks)
