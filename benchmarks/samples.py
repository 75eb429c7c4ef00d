"""What the networks see: MNIST where its files are found, numbers of the same shape otherwise; the first weights."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.workloads import Workload

__all__ = ["Floats", "Samples", "first_weights", "folder", "samples"]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Samples:
    """x (n, d) as stored, uint8 for images; y (n,) classes; where they come from."""

    x: npt.NDArray[Any]
    y: npt.NDArray[np.int64]
    source: str
    outputs: int

    @property
    def bytes(self) -> bool:
        """Whether x holds images as bytes."""
        return self.x.dtype == np.uint8

    @property
    def floats(self) -> Floats:
        """The inputs as float32, images between 0 and 1: what the rivals are given, once, before the clock runs."""
        return np.ascontiguousarray(self.x / np.float32(255) if self.bytes else self.x, np.float32)

    @property
    def targets(self) -> Floats:
        """The classes as float32 (n, outputs): one-hot, or 0 and 1 where there is one output."""
        if self.outputs == 1:
            return self.y.astype(np.float32)[:, None]
        return np.eye(self.outputs, dtype=np.float32)[self.y]


def folder() -> Path:
    """Where the files of MNIST may be: DELTARULE_BENCHMARK_MNIST, or beside the checkout."""
    named = os.environ.get("DELTARULE_BENCHMARK_MNIST")
    return Path(named) if named else Path(__file__).parents[2] / "shared" / "data" / "mnist"


def samples(workload: Workload) -> Samples:
    """A workload's data; the same in every process."""
    n, d, outputs = workload.samples, workload.sizes[0], workload.sizes[-1]
    generator = np.random.default_rng(0)
    if workload.data == "moons":
        angle, y = generator.uniform(0, np.pi, n), np.arange(n) % 2
        x = np.stack([np.cos(angle) * (1 - 2 * y) + y, np.sin(angle) * (1 - 2 * y) + y / 2], axis=1)
        return Samples((x + generator.normal(0, 0.2, x.shape)).astype(np.float32), y, "moons", outputs)
    if workload.data == "mnist":
        if folder().is_dir():
            from deltarule.data.idx import read_idx_folder

            train = read_idx_folder(folder()).train
            # A single batch may lack a class, which every network here must know of.
            y = train.y[:n].astype(np.int64) if n >= 1000 else np.arange(n) % outputs
            return Samples(train.x.reshape(len(train), -1)[:n].copy(), y, "MNIST", outputs)
        ink = generator.random((n, d)) < 0.19
        x = np.where(ink, generator.integers(1, 256, (n, d)), 0).astype(np.uint8)
        return Samples(x, generator.permutation(np.arange(n) % outputs), "as MNIST, synthetic", outputs)
    x = generator.standard_normal((n, d), dtype=np.float32)
    return Samples(x, generator.permutation(np.arange(n) % outputs), "normal numbers", outputs)


def first_weights(workload: Workload) -> list[tuple[Floats, Floats]]:
    """Weights (fan_in, fan_out) and biases (fan_out,) of each layer before the first step, the same for everyone."""
    generator = np.random.default_rng(1)
    return [
        (
            (generator.standard_normal((fan_in, fan_out)) * np.sqrt(2 / (fan_in + fan_out))).astype(np.float32),
            np.zeros(fan_out, np.float32),
        )
        for fan_in, fan_out in workload.layers
    ]
