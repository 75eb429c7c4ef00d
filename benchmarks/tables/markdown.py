"""The results as Markdown tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.tables.protocol import rivals
from benchmarks.tables.samples import Table
from benchmarks.tables.store import Fit
from benchmarks.tables.summary import Pair, Standing, Study

__all__ = ["markdown", "number"]

_PAIRS = (
    "Pairs, over all tables and splits that both models have: the mean over tables of the difference of the scores, "
    "with its 95 % interval, p after Holm's correction for all pairs, the number of tables on which the first is "
    "better and worse, and its training time over the other's: geometric mean (smallest to largest table)."
)
_RANKING = (
    "Mean rank over the tables with its 95 % interval; error (1 − accuracy, 1 − R²) relative to that of "
    "HistGradientBoosting, a geometric mean over tables with its 95 % interval; processor time to train, geometric "
    "mean (smallest to largest table); time to predict a row, in a call with the whole test set; load of the machine "
    "when the timed fits began, median; failed fits."
)

_UNCERTAINTY = (
    "{name} on the test set: the fraction of targets in `predict_interval(X, 0.9)`, or of classes in "
    "`predict_set(X, 0.9)`, and the expected calibration error without and with the fitted temperature; means over "
    "the splits."
)


def markdown(
    study: Study, standings: Sequence[Standing], pairs: Sequence[Pair], tables: Mapping[str, Table], fits: Sequence[Fit]
) -> str:
    """Return the whole report."""
    return "\n\n".join(_parts(study, standings, pairs, tables, fits)) + "\n"


def _parts(
    study: Study, standings: Sequence[Standing], pairs: Sequence[Pair], tables: Mapping[str, Table], fits: Sequence[Fit]
) -> Iterator[str]:
    names = {key: rival.name for key, rival in rivals().items()}
    yield _conditions(study, fits)
    if standings:
        yield _RANKING
        yield _ranking(standings, names)
    if unranked := [names[name] for name in study.rivals if name not in study.ranked]:
        yield f"On too few tables and splits to be ranked: {', '.join(unranked)}."
    if pairs:
        yield _PAIRS
        yield _pairs(pairs, names)
    for task, title in (("classification", "Accuracy"), ("regression", "R²")):
        if chosen := {key: tables[key] for key in study.tables if tables[key].task == task}:
            yield f"{title} on the test set, mean ± standard deviation over the splits:"
            yield _scores(study, chosen, names)
            if task == "classification":
                yield "Log-loss on the test set, mean over the same splits:"
                yield _figures(chosen, names, study.rivals, partial(_log_loss, study))
    for name in study.rivals:
        if of_tables := {key: fits for key in tables if (fits := _with_coverage(study, name, key))}:
            yield _UNCERTAINTY.format(name=names[name])
            yield _uncertainty({tables[key].name: fits for key, fits in of_tables.items()})
    if study.tables:
        yield "Seconds of processor time to train, median over the fits that count for the time:"
        yield _figures({key: tables[key] for key in study.tables}, names, study.rivals, study.seconds)


def _conditions(study: Study, fits: Sequence[Fit]) -> str:
    versions = {name: version for fit in fits for name, version in fit.versions.items()}
    counts = sorted({len(study.splits[table]) for table in study.tables}) or [0]
    dates = sorted({fit.date for fit in fits})
    revisions = sorted({fit.revision for fit in fits if fit.revision})
    return (
        f"{fits[0].processor}, {fits[0].threads} thread{'s' * (fits[0].threads > 1)} for each fit. "
        f"{', '.join(f'{name} {version}' for name, version in sorted(versions.items()))}. "
        + (f"deltarule at {', '.join(revisions)}. " if revisions else "")
        + f"{_range(dates, 's')}. n = {len(study.tables)} tables, "
        f"{_range(counts, 'd')} split{'s' * (counts[-1] > 1)} of each, "
        f"{len(study.ranked)} ranked models."
    )


def _range(values: Sequence[Any], form: str) -> str:
    return " to ".join(f"{each:{form}}" for each in dict.fromkeys((values[0], values[-1])))


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(each)} |" for each in (head, ["---"] * len(head), *rows))


def number(value: float) -> str:
    """Format with three significant digits, or as an integer from 100 on; a dash for NaN."""
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def _interval(low: float, high: float, form: str) -> str:
    return f"{low:{form}} to {high:{form}}" if math.isfinite(low) and math.isfinite(high) else "unknown"


def _ranking(standings: Sequence[Standing], names: Mapping[str, str]) -> str:
    head = [
        "model",
        "mean rank (95 %)",
        "error, classification",
        "error, regression",
        "s to train",
        "µs a row",
        "load",
        "failed",
    ]
    rows = []
    for each in standings:
        errors = [
            "–" if math.isnan(mean) else f"{mean:.2f} ({_interval(low, high, '.2f')})"
            for mean, low, high in each.errors.values()
        ]
        mean, low, high = map(number, each.seconds)
        rank = f"{each.rank.mean:.1f} ({_interval(each.rank.low, each.rank.high, '.1f')})"
        time = f"{mean} ({low} to {high})"
        load = f"{each.load:.1f}" if math.isfinite(each.load) else "–"
        rows.append([names[each.rival], rank, *errors, time, number(each.row_microseconds), load, str(each.failed)])
    return _grid(head, rows)


def _pairs(pairs: Sequence[Pair], names: Mapping[str, str]) -> str:
    head = ["first", "second", "tables × splits", "difference (95 %)", "p", "better, worse", "time"]
    rows = []
    for pair in pairs:
        found, (mean, low, high) = pair.difference, map(number, pair.times)
        row = [
            names[pair.first],
            names[pair.second],
            f"{found.n} × {_range(pair.splits, 'd')}",
            f"{found.mean:+.4f} ({_interval(found.low, found.high, '+.4f')})",
            f"{found.adjusted:.2g}",
            f"{pair.better}, {pair.worse}",
            f"× {mean} ({low} to {high})",
        ]
        rows.append(row)
    return _grid(head, rows)


def _scores(study: Study, tables: Mapping[str, Table], names: Mapping[str, str]) -> str:
    """The mean score of each model on each table; the best one is bold."""
    rows = []
    for key, table in tables.items():
        fits = [fit for name in study.ranked for fit in study.of(name, key)]
        size = f"{max(fit.rows for fit in fits):,} × {max(fit.columns for fit in fits)}"
        truths = [fit.truth for fit in study.of(study.ranked[0], key, study.splits[key]) if fit.truth is not None]
        found = {name: study.figures(name, key, lambda fit: fit.score) for name in study.rivals}
        best = max((float(np.mean(each)) for each in found.values() if each), default=math.nan)
        cells = [_score(found[name], best) for name in study.rivals]
        rows.append(
            [f"{table.name}, {size}", str(len(study.splits[key])), *cells, f"{np.mean(truths):.3f}" if truths else "–"]
        )
    return _grid(["table, rows × columns", "splits", *(names[name] for name in study.rivals), "best possible"], rows)


def _with_coverage(study: Study, rival: str, table: str) -> list[Fit]:
    return [fit for fit in study.of(rival, table) if fit.coverage is not None]


def _uncertainty(fits: Mapping[str, Sequence[Fit]]) -> str:
    """The coverage and the calibration errors on each table, and their means over the tables."""
    found = {name: [_mean(each, field) for field in _UNCERTAIN] for name, each in fits.items()}
    columns = zip(*found.values(), strict=True)
    several = {"mean": [_mean_of([each for each in column if math.isfinite(each)]) for column in columns]}
    rows = [
        [name, *(f"{value:.3f}" if math.isfinite(value) else "–" for value in values)]
        for name, values in (found | several).items()
    ]
    return _grid(["table", "coverage of 90 %", "calibration error, T = 1", "with temperature"], rows)


_UNCERTAIN = ("coverage", "uncalibrated_error", "calibration_error")


def _mean(fits: Sequence[Fit], field: str) -> float:
    return _mean_of([value for fit in fits if (value := getattr(fit, field)) is not None])


def _mean_of(known: Sequence[float]) -> float:
    return float(np.mean(known)) if known else math.nan


def _score(values: Sequence[float], best: float) -> str:
    if not values:
        return "–"
    text = f"{np.mean(values):.3f}" + (f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else "")
    return f"**{text}**" if np.mean(values) == best else text


def _log_loss(study: Study, rival: str, table: str) -> float:
    found = study.figures(rival, table, lambda fit: fit.log_loss)
    return float(np.mean(found)) if found else math.nan


def _figures(
    tables: Mapping[str, Table], names: Mapping[str, str], team: Sequence[str], value: Callable[[str, str], float]
) -> str:
    """A figure (model, table) of which less is better."""
    rows = []
    for key, table in tables.items():
        found = [value(rival, key) for rival in team]
        best = min((each for each in found if not math.isnan(each)), default=math.nan)
        rows.append([table.name, *(f"**{number(each)}**" if each == best else number(each) for each in found)])
    return _grid(["table", *(names[rival] for rival in team)], rows)
