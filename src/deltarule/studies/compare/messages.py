"""Messages of a comparison: sentences on what it found, notes before training, and formatted numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from deltarule.studies.compare import statistics
from deltarule.studies.compare.comparison_data import ComparisonData
from deltarule.studies.compare.statistics import CONFIDENCE, LEVEL, Difference, FailureRates

MOST_SENTENCES = 8
_NOTHING = "No network is finished yet."


def sentences(comparison: ComparisonData) -> tuple[str, ...]:
    """Say which variant is best, if any is, how the compared pairs differ, and what limits the result."""
    if not comparison.ranked:
        over = comparison.budget is not None
        return (f"The {comparison.budget:g} s were over before any network was." if over else _NOTHING,)
    said = [_headline(comparison), *_pairs(comparison), *_failures(comparison)]
    return (*said, *_limits(comparison), *_edges(comparison))


def notes_before(tests: int, seeds: int) -> tuple[str, ...]:
    """Say before training what its result cannot be, for a number of pairs to test and of seeds.

    >>> notes_before(3, 10)
    ()
    >>> notes_before(45, 10)[0]
    'With 10 seeds none of 45 pairs can differ significantly, however large the difference: take 11 seeds or more.'
    """
    if not tests or seeds >= statistics.seeds_needed(tests):
        return ()
    return (_too_few_seeds(tests, seeds),)


def on_difference(first: str, second: str, found: Difference, comparison: ComparisonData) -> str:
    """Describe the difference of a pair in a sentence or two."""
    if found.n == 0:
        return f"{first} and {second} have no seed with which neither failed."
    tests = comparison.tests if found.tested else 1
    size = f"{points(found.mean, comparison)}{_interval(found, comparison, tests)}, {probability(found, tests)}"
    samples = _with_samples(found, comparison)
    if not found.significant:
        tail = "" if found.low or found.high else " They are equal with every seed."
        return f"No significant difference between {first} and {second} with {seeds(found.n)}: {size}.{tail}"
    winner, loser, beats = (first, second, found.beats) if found.mean > 0 else (second, first, 1 - found.beats)
    return f"{winner} beats {loser} by {size}; it wins with about {percent(beats)} of new seeds.{samples}"


def on_failures(first: str, second: str, found: FailureRates, comparison: ComparisonData) -> str:
    """Describe how often the networks of a pair failed."""
    p = probability(found, comparison.tests if found.tested else 1)
    verb = "differs significantly" if found.significant else "does not differ significantly"
    return (
        f"The failure rate of {first} and {second} {verb}: {found.first} and {found.second} of {found.n} networks, {p}."
    )


def amount(score: float, comparison: ComparisonData, *, unit: bool = True) -> str:
    """Format a score: an accuracy in percent."""
    if math.isnan(score):
        return "–"
    return f"{100 * score:.2f}{' %' * unit}" if comparison.task != "regression" else f"{score:.4f}"


def points(gap: float, comparison: ComparisonData, *, unit: bool = True) -> str:
    """Format a difference of scores: of accuracies in percentage points."""
    if not math.isfinite(gap):
        return "–"
    if comparison.task != "classification":
        return f"{gap:.4f}".replace("-", "−")
    return f"{100 * gap:.2f}{' points' * unit}".replace("-", "−")


def probability(found: Difference | FailureRates, tests: int = 1) -> str:
    """Format the adjusted p, and p of the pair alone where only that is small.

    >>> probability(statistics.difference([1, 2, 3], [1, 2, 3]), 3)
    'p = 1 adjusted for 3 tests'
    """
    size = "p < 0.001" if found.adjusted < 0.001 else f"p = {found.adjusted:.2g}"
    if tests > 1:
        size += f" adjusted for {tests} tests"
    alone = found.p <= LEVEL < found.adjusted
    return f"{size} ({found.p:.2g} for this pair alone)" if alone else size


def percent(share: float) -> str:
    """Format an estimated probability in percent, never 0 or 100.

    >>> percent(0.9773), percent(0.9999)
    ('98 %', 'more than 99 %')
    """
    rounded = round(100 * share)
    return "more than 99 %" if rounded >= 100 else "less than 1 %" if rounded <= 0 else f"{rounded} %"


def seconds(time: float) -> str:
    """Format a duration.

    >>> seconds(0.01234), seconds(75.2), seconds(math.inf)
    ('12 ms', '75 s', 'never')
    """
    if not math.isfinite(time):
        return "never" if time > 0 else "–"
    if time < 1:
        return f"{1000 * time:.0f} ms" if time >= 0.001 else f"{1000 * time:.2g} ms"
    return f"{time:.2f} s" if time < 10 else f"{time:.0f} s"


def seeds(n: int) -> str:
    """Format a number of seeds."""
    return f"{n} seed{'' if n == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Join names in a sentence.

    >>> listed(["sgd", "momentum", "adam"])
    'sgd, momentum and adam'
    """
    if len(names) > MOST_SENTENCES:
        return f"{len(names)} of the variants"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _headline(comparison: ComparisonData) -> str:
    """Name the best variant where all tests say so, or else the one with the highest mean."""
    found, best, *others = comparison.summaries, *comparison.ranked
    n, mean = found[best].n, found[best].mean
    if not n:
        return "All networks of all variants failed."
    equal = [name for name in others if found[name].n == n and math.isclose(found[name].mean, mean, abs_tol=1e-12)]
    size = f"{amount(mean, comparison)} on the {comparison.part} set, over {seeds(n)}"
    if equal:
        return f"No clear winner: {listed([best, *equal])} have the same highest mean, {size}."
    against = {other: comparison.differences[best, other] for other in others if (best, other) in comparison.compared}
    if mean < max((found[name].mean for name in others if found[name].n), default=mean):
        return f"No clear winner: {best} ranks first, as fewer of its networks failed; without these it has {size}."
    unsure = [other for other, each in against.items() if not (each.significant and each.mean > 0)]
    if unsure:
        return (
            f"No clear winner: {best} has the highest mean, {size}, but not significantly higher than {_any(unsure)}."
        )
    if len(against) < len(others):
        return f"{best} has the highest mean, {size}."
    return f"{best} is best: {size}, significantly more than every other variant."


