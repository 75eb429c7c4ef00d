"""Online augmentation: seconds an epoch, images a second beside scipy.ndimage, and the cost in a training step.

    python -m benchmarks.augmentation [MNIST]        MNIST: a folder with its IDX files; without, images of noise

The table has the seconds in which one core builds 60,000 images in batches of 64, for each augmentation on its own and
for two combinations, and their ratio to images that are only converted and scaled. Beside scipy.ndimage, both sides
turn, zoom, shift and deform batches of 64 images of 28 × 28, on one core. What is set beside each other is measured in
turns; the fastest round of each counts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np

import deltarule as dr
from deltarule.formulas import registered
from deltarule.formulas.augmentations import Augmentation

BATCH, SIDE, ROUNDS, EPOCH, CLASSES = 64, 28, 7, 60_000, 10
RECIPE = (dr.Rotation(10), dr.Zoom(0.15), dr.Translation(1), dr.Elastic(alpha=36, sigma=5))
SHIFTED = (dr.PadAndCrop(2), dr.HorizontalFlip())


def several() -> dict[str, tuple[Augmentation, ...]]:
    """Augmentations by what the table calls them: none, each of those for images of one channel, and combinations."""
    alone = {cls.name: (cls(probability=1.0),) for cls in registered("augmentation") if cls.samples != "rgb"}
    pairs = {"pad_and_crop, horizontal_flip": SHIFTED, "rotation, zoom, translation, elastic": RECIPE}
    return {"none": ()} | alone | pairs


def images(folder: str | None) -> dr.Dataset:
    """MNIST's training part, or as many bytes of noise."""
    if folder is not None:
        return dr.load_dataset("mnist", data_dir=folder, split="official")
    drawn = np.random.default_rng(0)
    return dr.Dataset(train=(drawn.integers(0, 256, (6400, SIDE, SIDE)).astype(np.uint8), np.arange(6400) % 10))


def by_deltarule(data: dr.Dataset, augmentations: Sequence[Augmentation]) -> Callable[[], None]:
    """One batch as the compiled engine builds it, by one thread."""
    from deltarule.engines.compiled.codegen.gather import gatherer
    from deltarule.engines.compiled.plan.augmenter import Augmenter
    from deltarule.engines.compiled.plan.batches import Gather
    from deltarule.engines.compiled.plan.instruction import Instruction
    from deltarule.engines.compiled.plan.memory import Arena
    from deltarule.engines.compiled.plan.tables import ALL_ROWS, MatrixAt, Targets
    from deltarule.engines.compiled.runtime.epochs import SingleThread
    from deltarule.formulas.augmentations.composition import RawValues
    from deltarule.native.structs import Address, Count, Stride
    from deltarule.recipes import Scaling

    x, labels = data.train.x.reshape(len(data.train), -1), np.ascontiguousarray(data.train.y, np.int64)
    arena = Arena("float32")
    order = arena.keep(np.random.default_rng(0).permutation(len(x)))
    scaling = Scaling("pooled").learn(x, image=True)
    batch, mixture, y = arena.matrix(BATCH, x.shape[1]), arena.matrix(BATCH, x.shape[1]), arena.matrix(BATCH, CLASSES)
    instructions: list[Instruction]
    if augmentations:
        made = Augmenter(arena, dr.Recipe(augmentation=augmentations), RawValues(x, (SIDE, SIDE)), x, scaling)
        instructions = [made.augment(order, batch, ALL_ROWS, BATCH)]
        if made.mixing:
            targets = Targets(arena.keep(labels), Address(0), Count(CLASSES))
            instructions.append(made.mix(order, batch, mixture, y, targets, ALL_ROWS))
    else:
        source, columns = MatrixAt(arena.keep(x), Stride(x.strides[0])), Count(x.shape[1])
        gathering = arena.gathering(gatherer(x.dtype, arena.dtype, scaling))
        instructions = [Gather(gathering, order, source, batch.part(), columns, ALL_ROWS)]
    thread, steps = SingleThread(arena, instructions), count(1)

    def build() -> None:
        thread.set(step=next(steps))
        thread(BATCH)

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


def epochs(data: dr.Dataset) -> None:
    """Print the seconds of 60,000 images under each augmentation, and the ratio to none."""
    calls = {name: by_deltarule(data, augmentations) for name, augmentations in several().items()}
    rounds = [[seconds(call) for call in calls.values()] for _ in range(ROUNDS)]
    fastest = [min(column) * EPOCH / BATCH for column in zip(*rounds, strict=True)]
    print(f"{'one core, 60,000 images':<40}{'seconds':>8}{'ratio':>8}")
    for name, one in zip(calls, fastest, strict=True):
        print(f"{name:<40}{one:>8.3f}{one / fastest[0]:>8.1f}")


def main(folder: str | None = None) -> None:
    """Measure in turns, and print."""
    data = images(folder)
    epochs(data)
    ours, theirs = by_deltarule(data, RECIPE), by_scipy(data)
    plain, changed = a_step(data, ()), a_step(data, RECIPE)
    rounds = [(seconds(ours), seconds(theirs), plain(), changed()) for _ in range(ROUNDS)]
    one, two, without, with_ = (min(column) for column in zip(*rounds, strict=True))
    rates = f"deltarule {BATCH / one:,.0f}, scipy.ndimage {BATCH / two:,.0f}"
    print(f"one core, images a second: {rates}: {two / one:.0f} ×")
    print(f"784-800-10, batch {BATCH}, Adam: {1e6 * without:.0f} µs a step, {1e6 * with_:.0f} µs augmented: ", end="")
    print(f"{with_ / without:.2f} ×")


if __name__ == "__main__":
    main(*sys.argv[1:2])
