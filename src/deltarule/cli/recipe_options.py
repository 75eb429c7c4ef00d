"""The options that define a recipe, from the table `deltarule.recipes.options.OPTIONS`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from deltarule.cli.option_groups import Group, option, parameter
from deltarule.errors import RecipeError
from deltarule.recipes import Recipe
from deltarule.recipes.edit import edited, read
from deltarule.recipes.options import LEARNING, OPTIONS, STOPPING, Option, names_of
from deltarule.regular_files import read_json, reason


@dataclass(frozen=True)
class RecipeChoice:
    """What was typed to define a recipe.

    values : text by the names of options; None where an option was not given.
    settings : "field=value" for any field, with dots for fields of formulas: "optimizer.beta1=0.8".
    file : the recipe to start from.

    >>> RecipeChoice({"hidden": "20", "l2": "0.01"}, ["optimizer.beta1=0.8"]).recipe().optimizer.beta1
    0.8
    """

    values: Mapping[str, Any]
    settings: Sequence[str] = ()
    file: Path | None = None

    def recipe(self, base: Recipe | None = None) -> Recipe:
        """Return `base`, the file's recipe or the default one, with the options and then the settings applied."""
        texts = {name: value for name, value in self.values.items() if value is not None}
        chosen = {name: read(name, "+".join(text) if isinstance(text, list) else text) for name, text in texts.items()}
        for setting in self.settings:
            name, sign, text = setting.partition("=")
            if not sign or not name.strip():
                raise RecipeError("field=value", repr(setting), "optimizer.beta1=0.8", field="set")
            chosen[name.strip()] = read(name.strip(), text)
        if base is None:
            base = Recipe() if self.file is None else read_recipe(self.file)
        try:
            return edited(base, chosen)
        except RecipeError as error:
            # Only the name of a setting can be that of no field.
            raise (error if error.field else error.replace(field="set")) from None

    @property
    def given_any(self) -> bool:
        """Whether anything was typed."""
        return bool(self.settings or self.file) or any(value is not None for value in self.values.values())

    def given(self, name: str) -> bool:
        """Whether an option was given."""
        return self.values.get(name) is not None


def recipe_options(only: Sequence[str] = (), without: Sequence[str] = ()) -> Group:
    """Return the options of a recipe, all or some, with `--set` and `--recipe`."""
    chosen = [each for each in OPTIONS if (not only or each.name in only) and each.name not in without]
    parameters = [_parameter(each) for each in chosen]
    # --set and --recipe come before the options of early stopping in help texts.
    place = sum(each.panel != STOPPING for each in chosen)
    return Group((*parameters[:place], *_ANY_FIELD, *parameters[place:]), _choice)


def read_recipe(file: Path) -> Recipe:
    """Read the recipe in a JSON file, or in the `recipe.json` of a run's folder."""
    path = file / "recipe.json" if file.is_dir() else file
    try:
        return Recipe.from_json(read_json(path))
    except (OSError, ValueError) as error:
        raise RecipeError("a recipe in a JSON file", f"{path}: {reason(error)}") from error


_ANY_FIELD = (
    parameter(
        "setting",
        Annotated[list[str] | None, option(
            "--set", "Any other field of the recipe, for example optimizer.beta1=0.8; repeatable.", LEARNING,
            "FIELD=VALUE",
        )],
    ),
    parameter(
        "recipe_file",
        Annotated[
            Path | None,
            option("--recipe", "Recipe to start from: a JSON file, or the folder of a run.", LEARNING, "FILE"),
        ],
    ),
)  # fmt: skip


def _choice(typed: Mapping[str, Any]) -> RecipeChoice:
    values = {name: value for name, value in typed.items() if name not in ("setting", "recipe_file")}
    return RecipeChoice(values, typed["setting"] or (), typed["recipe_file"])


def _parameter(each: Option) -> inspect.Parameter:
    kind: Any = bool | None if each.flag else list[str] | None if each.repeatable else str | None
    more = {} if each.kind is None else {"autocompletion": _completion(each.kind)}
    declaration = option(f"--{each.name.replace('_', '-')}", each.described, each.panel, each.metavar or None, **more)
    return parameter(each.name, Annotated[kind, declaration])


def _completion(kind: str) -> Callable[[str], list[str]]:
    """Return the function that completes the names of formulas, also the last one of a comma-separated list."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in names_of(kind) if name.startswith(last.lower())]

    return complete
