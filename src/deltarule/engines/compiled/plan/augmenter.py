"""A recipe's augmentations as instructions: their formulas as kernels, their memory laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.gather import gatherer
from deltarule.engines.compiled.codegen.kernels import Kernel, compile_kernel
from deltarule.engines.compiled.codegen.random_numbers import randoms
from deltarule.engines.compiled.codegen.warps import Plane, warp
from deltarule.engines.compiled.plan.augmentation import (
    AffineMap,
    AffineMaps,
    Augment,
    Displacements,
    ImageWarp,
    Mix,
    RawImage,
    Smoothing,
    ValueChange,
    ValueChanges,
)
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.memory import Arena, Matrix, aligned
from deltarule.engines.compiled.plan.printing import SCRATCH
from deltarule.engines.compiled.plan.tables import NO_KERNEL, MatrixAt, Rows, Targets
from deltarule.engines.tracing.trace import hyperparameters, operand, scalar, trace
from deltarule.formulas.augmentations import Displacement, Geometric, Mixing, Pixelwise, Place
from deltarule.formulas.augmentations.composition import RawValues, composed, from_the_corner, held, identity_unless
from deltarule.native.products import padded
from deltarule.native.structs import Address, Count, Stride, packed, zeros
from deltarule.native.tuning import tuned_tiles
from deltarule.recipes import Affine, Recipe

__all__ = ["Augmenter"]

PLACES = ("row", "column", "channel", "deviation")
"""The constant arrays that a change of values reads beside the values."""


@dataclass(frozen=True)
class Changer:
    """A kernel that changes values in place: x, `PLACES`, uniform → x.

    Its scalars begin with the sample's random numbers and the mean of its values. `uniform`, `mean` and `deviation` say
    whether it reads these.
    """

    kernel: Kernel
    uniform: bool
    mean: bool
    deviation: bool


def composition(maps: Sequence[tuple[int, Geometric]], raw: RawValues) -> Kernel:
    """One map for each row of the batch, in float64: the random numbers of all in, the six numbers of one map out."""
    inputs: list[str] = []
    scalars = {"height": float(raw.sides[0]), "width": float(raw.sides[1])}
    height, width = scalar("height"), scalar("width")
    whole: Any = None
    for place, each in maps:
        names = [f"{place}.{unit}" for unit in range(1 + each.draws)]
        inputs += names
        scalars |= hyperparameters(each, f"{place}:")
        decides, *u = map(operand, names)
        numbers = trace(each, "affine", height, width, *u, prefix=f"{place}:")
        one = identity_unless(decides < scalar(f"{place}:probability"), numbers)
        whole = one if whole is None else composed(whole, one)
    outputs = dict(zip("abcdef", from_the_corner(whole, height, width), strict=True))  # type: ignore[arg-type]
    return compile_kernel(inputs, outputs, scalars, np.float64, name="affine maps")


def changer(formula: Pixelwise, raw: RawValues, dtype: npt.DTypeLike) -> Changer:
    """A change of values as a kernel."""
    draws = [f"u{unit}" for unit in range(formula.draws)]
    height, width, _ = raw.sides
    facts = {"mean": 0.0, "height": float(height), "width": float(width), "low": raw.low, "high": raw.high}
    elements = {name: operand(name) for name in (*PLACES, "uniform")}
    at = Place(**elements, **{name: scalar(name) for name in facts})
    value = held(trace(formula, "value", operand("x"), at, *map(scalar, draws), prefix="formula."), at, image=raw.image)
    scalars = dict.fromkeys(draws, 0.0) | facts | hyperparameters(formula, "formula.")
    read = {node.detail for node in value.expression.within()}
    kernel = compile_kernel(("x", *elements), {"x": value}, scalars, dtype, name=formula.name)
    return Changer(kernel, *(name in read for name in ("uniform", "mean", "deviation")))


def mixture(dtype: npt.DTypeLike) -> Kernel:
    """A share of x and the rest of another: x, other → mixed; the scalar is the share."""
    share = scalar("share")
    mixed = share * operand("x") + (1.0 - share) * operand("other")
    return compile_kernel(("x", "other"), {"mixed": mixed}, {"share": 1.0}, dtype, name="mixture")


def total(dtype: npt.DTypeLike) -> Kernel:
    """The sum of x, one float64."""
    return compile_kernel(("x",), {"total": operand("x")}, {}, dtype, "total", "sum")


_STILL = Affine(np.array(0.0), np.array(1.0))


class Augmenter:
    """The augmentations of a recipe, for raw rows x (n, d) and a fitted scaling."""

    def __init__(self, arena: Arena, recipe: Recipe, raw: RawValues, x: npt.NDArray[Any], scaling: Affine) -> None:
        self._batch, self.raw, self.augmentations = arena, raw, recipe.augmentation
        self._arena = own = arena.hold(Arena(_precision(x.dtype, arena.dtype, image=raw.image)))
        self._x = MatrixAt(arena.keep(x, "data"), Stride(x.strides[0]))
        self._plane = Plane(*raw.sides)
        listed = list(enumerate(recipe.augmentation))
        self._maps = [(place, each) for place, each in listed if isinstance(each, Geometric)]
        self._fields = [(place, each) for place, each in listed if isinstance(each, Displacement)]
        self._changes = [(place, each) for place, each in listed if isinstance(each, Pixelwise)]
        self._mixtures = [(place, each) for place, each in listed if isinstance(each, Mixing)]
        self._read = arena.gathering(gatherer(x.dtype, own.dtype, _STILL))
        self._scale = arena.gathering(gatherer(own.dtype, arena.dtype, scaling))
        self._randoms = randoms(own.dtype)
        self._warp = warp(own.dtype, self._plane) if self._maps or self._fields else None
        self._composed = composition(self._maps, raw) if self._maps else None
        self._changers = [changer(each, raw, own.dtype) for _, each in self._changes]
        self._total = total(own.dtype)
        self._places = self._laid_out() if self._changes else []

    @property
    def mixing(self) -> bool:
        """Whether samples are mixed with each other."""
        return bool(self._mixtures)

    def augment(self, order: Address, target: Matrix, rows: Rows, most: int) -> Instruction:
        """Build some rows of a batch, of at most so many in all, by one thread."""
        arena, plane = self._arena, self._plane
        image = arena.numbers(padded(plane.room))
        self._batch.hold(self, image)
        raw = RawImage(
            read=self._read,
            source=self._x,
            columns=Count(plane.columns),
            scale=self._scale,
            first=arena.words(1),
            image=image,
            item_bytes=Stride(arena.dtype.itemsize),
            tiles=Address(arena.hold(tuned_tiles(arena.dtype.name)).address),
        )
        return Augment(
            raw, self._affine_maps(most), self._image_warp(), self._displacements(), self._value_changes(image), order,
            target.part(), rows,
        )  # fmt: skip

    def mix(self, order: Address, x: Matrix, mixed: Matrix, y: Matrix, targets: Targets, rows: Rows) -> Instruction:
        """Mix some rows of x, all of which are there, into `mixed`; and overwrite y."""
        arena, (place, formula) = self._batch, self._mixtures[0]
        knots = formula.knots()
        quantiles = arena.keep(knots)
        arena.hold(formula, quantiles)
        return Mix(
            place=Count(place),
            probability=formula.probability,
            knots=quantiles,
            spaces=Count(len(knots) - 1),
            prepared=arena.prepared(mixture(arena.dtype), SCRATCH),
            x=x.part(),
            mixed=mixed.part(),
            columns=x.stride,
            y=y.part(),
            targets=targets,
            order=order,
            rows=rows,
        )

    def _affine_maps(self, rows: int) -> AffineMaps:
        """The maps of at most so many rows; where there is none, all rows have the identity."""
        arena, kernel, capacity = self._arena, self._composed, padded(rows)
        results = np.zeros((6, capacity))
        results[[0, 3]] = 1.0
        nowhere, table, slot = Address(0), [], 0
        for place, each in self._maps if kernel is not None else []:
            table.append(packed(AffineMap(Count(place), Count(1 + each.draws), Count(slot))))
            slot += 1 + each.draws
        numbers = aligned(slot * capacity, np.float64).reshape(slot, capacity)
        operands = np.array([row.ctypes.data for row in [*numbers, *results]], np.int64)
        return AffineMaps(
            count=Count(len(table)),
            table=arena.keep(np.array(table, np.int64)) if table else nowhere,
            numbers=arena.keep(numbers),
            capacity=Count(capacity),
            kernel=arena.constants(kernel) if kernel is not None else NO_KERNEL,
            operands=arena.keep(operands),
            results=arena.keep(results),
        )

    def _image_warp(self) -> ImageWarp:
        arena, plane = self._arena, self._plane
        if self._warp is None:
            return zeros(ImageWarp)
        return ImageWarp(
            used=True,
            spread=Address(self._warp.spread),
            copy=Address(self._warp.copy),
            mirrors=plane.channels == 1,
            read=Address(self._warp.read),
            plane=arena.keep(np.full(plane.shape, self.raw.low, arena.dtype)),
            still=arena.numbers(2 * plane.height * plane.stride),
        )

    def _displacements(self) -> Displacements:
        arena, plane = self._arena, self._plane
        if not self._fields:
            return zeros(Displacements)
        (place, formula), size = self._fields[0], 2 * plane.height * plane.stride
        return Displacements(
            used=True,
            place=Count(place),
            probability=formula.probability,
            draw=Address(self._randoms.displacements),
            noise=arena.numbers(size),
            halfway=arena.numbers(size),
            field=arena.numbers(size),
            height=Count(plane.height),
            width=Count(plane.width),
            stride=Count(plane.stride),
            down=self._smoothing(formula.strength() * formula.smoothing(plane.height)),
            right=self._smoothing(formula.smoothing(plane.width)),
        )

    def _smoothing(self, matrix: npt.NDArray[np.float64]) -> Smoothing:
        """A square matrix in the engine's precision, its rows padded with zeros."""
        side, columns = len(matrix), padded(len(matrix))
        room = aligned(side * columns, self._arena.dtype).reshape(side, -1)
        room[:, :side] = matrix
        far, near = np.nonzero(matrix)
        at = MatrixAt(self._arena.keep(room), Stride(columns * room.itemsize))
        return Smoothing(at, Count(int(np.abs(far - near).max(initial=0))))

    def _value_changes(self, image: Address) -> ValueChanges:
        arena, nowhere = self._arena, Address(0)
        uniform = arena.numbers(padded(self._plane.columns) if self._changes else 0)
        table = []
        for (place, each), made in zip(self._changes, self._changers, strict=True):
            operands = np.array([image, *self._places, uniform, image], np.int64)
            change = ValueChange(
                place=Count(place),
                draws=Count(each.draws),
                probability=each.probability,
                prepared=arena.prepared(made.kernel),
                operands=arena.keep(operands),
                uses_uniform=made.uniform,
                uses_mean=made.mean,
            )
            table.append(packed(change))
        total = arena.words(1)
        return ValueChanges(
            count=Count(len(table)),
            table=arena.keep(np.array(table, np.int64)) if table else nowhere,
            draw=Address(self._randoms.uniforms),
            uniform=uniform,
            total=arena.constants(self._total),
            total_operands=arena.keep(np.array([image, total], np.int64)),
            sum=total,
        )

    def _laid_out(self) -> list[Address]:
        """The position of each value, and its feature's standard deviation: `PLACES`."""
        plane, column = self._plane, np.arange(self._plane.columns)
        row, pixel = column // (plane.width * plane.channels), column // plane.channels % plane.width
        addresses = []
        # Standard deviations are computed over the whole training set.
        deviation = self.raw.deviation if any(each.deviation for each in self._changers) else 0.0
        for numbers in (row, pixel, column % plane.channels, deviation):
            room = aligned(padded(len(column)), self._arena.dtype)
            room[: len(column)] = numbers
            addresses.append(self._arena.keep(room))
        return addresses


def _precision(source: np.dtype[Any], batch: np.dtype[Any], *, image: bool) -> np.dtype[Any]:
    """That of the batch; float64 for features that a float32 might not tell apart before they are scaled."""
    wide = source.itemsize == 8 or (source.kind in "iu" and source.itemsize == 4)
    return np.dtype(np.float64) if wide and not image else batch
