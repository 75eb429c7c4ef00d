"""Elementwise functions of an ONNX graph, and the activations that they are, by their values.

A graph may have an activation as one operation or as several (x · sigmoid(x), ½ x (1 + erf(x / √2))), so a function is
compared with all known activations on many numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from deltarule.formulas import (
    CELU,
    ELU,
    GELU,
    SELU,
    Activation,
    Exponential,
    HardSigmoid,
    Identity,
    LeakyReLU,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Tanh,
)
from deltarule.types import Floats

__all__ = ["GRID", "OPERATIONS", "Function", "found_in", "identified"]

Function: TypeAlias = Callable[[Floats], Floats]

GRID = np.concatenate([np.linspace(-12.0, 12.0, 961), [-40.0, -20.0, 20.0, 40.0], np.linspace(-0.1, 0.1, 41)])
"""The numbers on which functions are compared."""
_TOLERANCE = 1e-6
"""Relative to numbers above 1: constants of a graph are float32."""
_USUAL = (
    Identity(), ReLU(), Sigmoid(), Tanh(), Softplus(), Softsign(), SiLU(), GELU(), GELU("tanh"), Mish(), SELU(), ELU(),
    CELU(), HardSigmoid(), Exponential(), LeakyReLU(),
)  # fmt: skip


def _erf(x: Floats) -> Floats:
    from scipy.special import erf

    made: Floats = erf(x)
    return made


def _clip(low: Any, high: Any) -> Function:
    return lambda x: np.clip(x, low, high)


def _hard_sigmoid(alpha: float, beta: float) -> Function:
    return lambda x: np.clip(alpha * x + beta, 0.0, 1.0)


OPERATIONS: Mapping[str, Callable[[Mapping[str, Any]], Function]] = {
    "Relu": lambda _: ReLU().value,
    "Sigmoid": lambda _: Sigmoid().value,
    "Tanh": lambda _: np.tanh,
    "Softplus": lambda _: Softplus().value,
    "Softsign": lambda _: Softsign().value,
    "Mish": lambda _: Mish().value,
    "Swish": lambda a: lambda x: x * Sigmoid().value(a.get("alpha", 1.0) * x),
    "Gelu": lambda a: GELU(a.get("approximate", "none")).value,
    "Elu": lambda a: ELU(a.get("alpha", 1.0)).value,
    "Celu": lambda a: CELU(a.get("alpha", 1.0)).value,
    "Selu": lambda a: _selu(a.get("alpha", 1.6732632), a.get("gamma", 1.0507010)),
    "LeakyRelu": lambda a: LeakyReLU(a.get("alpha", 0.01)).value,
    "HardSigmoid": lambda a: _hard_sigmoid(a.get("alpha", 0.2), a.get("beta", 0.5)),
    "HardSwish": lambda _: lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0),
    "ThresholdedRelu": lambda a: lambda x: np.where(x > a.get("alpha", 1.0), x, 0.0),
    "Erf": lambda _: _erf,
    "Exp": lambda _: np.exp,
    "Log": lambda _: np.log,
    "Neg": lambda _: np.negative,
    "Abs": lambda _: np.abs,
    "Sqrt": lambda _: np.sqrt,
    "Reciprocal": lambda _: np.reciprocal,
}  # fmt: skip
"""The elementwise operations of one input, from their attributes."""


def _selu(alpha: float, gamma: float) -> Function:
    return lambda x: gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def found_in(operation: str, attributes: Mapping[str, Any]) -> tuple[Activation, ...]:
    """Return the activations with the parameters of an operation, which `identified` tries beside the usual ones."""
    alpha = attributes.get("alpha")
    if not isinstance(alpha, float) or not 0 < alpha < 1e6:
        return ()
    known: dict[str, Callable[[float], Activation]] = {"LeakyRelu": LeakyReLU, "Elu": ELU, "Celu": CELU}
    return (known[operation](alpha),) if operation in known else ()


def identified(values: Floats, further: Iterable[Activation] = ()) -> tuple[Activation, float, float] | None:
    """Return the activation σ, a and b for which a function with these values on `GRID` is a σ(z) + b, or None.

    >>> identified(2.0 * np.maximum(GRID, 0.0) + 1.0)[0].name
    'relu'
    >>> identified(np.sin(GRID)) is None
    True
    """
    if not np.isfinite(values[np.abs(GRID) <= 20]).all():
        return None
    usable = np.isfinite(values) & (np.abs(values) < 1e15)
    scale = 1.0 + np.abs(values[usable])
    for activation in (*further, *_USUAL):
        own = np.asarray(activation.value(GRID), dtype=np.float64)[usable]
        if (np.abs(own - values[usable]) <= _TOLERANCE * scale).all():
            return activation, 1.0, 0.0
    for activation in (*further, *_USUAL):
        own = np.asarray(activation.value(GRID), dtype=np.float64)[usable]
        columns = np.stack([own, np.ones_like(own)], axis=1)
        a, b = np.linalg.lstsq(columns, values[usable], rcond=None)[0]
        if (np.abs(columns @ [a, b] - values[usable]) <= _TOLERANCE * scale).all() and a != 0.0:
            return activation, float(a), float(b)
    return None
