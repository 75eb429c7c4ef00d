"""The sources of the documentation site: every page is in it, and no link leads out of it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
SITE = runpy.run_path(str(CHECKOUT / "docs" / "site_source.py"))
LINK = re.compile(r"\]\(([^)\s#]+)")


def test_every_page_is_in_the_navigation_and_every_link_stays_in_the_site(tmp_path):
    SITE["copy"](tmp_path)
    pages = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*.md")}
    settings = (CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8")
    navigation = re.findall(r"[\w./-]+\.md", settings[settings.index("\nnav:") :])
    assert sorted(navigation) == sorted(pages)
    for name, page in pages.items():
        prose = re.sub(r"^```.*?^```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in LINK.findall(prose):
            assert "://" in target or (page.parent / target).exists(), f"{name}: {target}"


def test_links_to_sources_become_text_and_to_the_front_page_lead_to_the_index(tmp_path):
    SITE["copy"](tmp_path)
    index = (tmp_path / "docs" / "index.md").read_text(encoding="utf-8")
    assert "](../index.md)" in index
    assert "../examples/" not in index
    assert "examples/" in index
