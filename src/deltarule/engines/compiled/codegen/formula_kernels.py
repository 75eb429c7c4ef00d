"""The kernels that training and prediction are made of, each fused from the formulas' methods.

Every function takes formulas and a precision, and gives a `Kernel`: see there for how it is called. Scalars that
change from step to step stand first in `Kernel.scalars`; the formulas' float fields follow, under their kind's name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.kernels import Kernel, compile_kernel
from deltarule.engines.definition import PERTURBED_INPUTS
from deltarule.engines.tracing.trace import Symbol, ValueShape, hyperparameters, operand, scalar, trace
from deltarule.errors import RecipeError
from deltarule.formulas import (
    Activation,
    Averaging,
    Clipping,
    Constraint,
    Loss,
    Normalization,
    Optimizer,
    Penalty,
    Perturbation,
    random,
)

__all__ = [
    "activation_slope", "activation_value", "added", "average", "factor", "from_means", "loss", "mean_terms",
    "member_factors", "member_slopes", "member_sums", "moved", "noise", "normalized", "normalized_back",
    "objective_gradient", "parametric_slope", "parametric_value", "penalty_value", "perturbed", "product",
    "statistics_kept", "update",
]  # fmt: skip

# Many networks share a recipe's formulas: what was traced and printed for one serves the others.
_once = functools.lru_cache(maxsize=512)


@_once
def activation_value(activation: Activation, dtype: npt.DTypeLike) -> Kernel:
    """Forwards, z → a = value(z); by rows where the activation is of rows, as softmax is."""
    value = trace(activation, "value", operand("z"))
    return compile_kernel(
        ("z",), {"a": value}, hyperparameters(activation), dtype, activation.granularity, activation.name
    )


@_once
def activation_slope(activation: Activation, dtype: npt.DTypeLike, *, from_z: bool = False) -> Kernel:
    """Backwards, da, z, a → dz = da · slope(z, a); `from_z` where a, as dropout leaves it, is no longer value(z)."""
    a = trace(activation, "value", operand("z")) if from_z else operand("a")
    slope = operand("da") * trace(activation, "slope", operand("z"), a)
    name = f"{activation.name} slope"
    return compile_kernel(("da", "z", "a"), {"dz": slope}, hyperparameters(activation), dtype, name=name)


@_once
def parametric_value(activation: Activation, dtype: npt.DTypeLike, *, kept: bool = False) -> Kernel:
    """Forwards with a trained α, z, alpha → a = z + α (v − z) with v = value(z); then v, too, where it is `kept`."""
    z = operand("z")
    v = trace(activation, "value", z)
    outputs = {"a": z + operand("alpha") * (v - z)} | ({"v": v} if kept else {})
    name = f"parametric {activation.name}"
    return compile_kernel(("z", "alpha"), outputs, hyperparameters(activation), dtype, name=name)


@_once
def parametric_slope(activation: Activation, dtype: npt.DTypeLike) -> Kernel:
    """Backwards, da, z, v, alpha, total → dz = da (1 + α (slope(z, v) − 1)), total + da (v − z)."""
    names = ("da", "z", "v", "alpha", "total")
    da, z, v, alpha, total = map(operand, names)
    slope = trace(activation, "slope", z, v)
    outputs = {"dz": da * (1.0 + alpha * (slope - 1.0)), "total": total + da * (v - z)}
    name = f"parametric {activation.name} slope"
    return compile_kernel(names, outputs, hyperparameters(activation), dtype, name=name)


@_once
def product(dtype: npt.DTypeLike) -> Kernel:
    """The product, x, factor → x · factor."""
    return compile_kernel(("x", "factor"), {"x": operand("x") * operand("factor")}, {}, dtype, name="product")


@_once
def added(dtype: npt.DTypeLike) -> Kernel:
    """A sum, total, d → total + d."""
    return compile_kernel(("total", "d"), {"total": operand("total") + operand("d")}, {}, dtype, name="sum")


@_once
def moved(dtype: npt.DTypeLike) -> Kernel:
    """A feature's step, forward, backward, term, own → forward + (term − own), backward − (term − own), each twice."""
    names = ("forward", "backward", "term", "own")
    forward, backward, term, own = map(operand, names)
    step = term - own
    sums = {"forward": forward + step, "backward": backward - step}
    outputs = sums | {f"{name} again": value for name, value in sums.items()}
    return compile_kernel(names, outputs, {}, dtype, name="step")


@_once
def member_factors(dtype: npt.DTypeLike) -> Kernel:
    """Backwards through factors of inputs, d, x, r, total → d r, total + d x."""
    names = ("d", "x", "r", "total")
    d, x, r, total = map(operand, names)
    return compile_kernel(names, {"d": d * r, "total": total + d * x}, {}, dtype, name="factors")


@_once
def member_sums(dtype: npt.DTypeLike) -> Kernel:
    """A member's weighted sums, u, s, c → u s + c."""
    names = ("u", "s", "c")
    u, s, c = map(operand, names)
    return compile_kernel(names, {"z": u * s + c}, {}, dtype, name="factors")


