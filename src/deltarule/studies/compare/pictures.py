"""The pictures of a comparison: from its networks to displays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deltarule.errors import RecipeError, UnknownName, nearest
from deltarule.figures.curve_displays import CostDisplay, CurvesDisplay, IterationsDisplay
from deltarule.figures.displays import MOST, Display
from deltarule.figures.score_displays import HeatMapDisplay, IntervalsDisplay, ScoresDisplay
from deltarule.figures.style import plain
from deltarule.studies.compare.comparison_data import ComparisonData, settings_of
from deltarule.types import Floats


def display(comparison: ComparisonData, kind: str) -> Display:
    """The display of that kind; `Comparison.plot` says which there are.

    Raises UnknownName for another kind, RecipeError where the comparison has nothing to show of it.
    """
    if kind not in KINDS:
        raise UnknownName(f"a kind of picture ({', '.join(KINDS)})", repr(kind), nearest(str(kind), KINDS))
    if not comparison.networks:
        raise RecipeError("at least one finished network to draw", "none")
    return KINDS[kind](comparison)


def kinds_of(comparison: ComparisonData) -> list[str]:
    """The kinds of pictures that a comparison has something to show of."""
    fields = {name for variant in comparison.variants for name in variant.settings}
    there = {
        "iterations": any(network.batch_losses for network in comparison.networks),
        "heat_map": len(fields) == 2,
        "differences": len(comparison.ranked) > 1,
    }
    return [kind for kind in KINDS if comparison.networks and there.get(kind, True)]


def _scores(comparison: ComparisonData) -> Display:
    values = {name: comparison.scores(name) for name in comparison.ranked}
    return ScoresDisplay(values, _label(comparison), factor=_factor(comparison))


def _intervals(comparison: ComparisonData) -> Display:
    found = {name: comparison.summaries[name] for name in comparison.ranked}
    intervals = {name: (each.mean, each.low, each.high) for name, each in found.items()}
    return IntervalsDisplay(intervals, f"Mean {_unit(comparison)}, 95 % interval", factor=_factor(comparison))


def _differences(comparison: ComparisonData) -> Display:
    best = comparison.ranked[0]
    found = {other: each for (first, other), each in comparison.differences.items() if first == best}
    intervals = {other: (each.mean, each.low, each.high) for other, each in found.items()}
    seen = [other for other, each in found.items() if each.seen]
    unit = "points" if comparison.task == "classification" else comparison.score_name
    label = f"{plain(best)} less each of these ({unit})\nfilled: a difference is seen"
    return IntervalsDisplay(intervals, label, factor=_factor(comparison), filled=seen, zero=True)


def _curves(comparison: ComparisonData) -> Display:
    return CurvesDisplay(_by_variant(comparison, "validation_loss"), "Validation loss", title=_of(comparison))


def _score_curves(comparison: ComparisonData) -> Display:
    label = f"Validation {_unit(comparison)}"
    scores = _by_variant(comparison, "validation_score")
    return CurvesDisplay(scores, label, factor=_factor(comparison), near_the_end=True, title=_of(comparison))


def _iterations(comparison: ComparisonData) -> Display:
    losses = {name: [each.batch_losses for each in comparison.of(name).values()] for name in comparison.ranked}
    if not any(len(each) for some in losses.values() for each in some):
        raise RecipeError("batch losses to draw", "none, as they were not recorded", 'compare(..., record="batch")')
    return IterationsDisplay(losses, title=_of(comparison))


def _cost(comparison: ComparisonData) -> Display:
    costs = {
        name: ([each.seconds for each in own.values()], [each.score for each in own.values()])
        for name in comparison.ranked
        for own in [comparison.of(name)]
    }
    return CostDisplay(costs, _label(comparison), factor=_factor(comparison), title=_of(comparison))


def _heat_map(comparison: ComparisonData) -> Display:
    row_field, column_field = settings_of(comparison)
    rows, columns = (
        list(dict.fromkeys(each.settings[name] for each in comparison.variants)) for name in (row_field, column_field)
    )
    values = np.full((len(rows), len(columns)), np.nan)
    for each in comparison.variants:
        place = rows.index(each.settings[row_field]), columns.index(each.settings[column_field])
        values[place] = comparison.summaries[each.name].mean
    return HeatMapDisplay(
        values, rows, columns, row_field, column_field, f"Mean {_unit(comparison)}", _factor(comparison)
    )


KINDS: dict[str, Callable[[ComparisonData], Display]] = {
    "scores": _scores,
    "intervals": _intervals,
    "differences": _differences,
    "heat_map": _heat_map,
    "curves": _curves,
    "score_curves": _score_curves,
    "iterations": _iterations,
    "cost": _cost,
}


def _by_variant(comparison: ComparisonData, figure: str) -> dict[str, list[list[float]]]:
    return {name: [each.curves[figure] for each in comparison.of(name).values()] for name in comparison.ranked}


def median_losses(comparison: ComparisonData, most: int = 4) -> dict[str, Floats]:
    """Return the median validation loss over the seeds by epoch, of the best variants; stopped networks keep theirs."""
    found = {}
    for name, losses in list(_by_variant(comparison, "validation_loss").items())[:most]:
        longest = max(map(len, losses), default=0)
        if longest:
            found[name] = np.median([[*each, *[each[-1]] * (longest - len(each))] for each in losses if each], axis=0)
    return found


def _of(comparison: ComparisonData) -> str:
    """A title where not all can be shown."""
    many = len(comparison.ranked)
    return f"The best {MOST} of {many} variants" if many > MOST else ""


def _unit(comparison: ComparisonData) -> str:
    return "accuracy (%)" if comparison.task == "classification" else comparison.score_name


def _label(comparison: ComparisonData) -> str:
    unit = _unit(comparison)
    return f"{unit[0].upper()}{unit[1:]} on the {comparison.part} part"


def _factor(comparison: ComparisonData) -> float:
    return 100.0 if comparison.task == "classification" else 1.0
