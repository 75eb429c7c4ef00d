"""The tables of a comparison, in words for people: each a head and rows of text."""

from __future__ import annotations

import math

from deltarule.studies.compare import words
from deltarule.studies.compare.comparison_data import ComparisonData
from deltarule.studies.text_table import TextTable


def tables(comparison: ComparisonData) -> list[TextTable]:
    """The variants, what they cost, what each pair differs by, and how a field was tuned, as far as there is any."""
    made = [variants(comparison), costs(comparison)]
    if comparison.differences:
        made.append(pairs(comparison))
    if comparison.sweeps:
        made.append(sweeps(comparison))
    return made


def variants(comparison: ComparisonData) -> TextTable:
    """A row for each variant, the best first."""
    rows = []
    for name in comparison.ranked:
        found = comparison.summaries[name]
        ends = [words.amount(end, comparison, unit=False) for end in (found.low, found.high)]
        rows.append((
            name,
            words.amount(found.mean, comparison),
            f"{ends[0]} to {ends[1]}" if math.isfinite(found.low) else "–",
            words.amount(found.median, comparison),
            words.points(found.deviation, comparison, unit=False),
            words.amount(found.smallest, comparison),
            words.amount(found.largest, comparison),
            str(found.n),
        ))  # fmt: skip
    columns = ("Variant", "Mean", "95 % interval", "Median", "Deviation", "Lowest", "Highest", "Seeds")
    title = f"{comparison.score_name} on the {comparison.part} part"
    note = "Intervals of the mean, over seeds: another test set is not among them."
    return TextTable(title, columns, tuple(rows), note)


def costs(comparison: ComparisonData) -> TextTable:
    """What each variant cost, to the end and to the target."""
    rows = []
    for name, cost in comparison.costs.items():
        epochs = f"{cost.target_epochs:.0f}" if math.isfinite(cost.target_epochs) else "never"
        rows.append((
            name,
            words.seconds(cost.seconds.median),
            f"{cost.epochs.median:.0f}",
            epochs,
            words.seconds(cost.target_seconds),
            f"{100 * cost.reached:.0f} %",
        ))  # fmt: skip
    target = words.amount(comparison.target_score, comparison)
    columns = ("Variant", "Time", "Epochs", "Epochs to target", "Time to target", "Reached it")
    note = f"Medians over seeds, each network on one core. Target: {target} on the validation part."
    return TextTable("Cost", columns, tuple(rows), note)


def pairs(comparison: ComparisonData) -> TextTable:
    """What each pair differs by."""
    rows = []
    for (first, second), found in comparison.differences.items():
        ends = [words.points(end, comparison, unit=False) for end in (found.low, found.high)]
        rows.append((
            f"{first} − {second}",
            words.points(found.mean, comparison, unit=False),
            f"{ends[0]} to {ends[1]}" if math.isfinite(found.low) else "–",
            _effect(found.effect),
            f"{found.p:.2g}",
            f"{found.adjusted:.2g}",
            words.share(found.beats),
            "yes" if found.seen else "no",
        ))  # fmt: skip
    unit = "Points" if comparison.task != "regression" else comparison.score_name
    columns = ("Pair", unit, "95 % interval", "Effect", "p", "Holm's p", "Wins", "Seen")
    note = (
        "Differences seed by seed. Effect: mean over standard deviation. p: paired permutation test. Wins: how "
        "probably the first has the higher score on a new seed. Seen: Holm's p is at most 0.05."
    )
    return TextTable("Pair by pair", columns, tuple(rows), note)


def sweeps(comparison: ComparisonData) -> TextTable:
    """How a field was tuned."""
    rows = []
    for sweep in comparison.sweeps:
        figures = sweep.scores if sweep.by == "score" else sweep.losses
        told = [words.amount(each, comparison) if sweep.by == "score" else f"{each:.3g}" for each in figures]
        tried = (f"{value:.3g}: {figure}" for value, figure in zip(sweep.values, told, strict=True))
        rows.append((sweep.variant, f"{sweep.chosen:.3g}", ";  ".join(tried)))
    field, by = comparison.sweeps[0].field, " and ".join(sorted({sweep.by for sweep in comparison.sweeps}))
    columns = ("Variant", "Chosen", f"Validation {by}")
    note = "On the validation part alone, with seeds of their own."
    return TextTable(f"Tuning of {field}", columns, tuple(rows), note, words=columns[2:])


def _effect(effect: float) -> str:
    return f"{effect:.2f}".replace("-", "−") if math.isfinite(effect) else "–" if math.isnan(effect) else "∞"
