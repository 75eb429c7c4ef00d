"""A recipe as Python, as a command of the shell, and as JSON: each gives the same run."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Mapping
from typing import Any

from deltarule.formulas import Formula
from deltarule.recipes import Network, Recipe


def texts_of(variant: Mapping[str, Any], recipe: Recipe, data: str) -> dict[str, str]:
    """Return the texts for a variant's fields and the recipe that they made.

    data : the name of the data set, or of a file.
    """
    fields = {name: value for name, value in variant.items() if value not in {"", None}}
    options = " ".join(f"--set {shlex.quote(f'{name}={value}')}" for name, value in fields.items())
    shell = f"deltarule train {shlex.quote(data)} --epochs {recipe.epochs} --set patience=none {options}".rstrip()
    target = "" if "." not in data else ', target="…"'
    python = (
        f"import deltarule as dr\n\ndata = dr.load_dataset({json.dumps(data)}{target})\n"
        f"recipe = {python_of(recipe)}\nrun = dr.train(recipe, data)\nprint(run)\n"
    )
    return {"python": python, "shell": shell, "json": json.dumps(recipe.to_json(), indent=2, ensure_ascii=False)}


def python_of(recipe: Recipe) -> str:
    """Return the constructor's call of a recipe, without fields that have their defaults.

    >>> python_of(Recipe(optimizer="sgd", epochs=5))
    'dr.Recipe(optimizer=dr.SGD(learning_rate=0.01), epochs=5)'
    """
    return _call(recipe, Recipe())


def _call(value: Any, usual: Any) -> str:
    parts = [
        f"{each.name}={_text(getattr(value, each.name), getattr(usual, each.name))}"
        for each in dataclasses.fields(value)
        if getattr(value, each.name) != getattr(usual, each.name)
    ]
    return f"dr.{type(value).__name__}({', '.join(parts)})"


def _text(value: Any, usual: Any) -> str:
    if isinstance(value, Network):
        return _call(value, usual)
    if isinstance(value, Formula):
        given = ", ".join(f"{each.name}={getattr(value, each.name)!r}" for each in dataclasses.fields(value))
        return f"dr.{type(value).__name__}({given})" if given and _is_public(value) else _json(value)
    return repr(value)


def _is_public(value: Formula) -> bool:
    import deltarule

    return type(value).__name__ in deltarule.__all__


def _json(value: Formula) -> str:
    """Return a formula by its name, or as its JSON where it has fields."""
    data = value.to_json()
    return repr(data["name"]) if set(data) == {"name"} else repr(data)
