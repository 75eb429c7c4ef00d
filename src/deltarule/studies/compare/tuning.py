"""Tuning: choose a value for one field of each variant by a small sweep on the validation set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deltarule.errors import RecipeError
from deltarule.recipes.edit import edited, value_of
from deltarule.studies.compare.trial import Finished
from deltarule.studies.compare.variants import Variant
from deltarule.training.metrics import as_data

FACTORS = (0.1, 10**-0.5, 1.0, 10**0.5, 10.0)
FURTHER = 10**0.5
EXTENSIONS = 3
FIRST_SEED = 1_000_000_007
SEEDS = 3


@dataclass(frozen=True)
class Sweep:
    """The values tried for a field of a variant, in ascending order.

    scores, losses : on the validation set, means over the seeds of the sweep.
    by : "loss" or "score", by which the value is chosen: the score if early stopping monitors it, otherwise the loss,
        which is finer than the accuracy on a small set.
    """

    variant: str
    field: str
    values: tuple[float, ...]
    scores: tuple[float, ...]
    losses: tuple[float, ...]
    by: str = "loss"

    @property
    def chosen(self) -> float:
        """The best value."""
        return self.values[self._best]

    @property
    def at_the_edge(self) -> bool:
        """Whether the chosen value is the smallest or the largest that was tried."""
        return self._best in (0, len(self.values) - 1)

    @property
    def next_value(self) -> float:
        """The next value beyond the edge."""
        step = 1 / FURTHER if self._best == 0 else FURTHER
        return _like(self.chosen * step, self.chosen)

    @property
    def _best(self) -> int:
        ranks = self.scores if self.by == "score" else [-loss for loss in self.losses]
        return max(range(len(ranks)), key=lambda place: _least(ranks[place]))

    def to_json(self) -> dict[str, Any]:
        """Return the sweep as data."""
        tried = zip(self.values, self.scores, self.losses, strict=True)
        rows = [{"value": value, "score": score, "loss": loss} for value, score, loss in tried]
        found = {"variant": self.variant, "field": self.field, "chosen": self.chosen, "by": self.by, "tried": rows}
        data: dict[str, Any] = as_data(found)
        return data


def first_values(variant: Variant, field: str) -> list[float]:
    """Return values around that of the variant.

    >>> from deltarule.recipes import Recipe
    >>> [float(f"{rate:.3g}") for rate in first_values(Variant("adam", Recipe()), "learning_rate")]
    [0.0001, 0.000316, 0.001, 0.00316, 0.01]
    """
    if field in variant.settings:
        raise RecipeError("a field that does not vary already", field, 'tune="learning_rate"', field="tune")
    own = value_of(variant.recipe, field)
    if isinstance(own, bool) or not isinstance(own, (int, float)) or not own > 0:
        wanted = f"the name of a field above 0 in {variant.name}"
        raise RecipeError(wanted, f"{field}={own!r}", 'tune="learning_rate"', field="tune")
    values = sorted({_like(own * factor, own) for factor in FACTORS})
    return [value for value in values if _taken(variant, field, value)]


def trial_recipe(variant: Variant, field: str, value: float) -> Variant:
    """Return the variant with another value."""
    return replace(variant, recipe=edited(variant.recipe, {field: value}))


def sweep_of(variant: Variant, field: str, found: Mapping[float, Sequence[Finished]]) -> Sweep:
    """Summarize the networks trained with each value."""
    values = tuple(sorted(found))
    # Sorted by seed, as a sum depends on its order.
    tried = [sorted(found[value], key=lambda each: each.seed) for value in values]
    scores = tuple(float(np.mean([each.validation_score for each in some])) for some in tried)
    losses = tuple(float(np.mean([each.validation_loss for each in some])) for some in tried)
    rule = variant.recipe.stopping
    by = "score" if rule is not None and rule.monitor == "score" else "loss"
    return Sweep(variant.name, field, values, scores, losses, by)


def _like(value: float, own: float) -> float:
    """Round to six digits, or to an integer if the field is one."""
    return max(1, round(value)) if isinstance(own, int) else float(f"{value:.6g}")


def _taken(variant: Variant, field: str, value: float) -> bool:
    try:
        edited(variant.recipe, {field: value})
    except RecipeError:
        return False
    return True


def _least(number: float) -> float:
    """Return −∞ for NaN, which is the worst."""
    return -math.inf if math.isnan(number) else number
