"""Parsing of the values of `--augment`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from deltarule.cli.words import names_of, number_of
from deltarule.errors import RecipeError
from deltarule.formulas import formula

AUGMENT_HELP = (
    f"Augmentation of the training samples: {names_of('augmentation')}; with values in the order of its fields or by "
    "name, for example rotation=10 or elastic=34,4,probability=0.5; repeatable."
)


def augmentations_of(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Parse values of --augment: a name, optionally with values in the order of the fields or by name.

    >>> augmentations_of(["elastic=34,4", "cutout=6,probability=0.5"])
    [{'name': 'elastic', 'alpha': 34, 'sigma': 4}, {'name': 'cutout', 'size': 6, 'probability': 0.5}]
    """
    return [] if [text.strip() for text in texts] == ["none"] else [_augmentation(text) for text in texts]


def _augmentation(text: str) -> dict[str, Any]:
    name, *values = re.split("[=,]", text, maxsplit=1)
    cls = type(formula("augmentation", name.strip()))
    fields = [each.name for each in dataclasses.fields(cls) if each.name != "probability"]
    data: dict[str, Any] = {"name": cls.name}
    for place, value in enumerate(values[0].split(",") if values else []):
        field, named, given = value.partition("=")
        if not named:
            if place >= len(fields):
                wanted = f"no more values for {cls.name} than it has fields ({', '.join(fields) or 'none'})"
                raise RecipeError(wanted, repr(text), f"--augment {cls.name},probability=0.5")
            field, given = fields[place], value
        data[field.strip()] = {"true": True, "false": False}.get(given.strip().lower(), number_of(given))
    return data


def usual_values(augmentation: type[Any]) -> str:
    """Return the option for an augmentation with its default values."""
    fields = [field for field in dataclasses.fields(augmentation) if field.name != "probability"]
    return f"--augment {augmentation.name}" + "=" * bool(fields) + ",".join(f"{field.default:g}" for field in fields)
