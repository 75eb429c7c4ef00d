"""The functions of numbers that a formula may call: primitive ones, and those composed of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

COMPARISONS = frozenset({"greater", "greater_equal", "less", "less_equal", "equal", "not_equal"})
TESTS = frozenset({"isfinite", "isnan", "isinf"})

LOGICAL = {
    "logical_and": "and", "bitwise_and": "and", "logical_or": "or", "bitwise_or": "or",
    "logical_xor": "xor", "bitwise_xor": "xor", "logical_not": "not", "invert": "not",
}  # fmt: skip
"""Ufuncs of booleans, and their names here. `&` and `~` mean the same for operands that are all boolean."""

BOOLEAN = COMPARISONS | TESTS | frozenset(LOGICAL.values())
"""Operations whose result is a boolean rather than a number."""

PRIMITIVE = (
    frozenset({"add", "subtract", "multiply", "divide", "negative", "absolute", "sign", "copysign"})
    | frozenset({"maximum", "minimum"})
    | frozenset({"sqrt", "exp", "expm1", "log", "log1p", "tanh", "sinh", "cosh", "sin", "cos", "power", "erf", "erfc"})
    | frozenset({"floor", "ceil", "trunc", "rint"})
    | COMPARISONS
    | TESTS
)
"""Ufuncs, by NumPy's and SciPy's names, that are printed as they are."""


def _logaddexp(a: Any, b: Any) -> Any:
    # Where both are the same infinity, their difference is not a number.
    distance = np.where(np.equal(a, b), 0.0, np.abs(a - b))
    return np.maximum(a, b) + np.log1p(np.exp(-distance))


def _expit(z: Any) -> Any:
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


COMPOSED: dict[str, Callable[..., Any]] = {
    "positive": lambda a: a,
    "square": lambda a: a * a,
    "reciprocal": lambda a: 1.0 / a,
    "fabs": np.abs,
    "float_power": np.power,
    "exp2": lambda a: np.power(2.0, a),
    "log2": lambda a: np.log(a) * (1.0 / math.log(2.0)),
    "log10": lambda a: np.log(a) * (1.0 / math.log(10.0)),
    "heaviside": lambda a, b: np.where(a > 0, 1.0, np.where(np.equal(a, 0), b, a * 0.0)),
    "logaddexp": _logaddexp,
    "expit": _expit,
    "log_expit": lambda z: np.minimum(z, 0.0) - np.log1p(np.exp(-np.abs(z))),
}
"""Ufuncs that are written in terms of the others."""

_LARGEST_EXPANDED_POWER = 32


def integer_power(base: Any, exponent: float) -> Any:
    """Return a square root, or an integer power as products: exact to rounding, and much faster than the general power.

    None for other exponents.
    """
    if exponent == 0.5:
        return np.sqrt(base)
    if not exponent.is_integer() or abs(exponent) > _LARGEST_EXPANDED_POWER:
        return None
    product, square, count = None, base, int(abs(exponent))
    while count:
        if count & 1:
            product = square if product is None else product * square
        count >>= 1
        square = square * square if count else square
    if product is None:
        return np.ones_like(base)
    return 1.0 / product if exponent < 0 else +product
