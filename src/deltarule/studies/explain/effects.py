"""Effects of one feature on predictions: partial dependence and accumulated local effects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data import Table
from deltarule.errors import DataError, UnknownColumn, nearest
from deltarule.figures.displays import Picture
from deltarule.figures.style import LIGHT, Theme, plain
from deltarule.recipes.checks import integer
from deltarule.studies.explain.explained import Explained, explained
from deltarule.types import Floats


@dataclass(frozen=True, eq=False)
class Effect:
    """The effect of a feature on predictions.

    feature : its name. x : (points,), its values: numbers, or words of a category.
    values : (points, outputs). kind : "partial dependence" or "accumulated local effect".
    low, high : (points, outputs), the 10 % and 90 % quantiles over the samples; None for accumulated local effects.
    output_names : classes, labels or targets.
    """

    feature: str
    x: npt.NDArray[Any]
    values: Floats
    kind: str
    output_names: tuple[str, ...]
    low: Floats | None = None
    high: Floats | None = None

    def plot(self, output: int = -1, *, theme: Theme = LIGHT) -> Picture:
        """Draw the effect on one output, given by its number (default: the last)."""
        from deltarule.figures.explanation_displays import EffectDisplay

        low, high = (None if each is None else each[:, output] for each in (self.low, self.high))
        what = plain(self.output_names[output])
        label = f"Mean prediction: {what}" if self.low is not None else f"Effect on the prediction: {what}"
        name = plain(self.feature)
        return Picture(EffectDisplay(self.x, self.values[:, output], low, high, name, label).plot(theme=theme).figure_)


def partial_dependence(model: Any, x: Any, feature: str | int, *, points: int = 30, raw: bool = False) -> Effect:
    """Return the mean prediction of samples x when a feature has each of some values: f̄(v) = mean f(v, x_rest).

    feature : name or number of a feature.
    points : number of quantiles of the feature's values; of a category, each of its values.
    raw : of the last layer's weighted sums.

    Where features are correlated, v is combined with values that it never comes with: see
    `accumulated_local_effects`.  Friedman (2001), section 8.2.

    >>> import deltarule as dr
    >>> data = dr.load_dataset("iris")
    >>> model = dr.train(dr.Recipe(epochs=20), data).model
    >>> partial_dependence(model, data.train.x, 2, points=5).values.shape
    (5, 3)
    """
    integer("points", points, 2, "points=30")
    chosen = explained(model, raw=raw)
    rows = chosen.rows(x)
    place = place_of(chosen, feature)
    grid, words = _grid(chosen, rows, place, points)
    found = [chosen.predictions(chosen.inputs(with_feature(chosen, rows, place, value))) for value in grid]
    low, high = (np.stack([np.quantile(each, q, axis=0) for each in found]) for q in (0.1, 0.9))
    mean = np.stack([each.mean(axis=0) for each in found])
    name = chosen.feature_names[place]
    return Effect(name, words, mean, "partial dependence", chosen.output_names, low, high)


def accumulated_local_effects(
    model: Any, x: Any, feature: str | int, *, intervals: int = 30, raw: bool = False
) -> Effect:
    """Return accumulated local effects of a feature of numbers, whose mean over the samples is 0.

    Within each interval between quantiles z₀ < z₁ < … of the feature, the predictions of the samples inside change by
    the mean of f(zₖ, x_rest) − f(zₖ₋₁, x_rest); the changes are added up.  Apley and Zhu (2020), equations 15 and 16.

    >>> import deltarule as dr
    >>> data = dr.load_dataset("iris")
    >>> model = dr.train(dr.Recipe(epochs=20), data).model
    >>> accumulated_local_effects(model, data.train.x, 2, intervals=5).values.shape
    (6, 3)
    """
    integer("intervals", intervals, 1, "intervals=30")
    chosen = explained(model, raw=raw)
    rows = chosen.rows(x)
    place = place_of(chosen, feature)
    own = chosen.data(rows)[:, place]
    numbers = _numbers_of(rows, chosen, place)
    if numbers is None:
        raise DataError(
            "a feature of numbers", f"the words of {chosen.feature_names[place]}", "partial_dependence(...)"
        )
    known = np.flatnonzero(np.isfinite(numbers))
    if not len(known):
        raise DataError("values of the feature", f"{len(own)} missing ones", field=chosen.feature_names[place])
    own, rows = numbers[known], rows[known]
    ends = np.unique(np.quantile(own, np.linspace(0, 1, intervals + 1), method="inverted_cdf"))
    if len(ends) == 1:
        raise DataError("a feature that varies", f"{ends[0]:g} in all samples", field=chosen.feature_names[place])
    of = np.clip(np.searchsorted(ends, own, side="left"), 1, len(ends) - 1)
    upper, lower = (
        chosen.predictions(chosen.inputs(with_feature(chosen, rows, place, ends[each]))) for each in (of, of - 1)
    )
    counts = np.bincount(of, minlength=len(ends))[1:]
    sums = np.zeros((len(ends) - 1, upper.shape[1]))
    np.add.at(sums, of - 1, upper - lower)
    effects = np.concatenate([np.zeros((1, upper.shape[1])), np.cumsum(sums / np.maximum(counts, 1)[:, None], axis=0)])
    middle = (effects[1:] + effects[:-1]) / 2
    centred = effects - (counts[:, None] * middle).sum(axis=0) / counts.sum()
    return Effect(chosen.feature_names[place], ends, centred, "accumulated local effect", chosen.output_names)


def place_of(chosen: Explained, feature: str | int) -> int:
    """Return the number of a feature given by its name or number."""
    names = chosen.feature_names
    if isinstance(feature, str):
        if feature not in names:
            guess = nearest(feature, list(names))
            raise UnknownColumn(
                f"a feature ({', '.join(names[:20])})", repr(feature), guess and repr(guess), field="feature"
            )
        return names.index(feature)
    if not 0 <= feature < len(names):
        raise DataError(f"a feature from 0 to {len(names) - 1}, or its name", repr(feature), field="feature")
    return int(feature)


def with_feature(chosen: Explained, rows: Any, place: int, values: Any) -> Any:
    """Return samples with other values of a feature: one number or code for all, or (n,)."""
    if not isinstance(rows, Table):
        changed = np.array(rows, dtype=np.result_type(rows.dtype, np.float32) if rows.dtype.kind != "f" else rows.dtype)
        changed.reshape(len(rows), -1)[:, place] = values
        return changed
    name = chosen.feature_names[place]
    columns = [
        replace(each, values=np.broadcast_to(np.asarray(values, each.values.dtype), each.values.shape).copy())
        if each.name == name
        else each
        for each in rows
    ]
    return Table(tuple(columns))


def stored_values(chosen: Explained, rows: Any, place: int) -> npt.NDArray[Any]:
    """Return the values of a feature as `with_feature` takes them: numbers, or codes of categories."""
    if isinstance(rows, Table):
        return rows.column(chosen.feature_names[place]).values
    return np.asarray(rows).reshape(len(rows), -1)[:, place]


def _numbers_of(rows: Any, chosen: Explained, place: int) -> Floats | None:
    """Return the values of a feature of numbers; None for a category."""
    if isinstance(rows, Table) and rows.column(chosen.feature_names[place]).coded:
        return None
    return np.asarray(stored_values(chosen, rows, place), np.float64)


def _grid(chosen: Explained, rows: Any, place: int, points: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the values that a feature is given, and what they are called."""
    numbers = _numbers_of(rows, chosen, place)
    if numbers is not None:
        known = numbers[np.isfinite(numbers)]
        grid = np.unique(np.quantile(known, np.linspace(0, 1, points)))
        return grid, grid
    column = rows.column(chosen.feature_names[place])
    codes = np.unique(column.values[column.values >= 0])
    return codes, np.array(column.categories)[codes]