@_once
def member_slopes(dtype: npt.DTypeLike) -> Kernel:
    """Backwards through them, dz, u, s, ds, dc → dz s, ds + dz u, dc + dz."""
    names = ("dz", "u", "s", "ds", "dc")
    dz, u, s, ds, dc = map(operand, names)
    return compile_kernel(names, {"dz": dz * s, "ds": ds + dz * u, "dc": dc + dz}, {}, dtype, name="factors")


@_once
def mean_terms(link: Activation) -> Kernel:
    """What the mean of several predictions takes the means of, z → one or more terms, in float64."""
    terms = trace(link, "mean_terms", operand("z"))
    outputs = {f"term {place}": term for place, term in enumerate(terms)}
    return compile_kernel(("z",), outputs, hyperparameters(link), np.float64, link.granularity, link.name)


@_once
def from_means(link: Activation) -> Kernel:
    """The raw output of the mean prediction, from the means of the terms, in float64."""
    names = mean_terms(link).outputs
    raw = trace(link, "from_means", *map(operand, names))
    return compile_kernel(names, {"z": raw}, hyperparameters(link), np.float64, name=f"mean of {link.name}")


@_once
def loss(
    formula: Loss,
    dtype: npt.DTypeLike,
    error: Callable[[Loss, Any, Any], Any] | None = None,
    *,
    gradient: bool = True,
    weighted: bool = False,
    single: bool = False,
    precise: bool = False,
) -> Kernel:
    """The loss, z, y → dz, losses, errors, by rows; losses and errors are (n,), neither scaled nor weighted.

    `gradient` gives dz = scale · gradient(z, y); the scalar "scale", 1 / Σ weights, stands first. `weighted` takes a
    third input, "weights" (n,), and multiplies each row of dz by its own. `error` makes errors of the loss, z and y.
    With `single` there is one output: everything is (n,), and granularity is "elementwise". With `precise` the gradient
    is `precise_gradient`.
    """
    z, y = operand("z"), operand("y")
    inputs = {"z": ValueShape.ELEMENT, "y": ValueShape.ELEMENT}
    outputs = {}
    if gradient:
        share = scalar("scale")
        if weighted:
            inputs["weights"] = ValueShape.SAMPLES
            share = share * operand("weights", ValueShape.COLUMN)
        outputs["dz"] = trace(formula, "precise_gradient" if precise else "gradient", z, y) * share
    outputs["losses"] = trace(formula, "value", z, y)
    if error is not None:
        outputs["errors"] = error(formula, z, y)
    scalars = {"scale": 1.0, **hyperparameters(formula)}
    if single:
        alone = {name: symbol.alone() for name, symbol in outputs.items()}
        return compile_kernel(inputs, alone, scalars, dtype, name=formula.name)
    return compile_kernel(inputs, outputs, scalars, dtype, "rowwise", formula.name)


@_once
def update(
    optimizer: Optimizer,
    penalty: Penalty | None,
    dtype: npt.DTypeLike,
    clipping: Clipping | None = None,
    averaging: Averaging | None = None,
    *,
    whole: bool = False,
    decays: bool = False,
) -> Kernel:
    """The update, w, g, *slots → w, *slots: one step against g + penalty.gradient(w); give no penalty for biases.

    The scalars "t" (from 1), "rate" (a schedule's factor on the learning rate), "clip" and "share" (a factor on the
    penalty) stand first. A proximal penalty has its `prox` after the step, at the step's learning rate, in place of its
    gradient. A clipping of elements limits the gradient. With `whole` g is the objective's gradient already, and is
    multiplied by "clip". Where weights are averaged, their mean is one more slot, the last. With `decays` there is a
    fifth scalar, "decay", a factor on the weight decay.
    """
    w, g = operand("w"), operand("g")
    slots = [operand(name) for name in optimizer.slots]
    scalars = {"t": 1.0, "rate": 1.0, "clip": 1.0, "share": 1.0} | ({"decay": 1.0} if decays else {})
    scalars |= hyperparameters(optimizer, "optimizer.")
    learning_rate = scalar("optimizer.learning_rate") * scalar("rate")
    fields = {"learning_rate": learning_rate}
    if decays and hasattr(optimizer, "weight_decay"):
        fields["weight_decay"] = scalar("optimizer.weight_decay") * scalar("decay")
    if penalty is not None:
        scalars |= hyperparameters(penalty, "penalty.")
        if not penalty.takes_prox and not whole:
            g = g + scalar("share") * trace(penalty, "gradient", w, prefix="penalty.")
    if whole:
        g = g * scalar("clip")
    elif clipping is not None:
        scalars |= hyperparameters(clipping, "clipping.")
        g = trace(clipping, "value", g, prefix="clipping.")
    moved: tuple[Symbol, ...] = trace(optimizer, "step", w, g, scalar("t"), *slots, prefix="optimizer.", fields=fields)
    if penalty is not None and penalty.takes_prox:
        step = learning_rate * scalar("share")
        moved = (trace(penalty, "prox", moved[0], step, prefix="penalty."), *moved[1:])
    names = ["w", *optimizer.slots]
    if averaging is not None:
        scalars |= hyperparameters(averaging, "averaging.")
        mean = trace(averaging, "average", operand("averaged"), moved[0], scalar("t"), prefix="averaging.")
        names, moved = [*names, "averaged"], (*moved, mean)
    inputs, outputs = ("w", "g", *names[1:]), dict(zip(names, moved, strict=True))
    name = " and ".join(each.name for each in (optimizer, penalty, averaging) if each is not None)
    return compile_kernel(inputs, outputs, scalars, dtype, name=name)


