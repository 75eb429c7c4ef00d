"""Online augmentation: images a second beside scipy.ndimage, and what it costs a training step.

    python -m benchmarks.augmentation [MNIST]        MNIST: a folder with its IDX files; without, images of noise

Both sides turn, zoom, shift and deform batches of 64 images of 28 × 28, on one core. What is set beside each other is
measured in turns; the fastest round of each counts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

import deltarule as dr

BATCH, SIDE, ROUNDS = 64, 28, 7
RECIPE = (dr.Rotation(10), dr.Zoom(0.15), dr.Translation(1), dr.Elastic(alpha=36, sigma=5))


def images(folder: str | None) -> dr.Dataset:
    """MNIST's training part, or as many bytes of noise."""
    if folder is not None:
        return dr.load_dataset("mnist", data_dir=folder, split="official")
    drawn = np.random.default_rng(0)
    return dr.Dataset(train=(drawn.integers(0, 256, (6400, SIDE, SIDE)).astype(np.uint8), np.arange(6400) % 10))


def by_deltarule(data: dr.Dataset) -> Callable[[], None]:
    """One batch as the compiled engine builds it, by one thread."""
    from deltarule.engines.compiled.plan.augmenter import Augmenter
    from deltarule.engines.compiled.plan.memory import Arena
    from deltarule.engines.compiled.plan.tables import ALL_ROWS
    from deltarule.engines.compiled.runtime.epochs import SingleThread
    from deltarule.formulas.augmentations.composition import RawValues
    from deltarule.recipes import Scaling

    x = data.train.x.reshape(len(data.train), -1)
    arena = Arena("float32")
    order = arena.keep(np.random.default_rng(0).permutation(len(x)))
    scaling = Scaling("pooled").learn(x, image=True)
    made = Augmenter(arena, dr.Recipe(augmentation=RECIPE), RawValues(x, (SIDE, SIDE)), x, scaling)
    batch, steps = arena.matrix(BATCH, x.shape[1]), count(1)
    augment = SingleThread(arena, [made.augment(order, batch, ALL_ROWS, BATCH)])

    def build() -> None:
        augment.set(step=next(steps))
        augment(BATCH)

    # The memory belongs to the arena, which has to live as long as this is called.
    build.__dict__["arena"] = arena
    return build


def by_scipy(data: dr.Dataset) -> Callable[[], None]:
    """One batch by `gaussian_filter` and `map_coordinates`, all maps composed and each image interpolated once."""
    from scipy import ndimage

    x = data.train.x[:BATCH].astype(np.float32)
    drawn, places = np.random.default_rng(0), np.indices((SIDE, SIDE), np.float32)
    batch, middle = np.empty_like(x), np.float32((SIDE - 1) / 2)

    def build() -> None:
        for row, image in enumerate(x):
            fields = drawn.uniform(-1, 1, (2, SIDE, SIDE)).astype(np.float32)
            fields = np.stack([36 * ndimage.gaussian_filter(field, 5, mode="constant") for field in fields])
            angle, zoom = np.radians(drawn.uniform(-10, 10)), drawn.uniform(0.85, 1.15, 2)
            turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / zoom
            y, z = places + fields - middle
            shift = drawn.uniform(-1, 1, 2)
            read = [part[0] * y + part[1] * z + middle - by for part, by in zip(turn, shift, strict=True)]
            ndimage.map_coordinates(image, read, output=batch[row], order=1, mode="grid-constant")

    return build


def a_step(data: dr.Dataset, augmentation: Any) -> Callable[[], float]:
    """The seconds of a training step of 784-800-10, on all cores."""
    some = dr.Dataset(train=data.train.rows(slice(0, 6400)))
    network = dr.Network(hidden=(800,))
    recipe = dr.Recipe(network=network, batch_size=BATCH, epochs=5, stopping=None, augmentation=augmentation)
    steps = recipe.epochs * len(some.train) // BATCH
    return lambda: dr.train(recipe, some).seconds / steps


def seconds(call: Callable[[], None]) -> float:
    """How long one call takes, over some 20 ms of them."""
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < 0.02:
        call()
        calls += 1
    return (time.perf_counter() - began) / calls


def main(folder: str | None = None) -> None:
    """Measure in turns, and print."""
    data = images(folder)
    ours, theirs = by_deltarule(data), by_scipy(data)
    plain, changed = a_step(data, ()), a_step(data, RECIPE)
    rounds = [(seconds(ours), seconds(theirs), plain(), changed()) for _ in range(ROUNDS)]
    one, two, without, with_ = (min(column) for column in zip(*rounds, strict=True))
    rates = f"deltarule {BATCH / one:,.0f}, scipy.ndimage {BATCH / two:,.0f}"
    print(f"one core, images a second: {rates}: {two / one:.0f} ×")
    print(f"784-800-10, batch {BATCH}, Adam: {1e6 * without:.0f} µs a step, {1e6 * with_:.0f} µs augmented: ", end="")
    print(f"{with_ / without:.2f} ×")


if __name__ == "__main__":
    main(*sys.argv[1:2])
