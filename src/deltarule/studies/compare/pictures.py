"""The pictures of a comparison as displays."""

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
    """Return the display of a kind that `Comparison.plot` lists.

    Raises UnknownName for another kind, RecipeError where the comparison has no data for it.
    """
    if kind not in KINDS:
        raise UnknownName(f"a kind of picture ({', '.join(KINDS)})", repr(kind), nearest(str(kind), KINDS))
    if not comparison.networks:
        raise RecipeError("at least one finished network to draw", "none")
    return KINDS[kind](comparison)


def kinds_of(comparison: ComparisonData) -> list[str]:
    """Return the kinds of pictures that a comparison has data for."""
    fields = {name for variant in comparison.variants for name in variant.settings}
    there = {
        "iterations": any(network.batch_losses for network in comparison.networks),
        "cost": any(found.n for found in comparison.summaries.values()),
        "heat_map": len(fields) == 2,
        "differences": bool(comparison.differences),
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
    """Show the best variant minus each other, or the chosen pairs."""
    best, pairs = comparison.ranked[0], comparison.differences
    if not pairs:
        raise RecipeError("a pair of variants with networks, to draw its difference", "none")
    chosen = comparison.pairs or not any(first == best for first, _ in pairs)
    found = {
        f"{first} − {second}" if chosen else second: each
        for (first, second), each in pairs.items()
        if chosen or first == best
    }
    intervals = {name: (each.mean, each.low, each.high) for name, each in found.items()}
    significant = [name for name, each in found.items() if each.significant]
    unit = "points" if comparison.task != "regression" else comparison.score_name
    label = f"{'Difference' if chosen else f'{plain(best)} minus each of these'} ({unit})\nfilled: significant"
    return IntervalsDisplay(intervals, label, factor=_factor(comparison), filled=significant, zero=True)


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
        name: ([each.seconds for each in finished], [each.score for each in finished])
        for name in comparison.ranked
        if (finished := [each for each in comparison.of(name).values() if not each.diverged])
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
    """Return a title where only some variants are shown."""
    many = len(comparison.ranked)
    return f"The best {MOST} of {many} variants" if many > MOST else ""


def _unit(comparison: ComparisonData) -> str:
    return "accuracy (%)" if comparison.task != "regression" else comparison.score_name


def _label(comparison: ComparisonData) -> str:
    unit = _unit(comparison)
    return f"{unit[0].upper()}{unit[1:]} on the {comparison.part} set"


def _factor(comparison: ComparisonData) -> float:
    return 100.0 if comparison.task != "regression" else 1.0
