"""The tables in memory that augmentations read: one struct for each kind of change; see `augmentation`."""

from __future__ import annotations

from dataclasses import dataclass

from deltarule.engines.compiled.plan.tables import KernelCall
from deltarule.native.structs import Address, Count, Stride, Struct

__all__ = [
    "AffineMap", "AffineMaps", "Displacements", "ImageWarp", "RawImage", "Smoothing", "ValueChange", "ValueChanges",
]  # fmt: skip


@dataclass(frozen=True)
class RawImage(Struct):
    """One sample: the function that brings its raw row into `image`, unscaled, and the one that scales it.

    first : address of a zero, an order of one row. item_bytes : of the image's numbers.
    """

    gather: Address
    source: Address
    source_row: Stride
    columns: Count
    no_shift: Address
    no_factor: Address
    scale: Address
    shift: Address
    factor: Address
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
    """A matrix that smooths a field along one axis, and how far from its diagonal it reaches."""

    matrix: Address
    row: Stride
    reach: Count


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
    """The functions that read an image anew under a map and a field; `still` is a field of zeros."""

    used: bool
    spread: Address
    read: Address
    plane: Address
    still: Address


@dataclass(frozen=True)
class ValueChange(Struct):
    """A change of values. The scalars begin with the draws; then, where it is used, comes the image's mean."""

    place: Count
    draws: Count
    probability: float
    prologue: Address
    scalars: Address
    kernel: KernelCall
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
