"""Instructions that build rows of a batch from changed samples and that mix rows, and the structs that they read.

See `formulas.augmentations.composition` for what is computed, and `augmenter` for who writes these. `place` is an
augmentation's place in the recipe's list; probabilities are compared with the first random number of a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.plan.instruction import (
    Instruction,
    Work,
    order_of,
    put,
    run_kernel,
    sample,
    samples_named,
    uniform,
)
from deltarule.engines.compiled.plan.tables import (
    Gathering,
    KernelCall,
    MatrixAt,
    PreparedKernel,
    Rows,
    Run,
    Targets,
    Thread,
)
from deltarule.formulas import random
from deltarule.formulas.augmentations.composition import Drawn, changed, mixed
from deltarule.native import products
from deltarule.native.memory import call, load_float64, store, struct_at
from deltarule.native.structs import Address, Count, Stride, Struct, size_of

__all__ = [
    "AffineMap", "AffineMaps", "Augment", "Displacements", "ImageWarp", "Mix", "RawImage", "Smoothing", "ValueChange",
    "ValueChanges",
]  # fmt: skip


@dataclass(frozen=True)
class RawImage(Struct):
    """One sample: the function that brings its raw row into `image`, unscaled, and the one that scales it.

    first : address of a zero, an order of one row. item_bytes : of the image's numbers.
    """

    read: Gathering
    source: MatrixAt
    columns: Count
    scale: Gathering
    first: Address
    image: Address
    item_bytes: Stride
    tiles: Address


@dataclass(frozen=True)
class AffineMap(Struct):
    """An affine map: how many numbers it draws, and the first of the `numbers` that it fills."""

    place: Count
    draws: Count
    slot: Count


@dataclass(frozen=True)
class AffineMaps(Struct):
    """All affine maps of a batch, and the kernel that composes them into one for each row.

    table : `AffineMap`s. numbers, results : arrays of `capacity` rows, for each random number, and for each of the six
    numbers of a map.
    """

    count: Count
    table: Address
    numbers: Address
    capacity: Count
    kernel: KernelCall
    operands: Address
    results: Address


@dataclass(frozen=True)
class Smoothing(Struct):
    """A matrix that smooths a field along one axis, and how far from its diagonal it is not 0."""

    matrix: MatrixAt
    radius: Count


@dataclass(frozen=True)
class Displacements(Struct):
    """A field of random displacements; noise, halfway and field are (2, height, stride) numbers."""

    used: bool
    place: Count
    probability: float
    draw: Address
    noise: Address
    halfway: Address
    field: Address
    height: Count
    width: Count
    stride: Count
    down: Smoothing
    right: Smoothing


@dataclass(frozen=True)
class ImageWarp(Struct):
    """The functions that copy an image under a map, or resample it under a map and a field.

    mirrors : whether `copy` copies from right to left, too. still : a field of zeros.
    """

    used: bool
    spread: Address
    copy: Address
    mirrors: bool
    read: Address
    plane: Address
    still: Address


@dataclass(frozen=True)
class ValueChange(Struct):
    """A change of values. The scalars begin with the draws; then, where it is used, comes the image's mean."""

    place: Count
    draws: Count
    probability: float
    prepared: PreparedKernel
    operands: Address
    uses_uniform: bool
    uses_mean: bool


@dataclass(frozen=True)
class ValueChanges(Struct):
    """All changes of values: a table of `ValueChange`s, and what several of them use.

    draw : the function that draws a number for each value into `uniform`. total : the kernel that adds up an image
    into `sum`.
    """

    count: Count
    table: Address
    draw: Address
    uniform: Address
    total: KernelCall
    total_operands: Address
    sum: Address


_PURPOSE = np.uint64(int(random.Purpose.AUGMENTATION))
_SHIFT = np.uint64(4)
# Rows or columns of a field that are smoothed at once, reading no more of it than the Gaussian reaches.
_BLOCK = 64


def _block(block: int, row: int, step: int, place: int, run: Run) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """The random words of four units."""
    purpose = np.uint64(place) << _SHIFT | _PURPOSE
    low, high = np.uint64(run.seed_low), np.uint64(run.seed_high)
    return random.rounds(np.uint64(block), np.uint64(row), np.uint64(step), purpose, low, high)


def _word(unit: int, row: int, step: int, place: int, run: Run) -> np.uint64:
    w0, w1, w2, w3 = _block(unit >> 2, row, step, place, run)
    return _chosen(unit & 3, w0, w1, w2, w3)


def _chosen(part: int, w0: np.uint64, w1: np.uint64, w2: np.uint64, w3: np.uint64) -> np.uint64:
    return w0 if part == 0 else w1 if part == 1 else w2 if part == 2 else w3


