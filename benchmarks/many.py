"""64 networks at once: what `train_many` on all cores gains over one core that trains them one by one."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Any

from benchmarks.conductor import Settings
from benchmarks.rivals.deltarule_engine import recipe_of
from benchmarks.samples import samples
from benchmarks.workloads import MANY, WORKLOADS, Workload

__all__ = ["NETWORKS", "many"]

NETWORKS = 64


def many(settings: Settings, networks: int = NETWORKS) -> list[dict[str, Any]]:
    """A row for each workload of `MANY`; whole calls are timed, preparation included."""
    import deltarule as dr

    if not hasattr(dr, "train_many"):
        return [{"workload": key, "absent": "deltarule has no train_many yet"} for key in MANY]
    return [_row(each, networks, settings) for each in WORKLOADS if each.key in MANY]


def _row(workload: Workload, networks: int, settings: Settings) -> dict[str, Any]:
    import deltarule as dr

    count, epochs = MANY[workload.key]
    workload = replace(workload, samples=count)
    held = samples(workload)
    data = dr.Dataset(train=(held.x, held.y))
    recipes = [recipe_of(workload, images=held.bytes, epochs=epochs, seed=seed) for seed in range(networks)]
    dr.train_many(recipes[:2], data)
    dr.train(recipes[0], data, engine="compiled", n_threads=1)
    alone, together = [], []
    for _ in range(settings.repetitions):
        settings.wait_until_quiet()
        began = time.perf_counter()
        for recipe in recipes:
            dr.train(recipe, data, engine="compiled", n_threads=1)
        alone.append(time.perf_counter() - began)
        settings.wait_until_quiet()
        began = time.perf_counter()
        dr.train_many(recipes, data)
        together.append(time.perf_counter() - began)
    ratio = statistics.median(alone) / statistics.median(together)
    return {
        "workload": workload.key,
        "title": workload.title,
        "networks": networks,
        "epochs": epochs,
        "steps": epochs * workload.steps * networks,
        "one_core_seconds": alone,
        "all_cores_seconds": together,
        "throughput": ratio,
    }
