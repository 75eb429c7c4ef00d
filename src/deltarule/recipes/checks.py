"""Validation of integers, fractions, choices and JSON objects, shared by several specifications."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

from deltarule.errors import RecipeError
from deltarule.formulas.formula import chosen, real
from deltarule.recipes.suggestions import unknown_field


def integer(label: str, value: Any, least: int, suggestion: str | None = None) -> int:
    """Return the integer `value`, which is at least `least`.

    >>> integer("batch_size", 64, 1)
    64
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise RecipeError(f"an integer of at least {least}", repr(value), suggestion, field=label)
    return int(value)


def boolean(label: str, value: Any) -> bool:
    """Return the boolean `value`."""
    if not isinstance(value, bool):
        raise RecipeError("True or False", repr(value), field=label)
    return value


def fraction(label: str, value: Any, suggestion: str | None = None) -> float:
    """Return the number `value`, which is at least 0 and less than 1."""
    if not 0 <= real(value) < 1:
        raise RecipeError("a number of at least 0 and below 1", repr(value), suggestion, field=label)
    return float(value)


def non_negative(label: str, value: Any, suggestion: str | None = None) -> float:
    """Return the number `value`, which is finite and at least 0."""
    if not 0 <= real(value) < math.inf:
        raise RecipeError("a number of at least 0", repr(value), suggestion, field=label)
    return float(value)


def finite(label: str, value: Any, suggestion: str | None = None) -> float:
    """Return the number `value`, which is finite."""
    if not math.isfinite(real(value)):
        raise RecipeError("a finite number", repr(value), suggestion, field=label)
    return float(value)


def later_fields(data: dict[str, Any], defaults: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return a specification's JSON without those of the named fields that have their defaults.

    The fields came after files had been written: a file without new fields stays readable by earlier versions, and the
    recipes of recorded results stay equal to the last character.
    """
    left_out = {name for name in names if data[name] == defaults[name]}
    return {name: value for name, value in data.items() if name not in left_out}


def one_of(label: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return the one of `choices` that is meant by `value`, in any case and with hyphens or underscores."""
    return chosen(label, value, choices)


def fields_of(cls: type[Any], data: Any) -> dict[str, Any]:
    """Return the JSON object `data` as keyword arguments of the dataclass `cls`; anything else is an error."""
    if not isinstance(data, Mapping):
        raise RecipeError("a JSON object", repr(data), field=cls.__name__)
    known = {field.name for field in dataclasses.fields(cls)}
    for name in data:
        if name not in known:
            raise unknown_field(cls, str(name))
    return dict(data)
