"""The page of a study's report: one self-contained HTML file, readable in light and dark."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from deltarule.figures.displays import Display
from deltarule.figures.style import COLOURS, DARK, LIGHT, Theme, draw
from deltarule.recipes import Recipe
from deltarule.studies.text_table import TextTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Forbids the browser to fetch anything."""

_ROLES = Theme("#010001", "#010002", "#010003", "#010004", tuple(f"#0101{place:02x}" for place in range(len(COLOURS))))
"""A theme whose colors only say what they are for."""

_COLOUR = re.compile(r"(?<=: )#[0-9a-f]{6}\b")


def html_page(title: str, sections: Iterable[str]) -> str:
    """Return a page; empty sections are left out.

    >>> html_page("a & b", [heading("a & b", "2 runs")]).count("a &amp; b")
    2
    """
    css = resources.files("deltarule.studies").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(section for section in sections if section)
        + "\n</main>\n</body>\n</html>\n"
    )


def heading(title: str, about: str) -> str:
    """Return the head of a page: its title, and a line about it."""
    return f'<h1>{escape(title)}</h1>\n<p class="kicker">{escape(about)}</p>\n'


def found_list(sentences: Iterable[str]) -> str:
    """Return findings as a list whose first one is set apart, without line breaks between a number and its sign."""
    kept = (text.replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0") for text in sentences)
    return f'<ul class="found">{each("li", kept)}</ul>'


def section(title: str, content: str) -> str:
    """Return a section with a title; nothing without content."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>" if content else ""


def titled(table: TextTable, style: str = "") -> str:
    """Return a section with a table."""
    return section(table.title, html_table(table, style))


def html_table(table: TextTable, style: str = "") -> str:
    """Return a table, which scrolls where it is too wide, and its note."""
    head = each("th", table.columns, ' scope="col"')
    rows = "\n".join(f"<tr>{each('td', row)}</tr>" for row in table.rows)
    note = f'\n<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="wide" tabindex="0"><table class="{style}"><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n'
        f"</tbody></table></div>{note}"
    )


def html_figure(display: Display, caption: str) -> str:
    """Return a picture with its caption, in light and dark."""
    light, dark = map(_data_uri, _in_both(display))
    text = escape(caption)
    return (
        f'<figure><picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img src="{light}" alt="{text}"></picture><figcaption>{text}</figcaption></figure>'
    )


def recipe_details(name: str, recipe: Recipe) -> str:
    """Return a recipe's JSON in an element that opens."""
    text = json.dumps(recipe.to_json(), indent=2, ensure_ascii=False)
    return f"<details><summary>{escape(name)}</summary><pre>{escape(text)}</pre></details>"


def facts(rows: Mapping[str, Any]) -> str:
    """Return names with their values."""
    inside = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in rows.items())
    return f"<dl>{inside}</dl>"


def each(tag: str, texts: Iterable[str], attributes: str = "") -> str:
    """Return each text in its own element."""
    return "".join(f"<{tag}{attributes}>{escape(text)}</{tag}>" for text in texts)


def _in_both(display: Display) -> tuple[str, str]:
    """Return a picture as SVG in light and in dark; one that has only a theme's colors is drawn once."""
    picture = display.plot(theme=_ROLES).figure_
    drawn = "" if any(axes.images for axes in picture.axes) else _svg(picture)
    roles = _colours(_ROLES)
    if not drawn or not {*_COLOUR.findall(drawn)} <= {*roles}:
        return _svg(display.plot(theme=LIGHT).figure_), _svg(display.plot(theme=DARK).figure_)
    light, dark = (dict(zip(roles, _colours(theme), strict=True)) for theme in (LIGHT, DARK))
    return _COLOUR.sub(lambda found: light[found[0]], drawn), _COLOUR.sub(lambda found: dark[found[0]], drawn)


def _colours(theme: Theme) -> list[str]:
    return [each.lower() for each in (theme.paper, theme.ink, theme.quiet, theme.grid, *theme.colours)]


def _svg(picture: Figure) -> str:
    content = io.BytesIO()
    draw(picture, content, "svg")
    return content.getvalue().decode()


def _data_uri(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
