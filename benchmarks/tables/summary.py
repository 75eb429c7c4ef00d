"""What the fits say: scores on the splits that models have in common, ranks, differences and times, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from benchmarks.tables.samples import Array
from benchmarks.tables.store import Fit
from deltarule.studies.compare.statistics import Difference, Summary, difference, holm, resamples_for, summary

__all__ = ["COUNTERPARTS", "Pair", "Standing", "Study"]

REFERENCE = "hist_gradient_boosting"
"""The model whose error is 1 in the picture."""

COUNTERPARTS = {
    "deltarule_realmlp_s": "realmlp_td_s",
    "deltarule_realmlp": "realmlp_td",
    "deltarule_tabm": "tabm_d",
    "deltarule_mlp": "scikit_learn_mlp",
}
"""Models of deltarule, and the same networks of another library."""

_OURS = ("deltarule_tabular", "deltarule_tabm", "deltarule_realmlp", "deltarule_realmlp_s", "deltarule_train")
"""The model that is tested against each other is the first of these."""

_SHIFT = 0.01
"""Added to an error before its logarithm is taken, as an error can be 0 (Holzmüller and others, 2024)."""
_TIE = 9  # digits

SIMILAR_LOAD = 0.5
"""Times are those of the fits that began at a load at most so far above the lowest one of the model on the table."""


@dataclass(frozen=True)
class Standing:
    """A model over the tables that all ranked models have.

    rank : over tables; 1 is the best. errors : for each task, error over that of `REFERENCE`, with 95 % interval.
    seconds : processor time of training: geometric mean, smallest and largest. row_microseconds : of prediction.
    load : of the machine when the timed fits began, median.
    """

    rival: str
    rank: Summary
    errors: Mapping[str, tuple[float, float, float]]
    seconds: tuple[float, float, float]
    row_microseconds: float
    load: float
    failed: int


@dataclass(frozen=True)
class Pair:
    """Two models over the tables that both have.

    difference : of the scores, first minus second, a number for each table. better, worse : tables.
    splits : the smallest and the largest number of splits. times : training time of the first over that of the second.
    """

    first: str
    second: str
    difference: Difference
    better: int
    worse: int
    splits: tuple[int, int]
    times: tuple[float, float, float]


class Study:
    """The fits of some models on some tables, with the same splits for all.

    Models on fewer than four fifths as many tables as the median model are not ranked: ranks are over the tables,
    and on each table over the splits, that all ranked models have.
    """

    def __init__(self, fits: Sequence[Fit], tasks: Mapping[str, str], order: Sequence[str]) -> None:
        self._fits = {(fit.rival, fit.table, fit.split): fit for fit in fits}
        self._tasks = tasks
        self._check_same_samples()
        self.rivals = [rival for rival in order if any(fit.rival == rival for fit in fits)]
        counts = {rival: len({table for name, table, _ in self._fits if name == rival}) for rival in self.rivals}
        enough = 0.8 * float(np.median(list(counts.values())))
        self.ranked = [rival for rival in self.rivals if counts[rival] >= enough]
        self.splits = {table: self.common(self.ranked, table) for table in tasks}
        self.tables = [table for table, splits in self.splits.items() if splits]

    def _check_same_samples(self) -> None:
        digests: dict[tuple[str, int], str] = {}
        for fit in self._fits.values():
            if fit.digest and digests.setdefault((fit.table, fit.split), fit.digest) != fit.digest:
                raise SystemExit(f"{fit.table}, split {fit.split}: the models had different samples")

    def common(self, rivals: Sequence[str], table: str) -> list[int]:
        """The splits of a table that all these models have."""
        found = [{split for key, name, split in self._fits if (key, name) == (rival, table)} for rival in rivals]
        return sorted(set.intersection(*found)) if found else []

    def of(self, rival: str, table: str, splits: Sequence[int] | None = None) -> list[Fit]:
        """The fits of a model on a table, on all its splits or on these."""
        if splits is None:
            splits = self.common([rival], table)
        return [self._fits[rival, table, split] for split in splits]

    def score(self, rival: str, table: str, splits: Sequence[int]) -> float:
        """The mean score; −∞ if a fit failed."""
        return float(np.mean([-math.inf if fit.score is None else fit.score for fit in self.of(rival, table, splits)]))

    def _scores(self, rivals: Sequence[str], splits: Mapping[str, Sequence[int]]) -> Array:
        """Scores (rivals, tables) on the tables that have splits."""
        return np.array([[self.score(rival, table, found) for table, found in splits.items() if found]
                         for rival in rivals])  # fmt: skip

    def standings(self) -> list[Standing]:
        """The ranked models, best first."""
        if not self.tables:
            return []
        ranks = stats.rankdata(-np.round(self._scores(self.ranked, self.splits), _TIE), axis=0)
        found = [
            Standing(
                rival,
                summary(ranks[place], bounds=(1, len(self.ranked))),
                {task: self._relative_error(rival, task) for task in ("classification", "regression")},
                spread([self.seconds(rival, table) for table in self.tables]),
                spread([self._row_microseconds(rival, table) for table in self.tables])[0],
                _median([fit.load for table in self.tables for fit in self.timed(rival, table)]),
                sum(bool(fit.error) for table in self.tables for fit in self.of(rival, table)),
            )
            for place, rival in enumerate(self.ranked)
        ]
        return sorted(found, key=lambda each: each.rank.mean)

    def _relative_error(self, rival: str, task: str) -> tuple[float, float, float]:
        """Error over the reference's, a shifted geometric mean over tables, with its 95 % interval."""
        nothing = (math.nan, math.nan, math.nan)
        tables = {table: self.splits[table] for table in self.tables if self._tasks[table] == task}
        if REFERENCE not in self.ranked or not tables:
            return nothing
        own, other = 1 + _SHIFT - self._scores([rival, REFERENCE], tables)
        if not np.isfinite([own, other]).all():
            return nothing
        found = summary(np.log(own / other))
        with np.errstate(over="ignore"):
            mean, low, high = np.exp([found.mean, found.low, found.high]).tolist()
        return mean, low, high

    def timed(self, rival: str, table: str) -> list[Fit]:
        """The fits of which the times count: those that began when the machine was about as idle as ever."""
        fits = [fit for fit in self.of(rival, table) if not fit.error]
        lowest = min((fit.load for fit in fits if fit.load == fit.load), default=math.nan)
        return [fit for fit in fits if not fit.load > lowest + SIMILAR_LOAD]

    def seconds(self, rival: str, table: str) -> float:
        """The median processor time of training; NaN without a fit."""
        return _median([fit.fit_cpu_seconds for fit in self.timed(rival, table)])

    def _row_microseconds(self, rival: str, table: str) -> float:
        return _median([1e6 * (fit.predict_seconds or math.nan) / max(fit.test_rows, 1)
                        for fit in self.timed(rival, table)])  # fmt: skip

    def pairs(self) -> list[Pair]:
        """Our best model against each other one, and each of our networks against its counterpart; p by Holm."""
        ours = next((name for name in _OURS if name in self.ranked), None)
        against = [] if ours is None else [(ours, other) for other in self.rivals if other != ours]
        found = [self._pair(*pair) for pair in dict.fromkeys([*against, *COUNTERPARTS.items()])
                 if set(pair) <= set(self.rivals)]  # fmt: skip
        found = [pair for pair in found if pair.difference.n]
        resamples = resamples_for(len(found))
        tested = [self._pair(pair.first, pair.second, resamples) for pair in found]
        adjusted = holm([pair.difference.p for pair in tested])
        return [replace(pair, difference=replace(pair.difference, adjusted=p))
                for pair, p in zip(tested, adjusted, strict=True)]  # fmt: skip

    def _pair(self, first: str, second: str, resamples: int = 999) -> Pair:
        splits = {table: found for table in self._tasks if (found := self.common([first, second], table))}
        one, other = np.round(self._scores([first, second], splits), _TIE) if splits else np.empty((2, 0))
        counts = [len(each) for each in splits.values()] or [0]
        ratios = [self.seconds(first, table) / self.seconds(second, table) for table in splits]
        return Pair(
            first, second, difference(one, other, resamples=resamples), int(np.sum(one > other)),
            int(np.sum(one < other)), (min(counts), max(counts)), spread(ratios),
        )  # fmt: skip

    def figures(self, rival: str, table: str, value: Callable[[Fit], float | None]) -> list[float]:
        """A figure on each of the splits that the ranked models have; empty if a fit failed or is missing."""
        splits = self.splits[table]
        if not set(splits) <= set(self.common([rival], table)):
            return []
        found = [value(fit) for fit in self.of(rival, table, splits)]
        return [each for each in found if each is not None] if None not in found else []


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """The geometric mean, the smallest and the largest of some positive numbers; those that are NaN are left out."""
    x = np.array([value for value in values if value > 0])
    return (float(np.exp(np.log(x).mean())), float(x.min()), float(x.max())) if len(x) else (math.nan,) * 3


def _median(values: Sequence[float | None]) -> float:
    found = [value for value in values if value is not None]
    return float(np.median(found)) if found else math.nan
