"""Tables of a comparison as text: column titles, rows and notes.

A new statistic is a field of `Summary` or `Difference` and a column here; files have the fields by themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from deltarule.studies.compare import messages
from deltarule.studies.compare.comparison_data import ComparisonData
from deltarule.studies.compare.pairs import Pair
from deltarule.studies.compare.statistics import Difference, Summary
from deltarule.studies.text_table import TextTable

SUMMARY_COLUMNS: dict[str, Callable[[Summary, ComparisonData], str]] = {
    "Mean": lambda each, of: messages.amount(each.mean, of),
    "95 % interval": lambda each, of: _range(each.low, each.high, messages.amount, of),
    "With test samples": lambda each, of: _range(each.total_low, each.total_high, messages.amount, of),
    "Median": lambda each, of: messages.amount(each.median, of),
    "Std. dev.": lambda each, of: messages.points(each.deviation, of, unit=False),
    "Lowest": lambda each, of: messages.amount(each.smallest, of),
    "Highest": lambda each, of: messages.amount(each.largest, of),
    "Seeds": lambda each, _: str(each.n),
}

DIFFERENCE_COLUMNS: dict[str, Callable[[Difference, ComparisonData], str]] = {
    "Mean": lambda each, of: messages.points(each.mean, of, unit=False),
    "95 % interval": lambda each, of: _range(each.low, each.high, messages.points, of),
    "With test samples": lambda each, of: _range(each.total_low, each.total_high, messages.points, of),
    "Effect": lambda each, _: _effect(each.effect),
    "p": lambda each, _: f"{each.p:.2g}",
    "Holm's p": lambda each, _: f"{each.adjusted:.2g}",
    "Wins": lambda each, _: messages.percent(each.beats),
    "Sig.": lambda each, _: "yes" if each.significant else "no",
}


def tables(comparison: ComparisonData) -> list[TextTable]:
    """Return the tables of scores, costs, pairs, failures and tuning, as far as there is any."""
    made = [variants(comparison), costs(comparison)]
    if comparison.differences:
        made.append(pairs(comparison))
    if comparison.failures:
        made.append(failures(comparison))
    if comparison.sweeps:
        made.append(sweeps(comparison))
    return made


def variants(comparison: ComparisonData) -> TextTable:
    """Return a row for each variant, the best first."""
    rows = tuple(
        (name, *(text(comparison.summaries[name], comparison) for text in SUMMARY_COLUMNS.values()))
        for name in comparison.ranked
    )
    title = f"{comparison.score_name} on the {comparison.part} set"
    note = "Intervals of the mean for new seeds, and for new seeds and new test samples."
    return _without_empty(TextTable(title, ("Variant", *SUMMARY_COLUMNS), rows, note))


def costs(comparison: ComparisonData) -> TextTable:
    """Return the cost of each variant, to the end and to the target."""
    rows = []
    for name, cost in comparison.costs.items():
        epochs = f"{cost.target_epochs:.0f}" if math.isfinite(cost.target_epochs) else "never"
        rows.append((
            name,
            messages.seconds(cost.seconds.median),
            f"{cost.epochs.median:.0f}",
            epochs,
            messages.seconds(cost.target_seconds),
            f"{100 * cost.reached:.0f} %",
        ))  # fmt: skip
    target = messages.amount(comparison.target_score, comparison)
    columns = ("Variant", "Time", "Epochs", "Epochs to target", "Time to target", "Reached it")
    note = f"Medians over seeds, each network on one core. Target: {target} on the validation set."
    return TextTable("Cost", columns, tuple(rows), note)


def pairs(comparison: ComparisonData) -> TextTable:
    """Return a row for each compared pair."""
    rows = tuple(
        (_pair(pair), *(text(found, comparison) for text in DIFFERENCE_COLUMNS.values()))
        for pair, found in comparison.differences.items()
    )
    unit = "Points" if comparison.task != "regression" else comparison.score_name
    columns = ("Pair", unit, *list(DIFFERENCE_COLUMNS)[1:])
    note = (
        "Paired differences, for seeds with which neither failed. Each interval is of its pair alone. Effect: mean "
        f"over standard deviation. Holm's p: adjusted for {comparison.tests} tests. Wins: probability that the first "
        "has the higher score with a new seed. Sig.: significant, Holm's p is at most 0.05."
    )
    return _without_empty(TextTable("Pairs", columns, rows, note))


def failures(comparison: ComparisonData) -> TextTable:
    """Return a row for each compared pair with a failed network."""
    rows = tuple(
        (
            _pair(pair),
            f"{each.first} of {each.n}",
            f"{each.second} of {each.n}",
            f"{each.p:.2g}",
            f"{each.adjusted:.2g}",
        )
        for pair, each in comparison.failures.items()
    )
    columns = ("Pair", "First failed", "Second failed", "p", "Holm's p")
    return TextTable(
        "Failed networks", columns, rows, "Diverged, or stuck at chance level. p: McNemar's exact test of equal rates."
    )


def sweeps(comparison: ComparisonData) -> TextTable:
    """Return a row for each tuned variant."""
    rows = []
    for sweep in comparison.sweeps:
        numbers = sweep.scores if sweep.by == "score" else sweep.losses
        texts = [messages.amount(each, comparison) if sweep.by == "score" else f"{each:.3g}" for each in numbers]
        tried = (f"{value:.3g}: {text}" for value, text in zip(sweep.values, texts, strict=True))
        rows.append((sweep.variant, f"{sweep.chosen:.3g}", ";  ".join(tried)))
    field, by = comparison.sweeps[0].field, " and ".join(sorted({sweep.by for sweep in comparison.sweeps}))
    columns = ("Variant", "Chosen", f"Validation {by}")
    note = "On the validation set alone, with separate seeds."
    return TextTable(f"Tuning of {field}", columns, tuple(rows), note, words=columns[2:])


def _pair(pair: Pair) -> str:
    return f"{pair[0]} − {pair[1]}"


def _range(low: float, high: float, text: Callable[..., str], comparison: ComparisonData) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return "–"
    return f"{text(low, comparison, unit=False)} to {text(high, comparison, unit=False)}"


def _without_empty(table: TextTable) -> TextTable:
    """Leave out the interval with test samples where none is known."""
    place = table.columns.index("With test samples")
    if any(row[place] != "–" for row in table.rows):
        return table
    kept = [index for index in range(len(table.columns)) if index != place]
    rows = tuple(tuple(row[index] for index in kept) for row in table.rows)
    return TextTable(table.title, tuple(table.columns[index] for index in kept), rows, table.note, table.words)


def _effect(effect: float) -> str:
    return f"{effect:.2f}".replace("-", "−") if math.isfinite(effect) else "–" if math.isnan(effect) else "∞"
