"""Faults of single columns: leaks, identifiers, constants, copies, sentinels, extreme values, scales."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.check import Check
from deltarule.studies.diagnose.finding import Finding, Measure, Severity
from deltarule.studies.diagnose.remedies import Remedy
from deltarule.types import Floats

_SHOWN = 5


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


class LeakingColumn(Check):
    """A column that alone nearly decides the target."""

    name, rank = "leaking-column", 2
    threshold: ClassVar[str] = (
        "the column leaves 2.5 % of the errors, or 1 % of the variance, of always the same answer"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where columns decide the target."""
        names = case.suspected_columns.deciding
        if names:
            yield self.found(
                case.cause,
                f"Alone nearly decides the target: {_named(names)}.",
                "If it is not known when predictions are made, the scores mean nothing for new data.",
                measures=(Measure("columns", float(len(names))),),
                remedies=(Remedy("the data without it, if it is not known when predictions are made"),),
            )


class Identifier(Check):
    """A column that has another integer in nearly every row."""

    name, rank = "identifier", 3
    threshold: ClassVar[str] = "95 % different integers"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where columns number the rows."""
        names = case.suspected_columns.identifiers
        if names:
            yield self.found(
                Severity.WARNING,
                f"Has a different integer in nearly every row, as an identifier does: {_named(names)}.",
                "New rows have numbers that were never seen.",
                measures=(Measure("columns", float(len(names))),),
                remedies=(Remedy("the data without it"),),
            )


class ConstantColumns(Check):
    """Columns with one value only."""

    name, rank = "constant-columns", 16
    threshold: ClassVar[str] = (
        "a single value in the training set; a warning where a quarter of the columns are constant"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where columns have one value."""
        names = [each.name for each in case.columns if _is_constant(each.values)]
        if names:
            many = len(names) >= 0.25 * len(case.columns)
            yield self.found(
                Severity.WARNING if many else Severity.NOTE,
                f"Constant in the training set: {_named(names)}.",
                "They say nothing, and another value in new data is multiplied by weights that were never trained.",
                measures=(Measure("constant columns", len(names) / len(case.columns), percent=True),),
                remedies=(Remedy("the data without them"),),
            )


class DuplicatedColumns(Check):
    """Columns that are copies of others."""

    name, rank = "duplicated-columns", 17
    threshold: ClassVar[str] = "correlation beyond 1 − 10⁻⁹; a warning where a quarter of the columns are copies"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where columns are equal up to their scale."""
        seen: dict[bytes, str] = {}
        pairs = []
        for each in case.columns:
            if each.coded or _is_constant(each.values):
                continue
            standard = np.nan_to_num((each.values - np.nanmean(each.values)) / np.nanstd(each.values), nan=9e9)
            first = standard[np.flatnonzero(standard)[0]]
            key = np.round(standard * np.sign(first), 7).tobytes()
            if key in seen:
                pairs.append(f"{each.name} of {seen[key]}")
            seen.setdefault(key, each.name)
        if pairs:
            many = len(pairs) >= 0.25 * len(case.columns)
            yield self.found(
                Severity.WARNING if many else Severity.NOTE,
                f"Copies of other columns: {_named(pairs)}.",
                "They add weights and no information, and count twice in distances and penalties.",
                measures=(Measure("copies", len(pairs) / len(case.columns), percent=True),),
                remedies=(Remedy("the data without them"),),
            )


class Sentinels(Check):
    """A repeated value far from all others, as one that stands for a missing value."""

    name, rank = "sentinel-values", 12
    threshold: ClassVar[str] = (
        "the least or the greatest value, in 1 % of the rows and 5 at least, is farther from the next one than 3 times "
        "the range of all the others"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where columns have such a value."""
        found = [
            (each.name, value)
            for each in case.columns
            if not each.coded
            if (value := _sentinel(each.values)) is not None
        ]
        if found:
            shown = [f"{value:g} in {name}" for name, value in found]
            yield self.found(
                case.cause,
                f"Repeated values far from all others, as codes of missing values are: {_named(shown)}.",
                "Taken as numbers they stretch the scale of the column, and all other values become nearly equal.",
                measures=(Measure("columns", len(found) / len(case.columns), percent=True),),
                remedies=(
                    Remedy("the values declared as missing"),
                    Remedy(
                        "preparation by quantiles", {"preparation.numbers": "quantiles", "preparation.arrays": True}
                    ),
                ),
            )


class ExtremeValues(Check):
    """Single values far from all others."""

    name, rank = "extreme-values", 13
    threshold: ClassVar[str] = (
        "50 interquartile ranges from the median; a normal column reaches about 3.3 in 100,000 rows"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where columns have extreme values."""
        found = [(each.name, away) for each in case.columns if not each.coded if (away := _farthest(each.values)) > 50]
        if found and not any(_sentinel(each.values) is not None for each in case.columns):
            shown = [f"{name} ({away:,.3g} interquartile ranges)" for name, away in found]
            yield self.found(
                case.cause,
                f"Values far from all others: {_named(shown)}.",
                "They determine mean and standard deviation, so that all other values become nearly equal.",
                measures=(Measure("largest distance in interquartile ranges", max(away for _, away in found)),),
                remedies=(
                    Remedy("robust scaling", {"preparation.numbers": "robust", "preparation.arrays": True}),
                    Remedy("corrected values"),
                ),
            )


class UnscaledInputs(Check):
    """Inputs of large or very small numbers, as the network sees them."""

    name, rank = "unscaled-inputs", 14
    threshold: ClassVar[str] = (
        "after scaling, a column's root mean square above 10 or all below 0.05, where initial weights are made for 1 "
        "(LeCun et al., 1998)"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the scaled inputs are far from 1."""
        sizes = np.sqrt(np.mean(case.scaled**2, axis=0))
        largest = float(np.nan_to_num(sizes.max(initial=0.0)))
        if 0.05 <= largest <= 10 or not len(sizes):
            return
        what = (
            f"a root mean square of {largest:,.3g}" if largest > 10 else f"root mean squares of at most {largest:.2g}"
        )
        most = case.names[int(sizes.argmax())]
        yield self.found(
            case.cause,
            f"The inputs are not scaled: {most} has {what}."
            if largest > 10
            else f"The inputs are not scaled: they have {what}.",
            "The first weighted sums are as far from 1, and one learning rate cannot suit all weights.",
            measures=(Measure("largest root mean square of a scaled input", largest),),
            remedies=(Remedy("standardized inputs", {"scaling": "standard"}),),
        )


def _is_constant(values: Floats) -> bool:
    known = values[~np.isnan(values)]
    return len(known) == 0 or bool((known == known[0]).all())


def _sentinel(values: Floats) -> float | None:
    known = np.sort(values[np.isfinite(values)])
    if len(known) < 20:
        return None
    for end, ordered in ((known[0], known), (known[-1], -known[::-1])):
        others = ordered[ordered > ordered[0]]
        count = len(ordered) - len(others)
        if len(others) < 10 or count < max(5, 0.01 * len(ordered)) or count > 0.5 * len(ordered):
            continue
        span = float(np.ptp(others))
        if span > 0 and others[0] - ordered[0] > 3 * span:
            return float(end)
    return None


def _farthest(values: Floats) -> float:
    """The largest distance from the median, in interquartile ranges; 0 where most values are equal."""
    known = values[np.isfinite(values)]
    if len(known) < 20 or len(np.unique(known)) < 10:
        return 0.0
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    if np.mean(known == middle) > 0.5:
        return 0.0
    return float(np.max(np.abs(known - middle)) / (high - low)) if high > low else 0.0