def _any(names: Sequence[str]) -> str:
    return listed(names).replace(" and ", " or ") if len(names) <= MOST_SENTENCES else f"{len(names)} other variants"


def _interval(found: Difference, comparison: ComparisonData, tests: int) -> str:
    if not math.isfinite(found.low):
        return ""
    low, high = (points(end, comparison, unit=False) for end in (found.low, found.high))
    alone = " for this pair alone" * (tests > 1)
    return f" ({100 * CONFIDENCE:.0f} % interval {low} to {high}{alone})"


def _with_samples(found: Difference, comparison: ComparisonData) -> str:
    """Say where a significant difference may be one of this test set only."""
    if not found.total_low <= 0 <= found.total_high:
        return ""
    low, high = (points(end, comparison, unit=False) for end in (found.total_low, found.total_high))
    return (
        f" With new test samples as well as new seeds the interval is {low} to {high}: "
        f"the {comparison.part} set is too small to say that it holds for others."
    )


def _pairs(comparison: ComparisonData) -> list[str]:
    """Describe the best variant's pairs, or all where the pairs were chosen."""
    ranked = comparison.ranked
    said = [
        on_difference(*pair, found, comparison)
        for pair, found in comparison.differences.items()
        if comparison.pairs or pair[0] == ranked[0]
    ]
    if len(said) > MOST_SENTENCES:
        said = [*said[:MOST_SENTENCES], f"The table has the other {len(said) - MOST_SENTENCES}."]
    return said


def _failures(comparison: ComparisonData) -> list[str]:
    said = []
    for name in comparison.ranked:
        networks = comparison.of(name).values()
        diverged = sum(network.diverged for network in networks)
        stuck = sum((name, network.seed) in comparison.failed for network in networks) - diverged
        how = [f"{diverged} diverged"] * (diverged > 0) + [f"{stuck} stayed at chance level"] * (stuck > 0)
        if how:
            said.append(
                f"Of {len(networks)} networks of {name} {listed(how)}: means, intervals and tests of scores are "
                "without them."
            )
    said += [on_failures(*pair, found, comparison) for pair, found in comparison.failures.items() if found.tested][
        :MOST_SENTENCES
    ]
    return said


def _too_few_seeds(tests: int, n: int) -> str:
    needed = statistics.seeds_needed(tests)
    which = f"none of {tests} pairs can differ significantly" if tests > 1 else "no difference can be significant"
    return f"With {seeds(n)} {which}, however large the difference: take {needed} seeds or more."


def _limits(comparison: ComparisonData) -> list[str]:
    said = []
    pairs = comparison.differences
    most = max((found.n for found in pairs.values()), default=0)
    tests = comparison.tests or len(pairs)
    if pairs and most < statistics.seeds_needed(tests):
        said.append(_too_few_seeds(tests, most))
    left = [variant.name for variant in comparison.variants if len(comparison.of(variant.name)) < most]
    if left and comparison.budget is not None:
        said.append(f"To keep to {comparison.budget:g} s, fewer seeds were given to {listed(left)}.")
    total = len(comparison.seeds.numbers) * len(comparison.variants)
    if len(comparison.networks) < total:
        said.append(f"{len(comparison.networks):,} of {total:,} networks are finished.")
    if comparison.part == "validation":
        said.append(
            "There is no test set: these scores are those of the validation set, which early stopping has used."
        )
    return said


def _edges(comparison: ComparisonData) -> list[str]:
    edges = [sweep.variant for sweep in comparison.sweeps if sweep.at_the_edge]
    if not edges:
        return []
    return [f"For {listed(edges)} the best {comparison.sweeps[0].field} is the smallest or largest that was tried."]
