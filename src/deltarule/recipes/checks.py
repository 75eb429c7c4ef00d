"""Validation of integers, fractions, choices and JSON objects, shared by several specifications."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any

from deltarule.errors import RecipeError
from deltarule.formulas.formula import real, unknown_field


def whole(label: str, value: Any, least: int, instead: str | None = None) -> int:
    """Return the integer `value`, which is at least `least`.

    >>> whole("batch_size", 64, 1)
    64
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise RecipeError(f"a whole number of at least {least} for {label}", repr(value), instead)
    return int(value)


def truth(label: str, value: Any) -> bool:
    """Return the boolean `value`."""
    if not isinstance(value, bool):
        raise RecipeError(f"True or False for {label}", repr(value))
    return value


def share(label: str, value: Any, instead: str | None = None) -> float:
    """Return the number `value`, which is at least 0 and less than 1."""
    if not 0 <= real(value) < 1:
        raise RecipeError(f"a number of at least 0 and below 1 for {label}", repr(value), instead)
    return float(value)


def non_negative(label: str, value: Any, instead: str | None = None) -> float:
    """Return the number `value`, which is finite and at least 0."""
    if not 0 <= real(value) < math.inf:
        raise RecipeError(f"a number of at least 0 for {label}", repr(value), instead)
    return float(value)


def one_of(label: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return the string `value`, which is one of `choices`."""
    if value not in choices:
        raise RecipeError(f"one of {', '.join(map(repr, choices))} for {label}", repr(value))
    return str(value)


def fields_of(cls: type[Any], data: Any) -> dict[str, Any]:
    """Return the JSON object `data` as keyword arguments of the dataclass `cls`; anything else is an error."""
    if not isinstance(data, Mapping):
        raise RecipeError(f"a JSON object for {cls.__name__}", repr(data))
    unknown_field(cls, data)
    return dict(data)
