"""The one grammar for changing a recipe: `--hidden 128,64`, `--set hidden=128,64`, `--vary`, and `dr.vary`.

A field is named by its path in the recipe's JSON ("optimizer.beta1"), by the path's last part where that is enough
("beta1", "patience"), or by an option's name ("l2", "augment"). Names are found in any case, with hyphens or
underscores, and by their aliases ("lr"). A value is the JSON of the field, or text in the form of its option.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from deltarule.errors import RecipeError, UnknownName, nearest
from deltarule.formulas import formula, kinds, registered
from deltarule.formulas.formula import field_name, normalized
from deltarule.recipes.groups import ParameterGroups
from deltarule.recipes.network import Network
from deltarule.recipes.options import OPTIONS, TEXT_FIELDS, Option, text_of
from deltarule.recipes.preparation import Preparation
from deltarule.recipes.recipe import Recipe
from deltarule.recipes.stopping import EarlyStopping
from deltarule.recipes.text_values import plain

_PARTS: dict[str, type[Any]] = {
    "network": Network,
    "stopping": EarlyStopping,
    "preparation": Preparation,
    "groups": ParameterGroups,
}
"""The fields of a recipe that have fields themselves and are not formulas."""


def edited(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """Return the recipe with other values for some fields; a formula is replaced before its own fields are set.

    Raises UnknownName for unknown fields, RecipeError for invalid values.

    >>> edited(Recipe(), {"lr": 0.1, "optimizer": "SGD", "hidden": (20,), "l2": 0.01}).optimizer
    SGD(learning_rate=0.1)
    """
    data = recipe.to_json(all_fields=True)
    declared = {name: option for name in values if (option := option_of(name)) is not None}
    plain_fields = {option.path: values[name] for name, option in declared.items() if option.formula is None}
    for path, value in sorted(plain_fields.items(), key=lambda each: each[0].count(".")):
        if path == "stopping.patience" and value is None:
            _end_stopping(data, plain_fields)
        elif not _of_a_formula(path):
            _put(data, path.split("."), value)
    formulas = {option: values[name] for name, option in declared.items() if option.formula is not None}
    data.update(_formulas(formulas))
    inside = {
        name: value for name, value in values.items() if name not in declared or _of_a_formula(declared[name].path)
    }
    if inside:
        data = Recipe.from_json(data).to_json(all_fields=True)
    for name, value in inside.items():
        _put(data, _path_in_formula(data, name), value)
    return Recipe.from_json(data)


def read(name: str, text: Any) -> Any:
    """Return the value that a text means for a field; what is not text is returned as it is.

    >>> read("hidden", "128,64"), read("network.hidden", "128x64"), read("l2", "1e-4"), read("beta1", "0.8")
    ([128, 64], [128, 64], 0.0001, 0.8)
    """
    option = option_of(name)
    if not isinstance(text, str):
        return text
    return plain(text) if option is None else option.value(text)


def read_several(name: str, text: str) -> list[Any]:
    """Return the values that a text has for a field: separated by slashes where it has any, otherwise by commas.

    >>> read_several("hidden", "128,64/64,32"), read_several("hidden", "none,5x2,30")
    ([[128, 64], [64, 32]], [[], [5, 2], [30]])
    """
    separator = "/" if "/" in text else ","
    return [read(name, part.strip()) for part in text.split(separator) if part.strip()]


def value_of(recipe: Recipe, name: str) -> Any:
    """Return the value of a field.

    >>> value_of(Recipe(), "learning_rate"), value_of(Recipe(), "l2")
    (0.001, 0.0)
    """
    data = recipe.to_json(all_fields=True)
    option = option_of(name)
    if option is not None and option.formula is not None:
        owner, _, field = option.formula.partition(".")
        node = data[option.path]
        return node[field] if isinstance(node, dict) and node["name"] == owner else 0.0
    node = data
    declared = option is not None and not _of_a_formula(option.path)
    for part in option.path.split(".") if option and declared else _path_in_formula(data, name):
        node = node[part]
    return node


def option_of(name: str) -> Option | None:
    """Return the option of a recipe's field, by its path, its last part or the option's name; None for other fields.

    Every field of a recipe, its network, its early stopping and its preparation has one; of the fields of formulas
    only those with a short name. An error's field is found as well: "SGD.learning_rate", "L2.strength".

    >>> option_of("Batch-Size").path, option_of("SGD.learning_rate").name, option_of("optimizer.beta1")
    ('batch_size', 'learning_rate', None)
    """
    return _options().get(_key(name)) or _options_of_owners().get(_key(name))


def path_of(field: str) -> str:
    """Return the path in a recipe of an error's field: "optimizer.beta1" for "Adam.beta1".

    >>> path_of("Adam.beta1"), path_of("batch_size")
    ('optimizer.beta1', 'batch_size')
    """
    owner, dot, last = field.rpartition(".")
    cls = _owner(owner) if dot else None
    parent = None if cls is None else option_of(cls.kind)
    return field if parent is None else f"{parent.path}.{last}"


def default_of(field: str) -> Any:
    """Return the default of a formula's field by its name in an error; None where it has none.

    >>> default_of("Adam.beta1"), default_of("batch_size")
    (0.9, None)
    """
    owner, _, last = field.rpartition(".")
    fields = () if (cls := _owner(owner)) is None else dataclasses.fields(cls)
    default = next((each.default for each in fields if each.name == last), None)
    return None if default is dataclasses.MISSING else default


def _key(name: str) -> str:
    return normalized(str(name).replace("__", "."))


@cache
def _options() -> dict[str, Option]:
    """The options by every name, `normalized`; other fields have one that reads plain text."""
    fields = [("", each.name) for each in dataclasses.fields(Recipe)]
    fields += [(part, each.name) for part, cls in _PARTS.items() for each in dataclasses.fields(cls)]
    found: dict[str, Option] = {}
    for part, name in fields:
        path = f"{part}.{name}" if part else name
        option = next((each for each in (*OPTIONS, *TEXT_FIELDS) if each.path == path and each.formula is None), None)
        option = option or Option(name, path, "", "", "", "", plain)
        # Groups have names like "scale", which fields of formulas have, too.
        found |= {normalized(each): option for each in (path,) if part == "groups"} or {
            normalized(name): option,
            normalized(path): option,
        }
    return found | {normalized(each.name): each for each in OPTIONS}


def _options_of_owners() -> dict[str, Option]:
    """The options of formulas' fields, by the names of the fields in errors: "sgd.learningrate", "l2.strength"."""
    found = {}
    for option in OPTIONS:
        kind, _, field = option.path.partition(".")
        for cls in registered(kind):
            if option.formula is not None and option.formula.startswith(f"{cls.name}."):
                found[_key(f"{cls.__name__}.{option.formula.partition('.')[2]}")] = option
            elif field and hasattr(cls, "kind"):
                found[_key(f"{cls.__name__}.{field}")] = option
            elif option.repeatable:
                found |= {_key(f"{cls.__name__}.{each.name}"): option for each in dataclasses.fields(cls)}
                found[_key(cls.__name__)] = option
    return found


