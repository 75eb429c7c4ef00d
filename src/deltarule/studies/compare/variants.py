"""Variants: recipes with names, and the product of the fields that vary."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deltarule.errors import RecipeError, UnknownName, nearest
from deltarule.formulas import registered
from deltarule.formulas.formula import field_name
from deltarule.recipes import EarlyStopping, Recipe

SEPARATOR = ", "
_EXAMPLE = 'vary(recipe, optimizer=("sgd", "adam"), l2=(0, 1e-4))'

_SEVERAL = 'dr.compare({"momentum": one, "adam": other}, data)'


@dataclass(frozen=True)
class Variant:
    """A recipe of a comparison, with a name.

    name : in tables and pictures.
    recipe : how its networks are trained; the comparison sets the seed.
    settings : the value of each field that varies, as text; empty if it is unknown what varies.
    """

    name: str
    recipe: Recipe
    settings: Mapping[str, str] = field(default_factory=dict)


def vary(recipe: Recipe | None = None, /, **fields: Sequence[Any] | str) -> tuple[Variant, ...]:
    """The product of all that varies: a variant of the recipe for each combination of the values.

    fields : for each field its values. A field of the recipe goes by its name, and so do those of its network, its
        optimizer, its stopping rule and its penalty, as long as the recipe has none of that name: `hidden`,
        `learning_rate`, `patience`. The name of a penalty stands for its strength, 0 for no penalty: `l2`.
        Write `network__dropout` for a whole path. Values are those that the field takes, or text as in the shell:
        "128x64" for a list of numbers, "none" for nothing.

    A name stands for a formula with its own defaults, so an optimizer comes with its own learning rate.
    Raises RecipeError for fields that are not there and values that they do not take.

    >>> [variant.name for variant in vary(Recipe(), optimizer=("sgd", "adam"), l2=(0, 1e-4))]
    ['sgd, l2=0', 'sgd, l2=0.0001', 'adam, l2=0', 'adam, l2=0.0001']
    >>> [variant.recipe.network.hidden for variant in vary(Recipe(), hidden="128x64,30,none")]
    [(128, 64), (30,), ()]
    """
    base = Recipe() if recipe is None else recipe
    if not fields:
        raise RecipeError("at least one field that varies", "none", _EXAMPLE)
    if "seed" in fields:
        raise RecipeError("a field other than the seed, which a comparison varies by itself", "seed", "seeds=10")
    choices = {name.replace("__", "."): _values(name, given) for name, given in fields.items()}
    made = []
    for combination in itertools.product(*choices.values()):
        chosen = dict(zip(choices, combination, strict=True))
        settings = {name: words_of(value) for name, value in chosen.items()}
        made.append(Variant(_name(settings, chosen), changed(base, chosen), settings))
    _check_different(made)
    return tuple(made)


def varied(recipe: Recipe, texts: Sequence[str]) -> tuple[Variant, ...]:
    """The same from the shell's words, each `field=value,value`.

    >>> [variant.name for variant in varied(Recipe(), ["optimizer=sgd,adam", "batch-size=32"])]
    ['sgd, batch_size=32', 'adam, batch_size=32']
    """
    fields: dict[str, str] = {}
    for text in texts:
        name, sign, values = text.partition("=")
        name = name.strip().replace("-", "_")
        if not sign or not name or not values.strip():
            raise RecipeError("field=value,value for --vary", repr(text), "--vary optimizer=sgd,adam")
        if name in fields:
            raise RecipeError("each field once for --vary", f"{name} twice", f"--vary {name}={fields[name]},{values}")
        fields[name] = values
    return vary(recipe, **fields)


def variants_of(given: Mapping[str, Recipe] | Sequence[Recipe | Variant]) -> tuple[Variant, ...]:
    """The variants that somebody meant: recipes by their names, recipes in order, or what `vary` makes.

    Raises RecipeError where there are fewer than two, or two of one name.

    >>> [variant.name for variant in variants_of({"momentum": Recipe(), "adam": Recipe()})]
    ['momentum', 'adam']
    """
    named = given.items() if isinstance(given, Mapping) else _numbered(given)
    made = tuple(each if isinstance(each, Variant) else _variant(str(name), each) for name, each in named)
    if len(made) < 2:
        raise RecipeError(
            "at least two variants to compare", f"{len(made)}", 'dr.compare({"a": one, "b": other}, data)'
        )
    _check_different(made)
    return made


def changed(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with other values for some of its fields, by their names as `vary` takes them.

    >>> changed(Recipe(), {"learning_rate": 0.1, "optimizer": "sgd"}).optimizer
    SGD(learning_rate=0.1)
    """
    data = recipe.to_json()
    penalties = {name: value for name, value in values.items() if name in _penalties()}
    if penalties:
        data["penalty"] = _penalty(penalties)
    whole = {name: value for name, value in values.items() if name in data}
    data.update(copy.deepcopy(whole))
    # A formula comes before its own fields.
    data = Recipe.from_json(data).to_json()
    for name, value in values.items():
        if name not in whole and name not in penalties:
            _set(data, _path(data, name), value)
    return Recipe.from_json(data)