def _number(unit: int, row: int, step: int, place: int, run: Run) -> float:
    return uniform(_word(unit, row, step, place, run))


@dataclass(frozen=True)
class Augment(Instruction):
    """Rows of the batch from samples that are changed, and scaled."""

    raw: RawImage
    maps: AffineMaps
    warp: ImageWarp
    displacements: Displacements
    changes: ValueChanges
    order: Address
    target: MatrixAt
    rows: Rows

    def equation(self) -> str:
        return f"{{target:rows}} = (changed {{raw.source}}[{samples_named(self.order)}] − shift) · factor"

    def execute(self, thread: Thread) -> None:
        raw, begin, rows = self.raw, self.rows.first(thread.size), self.rows.count(thread.size)
        order = order_of(self.order, thread.run.order) + 8 * (thread.first + begin)
        if self.maps.count:
            self.draw_maps(begin, rows, thread)
        for row in range(rows):
            raw.read.rows(1, order + 8 * row, raw.source.address, raw.source.row, raw.image, 0, raw.columns)
            if self.warp.used:
                self.warp_image(row, begin + row, thread)
            for index in range(self.changes.count):
                change = struct_at(ValueChange, self.changes.table + size_of(ValueChange) * index)
                self.change_values(change, begin + row, thread)
            raw.scale.rows(1, raw.first, raw.image, 0, self.target.at(begin + row), 0, raw.columns)

    def define(self, work: Work) -> None:
        rows, raw, of = work.rows(self.rows), self.raw, work.found(self.raw.image)
        types, samples = work.found(raw.read.function), work.samples(self.order)[rows]
        x = work.table(raw.source, raw.columns, samples, types.source).astype(np.float64)
        x = changed(x, of.augmentations, of.raw, Drawn(work.seed, work.step, rows.start))
        work.batch(self.target, raw.columns)[rows] = work.scaled(raw.scale, x)

    def draw_maps(self, begin: int, rows: int, thread: Thread) -> None:
        """Draw the numbers of all affine maps, and compose the maps, for all rows."""
        maps, column = self.maps, 8 * self.maps.capacity
        for index in range(maps.count):
            one = struct_at(AffineMap, maps.table + size_of(AffineMap) * index)
            first = maps.numbers + one.slot * column
            for row in range(rows):
                for block in range((one.draws + 3) >> 2):
                    w0, w1, w2, w3 = _block(block, begin + row, thread.step, one.place, thread.run)
                    for part in range(min(4, one.draws - 4 * block)):
                        drawn = uniform(_chosen(part, w0, w1, w2, w3))
                        store(first + (4 * block + part) * column + 8 * row, drawn)
        call(maps.kernel.body, (rows + 15) // 16 * 16, maps.kernel.constants, maps.operands)

    def warp_image(self, place_in_maps: int, row: int, thread: Thread) -> None:
        """Resample the image under its map and its field; where both are the identity, leave it unchanged."""
        column, warp, of = 8 * self.maps.capacity, self.warp, self.displacements
        numbers = self.maps.results + 8 * place_in_maps
        a, d = load_float64(numbers), load_float64(numbers + 3 * column)
        b, c = load_float64(numbers + column), load_float64(numbers + 2 * column)
        e, f = load_float64(numbers + 4 * column), load_float64(numbers + 5 * column)
        upright = b == 0.0 and c == 0.0
        if of.used and _number(0, row, thread.step, of.place, thread.run) < of.probability:
            self.displace(row, thread)
            call(warp.spread, self.raw.image, warp.plane)
            call(warp.read, warp.plane, numbers, column, of.field, self.raw.image)
        elif upright and a == 1.0 and d == 1.0 and e == 0.0 and f == 0.0:
            return
        else:
            call(warp.spread, self.raw.image, warp.plane)
            turned = upright and (a == 1.0 or a == -1.0) and (d == 1.0 or (d == -1.0 and warp.mirrors))
            if turned and e == float(int(e)) and f == float(int(f)):
                call(warp.copy, warp.plane, numbers, column, self.raw.image)
            else:
                call(warp.read, warp.plane, numbers, column, warp.still, self.raw.image)
        self.clear_padding()

    def displace(self, row: int, thread: Thread) -> None:
        """Draw two fields and smooth them: along x both at once, as rows; along y one after the other."""
        of, item, table = self.displacements, self.raw.item_bytes, self.raw.tiles
        line, height = of.stride * item, of.height
        run = thread.run
        call(of.draw, row, height * of.stride, thread.step, of.place, run.seed_low, run.seed_high, of.noise)
        matrix, radius = of.right.matrix, of.right.radius
        for first in range(0, of.width, _BLOCK):
            columns = min(_BLOCK, of.width - first)
            start, end = max(0, first - radius), min(of.width, first + columns + radius)
            products.gemm_nn(
                table, of.halfway + first * item, line, 0, of.noise + start * item, line,
                matrix.at(start) + first * item, matrix.row, 2 * height, end - start, columns,
                thread.workspace,
            )  # fmt: skip
        matrix, radius = of.down.matrix, of.down.radius
        for first in range(0, height, _BLOCK):
            rows = min(_BLOCK, height - first)
            start, end = max(0, first - radius), min(height, first + rows + radius)
            for half in range(2):
                above = half * height
                products.gemm_nn(
                    table, of.field + (above + first) * line, line, 0, matrix.at(first) + start * item, matrix.row,
                    of.halfway + (above + start) * line, line, rows, end - start, of.stride,
                    thread.workspace,
                )  # fmt: skip

    def change_values(self, change: ValueChange, row: int, thread: Thread) -> None:
        """One change of the image's values."""
        run, step, shared = thread.run, thread.step, self.changes
        if _number(0, row, step, change.place, run) >= change.probability:
            return
        columns, scalars, kernel = self.raw.columns, change.prepared.scalars, change.prepared.kernel
        padded = (columns + 15) // 16 * 16
        for unit in range(change.draws):
            store(scalars + 8 * unit, _number(1 + unit, row, step, change.place, run))
        if change.uses_mean:
            call(shared.total.body, padded, shared.total.constants, shared.total_operands)
            store(scalars + 8 * change.draws, load_float64(shared.sum) / columns)
        if change.uses_uniform:
            call(shared.draw, row, padded, step, change.place, run.seed_low, run.seed_high, shared.uniform)
        change.prepared.prepare()
        call(kernel.body, padded, kernel.constants, change.operands)
        self.clear_padding()

    def clear_padding(self) -> None:
        """Zeros behind the image, up to a whole group: sums are taken of groups."""
        columns = self.raw.columns
        for column in range(columns, (columns + 15) // 16 * 16):
            put(self.raw.image, column, self.raw.item_bytes, 0.0)


@dataclass(frozen=True)
class Mix(Instruction):
    """Rows of the batch mixed with others of it, and their targets likewise: see `formulas.augmentations.mixing`.

    knots : quantiles of λ, with `spaces` between them. x : unmixed rows; mixed : where they go.
    """

    place: Count
    probability: float
    knots: Address
    spaces: Count
    prepared: PreparedKernel
    x: MatrixAt
    mixed: MatrixAt
    columns: Count
    y: MatrixAt
    targets: Targets
    order: Address
    rows: Rows

    def equation(self) -> str:
        return "{mixed:rows}, {y:rows} = mixtures of the rows of {x}, and of their targets"

    def execute(self, thread: Thread) -> None:
        run, step, size = thread.run, thread.step, thread.size
        order = order_of(self.order, run.order)
        further = int(_word(2, 0, step, self.place, run) * np.uint64(size - 1) >> random.HALF)
        for row in range(self.rows.first(size), self.rows.stop(size)):
            other, share = row, 1.0
            if size > 1:
                other = (row + 1 + further) % size
                if _number(0, row, step, self.place, run) < self.probability:
                    share = self.share(_number(1, row, step, self.place, run))
            store(self.prepared.scalars, share)
            self.prepared.prepare()
            images = self.x.at(row), self.x.at(other), self.mixed.at(row)
            run_kernel(self.prepared.kernel, self.columns, thread.operands, images)
            one, two = sample(order, thread.first, row), sample(order, thread.first, other)
            for output in range(self.targets.outputs):
                here, there = self.targets.value(one, output), self.targets.value(two, output)
                put(self.y.at(row), output, run.item_bytes, share * here + (1.0 - share) * there)

    def define(self, work: Work) -> None:
        rows, drawn = work.rows(self.rows), Drawn(work.seed, work.step)
        unmixed, mixture = (work.batch(each, self.columns) for each in (self.x, self.mixed))
        targets = work.targets(self.targets, work.samples(self.order))
        x, y = mixed(unmixed, targets, work.found(self.knots), self.place, drawn)
        mixture[rows], work.batch(self.y, self.targets.outputs)[rows] = x[rows], y[rows]

    def share(self, u: float) -> float:
        """λ for a number from 0 to 1, between the quantiles."""
        place = u * self.spaces
        below = min(int(place), self.spaces - 1)
        here, after = load_float64(self.knots + 8 * below), load_float64(self.knots + 8 * (below + 1))
        return here + (place - below) * (after - here)
