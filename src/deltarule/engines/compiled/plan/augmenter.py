"""A recipe's augmentations laid out for the machine: their formulas read and compiled, their plans written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.augmentation_kernels import changer, composition, mixture, total
from deltarule.engines.compiled.augmented_rows import AUGMENT, AUGMENT_WORDS, MIX, MIX_WORDS, Change, Map, Mixture, Plan
from deltarule.engines.compiled.codegen.gather import gatherer
from deltarule.engines.compiled.plan.layout import Share, padded
from deltarule.engines.compiled.lines import Line, call_of
from deltarule.engines.compiled.plan.memory import Arena, Matrix, aligned
from deltarule.engines.compiled.codegen.tiles import tiles
from deltarule.engines.compiled.codegen.warps import Plane, randoms, warp
from deltarule.formulas.augmentations import Displacement, Geometric, Mixing, Pixelwise
from deltarule.formulas.augmentations.composition import RawValues
from deltarule.recipes import Affine, Recipe

__all__ = ["Augmenter", "Targets"]

_STILL = Affine(np.array(0.0), np.array(1.0))


class Targets(NamedTuple):
    """A part's targets by address: class codes or numbers, the other being 0; and how many outputs there are."""

    codes: int
    numbers: int
    outputs: int


class Augmenter:
    """The augmentations of a recipe, for raw rows x (n, d) and a learnt scaling."""

    def __init__(self, arena: Arena, recipe: Recipe, raw: RawValues, x: npt.NDArray[Any], scaling: Affine) -> None:
        self._batch, self._raw = arena, raw
        self._arena = own = arena.hold(Arena(_precision(x.dtype, arena.dtype, image=raw.image)))
        self._x = own.keep(x), x.strides[0]
        self._plane = Plane(*raw.sides)
        listed = list(enumerate(recipe.augmentation))
        self._maps = [(place, each) for place, each in listed if isinstance(each, Geometric)]
        self._fields = [(place, each) for place, each in listed if isinstance(each, Displacement)]
        self._changes = [(place, each) for place, each in listed if isinstance(each, Pixelwise)]
        self._mixtures = [(place, each) for place, each in listed if isinstance(each, Mixing)]
        self._raw_gatherer = own.hold(gatherer(x.dtype, own.dtype, _STILL))
        self._scaler = own.hold(gatherer(own.dtype, arena.dtype, scaling))
        self._randoms = own.hold(randoms(own.dtype))
        self._warp = own.hold(warp(own.dtype, self._plane)) if self._maps or self._fields else None
        self._composed = own.hold(composition(self._maps, raw)) if self._maps else None
        self._changers = [own.hold(changer(each, raw, own.dtype)) for _, each in self._changes]
        self._total = own.hold(total(own.dtype))
        self._places = self._laid_out() if self._changes else []

    @property
    def mixing(self) -> bool:
        """Whether samples are mixed with each other."""
        return bool(self._mixtures)

    def augment(self, order: int, target: Matrix, rows: Share, most: int) -> Line:
        """Build some rows of a batch, of at most so many in all, by one thread."""
        return call_of(
            AUGMENT,
            AUGMENT_WORDS,
            plan=self._plan(most),
            order=order,
            target=target.address,
            target_row=target.row,
            part=rows.part,
            parts=rows.parts,
        )

    def _plan(self, rows: int) -> int:
        """A plan for one thread."""
        arena, columns = self._arena, self._plane.columns
        image = arena.numbers(padded(self._plane.room))
        words = {
            Plan.GATHER: self._raw_gatherer.address,
            Plan.SOURCE: self._x[0],
            Plan.SOURCE_ROW: self._x[1],
            Plan.COLUMNS: columns,
            Plan.NONE_SHIFT: arena.keep(self._raw_gatherer.shift),
            Plan.NONE_FACTOR: arena.keep(self._raw_gatherer.factor),
            Plan.SCALE: self._scaler.address,
            Plan.SHIFT: arena.keep(self._scaler.shift),
            Plan.FACTOR: arena.keep(self._scaler.factor),
            Plan.FIRST: arena.words(1),
            Plan.IMAGE: image,
            Plan.ITEM_BYTES: arena.dtype.itemsize,
            Plan.TABLE: arena.hold(tiles(arena.dtype.name)).address,
            **self._warping(rows),
            **self._changing(image),
        }
        return _table(arena, words, Plan.COUNT)

    def mix(self, order: int, x: Matrix, mixed: Matrix, y: Matrix, targets: Targets, rows: Share) -> Line:
        """Mix some rows of x, all of which are there, into `mixed`; and write y anew."""
        arena, (place, formula) = self._batch, self._mixtures[0]
        kernel = arena.hold(mixture(arena.dtype))
        knots = formula.knots()
        words = {
            Mixture.PLACE: place,
            Mixture.PROBABILITY: arena.keep(np.array([formula.probability])),
            Mixture.KNOTS: arena.keep(knots),
            Mixture.SPACES: len(knots) - 1,
            Mixture.PROLOGUE: kernel.prologue,
            Mixture.SCALARS: arena.words(1),
            Mixture.CONSTANTS: arena.numbers(max(1, kernel.constants)),
            Mixture.BODY: kernel.body,
            Mixture.OPERANDS: arena.words(3),
            Mixture.X: x.address,
            Mixture.MIXED: mixed.address,
            Mixture.X_ROW: x.row,
            Mixture.STRIDE: x.stride,
            Mixture.Y: y.address,
            Mixture.Y_ROW: y.row,
            Mixture.OUTPUTS: targets.outputs,
            Mixture.CODES: targets.codes,
            Mixture.TARGETS: targets.numbers,
            Mixture.ITEM_BYTES: arena.dtype.itemsize,
        }
        plan = _table(arena, words, Mixture.COUNT)
        return call_of(MIX, MIX_WORDS, plan=plan, order=order, part=rows.part, parts=rows.parts)

    def _warping(self, rows: int) -> Mapping[Plan, int]:
        """Words for all that is geometric."""
        if self._warp is None:
            return {}
        arena, plane, capacity = self._arena, self._plane, padded(rows)
        maps = np.zeros((6, capacity))
        maps[[0, 3]] = 1.0
        background = np.full(plane.shape, self._raw.low, arena.dtype)
        field = 2 * plane.height * plane.stride
        words = {
            Plan.WARPED: 1,
            Plan.CAPACITY: capacity,
            Plan.MAP: arena.keep(maps),
            Plan.SPREAD: self._warp.spread,
            Plan.READ: self._warp.read,
            Plan.PLANE: arena.keep(background),
            Plan.STILL: arena.numbers(field),
        }
        return words | self._affine_words(maps) | self._field_words(field)

    def _affine_words(self, maps: npt.NDArray[np.float64]) -> dict[Plan, int]:
        kernel, arena = self._composed, self._arena
        if kernel is None:
            return {}
        slots = np.cumsum([0, *(1 + each.draws for _, each in self._maps)]).tolist()
        numbers = aligned(slots[-1] * maps.shape[1], np.float64).reshape(slots[-1], -1)
        words = np.zeros((len(self._maps), Map.COUNT), np.int64)
        for line, (place, each), slot in zip(words, self._maps, slots, strict=False):
            line[[Map.PLACE, Map.DRAWS, Map.SLOT]] = place, 1 + each.draws, slot
        operands = np.array([row.ctypes.data for row in [*numbers, *maps]], np.int64)
        return {
            Plan.MAPS: len(self._maps),
            Plan.MAP_WORDS: arena.keep(words),
            Plan.NUMBERS: arena.keep(numbers),
            Plan.MAP_BODY: kernel.body,
            Plan.MAP_CONSTANTS: arena.keep(kernel.shared()),
            Plan.MAP_OPERANDS: arena.keep(operands),
        }

    def _field_words(self, size: int) -> dict[Plan, int]:
        if not self._fields:
            return {}
        arena, plane = self._arena, self._plane
        place, formula = self._fields[0]
        down = formula.strength() * formula.smoothing(plane.height)
        right = formula.smoothing(plane.width)
        return {
            Plan.DISPLACED: 1,
            Plan.PLACE: place,
            Plan.PROBABILITY: arena.keep(np.array([formula.probability])),
            Plan.DRAW: self._randoms.displacements,
            Plan.NOISE: arena.numbers(size),
            Plan.HALFWAY: arena.numbers(size),
            Plan.FIELD: arena.numbers(size),
            Plan.HEIGHT: plane.height,
            Plan.WIDTH: plane.width,
            Plan.STRIDE: plane.stride,
            Plan.DOWN: self._matrix(down),
            Plan.DOWN_ROW: padded(plane.height) * arena.dtype.itemsize,
            Plan.DOWN_REACH: _reach(down),
            Plan.RIGHT: self._matrix(right),
            Plan.RIGHT_ROW: plane.stride * arena.dtype.itemsize,
            Plan.RIGHT_REACH: _reach(right),
        }

    def _matrix(self, numbers: npt.NDArray[np.float64]) -> int:
        """A square matrix of the engine's precision, its rows padded with zeros."""
        side = len(numbers)
        room = aligned(side * padded(side), self._arena.dtype).reshape(side, -1)
        room[:, :side] = numbers
        return self._arena.keep(room)

    def _changing(self, image: int) -> dict[Plan, int]:
        """Words for the changes of values."""
        if not self._changes:
            return {}
        arena, sum_ = self._arena, np.zeros(1)
        uniform = arena.numbers(padded(self._plane.columns))
        words = np.zeros((len(self._changes), Change.COUNT), np.int64)
        for line, (place, each), made in zip(words, self._changes, self._changers, strict=True):
            kernel, operands = made.kernel, np.array([image, *self._places, uniform, image], np.int64)
            of_this = {
                Change.PLACE: place,
                Change.DRAWS: each.draws,
                Change.PROBABILITY: arena.keep(np.array([each.probability])),
                Change.PROLOGUE: kernel.prologue,
                Change.SCALARS: arena.keep(np.array(kernel.values)),
                Change.CONSTANTS: arena.numbers(max(1, kernel.constants)),
                Change.BODY: kernel.body,
                Change.OPERANDS: arena.keep(operands),
                Change.UNIFORM: made.uniform,
                Change.MEAN: made.mean,
            }
            line[list(of_this)] = list(of_this.values())
        return {
            Plan.CHANGES: len(words),
            Plan.CHANGE_WORDS: arena.keep(words),
            Plan.UNIFORMS: self._randoms.uniforms,
            Plan.UNIFORM: uniform,
            Plan.TOTAL: self._total.body,
            Plan.TOTAL_CONSTANTS: arena.keep(self._total.shared()),
            Plan.TOTAL_OPERANDS: arena.keep(np.array([image, arena.keep(sum_)], np.int64)),
            Plan.SUM: sum_.ctypes.data,
        }

    def _laid_out(self) -> list[int]:
        """Where each value stands, and its feature's deviation: `augmentation_kernels.PLACES`."""
        plane, column = self._plane, np.arange(self._plane.columns)
        row, pixel = column // (plane.width * plane.channels), column // plane.channels % plane.width
        addresses = []
        # Deviations take a look at all of the training part.
        deviation = self._raw.deviation if any(each.deviation for each in self._changers) else 0.0
        for numbers in (row, pixel, column % plane.channels, deviation):
            room = aligned(padded(len(column)), self._arena.dtype)
            room[: len(column)] = numbers
            addresses.append(self._arena.keep(room))
        return addresses


def _precision(source: np.dtype[Any], batch: np.dtype[Any], *, image: bool) -> np.dtype[Any]:
    """That of the batch; float64 for features that a float32 might not tell apart before they are scaled."""
    wide = source.itemsize == 8 or (source.kind in "iu" and source.itemsize == 4)
    return np.dtype(np.float64) if wide and not image else batch


def _reach(matrix: npt.NDArray[np.float64]) -> int:
    """How far from the diagonal a matrix has numbers."""
    rows, columns = np.nonzero(matrix)
    return int(np.abs(rows - columns).max(initial=0))


def _table(arena: Arena, words: Mapping[Any, int], length: int) -> int:
    """The address of an array of words, 0 where none is given."""
    table = np.zeros(length, np.int64)
    table[[int(place) for place in words]] = list(words.values())
    return arena.keep(table)