def _owner(name: str) -> type[Any] | None:
    """Return the registered formula of a class's name."""
    return next((cls for kind in kinds() for cls in registered(kind) if cls.__name__ == name), None)


def _of_a_formula(path: str) -> bool:
    """Whether a declared field belongs to a formula: "optimizer.learning_rate"."""
    parent = path.rpartition(".")[0]
    return bool(parent) and parent not in _PARTS


def _formulas(given: Mapping[Option, Any]) -> dict[str, Any]:
    """Return the formulas of options that set one number each; L1 and L2 together are one penalty."""
    made = {option.path: option.json(value) for option, value in given.items() if option.path != "penalty"}
    strengths = {option.name: value for option, value in given.items() if option.path == "penalty"}
    if not strengths:
        return made
    some = {name: value for name, value in strengths.items() if value}
    for name, value in some.items():
        formula("penalty", {"name": name, "strength": value})
    if len(some) < 2:
        return made | {"penalty": next(({"name": name, "strength": value} for name, value in some.items()), None)}
    total = some["l1"] + some["l2"]
    return made | {"penalty": {"name": "elastic_net", "strength": total, "l1_ratio": some["l1"] / total}}


def _end_stopping(data: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Turn early stopping off, unless another of its fields is set."""
    if any(path.startswith("stopping.") and path != "stopping.patience" for path in values):
        raise RecipeError("a number of epochs beside other fields of early stopping", "none", "10", field="patience")
    data["stopping"] = None


def _path_in_formula(data: Mapping[str, Any], name: str) -> list[str]:
    """Return the path of a formula's field, by its path or its last part."""
    *parents, typed = str(name).replace("__", ".").split(".")
    if parents:
        option = option_of(".".join(parents))
        if option is None:
            raise _unknown(".".join(parents), data)
        return _checked_path(data, option.path.split("."), typed)
    option = option_of(name)
    if option is not None and _of_a_formula(option.path):
        *parents, typed = option.path.split(".")
        return _checked_path(data, parents, typed)
    for path, node in _formulas_in(data):
        field = field_name(path[-1], node, typed)
        if field in node and field != "name":
            return [*path, field]
    raise _unknown(name, data)


def _formulas_in(data: Mapping[str, Any], parents: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path and the JSON of each formula in a recipe."""
    for name, node in data.items():
        if isinstance(node, Mapping) and "name" in node:
            yield (*parents, name), node
        elif isinstance(node, Mapping):
            yield from _formulas_in(node, (*parents, name))


def _checked_path(data: Mapping[str, Any], parents: list[str], typed: str) -> list[str]:
    """Return the path of a field of the formula at `parents`, with the field's own name."""
    node: Any = data
    for parent in parents:
        node = node[parent] if isinstance(node, Mapping) else None
    path = ".".join(parents)
    if node is None:
        hint = {"penalty": "l2=0.0001", "perturbation": "adversarial=1"}.get(path)
        raise RecipeError(f"a {path} before a field of it", f"none and {path}.{typed}", hint)
    if not isinstance(node, Mapping):
        raise RecipeError(f"a field of a formula, which {path} is not", f"{path}.{typed}", "optimizer.beta1=0.8")
    field = field_name(parents[-1], node, typed)
    if field not in node or field == "name":
        known = [each for each in node if each != "name"]
        guess = nearest(typed.lower(), known)
        owner = node.get("name", path)
        hint = f"{path}.{guess}={node[guess]}" if guess else None
        raise UnknownName(f"a field of {owner} ({', '.join(known) or 'it has none'})", repr(typed), hint, nearest=guess)
    return [*parents, field]


def _unknown(name: str, data: Mapping[str, Any]) -> UnknownName:
    """Return the error for an unknown field, with the nearest known one."""
    options = {option.name for option in _options().values()}
    inside = {field for _, node in _formulas_in(data) for field in node if field != "name"}
    guess = nearest(name.lower().replace("-", "_"), sorted(options | inside))
    option = None if guess is None else option_of(guess)
    example = next((node[guess] for _, node in _formulas_in(data) if guess in node), "")
    hint = f"{guess}={text_of(example) if option is None else option.example}" if guess else None
    return UnknownName("a field of a recipe", repr(name), hint, nearest=guess)


def _put(data: dict[str, Any], path: list[str], value: Any) -> None:
    """Set a field by its path; early stopping that is off is turned on by any of its fields."""
    *parents, last = path
    node: Any = data
    for parent in parents:
        if parent == "stopping" and node[parent] is None:
            node[parent] = EarlyStopping().to_json(all_fields=True)
        node = node[parent]
    node[last] = copy.deepcopy(value.to_json() if hasattr(value, "to_json") else value)