def value_of(recipe: Recipe, name: str) -> Any:
    """The value of a field, by its name as `vary` takes it.

    >>> value_of(Recipe(), "learning_rate")
    0.001
    """
    node: Any = recipe.to_json()
    if name in _penalties():
        penalty = node["penalty"]
        return penalty["strength"] if penalty and penalty["name"] == name else 0.0
    for part in _path(node, name):
        node = node[part]
    return node


def words_of(value: Any) -> str:
    """A value in a word or two.

    >>> words_of((128, 64)), words_of(1e-4), words_of({"name": "sgd", "learning_rate": 0.1}), words_of(())
    ('128x64', '0.0001', 'sgd(learning_rate=0.1)', 'none')
    """
    if isinstance(value, Mapping):
        fields = ", ".join(f"{name}={words_of(each)}" for name, each in value.items() if name != "name")
        return f"{value.get('name', '')}({fields})" if fields else str(value.get("name", ""))
    if isinstance(value, (list, tuple)):
        return "x".join(map(words_of, value)) or "none"
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _variant(name: str, recipe: Any) -> Variant:
    if not isinstance(recipe, Recipe):
        raise RecipeError("recipes to compare", repr(recipe), _SEVERAL)
    return Variant(name, recipe)


def _numbered(given: Any) -> list[tuple[str, Any]]:
    if isinstance(given, (str, Recipe, Variant)) or not isinstance(given, Sequence):
        raise RecipeError("several recipes, by name or in a list", repr(given), _SEVERAL)
    return [(f"recipe {number}", each) for number, each in enumerate(given, start=1)]


def _check_different(variants: Sequence[Variant]) -> None:
    names = [variant.name for variant in variants]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RecipeError("variants of different names", f"{twice!r} twice")


def _name(settings: Mapping[str, str], values: Mapping[str, Any]) -> str:
    """A word alone says which field it is of; a number does not."""
    alone = {name for name, value in values.items() if isinstance(value, str) and value != "auto"}
    return SEPARATOR.join(words if name in alone else f"{name}={words}" for name, words in settings.items())


def _values(name: str, given: Sequence[Any] | str) -> list[Any]:
    """The values of a field, each as the JSON of a recipe has it."""
    if isinstance(given, str):
        given = [_read(text.strip()) for text in given.split(",") if text.strip()]
    if not isinstance(given, Sequence) or not given:
        raise RecipeError("several values", repr(given), _EXAMPLE, field=name)
    values = [each.to_json() if hasattr(each, "to_json") else each for each in given]
    if name in {"hidden", "network.hidden", "network__hidden"}:
        values = [() if each is None else each for each in values]
    return values


def _read(text: str) -> Any:
    """What a word of the shell means: a number, a list of numbers, nothing, or a name."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    numbers = text.split("x")
    if len(numbers) > 1 and all(each.isdigit() for each in numbers):
        return [int(each) for each in numbers]
    return {"none": None, "true": True, "false": False}.get(text.lower(), text)


def _penalty(strengths: Mapping[str, Any]) -> dict[str, Any] | None:
    """The one penalty that some strengths mean, all others being 0."""
    some = [(name, strength) for name, strength in strengths.items() if strength]
    if len(some) > 1:
        came = " and ".join(f"{name}={words_of(strength)}" for name, strength in some)
        raise RecipeError("one penalty in a variant", came, "l2=(0, 1e-4) alone")
    return {"name": some[0][0], "strength": some[0][1]} if some else None


def _penalties() -> set[str]:
    """The penalties that have a strength, by name."""
    return {
        cls.name for cls in registered("penalty") if any(each.name == "strength" for each in dataclasses.fields(cls))
    }


def _path(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Where a field stands in the JSON of a recipe."""
    if "." in name or name in data:
        *parents, field = name.split(".")
        node = data.get(parents[-1]) if parents else None
        return *parents, field_name(parents[-1], node, field) if isinstance(node, Mapping) else field
    inside = {part: fields for part, fields in data.items() if isinstance(fields, Mapping)}
    inside.setdefault("stopping", EarlyStopping().to_json())
    for part, fields in inside.items():
        field = field_name(part, fields, name)
        if field in fields and field != "name":
            return part, field
    known = [*data, *_penalties(), *(field for fields in inside.values() for field in fields if field != "name")]
    guess = nearest(name, known)
    raise UnknownName("a field of a recipe", repr(name), guess)


def _set(data: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set a field by its path; where a whole part is nothing, its defaults are taken first."""
    *parents, last = path
    node: Any = data
    for parent in parents:
        if parent == "stopping" and node.get(parent) is None:
            node[parent] = EarlyStopping().to_json()
        if not isinstance(node, dict) or not isinstance(node.get(parent), dict):
            came = (
                f"{'.'.join(path)!r} where {parent} is {node.get(parent)!r}" if isinstance(node, dict) else repr(path)
            )
            raise RecipeError("a field of a recipe", came)
        node = node[parent]
    if path == ("stopping", "patience") and not value:
        data["stopping"] = None
        return
    node[last] = copy.deepcopy(value)
