"""Values as text: numbers, lists, and formulas with their fields."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from deltarule.errors import RecipeError, UnknownName
from deltarule.formulas import formula
from deltarule.formulas.formula import named_fields
from deltarule.regular_files import json_of

__all__ = ["WORDS", "augmentations_of", "copies_of", "is_none", "number", "plain"]

WORDS = {"none": None, "true": True, "false": False, "yes": True, "no": False}
"""What words mean in place of a value."""


def number(text: str) -> Any:
    """Parse an integer or a number; return other text unchanged, which the recipe then rejects.

    >>> number("32"), number("1e-4"), number("auto")
    (32, 0.0001, 'auto')
    """
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text.strip()


def plain(text: str) -> Any:
    """Return what a text means where nothing is known of its field: JSON, none, numbers, or a name.

    >>> plain("0.5"), plain("none"), plain("true"), plain("5x2"), plain("1,2"), plain("adam")
    (0.5, None, True, [5, 2], [1, 2], 'adam')
    """
    try:
        return json_of(text)
    except ValueError:
        pass
    word = text.strip().lower()
    if word in WORDS:
        return WORDS[word]
    numbers = [number(part) for part in re.split("[,x]", text)]
    if len(numbers) > 1 and not any(isinstance(each, str) for each in numbers):
        return numbers
    return number(text)


def is_none(text: str) -> bool:
    """Return whether a text is none, or empty."""
    return text.strip().lower() in {"none", ""}


def augmentations_of(text: str) -> list[dict[str, Any]]:
    """Parse augmentations joined by +: each a name, optionally with values in the order of the fields or by name.

    >>> augmentations_of("elastic=34,4+cutout=6,probability=0.5")
    [{'name': 'elastic', 'alpha': 34, 'sigma': 4}, {'name': 'cutout', 'size': 6, 'probability': 0.5}]
    """
    parts = re.split(r"\+(?=\s*[A-Za-z])", text)
    return [] if is_none(text) else [_formula_of("augmentation", each, 'augmentation="{}"') for each in parts]


def copies_of(text: str) -> list[dict[str, Any]]:
    """Parse comma-separated kinds of copies for test-time averaging, with values in the order of their fields.

    >>> copies_of("mirror,shifts=1")
    [{'name': 'mirror'}, {'name': 'shifts', 'pixels': 1}]
    """
    parts = re.split(r"[+,](?=\s*[A-Za-z])", text)
    return [] if is_none(text) else [_formula_of("copies", each, 'average_over="{}"') for each in parts]


def _formula_of(kind: str, text: str, hint: str) -> dict[str, Any]:
    """Parse a formula: its name, optionally with values in the order of its fields or by name."""
    name, *values = re.split("[=,]", text, maxsplit=1)
    cls = type(formula(kind, name.strip()))
    fields = [each.name for each in dataclasses.fields(cls) if each.name != "probability"]
    given: dict[str, Any] = {}
    for place, value in enumerate(values[0].split(",") if values else []):
        field, named, written = value.partition("=")
        if not named:
            if place >= len(fields):
                wanted = f"no more values for {cls.name} than it has fields ({', '.join(fields) or 'none'})"
                raise RecipeError(wanted, repr(text), hint.format(cls.name), field=cls.__name__)
            field, written = fields[place], value
        given[field.strip()] = plain(written)
    try:
        return {"name": cls.name} | named_fields(cls, given)
    except UnknownName as error:
        raise error.replace(field=cls.__name__) from None
