"""The report of a comparison: one self-contained HTML file, readable in light and dark."""

from __future__ import annotations

from typing import Any

from deltarule.studies.compare import messages, pictures, tables
from deltarule.studies.compare.comparison_data import ComparisonData
from deltarule.studies.compare.method_notes import method_notes
from deltarule.studies.html_page import (
    each,
    facts,
    found_list,
    heading,
    html_figure,
    html_page,
    html_table,
    recipe_details,
    section,
    titled,
)

_CAPTIONS = {
    "scores": "Each dot is a network. The box spans the quartiles, its bar is the median, the diamond the mean. "
    "Diverged networks are not shown.",
    "intervals": "The mean over the seeds with its 95 % interval.",
    "differences": "Paired differences with their 95 % intervals, each of its pair alone. Filled: significant.",
    "heat_map": "The mean over the seeds for each pair of values; the best is framed.",
    "curves": "Loss on the validation set: the median network, and a band that contains 80 % of them. A network that "
    "has stopped keeps its last value.",
    "score_curves": "Score on the validation set, in the same way.",
    "iterations": "Loss of the batches in order, the mean over the seeds, smoothed by a Kaiser window.",
    "cost": "Training time and score of each network, and of each variant its median (large). Up and to the left is "
    "better.",
}


def page(comparison: ComparisonData) -> str:
    """Return the report."""
    name = str(comparison.data.get("name", "data"))
    title = f"{name}: {len(comparison.variants)} variants compared"
    sections = (
        _head(comparison, title),
        titled(tables.variants(comparison)),
        section("Pictures", _pictures(comparison)),
        titled(tables.pairs(comparison), "plain") if comparison.differences else "",
        titled(tables.failures(comparison), "plain") if comparison.failures else "",
        titled(tables.costs(comparison), "plain"),
        titled(tables.sweeps(comparison), "plain text") if comparison.sweeps else "",
        section("Method", each("p", method_notes(comparison))),
        section("Recipes", "\n".join(recipe_details(one.name, one.recipe) for one in comparison.variants)),
        section("Machine", _machine(comparison)),
    )
    return html_page(title, sections)


def fragment(comparison: ComparisonData) -> str:
    """Return the sentences and the table of scores without styles, for a notebook."""
    return f"<div>{found_list(messages.sentences(comparison))}{html_table(tables.variants(comparison))}</div>"


def _head(comparison: ComparisonData, title: str) -> str:
    parts = comparison.data.get("parts", {})
    sizes = ", ".join(f"{count:,} {part}" for part, count in parts.items())
    about = (
        f"{len(comparison.networks):,} networks · {messages.seeds(len(comparison.seeds.numbers))} · samples: {sizes}"
    )
    return heading(title, about) + found_list(messages.sentences(comparison))


def _pictures(comparison: ComparisonData) -> str:
    kinds = pictures.kinds_of(comparison)
    figures = [html_figure(pictures.display(comparison, kind), _CAPTIONS[kind]) for kind in kinds]
    return '<div class="pictures">\n' + "\n".join(figures) + "\n</div>" if figures else ""


def _machine(comparison: ComparisonData) -> str:
    rows: dict[str, Any] = {**comparison.machine, "total seconds": f"{comparison.seconds:.1f}"}
    return facts(rows)
