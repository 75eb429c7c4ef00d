"""The kernels that augmentations are made of: the composition of affine maps, and changes of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.kernels import Kernel, compile_kernel
from deltarule.engines.tracing.trace import hyperparameters, operand, scalar, trace
from deltarule.formulas.augmentations import Geometric, Pixelwise, Place
from deltarule.formulas.augmentations.composition import RawValues, composed, from_the_corner, held, identity_unless

__all__ = ["PLACES", "Changer", "changer", "composition", "mixture", "total"]

PLACES = ("row", "column", "channel", "deviation")
"""What a change of values is given of each value, beside the value: constant arrays."""


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
