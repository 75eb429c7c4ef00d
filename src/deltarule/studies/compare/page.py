"""The report of a comparison: one self-contained HTML file, readable in light and dark."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from deltarule.figures.displays import Display
from deltarule.figures.style import DARK, LIGHT, Theme, draw
from deltarule.studies.compare import messages, pictures, tables
from deltarule.studies.compare.comparison_data import ComparisonData
from deltarule.studies.compare.method_notes import method_notes
from deltarule.studies.text_table import TextTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Forbids the browser to fetch anything."""


def page(comparison: ComparisonData) -> str:
    """Return the report."""
    name = str(comparison.data.get("name", "data"))
    title = f"{name}: {len(comparison.variants)} variants compared"
    css = resources.files("deltarule.studies.compare").joinpath("page.css").read_text(encoding="utf-8")
    sections = (
        _head(comparison, title),
        _titled(tables.variants(comparison)),
        _section("Pictures", _pictures(comparison)),
        _titled(tables.pairs(comparison), "plain") if comparison.differences else "",
        _titled(tables.failures(comparison), "plain") if comparison.failures else "",
        _titled(tables.costs(comparison), "plain"),
        _titled(tables.sweeps(comparison), "plain text") if comparison.sweeps else "",
        _section("Method", _each("p", method_notes(comparison))),
        _section("Recipes", _recipes(comparison)),
        _section("Machine", _machine(comparison)),
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(section for section in sections if section)
        + "\n</main>\n</body>\n</html>\n"
    )


def fragment(comparison: ComparisonData) -> str:
    """Return the sentences and the table of scores without styles, for a notebook."""
    return f"<div>{_sentences(comparison)}{_table(tables.variants(comparison))}</div>"


def _head(comparison: ComparisonData, title: str) -> str:
    parts = comparison.data.get("parts", {})
    sizes = ", ".join(f"{count:,} {part}" for part, count in parts.items())
    about = (
        f"{len(comparison.networks):,} networks · {messages.seeds(len(comparison.seeds.numbers))} · samples: {sizes}"
    )
    return f'<h1>{escape(title)}</h1>\n<p class="kicker">{escape(about)}</p>\n{_sentences(comparison)}'


def _sentences(comparison: ComparisonData) -> str:
    # No line break between a number and its sign.
    kept = (text.replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0") for text in messages.sentences(comparison))
    return f'<ul class="found">{_each("li", kept)}</ul>'


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>" if content else ""


def _titled(table: TextTable, style: str = "") -> str:
    return _section(table.title, _table(table, style))


def _table(table: TextTable, style: str = "") -> str:
    head = _each("th", table.columns, ' scope="col"')
    rows = "\n".join(f"<tr>{_each('td', row)}</tr>" for row in table.rows)
    note = f'\n<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="wide"><table class="{style}"><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n'
        f"</tbody></table></div>{note}"
    )


def _pictures(comparison: ComparisonData) -> str:
    figures = []
    for kind in pictures.kinds_of(comparison):
        display = pictures.display(comparison, kind)
        light, dark = (_data_uri(display, theme) for theme in (LIGHT, DARK))
        caption = escape(_CAPTIONS[kind])
        figures.append(
            f'<figure><picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
            f'<img src="{light}" alt="{caption}"></picture><figcaption>{caption}</figcaption></figure>'
        )
    return '<div class="pictures">\n' + "\n".join(figures) + "\n</div>" if figures else ""


def _data_uri(display: Display, theme: Theme) -> str:
    picture: Figure = display.plot(theme=theme).figure_
    content = io.BytesIO()
    draw(picture, content, "svg")
    return f"data:image/svg+xml;base64,{base64.b64encode(content.getvalue()).decode()}"


def _recipes(comparison: ComparisonData) -> str:
    parts = []
    for variant in comparison.variants:
        text = json.dumps(variant.recipe.to_json(), indent=2, ensure_ascii=False)
        parts.append(f"<details><summary>{escape(variant.name)}</summary><pre>{escape(text)}</pre></details>")
    return "\n".join(parts)


def _machine(comparison: ComparisonData) -> str:
    rows: dict[str, Any] = {**comparison.machine, "total seconds": f"{comparison.seconds:.1f}"}
    return (
        "<dl>"
        + "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in rows.items())
        + "</dl>"
    )


def _each(tag: str, texts: Iterable[str], attributes: str = "") -> str:
    return "".join(f"<{tag}{attributes}>{escape(text)}</{tag}>" for text in texts)
