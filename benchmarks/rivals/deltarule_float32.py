"""The package's own engine on images that were made float32 beforehand, as the other rivals get them."""

from __future__ import annotations

from functools import partial

from benchmarks.protocol import Rival
from benchmarks.rivals.deltarule_engine import Engine
from benchmarks.workloads import Workload


def _lacks(workload: Workload) -> str:
    return "" if workload.data == "mnist" else "its inputs are float32 anyway"


RIVAL = Rival("deltarule on float32 images", ("numpy", "llvmlite"), partial(Engine, bytes_=False), _lacks)
