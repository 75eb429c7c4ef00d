"""Copy the pages to build/site-source, from which the documentation site is built: `scripts/docs --site`.

The site has no source files: links to them become text. The front page becomes `index.md`.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
SOURCE = CHECKOUT / "build" / "site-source"
FRONT, PAGES = "README.md", ("README.zh.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
PICTURES = (".png", ".svg")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)")


def copied(page: Path) -> str:
    """Return the text of a page for the site."""

    def link(found: re.Match[str]) -> str:
        mark, text, target, anchor = found[1], found[2], found[3], found[4] or ""
        if not target or "://" in target:
            return found[0]
        path = (page.parent / target).resolve().relative_to(CHECKOUT)
        if path == Path(FRONT):
            return f"[{text}]({'../' * (len(page.relative_to(CHECKOUT).parts) - 1)}index.md{anchor})"
        kept = path.suffix in (".md", *PICTURES) and (path.parts[0] == "docs" or path.name in PAGES)
        return found[0] if mark or kept else text

    return LINK.sub(link, page.read_text(encoding="utf-8"))


def copy(folder: Path) -> None:
    """Write the pages and the pictures of the site into a folder."""
    pages = [CHECKOUT / FRONT, *(CHECKOUT / name for name in PAGES), *(CHECKOUT / "docs").rglob("*")]
    for path in pages:
        place = folder / ("index.md" if path == CHECKOUT / FRONT else path.relative_to(CHECKOUT))
        if path.suffix == ".md":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(copied(path), encoding="utf-8")
        elif path.suffix in PICTURES:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


if __name__ == "__main__":
    shutil.rmtree(SOURCE, ignore_errors=True)
    copy(SOURCE)
