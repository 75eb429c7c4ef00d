"""The option `--preset`: the recipe for tables that a command starts from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from deltarule.cli.option_groups import option
from deltarule.cli.recipe_options import RecipeChoice
from deltarule.data import Dataset, Table
from deltarule.errors import RecipeError
from deltarule.language import message
from deltarule.recipes import Recipe, preset
from deltarule.recipes.checks import one_of
from deltarule.recipes.options import LEARNING
from deltarule.recipes.presets import BEST_OF_BENCHMARK, DEFAULT_PRESET, PRESETS
from deltarule.training.preparing import task_of

ROWS_OF_EVIDENCE = 5_000
"""Most training rows of a table in docs/tables_benchmark.md."""
_OF_ANY_RECIPE = {"task", "class_weight", "seed", "epochs", "monitor", "metric", "evaluate_train", "precision"}
"""Options that do not choose a network or how it learns."""
_NO_PRESET = "none"


def preset_option() -> Any:
    """Return `--preset`."""
    return option(
        "--preset",
        f"Recipe for tables to start from: {', '.join(PRESETS)}, or {_NO_PRESET} (default: {DEFAULT_PRESET} for "
        f"tables of up to {ROWS_OF_EVIDENCE:,} training rows if no option chooses a network or how it learns, "
        "otherwise none).",
        LEARNING,
        "NAME",
        autocompletion=_presets,
    )


def _presets(incomplete: str) -> list[str]:
    """Complete the name of a preset."""
    return [name for name in (*PRESETS, _NO_PRESET) if name.startswith(incomplete.lower())]


def checked_preset(name: str | None, network: RecipeChoice) -> str | None:
    """Return the name of a preset, checked before data are read."""
    if name is not None and network.file is not None:
        raise RecipeError("a preset or a recipe", "both", f"--preset {name}", field="preset")
    return None if name is None else one_of("preset", name, (*PRESETS, _NO_PRESET))


def first_recipe(name: str | None, network: RecipeChoice) -> Recipe:
    """Return the recipe before data are read: of a named preset as for a thousand rows, which the options may change.

    name : as `checked_preset` returns it.
    """
    if name is None or name == _NO_PRESET:
        return network.recipe()
    return network.recipe(preset(name, "classification", 1000).replace(task="auto"))


def with_preset(
    name: str | None,
    network: RecipeChoice,
    recipe: Recipe,
    dataset: Dataset,
    *,
    resumed: bool = False,
    varied: Collection[str] = (),
) -> tuple[Recipe, str]:
    """Return the preset's recipe with the options applied, and a sentence that says which preset and why.

    name : as `checked_preset` returns it. Without one the default preset is chosen for tables like those it was
        compared on, if nothing else was chosen. Without a preset, `recipe` and "" are returned.
    varied : names of options, or of fields without one, that are chosen by varying them.
    """
    why = BEST_OF_BENCHMARK
    if name is None and not resumed and _default_applies(network, dataset, varied):
        name = DEFAULT_PRESET
    elif name is None or name == _NO_PRESET:
        return recipe, ""
    else:
        # Up to the year: what differs from the source is a matter of the documents.
        why = f"{PRESETS[name].source.partition(')')[0]}); details in docs/tables.md"
    recipe = network.recipe(preset(name, task_of(recipe, dataset), dataset))
    return recipe, message("Preset {name}: {why}.", name=name, why=why)


def _default_applies(network: RecipeChoice, dataset: Dataset, varied: Collection[str]) -> bool:
    chosen = {each for each in network.values if network.given(each)}.union(varied) - _OF_ANY_RECIPE
    free = network.file is None and not network.settings and not chosen
    return free and isinstance(dataset.train.x, Table) and len(dataset.train) <= ROWS_OF_EVIDENCE
