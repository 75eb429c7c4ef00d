"""The tables of the catalogue, written between the markers of a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.diagnose.catalogue import HEALTHY, STRENGTHS, Result, Trial
from benchmarks.diagnose.faults import FAULTS
from deltarule.studies.diagnose import CHECKS

BEGIN, END = "<!-- results: written by `python -m benchmarks.diagnose --page` -->", "<!-- end of results -->"


CHECKS_BEGIN = "<!-- checks: written by `python -m benchmarks.diagnose --page` -->"
CHECKS_END = "<!-- end of checks -->"


def write_page(page: Path, results: Sequence[Result], trials: Sequence[Trial]) -> None:
    """Replace what is between the markers of a page."""
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(CHECKS_BEGIN)
    if found:
        text = f"{before}{CHECKS_BEGIN}\n\n{checks()}\n\n{CHECKS_END}{rest.partition(CHECKS_END)[2]}"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = "\n\n".join([summary(results), confusion(results), tried(trials)])
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}", encoding="utf-8")


def checks() -> str:
    """The kinds of findings, in their order, with their thresholds; those that train something have a star."""
    lines = ["| finding | what it is | threshold and source |", "| --- | --- | --- |"]
    for check in sorted(CHECKS.values(), key=lambda each: each.rank):
        what = (type(check).__doc__ or "").strip().rstrip(".")
        threshold = check.threshold.replace("|", "\\|")
        lines.append(f"| `{check.name}`{'*' * check.trains} | {what} | {threshold} |")
    return "\n".join([*lines, "", "\\* In the full form alone."])


def summary(results: Sequence[Result]) -> str:
    """How often the right finding came first, by strength, and the false alarms."""
    said = []
    expected = {each.name: each.expected for each in FAULTS}
    for strength in reversed(STRENGTHS):
        own = [each for each in results if each.strength == strength]
        right = sum(each.first in expected[each.fault] for each in own)
        found = sum(bool(set(each.found) & set(expected[each.fault])) for each in own)
        if own:
            seeds = len({each.seed for each in own})
            said.append(
                f"| {strength} | {len(own)} | {seeds} | {right} ({100 * right / len(own):.1f} %) | "
                f"{found} ({100 * found / len(own):.1f} %) |"
            )
    healthy = [each for each in results if each.fault == HEALTHY]
    alarms = sum("error" in each.severities for each in healthy)
    warned = sum("warning" in each.severities for each in healthy)
    head = "| strength | runs | seeds | right finding first | right finding at all |\n| --- | --- | --- | --- | --- |\n"
    others = Counter(
        name for each in healthy for name, kind in zip(each.found, each.severities, strict=True) if kind != "note"
    )
    shown = ", ".join(f"{name} {count}" for name, count in others.most_common())
    return (
        head
        + "\n".join(said)
        + f"\n\nOf {len(healthy)} healthy runs {alarms} had a finding of severity *error*, and {warned} one of "
        "severity "
        f"*warning* ({shown or 'none'})."
    )


def confusion(results: Sequence[Result]) -> str:
    """What came first for each fault, of the strong cases, and how often it was right for the others."""
    lines = [
        "| fault | check | "
        + " | ".join(f"{each}" for each in STRENGTHS)
        + " | strong cases where another finding came first |"
    ]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for fault in FAULTS:
        own = [each for each in results if each.fault == fault.name]
        if not own:
            continue
        cells = []
        for strength in STRENGTHS:
            some = [each for each in own if each.strength == strength]
            cells.append(f"{sum(each.first in fault.expected for each in some)} of {len(some)}" if some else "")
        wrong = Counter(each.first for each in own if each.strength == "strong" and each.first not in fault.expected)
        others = ", ".join(f"{name} {count}" for name, count in wrong.most_common())
        lines.append(f"| {fault.name} | {' or '.join(fault.expected)} | {' | '.join(cells)} | {others} |")
    return "\n".join(lines)


def tried(trials: Sequence[Trial]) -> str:
    """The first remedies that were tried."""
    if not trials:
        return ""
    helped = sum(each.helped for each in trials)
    harmed = sum(each.harmed for each in trials)
    said = (
        f"The first remedy of {len(trials)} strong faults, tried: {helped} improved the validation score beyond chance"
    )
    lines = [
        f"{said}, {harmed} lowered it.",
        "",
        "| fault | data | remedy | score before | after | difference, 95 % | p | seeds (failed before, after) | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in trials:
        effect = "helped" if each.helped else "**harmed**" if each.harmed else ""
        lines.append(
            f"| {each.fault} | {each.setting} | {each.remedy} | {each.before:.3f} | {each.after:.3f} | "
            f"{each.low:+.3f} to {each.high:+.3f} | "
            f"{each.p:.2g} | {each.seeds} ({each.failed_before}, {each.failed_after}) | {effect} |"
        )
    return "\n".join(lines)