@_once
def average(averaging: Averaging, dtype: npt.DTypeLike) -> Kernel:
    """The mean of the weights alone, w, g, averaged → w, averaged, for weights that are changed once more after a step.

    g is not read. The scalars "t" and "rate" stand first.
    """
    w, scalars = operand("w"), {"t": 1.0, "rate": 1.0, **hyperparameters(averaging)}
    mean = trace(averaging, "average", operand("averaged"), w, scalar("t"))
    return compile_kernel(("w", "g", "averaged"), {"w": w, "averaged": mean}, scalars, dtype, name=averaging.name)


@_once
def objective_gradient(penalty: Penalty, dtype: npt.DTypeLike) -> Kernel:
    """The objective's gradient from the mean loss's, w, g → g + share · penalty.gradient(w); scalars as in `update`."""
    g = operand("g") + scalar("share") * trace(penalty, "gradient", operand("w"))
    scalars = {"t": 1.0, "rate": 1.0, "clip": 1.0, "share": 1.0, **hyperparameters(penalty)}
    return compile_kernel(("w", "g"), {"g": g}, scalars, dtype, name=f"{penalty.name} gradient")


@_once
def factor(limit: Clipping | Constraint) -> Kernel:
    """A limit's factor for a norm, norm → factor, in float64."""
    value = trace(limit, "factor", operand("norm"))
    return compile_kernel(("norm",), {"factor": value}, hyperparameters(limit), np.float64, name=limit.name)


@_once
def normalized(normalization: Normalization, dtype: npt.DTypeLike) -> Kernel:
    """Forwards, z, m, v, gamma, beta → x, h."""
    names = ("z", "m", "v", "gamma", "beta")
    z, m, v, gamma, beta = map(operand, names)
    x = trace(normalization, "normalized", z, m, v)
    outputs = {"x": x, "h": trace(normalization, "output", x, gamma, beta)}
    return compile_kernel(names, outputs, hyperparameters(normalization), dtype, name=normalization.name)


@_once
def normalized_back(normalization: Normalization, dtype: npt.DTypeLike) -> Kernel:
    """Backwards, dh, x, v, gamma, mean_d, mean_dx → dz."""
    names = ("dh", "x", "v", "gamma", "mean_d", "mean_dx")
    dh, x, v, gamma, mean_d, mean_dx = map(operand, names)
    dz = trace(normalization, "gradient", dh * gamma, x, v, mean_d, mean_dx)
    name = f"{normalization.name} gradient"
    return compile_kernel(names, {"dz": dz}, hyperparameters(normalization), dtype, name=name)


@_once
def statistics_kept(normalization: Normalization, dtype: npt.DTypeLike) -> Kernel:
    """What predictions will be made with, mean, variance, m, v → mean, variance; the scalar "n" stands first."""
    names = ("mean", "variance", "m", "v")
    kept = trace(normalization, "keep", *map(operand, names), scalar("n"))
    scalars = {"n": 1.0, **hyperparameters(normalization)}
    outputs = dict(zip(names[:2], kept, strict=True))
    return compile_kernel(names, outputs, scalars, dtype, name=normalization.name)


@_once
def noise(dtype: npt.DTypeLike) -> Kernel:
    """Noise, x, centred, least → x + σ · normal number.

    `centred` and `least` are p − ½ and min(p, 1 − p) of a uniform number p. The scalar is σ, the standard deviation.
    """
    names = ("x", "centred", "least")
    x, centred, least = map(operand, names)
    noisy = x + scalar("deviation") * random.quantile(centred, least, np.log)
    return compile_kernel(names, {"x": noisy}, {"deviation": 1.0}, dtype, name="noise")


@_once
def perturbed(perturbation: Perturbation, dtype: npt.DTypeLike) -> Kernel:
    """The perturbation of inputs, x, g → x, by rows."""
    value = trace(perturbation, "perturbed", operand("x"), operand("g"))
    if not isinstance(value, Symbol) or value.expression.shape != ValueShape.ELEMENT:
        raise RecipeError(PERTURBED_INPUTS, "numbers of another shape", field=type(perturbation).__name__)
    scalars = hyperparameters(perturbation)
    return compile_kernel(("x", "g"), {"x": value}, scalars, dtype, "rowwise", perturbation.name)


@_once
def penalty_value(penalty: Penalty, dtype: npt.DTypeLike) -> Kernel:
    """The penalty, w → share · Σ value(w) over all elements, one float64. Padding must be zeros, which cost nothing."""
    value = scalar("share") * trace(penalty, "value", operand("w"))
    scalars = {"share": 1.0, **hyperparameters(penalty)}
    return compile_kernel(("w",), {"total": value}, scalars, dtype, "total", penalty.name)
