"""Run the catalogue of faults, and write its tables into a page.

    python -m benchmarks.diagnose [--strengths strong] [--seeds 3] [--try 8] [--page PAGE] [NAME ...]

Results are kept in --out and are not computed again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.diagnose.catalogue import HEALTHY, STRENGTHS, Store, Trial, results, trials
from benchmarks.diagnose.catalogue import Result as CatalogueResult
from benchmarks.diagnose.faults import FAULTS
from benchmarks.diagnose.tables import write_page


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="faults, or healthy (default: all)")
    parser.add_argument("--strengths", default="weak,medium,strong")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--try", dest="tried", type=int, default=0, metavar="SEEDS", help="try the first remedies")
    parser.add_argument("--out", type=Path, default=Path("runs/diagnose"))
    parser.add_argument("--page", type=Path, help="page to write the tables into")
    given = parser.parse_args(arguments)
    names = given.names or [*(each.name for each in FAULTS), HEALTHY]
    store, attempts = Store(given.out / "results.jsonl", CatalogueResult), Store(given.out / "trials.jsonl", Trial)
    strengths = [STRENGTHS.index(each) for each in given.strengths.split(",")]
    known = {each.key for each in store.read()}  # type: ignore[union-attr]
    for result in results(names, strengths, range(given.seeds), known):
        store.add(result)
        print(*result.key, "->", result.first, *result.found, flush=True)
    if given.tried:
        done = {each.fault for each in attempts.read()}
        for trial in trials(given.tried, [name for name in names if name not in done]):
            attempts.add(trial)
            print(trial, flush=True)
    if given.page is not None:
        write_page(given.page, store.read(), attempts.read())  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
