"""Draw the picture of docs/architecture.md from the steps of that page: `python docs/pictures/architecture.py`."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "architecture.md"
PICTURE = Path(__file__).with_suffix(".svg")
STEP = re.compile(r"^(\d+)\. \*\*(\w+)\.\*\* .*?\[`([\w.]+)`\]\(([^)]+)\)", re.MULTILINE | re.DOTALL)
WIDTH, BOX, HEIGHT, GAP, LEFT = 960, 130, 54, 14, 240


def steps(section: str) -> list[tuple[str, ...]]:
    """The steps of a section: number, name, function, file."""
    return STEP.findall(section)


def picture(page: str) -> str:
    """The page's sections as rows of boxes, in the order of the steps, as SVG."""
    _, *sections = page.split("\n## ")
    shapes, above = [], ""
    for row, section in enumerate(sections):
        y = GAP + row * (HEIGHT + 2 * GAP)
        shapes.append(f'<text x="{GAP}" y="{y + HEIGHT / 2}" class="heading">{section.splitlines()[0]}</text>')
        for column, (number, name, function, _) in enumerate(steps(section)):
            x = LEFT + column * (BOX + GAP)
            shapes += [
                f'<rect x="{x}" y="{y}" width="{BOX}" height="{HEIGHT}" rx="6"/>',
                f'<text x="{x + BOX / 2}" y="{y + 22}" class="step">{number} {name}</text>',
                f'<text x="{x + BOX / 2}" y="{y + 41}" class="function">{function}</text>',
            ]
            route = (
                f"{above}V{y - GAP}H{x + BOX / 2}V{y - 2}" if column == 0 else f"M{x - GAP} {y + HEIGHT / 2}H{x - 2}"
            )
            if number != "1":
                shapes.append(f'<path d="{route}" marker-end="url(#tip)"/>')
            above = f"M{x + BOX / 2} {y + HEIGHT}"
    height = len(sections) * (HEIGHT + 2 * GAP)
    return "\n".join([HEAD.format(width=WIDTH, height=height), *shapes, "</svg>\n"])


HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">
<style>
rect {{ fill: #eef3fa; stroke: #44658f }} path {{ stroke: #44658f; fill: none }}
text {{ fill: #1d2b3f; font-size: 13px }} .step, .function {{ text-anchor: middle }}
.step {{ font-weight: bold }} .function {{ font-family: monospace; font-size: 11px }}
</style>
<rect width="{width}" height="{height}" style="fill: #fff; stroke: none"/>
<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0L8 4L0 8z" style="fill: #44658f"/></marker>"""

if __name__ == "__main__":
    PICTURE.write_text(picture(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
