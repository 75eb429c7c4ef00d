"""Permutation importance: how much worse predictions are when a feature's values are shuffled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule.data import Dataset, Part
from deltarule.errors import DataError
from deltarule.figures.displays import Picture
from deltarule.figures.style import LIGHT, Theme, plain
from deltarule.formulas.metrics import metric as metric_of
from deltarule.recipes.checks import integer
from deltarule.studies.explain.effects import stored_values, with_feature
from deltarule.studies.explain.explained import explained
from deltarule.studies.results import results
from deltarule.studies.text_table import TextTable
from deltarule.types import Floats

_SHOWN = 20


@dataclass(frozen=True, eq=False)
class Importance:
    """How much a metric gets worse when a feature is shuffled.

    values : (features, repeats), the decrease of the metric, or its increase where smaller is better.
    score : the metric without shuffling. metric : its name.
    """

    values: Floats
    feature_names: tuple[str, ...]
    score: float
    metric: str

    @property
    def means(self) -> Floats:
        """The mean over the repeats, (features,)."""
        return np.asarray(self.values.mean(axis=1))

    @property
    def errors(self) -> Floats:
        """The standard errors of the means, (features,); NaN for one repeat."""
        repeats = self.values.shape[1]
        return (
            self.values.std(axis=1, ddof=1) / math.sqrt(repeats) if repeats > 1 else np.full(len(self.values), np.nan)
        )

    def __str__(self) -> str:
        order = np.argsort(-self.means, kind="stable")[:_SHOWN]
        rows = tuple((plain(self.feature_names[j]), f"{self.means[j]:.4f}", f"{self.errors[j]:.4f}") for j in order)
        title = f"Permutation importance: {self.metric} {self.score:.4f} gets worse by"
        return str(TextTable(title, ("feature", "mean", "standard error"), rows))

    def plot(self, *, theme: Theme = LIGHT) -> Picture:
        """Draw the importances of the most important features, with intervals of two standard errors."""
        from deltarule.figures.score_displays import IntervalsDisplay

        order = np.argsort(-self.means, kind="stable")[:_SHOWN]
        errors = np.nan_to_num(self.errors)
        intervals = {
            self.feature_names[j]: (self.means[j], self.means[j] - 2 * errors[j], self.means[j] + 2 * errors[j])
            for j in order
        }
        label = f"Worsening of {self.metric} when shuffled"
        return Picture(IntervalsDisplay(intervals, label, zero=True).plot(theme=theme).figure_)


def permutation_importance(
    model: Any, data: Any, y: Any = None, *, metric: str | None = None, repeats: int = 5, seed: int = 0
) -> Importance:
    """Return by how much a metric gets worse when the values of each feature are shuffled between the samples.

    data : a data set, whose test set is used, a `Part` or (x, y), or x with y as the next argument; samples that were
        not trained on.
    metric : a name as in `Recipe.metrics` (default: "accuracy", or "r2").

    Breiman (2001), section 10; Fisher, Rudin, Dominici (2019). Of two features that say the same, neither is important.

    >>> import deltarule as dr
    >>> data = dr.load_dataset("iris")
    >>> found = permutation_importance(dr.train(dr.Recipe(epochs=30), data).model, data.test)
    >>> found.values.shape, found.metric
    ((4, 5), 'accuracy')
    """
    integer("repeats", repeats, 1, "repeats=5")
    chosen = explained(model)
    given = data.test if isinstance(data, Dataset) else data
    if given is None:
        raise DataError("a data set with a test set", "none", "data.train, or (x, y)", field="data")
    part = given if isinstance(given, Part) else Part(*((given, y) if y is not None else given))
    used = metric_of(metric or ("accuracy" if chosen.model.labelled else "r2"), field="metric")
    rows, draws = chosen.rows(part.x), np.random.default_rng(seed)
    sign = 1.0 if used.larger_is_better else -1.0

    def score(x: Any) -> float:
        return used(results(chosen.model, Part(x, part.y, part.weights)).predictions)

    before = score(rows)
    values = np.zeros((len(chosen.feature_names), repeats))
    for place in range(len(values)):
        own = stored_values(chosen, rows, place)
        for repeat in range(repeats):
            shuffled = with_feature(chosen, rows, place, own[draws.permutation(len(own))])
            values[place, repeat] = sign * (before - score(shuffled))
    return Importance(values, chosen.feature_names, before, used.name)
