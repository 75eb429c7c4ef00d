"""What a comparison found, in plain words and in the numbers of its tables."""

from __future__ import annotations

import math

from deltarule.studies.compare import statistics
from deltarule.studies.compare.comparison_data import ComparisonData
from deltarule.studies.compare.statistics import CONFIDENCE, LEVEL, Difference

MOST_SENTENCES = 8
_NOTHING = "No network is finished yet."


def sentences(comparison: ComparisonData) -> tuple[str, ...]:
    """The best variant, and how sure it is that it is better than each of the others."""
    ranked = comparison.ranked
    if not ranked:
        over = comparison.budget is not None
        return (f"The {comparison.budget:g} s were over before any network was." if over else _NOTHING,)
    found = comparison.summaries
    n, mean = found[ranked[0]].n, found[ranked[0]].mean
    best = [name for name in ranked if found[name].n == n and math.isclose(found[name].mean, mean, abs_tol=1e-12)]
    are = "is" if len(best) < 2 else "are alike and"
    where = f"on the {comparison.part} part, over {seeds(n)}"
    said = [f"{listed(best or [ranked[0]])} {are} best on average: {amount(mean, comparison)} {where}."]
    said += _against_the_best(comparison)
    said += _what_is_missing(comparison)
    said += _what_went_wrong(comparison)
    return tuple(said)


def on_difference(first: str, second: str, found: Difference, comparison: ComparisonData) -> str:
    """A pair in a sentence or two."""
    if found.n == 0:
        return f"{first} and {second} share no seed."
    pairs = comparison.tested if found.tested else 1
    size = f"{points(found.mean, comparison)}{_interval(found, comparison)}, {chance(found, pairs)}"
    if not found.seen:
        tail = "" if found.low or found.high else " They are alike seed by seed."
        return f"No difference seen between {first} and {second} with {seeds(found.n)}: {size}.{tail}"
    winner, loser, beats = (first, second, found.beats) if found.mean > 0 else (second, first, 1 - found.beats)
    return f"{winner} beats {loser} by {size}; on a new seed it would in about {share(beats)} of cases."


def amount(score: float, comparison: ComparisonData, *, unit: bool = True) -> str:
    """A score: percent for an accuracy."""
    if math.isnan(score):
        return "–"
    return f"{100 * score:.2f}{' %' * unit}" if comparison.task != "regression" else f"{score:.4f}"


def points(gap: float, comparison: ComparisonData, *, unit: bool = True) -> str:
    """A difference of scores: in points for accuracies, which are percent."""
    if not math.isfinite(gap):
        return "–"
    if comparison.task == "regression":
        return f"{gap:.4f}".replace("-", "−")
    return f"{100 * gap:.2f}{' points' * unit}".replace("-", "−")


def chance(found: Difference, pairs: int = 1) -> str:
    """The adjusted p in words.

    >>> chance(statistics.difference([1, 2, 3], [1, 2, 3]), 3)
    'p = 1 for 3 pairs'
    """
    size = "p < 0.001" if found.adjusted < 0.001 else f"p = {found.adjusted:.2g}"
    if pairs > 1:
        size += f" for {pairs} pairs"
    alone = found.p <= LEVEL < found.adjusted
    return f"{size}, though {found.p:.2g} for this one alone" if alone else size


def share(probability: float) -> str:
    """A probability in percent, never quite sure.

    >>> share(0.9773), share(0.9999)
    ('98 %', 'more than 99 %')
    """
    percent = round(100 * probability)
    return "more than 99 %" if percent >= 100 else "less than 1 %" if percent <= 0 else f"{percent} %"


def seconds(time: float) -> str:
    """A time for people.

    >>> seconds(0.01234), seconds(75.2), seconds(math.inf)
    ('12 ms', '75 s', 'never')
    """
    if not math.isfinite(time):
        return "never" if time > 0 else "–"
    if time < 1:
        return f"{1000 * time:.0f} ms" if time >= 0.001 else f"{1000 * time:.2g} ms"
    return f"{time:.2f} s" if time < 10 else f"{time:.0f} s"


def seeds(n: int) -> str:
    """So many seeds."""
    return f"{n} seed{'' if n == 1 else 's'}"


def _interval(found: Difference, comparison: ComparisonData) -> str:
    if not math.isfinite(found.low):
        return ""
    low, high = (points(end, comparison, unit=False) for end in (found.low, found.high))
    return f" ({100 * CONFIDENCE:.0f} % interval {low} to {high})"


def _against_the_best(comparison: ComparisonData) -> list[str]:
    ranked = comparison.ranked
    said = [
        on_difference(*pair, found, comparison)
        for pair, found in comparison.differences.items()
        if pair[0] == ranked[0]
    ]
    if len(said) > MOST_SENTENCES:
        said = [*said[:MOST_SENTENCES], f"The table has the other {len(said) - MOST_SENTENCES}."]
    return said


def _what_is_missing(comparison: ComparisonData) -> list[str]:
    said = []
    pairs = comparison.differences
    most = max((found.n for found in pairs.values()), default=0)
    tests = comparison.tested or len(pairs)
    needed = statistics.seeds_needed(tests)
    if pairs and most < needed:
        several = f" of {tests} pairs" * (tests > 1)
        said.append(
            f"With {seeds(most)} no difference{several}, however large, can be told from luck: take {needed} or more."
        )
    left = [variant.name for variant in comparison.variants if len(comparison.of(variant.name)) < most]
    asked = len(comparison.seeds.numbers)
    if left and comparison.budget is not None:
        said.append(f"To keep to {comparison.budget:g} s, fewer seeds were given to {listed(left)}.")
    total = asked * len(comparison.variants)
    if len(comparison.networks) < total:
        said.append(f"{len(comparison.networks):,} of {total:,} networks are finished.")
    if comparison.part == "validation":
        said.append(
            "There is no test part: these scores are those of the validation part, which early stopping has seen."
        )
    return said


def _what_went_wrong(comparison: ComparisonData) -> list[str]:
    said = []
    for name in comparison.ranked:
        networks = comparison.of(name).values()
        diverged = sum(network.status == "diverged" for network in networks)
        if diverged:
            said.append(
                f"{diverged} of {len(networks)} networks of {name} diverged; they count with their last finite weights."
            )
    edges = [sweep.variant for sweep in comparison.sweeps if sweep.at_the_edge]
    if edges:
        said.append(f"For {listed(edges)} the best {comparison.sweeps[0].field} lies at the end of those tried.")
    return said


def listed(names: list[str]) -> str:
    """Some names in a sentence.

    >>> listed(["sgd", "momentum", "adam"])
    'sgd, momentum and adam'
    """
    if len(names) > MOST_SENTENCES:
        return f"{len(names)} of the variants"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
