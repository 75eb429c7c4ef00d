"""Variants: recipes with names, and the product of the fields that vary."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deltarule.engines.registry import PRECISIONS
from deltarule.errors import RecipeError
from deltarule.recipes import Recipe
from deltarule.recipes.checks import one_of
from deltarule.recipes.edit import edited, option_of, read_several
from deltarule.recipes.options import text_of

SEPARATOR = ", "
_PRECISION = "precision"  # the one field that is not a recipe's
_EXAMPLE = 'vary(recipe, optimizer=("sgd", "adam"), l2=(0, 1e-4))'

_SEVERAL = 'dr.compare({"momentum": one, "adam": other}, data)'


@dataclass(frozen=True)
class Variant:
    """A recipe of a comparison, with a name.

    name : in tables and pictures.
    recipe : how its networks are trained; the comparison sets the seed.
    settings : the value of each field that varies, as text; empty if it is unknown what varies.
    precision : of training, as for `train`; None for that of the comparison.
    """

    name: str
    recipe: Recipe
    settings: Mapping[str, str] = field(default_factory=dict)
    precision: str | None = None


def vary(recipe: Recipe | None = None, /, **fields: Sequence[Any] | str) -> tuple[Variant, ...]:
    """The product of all that varies: a variant of the recipe for each combination of the values.

    fields : for each field its values. A field of the recipe goes by its name, and so do those of its network, its
        optimizer, its stopping rule and its penalty, as long as the recipe has none of that name: `hidden`,
        `learning_rate`, `patience`. The name of a penalty means its strength, 0 for no penalty: `l2`.
        Write `network__dropout` for a whole path. `precision` is a field too, though not a recipe's. Values are those
        that the field takes, or text as in the shell: separated by slashes where it has any, otherwise by commas,
        "128x64" for a list of numbers, "none" for nothing.

    A name means a formula with its own defaults, so an optimizer comes with its own learning rate.
    Raises RecipeError for fields that are not there and values that they do not take.

    >>> [variant.name for variant in vary(Recipe(), optimizer=("sgd", "adam"), l2=(0, 1e-4))]
    ['sgd, l2=0', 'sgd, l2=0.0001', 'adam, l2=0', 'adam, l2=0.0001']
    >>> [variant.recipe.network.hidden for variant in vary(Recipe(), hidden="128x64,30,none")]
    [(128, 64), (30,), ()]
    >>> [variant.recipe.network.hidden for variant in vary(Recipe(), hidden="128,64/30/none")]
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
        name, precision = _name(settings, chosen), chosen.pop(_PRECISION, None)
        made.append(Variant(name, edited(base, chosen), settings, precision))
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
            raise RecipeError("field=value,value", repr(text), "optimizer=sgd,adam", field="vary")
        if name in fields:
            raise RecipeError("each field once", f"{name} twice", f"{name}={fields[name]},{values}", field="vary")
        fields[name] = values
    return vary(recipe, **fields)


def variants_of(given: Mapping[str, Recipe] | Sequence[Recipe | Variant]) -> tuple[Variant, ...]:
    """Return the variants of a comparison: recipes by their names, recipes in order, or what `vary` makes.

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


def words_of(value: Any) -> str:
    """A value in a word or two.

    >>> words_of((128, 64)), words_of(1e-4), words_of({"name": "sgd", "learning_rate": 0.1}), words_of(())
    ('128x64', '0.0001', 'sgd(learning_rate=0.1)', 'none')
    """
    return text_of(value, "x")


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
    """Return the name of a variant: a word identifies its field, a number needs the field's name."""
    alone = {name for name, value in values.items() if isinstance(value, str) and value != "auto"}
    return SEPARATOR.join(words if name in alone else f"{name}={words}" for name, words in settings.items())


def _values(name: str, given: Any) -> list[Any]:
    """The values of a field, each as the JSON of a recipe has it."""
    if name == _PRECISION:
        return _precisions(given)
    values: Any = read_several(name, given) if isinstance(given, str) else given
    if not isinstance(values, Sequence) or not values:
        raise RecipeError("several values", repr(given), _EXAMPLE, field=name)
    values = [each.to_json() if hasattr(each, "to_json") else each for each in values]
    return [() if each is None and _is_hidden(name) else each for each in values]


def _precisions(given: Sequence[str] | str) -> list[str]:
    """Return the precisions of training, of a list or of comma-separated text."""
    values = [each.strip() for each in given.split(",")] if isinstance(given, str) else list(given)
    return [one_of(_PRECISION, each, PRECISIONS) for each in values]


def _is_hidden(name: str) -> bool:
    option = option_of(name)
    return option is not None and option.name == "hidden"
