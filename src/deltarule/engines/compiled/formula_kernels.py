"""The kernels that training and prediction are made of, each fused from the formulas' methods.

Every function takes formulas and a precision, and gives a `Kernel`: see there for how it is called. Scalars that
change from step to step stand first in `Kernel.scalars`; the formulas' float fields follow, under their kind's name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from deltarule.engines.compiled.kernels import Kernel, compile_kernel
from deltarule.engines.compiled.trace import Shape, Symbol, hyperparameters, operand, scalar, trace
from deltarule.formulas import Activation, Loss, Optimizer, Penalty

__all__ = ["activation_slope", "activation_value", "loss", "penalty_value", "update"]


# Many networks share a recipe's formulas: what was traced and printed for one serves the others.
_once = functools.lru_cache(maxsize=512)


@_once
def activation_value(activation: Activation, dtype: npt.DTypeLike) -> Kernel:
    """Forwards, z → a = value(z); by rows where the activation is of rows, as softmax is."""
    value = trace(activation, "value", operand("z"))
    return compile_kernel({"z": Shape.ELEMENT}, {"a": value}, hyperparameters(activation), dtype, activation.reach)


@_once
def activation_slope(activation: Activation, dtype: npt.DTypeLike, *, from_z: bool = False) -> Kernel:
    """Backwards, da, z, a → dz = da · slope(z, a); `from_z` where a, as dropout leaves it, is no longer value(z)."""
    a = trace(activation, "value", operand("z")) if from_z else operand("a")
    slope = operand("da") * trace(activation, "slope", operand("z"), a)
    inputs = dict.fromkeys(("da", "z", "a"), Shape.ELEMENT)
    return compile_kernel(inputs, {"dz": slope}, hyperparameters(activation), dtype)


@_once
def loss(
    formula: Loss,
    dtype: npt.DTypeLike,
    error: Callable[[Loss, Any, Any], Any] | None = None,
    *,
    gradient: bool = True,
    weighted: bool = False,
    single: bool = False,
) -> Kernel:
    """The loss, z, y → dz, losses, errors, by rows; losses and errors are (n,), neither scaled nor weighted.

    `gradient` gives dz = scale · gradient(z, y); the scalar "scale", 1 / Σ weights, stands first. `weighted` takes a
    third input, "weights" (n,), and multiplies each row of dz by its own. `error` makes errors of the loss, z and y.
    With `single` there is one output: everything is (n,), and reach is "element".
    """
    z, y = operand("z"), operand("y")
    inputs = {"z": Shape.ELEMENT, "y": Shape.ELEMENT}
    outputs = {}
    if gradient:
        share = scalar("scale")
        if weighted:
            inputs["weights"] = Shape.SAMPLES
            share = share * operand("weights", Shape.COLUMN)
        outputs["dz"] = trace(formula, "gradient", z, y) * share
    outputs["losses"] = trace(formula, "value", z, y)
    if error is not None:
        outputs["errors"] = error(formula, z, y)
    scalars = {"scale": 1.0, **hyperparameters(formula)}
    if single:
        alone = {name: symbol.alone() for name, symbol in outputs.items()}
        return compile_kernel(dict.fromkeys(inputs, Shape.ELEMENT), alone, scalars, dtype)
    return compile_kernel(inputs, outputs, scalars, dtype, "row")


@_once
def update(optimizer: Optimizer, penalty: Penalty | None, dtype: npt.DTypeLike) -> Kernel:
    """The update, w, g, *slots → w, *slots: one step against g + penalty.gradient(w); give no penalty for biases.

    The scalars "t" (from 1), "rate" (a schedule's factor on the learning rate) and "share" (a factor on the penalty,
    where one is given) stand first. A proximal penalty has its `prox` after the step, at the step's learning rate, in
    place of its gradient.
    """
    w, g = operand("w"), operand("g")
    slots = [operand(name) for name in optimizer.slots]
    scalars = {"t": 1.0, "rate": 1.0, **hyperparameters(optimizer, "optimizer.")}
    learning_rate = scalar("optimizer.learning_rate") * scalar("rate")
    if penalty is not None:
        scalars = {"t": 1.0, "rate": 1.0, "share": 1.0, **hyperparameters(optimizer, "optimizer.")}
        scalars |= hyperparameters(penalty, "penalty.")
        if not penalty.takes_prox:
            g = g + scalar("share") * trace(penalty, "gradient", w, prefix="penalty.")
    moved: tuple[Symbol, ...] = trace(
        optimizer, "step", w, g, scalar("t"), *slots, prefix="optimizer.", fields={"learning_rate": learning_rate}
    )
    if penalty is not None and penalty.takes_prox:
        step = learning_rate * scalar("share")
        moved = (trace(penalty, "prox", moved[0], step, prefix="penalty."), *moved[1:])
    names = ("w", *optimizer.slots)
    inputs = dict.fromkeys(("w", "g", *optimizer.slots), Shape.ELEMENT)
    return compile_kernel(inputs, dict(zip(names, moved, strict=True)), scalars, dtype)


@_once
def penalty_value(penalty: Penalty, dtype: npt.DTypeLike) -> Kernel:
    """The penalty, w → Σ value(w) over all elements, one float64. Padding must be zeros, which cost nothing."""
    value = trace(penalty, "value", operand("w"))
    return compile_kernel({"w": Shape.ELEMENT}, {"total": value}, hyperparameters(penalty), dtype, "total")
