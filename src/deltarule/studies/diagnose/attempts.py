"""Remedies tried: networks with the changed recipe beside networks with the present one, over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from deltarule.data import Dataset
from deltarule.errors import DeltaruleError
from deltarule.recipes import Recipe
from deltarule.studies.compare import Comparison, ComparisonProgress, compare
from deltarule.studies.diagnose.remedies import Attempt, Remedy

PRESENT = "as it is"
SEEDS = 8


def attempted(
    remedies: Sequence[Remedy],
    recipe: Recipe,
    data: Dataset,
    *,
    seeds: int = SEEDS,
    progress: Callable[[ComparisonProgress], Any] | None = None,
) -> tuple[Attempt, ...]:
    """Train networks with each remedy and with the recipe as it is, and compare the validation scores.

    The test set is left out: it is for the network that is chosen in the end. Changes that do not fit the recipe are
    left out, too. Differences are tested against the recipe as it is, with Holm's correction for all remedies.
    """
    variants: dict[str, Recipe] = {PRESENT: recipe}
    tried: list[Remedy] = []
    for remedy in remedies:
        try:
            changed = remedy.applied(recipe)
        except DeltaruleError:
            continue
        if changed not in variants.values():
            variants[str(remedy)] = changed
            tried.append(remedy)
    if not tried:
        return ()
    comparison = compare(variants, replace(data, test=None), seeds, against=PRESENT, progress=progress)
    return tuple(_attempt(comparison, remedy) for remedy in tried)


def _attempt(comparison: Comparison, remedy: Remedy) -> Attempt:
    name, seeds = str(remedy), len(comparison.seeds.numbers)
    before, after = (comparison.summaries[each].mean for each in (PRESENT, name))
    difference = comparison.difference(name, PRESENT)
    failures = next(iter(found for pair, found in comparison.failures.items() if name in pair), None)
    failed = [sum(variant == each for variant, _ in comparison.failed) for each in (PRESENT, name)]
    return Attempt(
        remedy,
        before,
        after,
        (difference.mean, difference.low, difference.high),
        difference.adjusted,
        seeds,
        failed[0],
        failed[1],
        1.0 if failures is None else failures.adjusted,
    )
