"""The report of a diagnosis: one self-contained HTML file, readable in light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape

from deltarule.studies.diagnose.amounts import amount
from deltarule.studies.diagnose.check import CHECKS
from deltarule.studies.diagnose.diagnosis_data import DiagnosisData
from deltarule.studies.diagnose.estimates import ErrorEstimate
from deltarule.studies.diagnose.finding import Finding, Severity
from deltarule.studies.diagnose.remedies import Attempt, Remedy
from deltarule.studies.html_page import (
    each,
    found_list,
    heading,
    html_figure,
    html_page,
    html_table,
    recipe_details,
    section,
    titled,
)
from deltarule.studies.text_table import TextTable

_ALIKE = ("nothing-learned", "underfitting", "linear-is-better", "variance", "reference-is-better")
"""Findings with the picture of all errors."""


def report(diagnosis: DiagnosisData) -> str:
    """Return the report."""
    name = diagnosis.name or "data"
    counts = {severity: sum(one.severity == severity for one in diagnosis.findings) for severity in Severity}
    shown = [f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items() if count]
    title = f"{name}: {', '.join(shown) or 'nothing found'}"
    sizes = ", ".join(f"{count:,} {part}" for part, count in diagnosis.samples)
    said = diagnosis.sentences or ("Nothing wrong was found.",)
    sections = (
        heading(title, f"Diagnosis · samples: {sizes}") + found_list(dict.fromkeys([_first(diagnosis), *said])),
        "\n".join(_findings(diagnosis)),
        titled(tried(diagnosis), "plain text") if diagnosis.attempts else "",
        titled(beside(diagnosis), "plain") if diagnosis.errors is not None else "",
        section("Method", _method(diagnosis)),
        section("Recipe", recipe_details("The recipe that was diagnosed", diagnosis.recipe)),
    )
    return html_page(title, sections)


def tried(diagnosis: DiagnosisData) -> TextTable:
    """The remedies that were tried."""
    rows = tuple(_row(one) for one in diagnosis.attempts)
    note = (
        "Validation scores, means over the seeds, of networks with the remedy and with the recipe as it is. p is "
        "Holm's. A change of the score of the test set is not known: it is for the network chosen in the end."
    )
    columns = ("Remedy", "Before", "After", "Difference (95 %)", "p", "Seeds", "Failed before, after", "")
    return TextTable("Remedies tried", columns, rows, note, ("",))


def beside(diagnosis: DiagnosisData) -> TextTable:
    """The network's errors beside those of other methods."""
    errors = diagnosis.errors
    assert errors is not None
    rows = []
    for name, found in (("the network, training", errors.train), ("the network", errors.validation)):
        if found is not None:
            rows.append((name, amount(found.value, found), _interval(found)))
    others = [(one.name, one.validation) for one in errors.baselines if one.validation is not None]
    others += [(one.name, one.validation) for one in diagnosis.references]
    rows += [(name, amount(found.value, found), _interval(found)) for name, found in others]
    unit = "error" if errors.train is not None and errors.train.is_rate else "RMSE"
    note = "On the validation samples, except for the first row."
    return TextTable("Beside other methods", ("", unit[0].upper() + unit[1:], "95 %"), tuple(rows), note)


def _first(diagnosis: DiagnosisData) -> str:
    """The sentence on what to do first."""
    helped = [one for one in diagnosis.attempts if one.helped]
    if helped:
        return f"Take this: {max(helped, key=lambda one: one.difference[0])}"
    if diagnosis.findings and diagnosis.findings[0].severity != Severity.NOTE:
        return str(diagnosis.findings[0])
    return "Nothing was found that is wrong."


def _findings(diagnosis: DiagnosisData) -> Iterator[str]:
    """The sections of the findings; a picture that several have is shown with the first."""
    tried_before = {str(one.remedy): one for one in diagnosis.attempts}
    drawn: set[str] = set()
    for finding in diagnosis.findings:
        several = finding.display is not None and finding.caption in drawn and finding.check in _ALIKE
        yield _finding(replace(finding, display=None) if several else finding, tried_before)
        drawn.add(finding.caption)


def _finding(finding: Finding, attempts: Mapping[str, Attempt]) -> str:
    measures = TextTable("", ("Evidence", ""), tuple((one.name, one.amount) for one in finding.measures))
    content = f"<p>{escape(finding.why)}</p>" if finding.why else ""
    content += html_table(measures, "plain text") if finding.measures else ""
    if finding.display is not None:
        content += '<div class="pictures">' + html_figure(finding.display, finding.caption) + "</div>"
    if finding.remedies:
        items = "".join(_remedy(one, attempts.get(str(one))) for one in finding.remedies)
        content += f"<h3>May help</h3>\n<ul>{items}</ul>"
    content += f'<p class="note">Threshold: {escape(CHECKS[finding.check].threshold)}.</p>'
    badge = f'<span class="badge {finding.severity}">{finding.severity}</span>'
    text = escape(finding.sentence).replace(" %", "\u00a0%")
    return f"<section>\n<h2>{badge} {text}</h2>\n{content}\n</section>"


def _remedy(remedy: Remedy, attempt: Attempt | None) -> str:
    options = f"<br><code>{escape(remedy.options)}</code>" if remedy.change else ""
    effect = "not tried" if attempt is None else f"tried: {_effect(attempt)}"
    return f"<li>{escape(remedy.text)} ({effect}){options}</li>"


def _effect(attempt: Attempt) -> str:
    return "helped" if attempt.helped else "harmed" if attempt.harmed else "no significant difference"


def _row(attempt: Attempt) -> tuple[str, ...]:
    mean, low, high = attempt.difference
    failures = f"{attempt.failed_before}, {attempt.failed_after}"
    difference = f"{mean:+.4f} ({low:+.4f} to {high:+.4f})" if mean == mean else "–"
    shown = [f"{score:.4f}" if score == score else "–" for score in (attempt.before, attempt.after)]
    p = f"{min(attempt.p, attempt.failure_p):.2g}" if attempt.p == attempt.p else f"{attempt.failure_p:.2g}"
    return str(attempt.remedy), *shown, difference, p, str(attempt.seeds), failures, _effect(attempt)


def _interval(error: ErrorEstimate) -> str:
    return f"{amount(error.low, error)} to {amount(error.high, error)}"


def _method(diagnosis: DiagnosisData) -> str:
    thresholds = (
        "Every finding has a threshold, which is given with it. Findings of one severity are in the order in which one "
        "fault causes another: faults of the data, of the initial weights, of the objective, of the steps; then what "
        "the errors say."
    )
    replay = (
        "Activations and gradients are computed again after training, at the initial weights and at those of the "
        "model, by the definition of the passes in float64."
    )
    notes = [thresholds, replay, "The test set was not used."]
    if not diagnosis.attempts:
        notes.append("No remedy was tried; --try, or dr.diagnose(..., try_remedies=3), does.")
    return each("p", notes)
