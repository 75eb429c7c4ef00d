"""The results of a store as files: JSON, Markdown, a picture, and a part of a page."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.tables.markdown import markdown
from benchmarks.tables.picture import draw
from benchmarks.tables.samples import Table
from benchmarks.tables.store import Fit, Store
from benchmarks.tables.summary import Pair, Standing, Study

__all__ = ["BEGIN", "END", "write", "write_page"]

BEGIN, END = "<!-- results: written by `python -m benchmarks.tables --page` -->", "<!-- end of results -->"
_ALT = "Error of each model, relative to HistGradientBoosting, against the processor time of its training"


def write(
    store: Store, names: Sequence[str], tables: Mapping[str, Table], threads: int, out: Path, page: Path | None
) -> None:
    """Write results.json, results.md and results.png, and the results between the page's markers."""
    fits = [fit for name in names for fit in store.fits(name) if fit.table in tables and fit.threads == threads]
    if not fits:
        print("no results")
        return
    if len(processors := sorted({fit.processor for fit in fits})) > 1:
        raise SystemExit(f"results of several processors, whose times cannot be compared: {', '.join(processors)}")
    study = Study(fits, {key: table.task for key, table in tables.items()}, names)
    standings, pairs = study.standings(), study.pairs()
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(_json(standings, pairs, tables, fits), encoding="utf-8")
    text = markdown(study, standings, pairs, tables, fits)
    (out / "results.md").write_text(text, encoding="utf-8")
    draw(standings, out / "results.png")
    print(f"written: {', '.join(str(out / f'results.{kind}') for kind in ('json', 'md', 'png'))}")
    if page is not None:
        picture = page.parent / "pictures" / f"{page.stem}.png"
        draw(standings, picture)
        write_page(page, text, f"pictures/{picture.name}")


def _json(
    standings: Sequence[Standing], pairs: Sequence[Pair], tables: Mapping[str, Table], fits: Sequence[Fit]
) -> str:
    results = {
        "standings": [asdict(each) for each in standings],
        "pairs": [asdict(each) for each in pairs],
        "tables": {key: {"name": each.name, "task": each.task, "about": each.about} for key, each in tables.items()},
        "fits": [asdict(fit) for fit in fits],
    }
    return json.dumps(_finite(results), indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """The same data with None for numbers that are not finite, which JSON lacks."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_page(page: Path, results: str, picture: str) -> None:
    """Put the results and the picture between the page's markers."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"{page.name} has no markers for the results")
    page.write_text(f"{before}{BEGIN}\n\n![{_ALT}]({picture})\n\n{results}\n{END}{after}", encoding="utf-8")
